"""One browser for all tests, and the pages that they open."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import Browser, running
from charioteer.report import page

from support import traces

EVENTS = 100_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small run that has failed."""
    return page.write(traces.failed(tmp_path_factory.mktemp("runs") / "web"))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with 100,000 events."""
    return page.write(traces.large(tmp_path_factory.mktemp("runs") / "large", EVENTS))
