"""The environment of the runs that a suite and pytest start."""

import os
import site
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import charioteer
from charioteer.suite import child

PACKAGES = str(Path(charioteer.__file__).parents[1])
Exported = Callable[[], str]


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exported:
    """Starts a run and returns the PYTHONPATH that its interpreter gets, "none" without one."""
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\necho ${PYTHONPATH-none}\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))

    def start() -> str:
        with (tmp_path / "log").open("w+b") as log:
            assert child.start(tmp_path / "cluster.toml", tmp_path / "out", log).wait() == 0
            log.seek(0)
            return log.read().decode().strip()

    return start


def test_packages_of_a_folder_are_first(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "getsitepackages", lambda: ["/other"])
    monkeypatch.setattr(site, "ENABLE_USER_SITE", False)
    monkeypatch.setattr(site, "getusersitepackages", lambda: PACKAGES)
    monkeypatch.setenv("PYTHONPATH", "/inherited")
    assert exported() == f"{PACKAGES}{os.pathsep}/inherited"
    monkeypatch.delenv("PYTHONPATH")
    assert exported() == PACKAGES


def test_packages_of_the_interpreter_stay_after_the_standard_library(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "getsitepackages", lambda: ["/other", PACKAGES])
    monkeypatch.setenv("PYTHONPATH", "/inherited")
    assert exported() == "/inherited"
    monkeypatch.delenv("PYTHONPATH")
    assert exported() == "none"


def test_a_folder_of_the_interpreter_may_be_a_link(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (link := tmp_path / "site").symlink_to(PACKAGES)
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(link)])
    monkeypatch.setenv("PYTHONPATH", "/inherited")
    assert exported() == "/inherited"


def test_packages_of_the_user_stay_after_the_standard_library(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "getsitepackages", lambda: ["/other"])
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: PACKAGES)
    monkeypatch.setenv("PYTHONPATH", "/inherited")
    assert exported() == "/inherited"
