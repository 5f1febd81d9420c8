"""Cluster files as tests: each is a test that runs the script of the file."""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charioteer.cluster import definition
from charioteer.errors import InputError, text_of
from charioteer.pytest_plugin import room, settings
from charioteer.pytest_plugin.script_run import ScriptFailed, ScriptRun
from charioteer.pytest_plugin.subtests import Text, report_subtest
from charioteer.suite import discovery
from charioteer.suite.demand import declared, expected
from charioteer.suite.history import History, default_file
from charioteer.suite.room import NoRoom


class ClusterFile(pytest.File):
    """A cluster file. It has one test if it has a script, else none."""

    def collect(self) -> "Iterator[ScriptItem]":
        try:
            defined = definition.load(self.path, needs_script=False)
        except InputError as error:
            raise self.CollectError(str(error)) from error
        if defined.script is not None:
            yield ScriptItem.from_parent(self, name=defined.name, defined=defined)


class ScriptItem(pytest.Item):
    """The test script of a cluster file, which `charioteer run` runs."""

    def __init__(self, *, defined: definition.Cluster, **options: Any) -> None:
        super().__init__(**options)
        assert defined.script is not None
        self._defined = defined
        # Words for `-k`.
        self.extra_keyword_matches.update(each.name for each in defined.machines)
        self.extra_keyword_matches.update(subtests_in(defined.script))

    def runtest(self) -> None:
        folder = self.path.parent.absolute()
        root = self.config.rootpath
        name = folder.relative_to(root) if folder.is_relative_to(root) else Path(self.name)
        output = settings.output_directory(self.config, str(name))
        test, limit = discovery.name_of(self.path, self._defined), declared(self._defined)
        history = History(default_file())
        try:
            measured = history.estimate(test, limit).measured
        except (InputError, OSError) as error:
            self._warn(error)
            measured = None
        demand = expected(limit, measured)
        run = ScriptRun(self.path, output, lambda each: report_subtest(self, each))
        with room.of(self.config).claimed(demand) as claim:
            run.run(claim.descriptor)
        try:
            history.record(test, limit, run.seconds, run.measured)
        except (InputError, OSError) as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        """The outcome of the test does not depend on the history."""
        # Not by `self.warn`, which needs the line of a test.
        warning = pytest.PytestWarning(text_of(error))
        warnings.warn_explicit(warning, category=None, filename=str(self.path), lineno=1)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, (ScriptFailed, NoRoom, InputError)):
            return Text(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


def subtests_in(script: Path) -> set[str]:
    """The names of subtests that the script has as literals; empty if it is not valid Python."""
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "subtest"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
