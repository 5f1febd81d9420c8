"""The diagnosis of one run: made where the script fails, shown at the end of the log."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from charioteer.testing import journal
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import BaseMachine

if TYPE_CHECKING:
    # Slow to import, and most runs pass: imported when a run has failed.
    from charioteer.testing.diagnosis.case import Case
    from charioteer.testing.diagnosis.findings import Ranked
    from charioteer.testing.diagnosis.interview import Limits

DETAILS = "diagnosis.txt"
"""The file with all findings, in the output directory."""

_MISTAKES = (SyntaxError, NameError, AttributeError, ImportError)


class RunDiagnosis:
    """Finds the cause of the failure of a run."""

    def __init__(self, out_dir: Path, logger: AbstractLogger, script: Path) -> None:
        """`out_dir`: for the details. `script`: the file of the test script."""
        self._out_dir = out_dir
        self._logger = logger
        self._script = script
        self._case: "Case | None" = None
        self._ranked: "list[Ranked]" = []
        self._places: list[str] = []
        self._is_shown = False
        self.first_screen: list[str] = []
        """Its lines; none unless the run has failed."""

    def remove_earlier(self) -> None:
        """Removes the details of an earlier run, which would be taken for those of this one."""
        try:
            (self._out_dir / DETAILS).unlink(missing_ok=True)
        except OSError as error:
            self._logger.warning(f"cannot remove {self._out_dir / DETAILS}: {error.strerror}")

    def make(
        self,
        error: BaseException,
        machines: Sequence[BaseMachine],
        limits: "Limits | None" = None,
        files: Sequence[Path] = (),
    ) -> None:
        """Asks the machines, and records what is found. `error` has left the script.

        `limits`: by default the usual ones. `files`: others that may explain the failure, to be
        named in the first screen.

        Ctrl-C ends the questions, and what was found until then counts. Does nothing if no machine
        was started, and for mistakes in the script itself, which the machines do not cause.
        """
        from charioteer.testing.diagnosis import host, knowledge, report
        from charioteer.testing.diagnosis.case import Case
        from charioteer.testing.diagnosis.findings import ranked
        from charioteer.testing.diagnosis.interview import USUAL_LIMITS, Interview
        from charioteer.testing.diagnosis.request import request_of

        request = request_of(error, [each.name for each in machines])
        interview = Interview(request, machines, limits or USUAL_LIMITS)
        if isinstance(error, _MISTAKES) or not interview.has_machines:
            return
        begin = time.monotonic()
        try:
            self._logger.info("asking the machines for the cause of the failure")
            interview.hold()
        except KeyboardInterrupt:
            self._logger.log_test_error("the questions for the cause were ended by Ctrl-C")
        took = time.monotonic() - begin
        state = host.look([self._out_dir, *(each.state_dir for each in machines[:1])])
        case = Case(request, interview.answers, interview.silent, state, took)
        self._case, self._ranked = case, ranked(knowledge.findings(case), request)
        self._write_details(case)
        self._record()
        for answer in interview.answers.values():
            journal.record(self._logger, answer.machine, answer.journal, answer.asked_at)
        places = [*self._places, *map(str, files)]
        self.first_screen = report.first_screen(case, self._ranked, places)

    def show(self) -> None:
        """Logs the first screen, if there is one, and gives it to GitHub Actions; only once."""
        if self._case is None or self._is_shown:
            return
        from charioteer.testing.diagnosis import github, report

        self._is_shown = True
        for line in self.first_screen:
            self._logger.log_test_error(line)
        self._logger.explain_failure("\n".join(self.first_screen))
        if github.is_used():
            self._logger.reporter.flush()
            title = report.headline(self._case, self._ranked)
            lines = [each.number for each in self._case.request.lines]
            github.annotate(title, self._script, lines[-1] if lines else None)
            github.summarize(title, self.first_screen, report.details(self._case, self._ranked))

    def _write_details(self, case: "Case") -> None:
        from charioteer.testing.diagnosis import report

        file = self._out_dir / DETAILS
        try:
            # Logs may contain secrets.
            file.touch(mode=0o600)
            file.write_text("\n".join(report.details(case, self._ranked)) + "\n", errors="replace")
        except OSError as error:
            self._places = [f"(not written: {error})"]
            return
        self._places = [str(file)]

    def _record(self) -> None:
        for number, each in enumerate(self._ranked, start=1):
            finding = each.finding
            self._logger.record(
                "finding",
                {
                    "rank": number,
                    "severity": str(finding.severity),
                    "text": finding.text,
                    "machine": finding.machine or None,
                    "evidence": list(finding.evidence) or None,
                    "source": finding.source,
                    "likely": each.is_likely or None,
                },
            )
