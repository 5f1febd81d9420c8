"""The page of a suite: one file, which links to the pages of the runs."""

from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from charioteer.style import duration
from charioteer.suite.outcome import Outcome
from charioteer.suite.results import SuiteResult

FILE_NAME = "index.html"
_TEMPLATE = Path(__file__).parent / "index.html.j2"
_ORDER = [Outcome.FAILED, Outcome.INFRASTRUCTURE, Outcome.FLAKY, Outcome.PASSED]


def text_of(result: SuiteResult) -> str:
    """The page, with failures first. Raises ImportError without Jinja2."""
    import jinja2  # slow to import

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["duration"] = duration
    environment.filters["href"] = quote
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    tests = sorted(result.tests, key=lambda each: _ORDER.index(each.outcome))
    counts = {each.value: sum(test.outcome is each for test in result.tests) for each in _ORDER}
    begin = datetime.fromisoformat(result.begin).strftime("%Y-%m-%d %H:%M:%S %Z")
    return template.render(result=result, tests=tests, counts=counts, begin=begin)
