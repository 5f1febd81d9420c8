"""Fixtures of the tests with fake guests."""

import pytest


@pytest.fixture(autouse=True)
def _plain_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake QEMU has no port that an agent could use."""
    monkeypatch.setenv("CHARIOTEER_CHANNEL", "plain")
