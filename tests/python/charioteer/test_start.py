"""What programs import before they do anything."""

import argparse
import subprocess
import sys
from typing import Any

import pytest

from charioteer.cli import program


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
        ("charioteer.report.page", {"jinja2"}),
    ],
)
def test_what_few_runs_need_is_imported_late(module: str, late: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not late & set(done.stdout.splitlines())


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
