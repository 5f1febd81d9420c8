"""The JUnit report of a suite: one case for each test, and for each of its repetitions."""

import re
from pathlib import PurePath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from charioteer.suite.outcome import Outcome
from charioteer.suite.results import SuiteResult, TestResult
from charioteer.suite.summary import label

FILE_NAME = "junit.xml"
# What XML 1.0 cannot contain.
_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_of(result: SuiteResult) -> str:
    """The report. Infrastructure, problems and an early end of the suite are errors.

    A failure that does not count is a skipped case, and so is a test that was not run.
    """
    problems = result.problems
    if not result.complete and not problems:
        problems = ["the suite was interrupted or killed before its end"]
    failed, errors = result.of(Outcome.FAILED), result.of(Outcome.INFRASTRUCTURE)
    skipped = [each for each in result.tests if _is_skipped(each)]
    counts = {
        "tests": str(len(result.tests) + len(problems) + len(result.not_run)),
        "failures": str(len(failed)),
        "errors": str(len(errors) + len(problems)),
        "skipped": str(len(skipped) + len(result.not_run)),
        "time": f"{result.seconds:.3f}",
    }
    root = Element("testsuites", counts)
    suite = SubElement(root, "testsuite", {"name": "charioteer", **counts})
    for each in result.tests:
        _add_case(suite, each)
    for name in result.not_run:
        SubElement(_case(suite, name), "skipped", {"message": "not run"})
    for problem in problems:
        case = SubElement(suite, "testcase", {"classname": "charioteer", "name": "suite"})
        SubElement(case, "error", {"message": _valid(problem)})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _is_skipped(test: TestResult) -> bool:
    return not test.counts and test.outcome in (Outcome.FAILED, Outcome.INFRASTRUCTURE)


def _add_case(suite: Element, test: TestResult) -> None:
    case = _case(suite, label(test.test, test.repetition), time=f"{test.seconds:.3f}")
    last = test.attempts[-1]
    cause = _valid("\n".join(last.cause))
    if test.quarantined is not None and _is_skipped(test):
        until = test.quarantined.until
        message = f"quarantined until {until}: {test.quarantined.reason}; {last.reason}"
        SubElement(case, "skipped", {"message": _valid(message)})
        SubElement(case, "system-out").text = cause
    elif test.outcome is Outcome.FAILED:
        SubElement(case, "failure", {"message": _valid(last.reason)}).text = cause
    elif test.outcome is Outcome.INFRASTRUCTURE:
        SubElement(case, "error", {"message": _valid(last.reason)}).text = cause
    elif test.outcome is Outcome.FLAKY:
        # As Maven's Surefire, whose element Jenkins and others know.
        for attempt in test.attempts:
            if attempt.outcome is Outcome.FAILED:
                flaky = SubElement(case, "flakyFailure", {"message": _valid(attempt.reason)})
                SubElement(flaky, "stackTrace").text = _valid("\n".join(attempt.cause))


def _case(suite: Element, name: str, **attributes: str) -> Element:
    """Adds the case of the test that is called `name` in messages."""
    path = PurePath(name)
    where = ".".join(path.parent.parts) or "charioteer"
    attributes = {"classname": where, "name": path.name, **attributes}
    return SubElement(suite, "testcase", {key: _valid(text) for key, text in attributes.items()})


def _valid(text: str) -> str:
    return _INVALID.sub("\ufffd", text)
