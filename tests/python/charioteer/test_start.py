"""What programs import before they do anything."""

import argparse
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from charioteer.cli import program

from support.patience import scaled


@pytest.mark.parametrize(
    "module, late",
    [
        ("charioteer.cli.program", {"charioteer.cli.run", "charioteer.cluster.definition"}),
        ("charioteer.cli.run", {"charioteer.cli.watch", "charioteer.testing.run", "asyncio"}),
        ("charioteer.cluster.configuration", {"http.client", "urllib.request"}),
        # What only runs with a failure, with checkpoints, with a live view or with a page need.
        ("charioteer.testing.run", {"charioteer.testing.diagnosis.knowledge"}),
        ("charioteer.testing.run", {"charioteer.testing.diagnosis.case"}),
        ("charioteer.testing.run", {"charioteer.testing.checkpoints.search"}),
        ("charioteer.testing.run", {"charioteer.testing.live.model"}),
        ("charioteer.testing.run", {"charioteer.report.page", "logging", "tempfile"}),
    ],
)
def test_what_few_runs_need_is_imported_late(module: str, late: set[str]) -> None:
    assert all(find_spec(each) for each in late), "there is no such module"
    assert not late & (imported_with(module) - imported_with("sys"))


def imported_with(module: str) -> set[str]:
    """All modules of a new process that has imported `module`."""
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=scaled(30),
    )
    return set(done.stdout.splitlines())


@pytest.mark.parametrize(
    "package",
    [
        "charioteer.testing",
        "charioteer.testing.errors",
        "charioteer.testing.logger",
        "charioteer.testing.machine",
        "charioteer.testing.machine.qmp",
    ],
)
def test_public_names_can_be_imported(package: str) -> None:
    module = import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def help_of(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The help of each subcommand."""
    commands: Any = next(each for each in parser._actions if each.choices)
    return {name: command.format_help() for name, command in commands.choices.items()}


def test_a_subcommand_has_the_same_arguments_without_those_of_the_others() -> None:
    complete = help_of(program.make_parser())
    for name in complete:
        assert help_of(program.make_parser([name, "x"]))[name] == complete[name]
    assert "--hosts" in complete["run"]
    assert "--hosts" not in help_of(program.make_parser(["list", "run"]))["run"]
