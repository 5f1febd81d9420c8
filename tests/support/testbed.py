"""A test bed for runs of the driver: a folder with their input and output."""

import json
import shlex
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import charioteer._core

from support.run import Run, environment
from support.terminal import Terminal

SHOWN_RUN = Path(__file__).resolve().parent / "shown_run.py"
FAKE_QEMU = shlex.quote(str(Path(__file__).resolve().parents[1] / "fakes/fake_qemu.py"))
"""The command that imitates QEMU."""


class Testbed:
    """Writes test scripts, start scripts and configurations; runs the driver with them.

    `state` is the driver's state directory, `out` its output directory. See Run for `keyboard` and
    `one_pipe`.
    """

    # Pytest would take the class for tests, because of its name.
    __test__ = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "run"
        self.out = folder / "out"
        self.keyboard = False
        self.one_pipe = False
        self.out.mkdir()
        self._environment = {"XDG_RUNTIME_DIR": str(self.state)}
        self._runs: list[Run] = []
        self._terminals: list[Terminal] = []

    def start_script(self, name: str, text: str | None = None, mode: str = "") -> Path:
        """Writes `run-NAME-vm`; without `text` it starts fake_qemu.py in `mode`."""
        if text is None:
            # Its guest has no port for an agent.
            self._environment["CHARIOTEER_CHANNEL"] = "plain"
            export = f"export FAKE_QEMU_MODE={mode}\n" if mode else ""
            text = f'{export}exec {FAKE_QEMU} "$@" >&1\n'
        path = self.folder / f"run-{name}-vm"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def configuration(
        self,
        script: str,
        starts: Sequence[Path] | None = None,
        vlans: Sequence[int] = (),
        global_timeout: int = 600,
        ssh_backdoor: bool = False,
    ) -> Path:
        """Writes a configuration with the machines of `starts`, or one machine named `web`."""
        if starts is None:
            starts = [self.start_script("web")]
        test_script = self.folder / "test.py"
        test_script.write_text(textwrap.dedent(script))
        names = {path.name.removeprefix("run-").removesuffix("-vm"): path for path in starts}
        path = self.folder / "driver.json"
        content = {
            "vms": {n: {"name": n, "start_script": str(p)} for n, p in names.items()},
            "containers": {},
            "vlans": list(vlans),
            "global_timeout": global_timeout,
            "enable_ssh_backdoor": ssh_backdoor,
            "test_script": str(test_script),
        }
        path.write_text(json.dumps(content))
        return path

    def run(self, *arguments: str | Path, **changes: str) -> Run:
        """Starts one of the project's programs; `changes` apply to its environment."""
        env = environment(**{**self._environment, **changes})
        run = Run(arguments, env, self.folder, self.keyboard, self.one_pipe)
        self._runs.append(run)
        return run

    def run_driver(self, configuration: Path, *arguments: str | Path, **changes: str) -> Run:
        """Starts `nixos-test-driver` with this configuration."""
        return self.run(
            "nixos-test-driver", "--config", configuration, "-o", self.out, *arguments, **changes
        )

    def interactive(self, configuration: Path, *arguments: str | Path) -> Terminal:
        """Starts `nixos-test-driver --interactive` in a terminal."""
        words: list[str | Path] = ["--config", configuration, "-o", self.out, "--interactive"]
        return self.terminal("nixos-test-driver", *words, *arguments)

    def shown_run(self, script: str, *options: str) -> list[str | Path]:
        """The command that runs `script` by `charioteer run`."""
        packages = Path(charioteer._core.__file__ or "").parents[1]
        configuration = self.configuration(script)
        return [sys.executable, SHOWN_RUN, packages, configuration, "-o", self.out, *options]

    def terminal(
        self, *arguments: str | Path, size: tuple[int, int] = (120, 50), **changes: str
    ) -> Terminal:
        """Starts one of the project's programs in a terminal of `size`, columns and rows."""
        env = environment(**{**self._environment, "HOME": str(self.folder), **changes})
        self._terminals.append(Terminal(arguments, env, self.folder, size))
        return self._terminals[-1]

    def close(self) -> None:
        """Ends the runs and prints their output, for the report of a failed test."""
        for terminal in self._terminals:
            print(terminal.screen)
            terminal.end()
        for run in self._runs:
            run.end()
            print(run.report())
