"""The first screen of a failure, and the file with all findings. Pure functions; texts are escaped."""

from collections.abc import Sequence

from charioteer.testing.diagnosis import symptoms
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Ranked
from charioteer.testing.diagnosis.request import Request
from charioteer.testing.text import printable

_WIDTH = 220
_EVIDENCE_SHOWN = 2


def first_screen(case: Case, ranked: Sequence[Ranked], places: Sequence[str]) -> list[str]:
    """What failed, and its likeliest causes. `places`: where the rest is, such as a file."""
    lines = ["why the test failed:", *_of_request(case.request)]
    likely = [each.finding for each in ranked if each.is_likely]
    if likely:
        lines.append("  the likeliest cause:" if len(likely) == 1 else "  the likeliest causes:")
    else:
        lines.append("  no machine has anything that explains it")
    for number, finding in enumerate(likely, start=1):
        lines += _of_finding(finding, f"  {number}. ", _EVIDENCE_SHOWN)
    lines += [f"  no answer from {name}: {why}" for name, why in case.silent.items()]
    others = len(ranked) - len(likely)
    more = f"{others} other findings" if others != 1 else "one other finding"
    if places:
        lines.append(f"  {more} and all details: {', '.join(places)}")
    return [_line(each) for each in lines]


def details(case: Case, ranked: Sequence[Ranked]) -> list[str]:
    """All findings by rank, and the answers that they were made from."""
    machines = ", ".join(case.answers) or "no machine"
    lines = [
        *_of_request(case.request),
        *(f"  {line}" for note in case.request.notes for line in note.split("\n")),
        "",
        f"{machines} answered within {case.took:.1f} s",
        *(f"no answer from {name}: {why}" for name, why in case.silent.items()),
        "",
        "findings, the likeliest first:",
    ]
    for number, each in enumerate(ranked, start=1):
        finding = each.finding
        kind = f"[{finding.severity}, {finding.source}] "
        lines += _of_finding(finding, f"{number}. {kind}", len(finding.evidence))
    for answer in case.answers.values():
        lines += ["", f"==== {answer.machine}"]
        lines += [f"console: {line}" for line in answer.outside.console]
        for name, text in answer.sections.items():
            lines += [f"---- {name}", *text.rstrip("\n").split("\n")]
    return [printable(each).rstrip() for each in lines]


def headline(case: Case, ranked: Sequence[Ranked]) -> str:
    """The failure and its likeliest cause in one line."""
    first = next((each.finding for each in ranked if each.is_likely), None)
    failed = case.request.error.split("\n")[0]
    return _line(f"{failed} -- {_named(first)}" if first else failed)


def _of_request(request: Request) -> list[str]:
    lines = [f"  line {each.number}: {each.source}" for each in request.lines]
    if request.step:
        on = f", on {request.machine}" if request.machine else ""
        lines.append(f"  asked: {_first_line(request.step)}{on}")
    is_timed = " after " in request.error or not request.step
    after = "" if is_timed else f", after {request.elapsed:.1f} s"
    lines.append(f"  happened: {_first_line(request.error)}{after}")
    if line := symptoms.most_telling(request.output_lines()):
        lines.append(f"  it printed: {line}")
    return lines


def _first_line(text: str) -> str:
    head, _, rest = text.strip().partition("\n")
    return f"{head} ..." if rest else head


def _of_finding(finding: Finding, head: str, evidence: int) -> list[str]:
    shown = [each for each in finding.evidence if each and each not in finding.text][:evidence]
    return [f"{head}{_named(finding)}", *(f"{' ' * 7}{each.strip()}" for each in shown)]


def _named(finding: Finding) -> str:
    return f"{finding.machine}: {finding.text}" if finding.machine else finding.text


def _line(text: str) -> str:
    """One line of bounded length."""
    one = printable(" ".join(text.split("\n"))).rstrip()
    return one if len(one) <= _WIDTH else f"{one[:_WIDTH - 3]}..."
