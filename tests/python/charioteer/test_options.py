"""`charioteer run` and `repl` accept the options of the driver and pass them on unchanged."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from charioteer import __version__, paths
from charioteer.cli import program
from charioteer.cluster import configuration
from charioteer.testing import run
from charioteer.testing.checkpoints.wishes import Wishes
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.options import Display, RunOptions
from test_driver.arguments import make_parser

OF_THE_CONFIGURATION = {
    *("-c", "--c", "--config", "--vlans", "--global-timeout", "--dump-vsocks"),
    *("--start-scripts", "--st", "--s"),
    # The name of --keep-machine-state in releases of NixOS.
    "--keep-vm-state",
}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[RunOptions]:
    """The options of all runs of this test; nothing is really run."""
    made: list[RunOptions] = []

    def write(_cluster: object, folder: Path) -> Path:
        content = {
            "vms": {},
            "containers": {},
            "vlans": [],
            "global_timeout": 60,
            "enable_ssh_backdoor": False,
            "test_script": "/script",
        }
        path = folder / "driver.json"
        path.write_text(json.dumps(content))
        return path

    def keep(
        configuration: DriverConfiguration, options: RunOptions, find_host_failure: object = None
    ) -> int:
        assert configuration.test_script == Path("/script")
        made.append(options)
        return 0

    monkeypatch.setattr(configuration, "write", write)
    monkeypatch.setattr(run, "run", keep)
    monkeypatch.delenv("logLevel", raising=False)
    monkeypatch.chdir(tmp_path)
    return made


def _plain(output_directory: Path, **changes: Any) -> RunOptions:
    """The options of a run without any."""
    return RunOptions(
        output_directory, trace=True, report=True, checkpoints=Wishes(label="ping"), **changes
    )


def ping(command: str, *options: str) -> int:
    return program.main([command, str(paths.examples() / "ping"), *options])


def test_all_options_are_passed_on(runs: list[RunOptions], tmp_path: Path) -> None:
    given = ["-K", "-I", "--debug-hook-attach=/attach", "--junit-xml=report.xml"]
    assert ping("run", *given, "--log-level=warning", "--stream", "--output_directory=out") == 0
    assert runs == [
        _plain(
            tmp_path / "out",
            keep_machine_state=True,
            interactive=True,
            debug_hook_attach="/attach",
            junit_xml=Path("report.xml"),
            log_level="warning",
            stream=True,
        )
    ]


def test_options_of_checkpoints_are_passed_on(runs: list[RunOptions], tmp_path: Path) -> None:
    assert ping("run", "--checkpoint", "--resume", "--clock=now") == 0
    assert ping("run", "--resume=a name") == 0
    assert [each.checkpoints for each in runs] == [
        Wishes(record=True, resume="", clock_now=True, label="ping"),
        Wishes(resume="a name", label="ping"),
    ]


@pytest.mark.parametrize("spelling", ["-o", "--output-directory", "--output_directory", "--out"])
def test_spellings_of_the_output_directory(
    runs: list[RunOptions], tmp_path: Path, spelling: str
) -> None:
    assert ping("run", spelling, "there") == 0
    assert ping("run", "--output", "there") == 0
    assert runs == [_plain(tmp_path / "there")] * 2


def test_defaults_are_passed_on(runs: list[RunOptions], tmp_path: Path) -> None:
    ping("run")
    ping("repl")
    out = tmp_path / "charioteer-out/ping"
    assert runs == [_plain(out), _plain(out, interactive=True)]


def test_the_log_level_of_the_environment(
    runs: list[RunOptions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("logLevel", "error")
    ping("run")
    assert runs[0].log_level == "error"
    monkeypatch.setenv("logLevel", "loud")
    assert ping("run") == 2
    assert capsys.readouterr().err.endswith(
        "the variable logLevel is 'loud', not debug, info, warning, error\n"
    )


class TestDisplay:
    """What is shown on standard error, which is a terminal unless stated otherwise."""

    @pytest.fixture(autouse=True)
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)

    @pytest.mark.parametrize(
        "arguments, display, verbose, level",
        [
            (["run"], Display.LIVE, False, None),
            (["run", "-v"], Display.LIVE, True, None),
            (["run", "--verbose", "--log-level=error"], Display.LIVE, True, "error"),
            (["run", "-q"], Display.QUIET, False, None),
            (["run", "--quiet", "--log"], Display.QUIET, False, None),
            (["run", "--log"], Display.LOG, False, None),
            (["run", "--log", "-v"], Display.LOG, False, "debug"),
            (["run", "--log", "-v", "--log-level=error"], Display.LOG, False, "error"),
            (["run", "--interactive"], Display.LOG, False, None),
            (["repl"], Display.LOG, False, None),
        ],
    )
    def test_options(
        self,
        runs: list[RunOptions],
        arguments: list[str],
        display: Display,
        verbose: bool,
        level: str | None,
    ) -> None:
        assert ping(*arguments) == 0
        (run,) = runs
        assert (run.display, run.verbose, run.log_level) == (display, verbose, level)

    @pytest.mark.parametrize(
        "name, value", [("TERM", "dumb"), ("TERM", ""), ("PYTHONBREAKPOINT", "ipdb.set_trace")]
    )
    def test_terminals_with_the_log(
        self, runs: list[RunOptions], monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        ping("run")
        assert runs[0].display is Display.LOG

    def test_without_a_terminal_there_is_the_log(
        self, runs: list[RunOptions], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
        ping("run")
        ping("run", "-v")
        assert [(run.display, run.log_level) for run in runs] == [
            (Display.LOG, None),
            (Display.LOG, "debug"),
        ]

    def test_quiet_and_verbose_exclude_each_other(self, runs: list[RunOptions]) -> None:
        with pytest.raises(SystemExit) as caught:
            ping("run", "-q", "-v")
        assert caught.value.code == 2


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {each for action in parser._actions for each in action.option_strings}


def test_every_option_of_the_driver_is_accepted() -> None:
    commands: Any = next(a for a in program.make_parser()._actions if a.choices)
    wanted = options_of(make_parser("nixos-test-driver")) - OF_THE_CONFIGURATION
    for name in ("run", "repl"):
        assert wanted <= options_of(commands.choices[name])


@pytest.mark.parametrize("arguments", [["--version"], ["run", "--version"]])
def test_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        program.main(arguments)
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"charioteer {__version__}\n"
