"""What the output of the failed command itself names as the cause."""

from collections.abc import Iterator

from charioteer.testing.diagnosis import symptoms
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

SOURCE = "command"


def findings(case: Case) -> Iterator[Finding]:
    request = case.request
    line = symptoms.most_telling(request.output_lines())
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
