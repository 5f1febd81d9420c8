"""What the output of the failed command itself names as the cause."""

from collections.abc import Iterator

from charioteer.testing.diagnosis import symptoms
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

SOURCE = "command"


def findings(case: Case) -> Iterator[Finding]:
    request = case.request
    lines = [
        line.strip()
        for note in request.output_notes()
        if note.startswith("last lines of")
        for line in note.split("\n")[1:]
    ]
    line = symptoms.most_telling(lines)
    if line and symptoms.names_cause(line):
        yield Finding(
            f"the command reports: {line}", Severity.ODD, SOURCE, request.machine or "", (line,),
        )  # fmt: skip
    if case.failed is not None:
        for file in request.subjects.files:
            if f"missing {file}" in case.failed.lines("paths"):
                yield Finding(
                    f"{file} does not exist", Severity.ODD, SOURCE, request.machine or "",
                    (f"missing: {file}",), frozenset([file]),
                )  # fmt: skip
