"""One run of a test script by `charioteer run`, followed by its trace."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from charioteer.errors import InputError
from charioteer.pytest_plugin.subtests import Subtest
from charioteer.suite import child
from charioteer.suite.demand import Measured
from charioteer.suite.usage import Meter
from charioteer.trace import query, records

_LOOK_EVERY = 0.1


class ScriptFailed(Exception):
    """The run has failed. The text is its report, with the error in the first line."""


class ScriptRun:
    """A run in a process of its own, since a test script may change and end its process."""

    def __init__(self, cluster: Path, output: Path, report: Callable[[Subtest], None]) -> None:
        """`report` is called when a subtest has passed, and at the end for those that have failed."""
        self._cluster = cluster
        self._output = output
        self._report = report
        self.seconds = 0.0
        """How long the run lasted."""
        self.measured: Measured | None = None
        """What it took; None if it was too short."""

    def run(self, claim: int) -> None:
        """Returns when the script has passed. Raises ScriptFailed.

        `claim`: the descriptor of an entry of the ledger, which the run keeps if this process is killed.
        """
        self._output.mkdir(parents=True, exist_ok=True)
        trace = self._output / records.FILE_NAME
        trace.unlink(missing_ok=True)
        passed = _PassedSubtests(trace)
        begin = time.monotonic()
        process = child.start(self._cluster, self._output, inherited=claim)
        meter = Meter(process.pid)
        try:
            while process.poll() is None:
                time.sleep(_LOOK_EVERY)
                self._report_all(passed.new())
                meter.sample_at_intervals()
        except BaseException:
            child.end(process)
            raise
        self.seconds = time.monotonic() - begin
        self.measured = meter.measured(self.seconds)
        self._report_all(passed.new())
        if process.returncode != 0:
            self._fail(process.returncode)

    def _report_all(self, subtests: Iterator[Subtest]) -> None:
        for each in subtests:
            self._report(each)

    def _fail(self, status: int) -> None:
        try:
            trace = records.load(self._output)
        except (InputError, OSError):
            raise ScriptFailed(
                f"`charioteer run` ended with status {status} before the script; its output has the "
                "reason"
            ) from None
        text = _text_of(trace, status, self._output)
        for span in trace.spans.values():
            if span.type == "subtest" and span.has_failed:
                self._report(Subtest(span.name, span.duration, str(span.fields["error"])))
        raise ScriptFailed(text)


class _PassedSubtests:
    """The subtests that a trace, which is being written, has as passed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._inode = 0
        self._offset = 0
        self._names: dict[int, str] = {}
        self._seen: set[int] = set()

    def new(self) -> Iterator[Subtest]:
        """Those since the last call."""
        for record in self._records():
            number = int(record["span"])
            if record.get("kind") == "begin" and record.get("type") == "subtest":
                self._names[number] = str(record.get("name"))
            elif record.get("kind") == "end" and number in self._names and record.get("ok"):
                if number not in self._seen:
                    self._seen.add(number)
                    yield Subtest(self._names[number], float(record.get("duration", 0)), "")

    def _records(self) -> Iterator[dict[str, Any]]:
        try:
            with self._file.open("rb") as opened:
                inode = os.fstat(opened.fileno()).st_ino
                if inode != self._inode:  # a large trace is replaced by a shorter one
                    self._inode, self._offset = inode, 0
                opened.seek(self._offset)
                data = opened.read()
        except OSError:
            return
        whole = data.rpartition(b"\n")[0]
        self._offset += len(whole) + 1 if whole else 0
        for line in whole.split(b"\n"):
            # Most lines are of other kinds.
            if b'"kind":"begin"' in line or b'"kind":"end"' in line:
                yield json.loads(line)


def _text_of(trace: records.Trace, status: int, output: Path) -> str:
    """The report of a failed run, whose first line is the error."""
    found = query.answer(trace, query.parse("error"))
    lines = [each for text in found["report"] for each in text.split("\n")]
    step = trace.failed_step()
    error = str(step.fields.get("error", "")) if step else ""
    reason = (found["reason"] or "").strip().split("\n")
    head = (error or reason[-1] or f"exit status {status}").split("\n")[0]
    if trace.status == "interrupted":
        head = f"interrupted by a signal or the time limit: {reason[-1]}"
    body = lines or reason
    return "\n".join([head, "", *body, "", f"artefacts are in {output}"])
