"""Every example, run as a user would."""

import pytest
from charioteer import paths

from support.workshop import Workshop


def run_example(workshop: Workshop, name: str) -> str:
    """Its standard output; it must pass."""
    run = workshop.run("charioteer", "run", str(paths.examples() / name))
    run.expect(0, limit=1500)
    return run.stdout


@pytest.mark.limit(1800)
def test_ping(workshop: Workshop) -> None:
    assert run_example(workshop, "ping").splitlines()[-1] == "12 of 12 pings passed"


@pytest.mark.limit(1800)
def test_remote_unlock(workshop: Workshop) -> None:
    run_example(workshop, "remote-unlock")


@pytest.mark.limit(1800)
def test_reboot(workshop: Workshop) -> None:
    run_example(workshop, "reboot")
