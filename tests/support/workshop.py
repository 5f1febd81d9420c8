"""A folder with all that a run of the driver needs, and runs of the driver in it."""

import json
import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path

from support.run import Run, environment
from support.terminal import Terminal

FAKE_QEMU = Path(__file__).resolve().parents[1] / "fakes/fake_qemu.py"


class Workshop:
    """Makes test scripts, start scripts and configurations; runs the driver with them.

    `state` is what the driver keeps its state in, `out` its output directory; with `keyboard` its
    standard input is what a test types (Run.enter), else it is empty; with `one_pipe` its standard
    error goes to its standard output.
    """

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
        """`run-NAME-vm`; without `text` it starts a fake QEMU, ill by `mode`."""
        if text is None:
            # Its guest has no port for an agent.
            self._environment["CHARIOTEER_CHANNEL"] = "plain"
            ill = f"export FAKE_QEMU_MODE={mode}\n" if mode else ""
            fake = shlex.quote(str(FAKE_QEMU))
            text = f'{ill}exec /usr/bin/python3 {fake} "$@" >&1\n'
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
        """A configuration with the machines of `starts`, or one named `web`."""
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
        """Any of our programs; `changes` are of the environment."""
        env = environment(**{**self._environment, **changes})
        run = Run(arguments, env, self.folder, self.keyboard, self.one_pipe)
        self._runs.append(run)
        return run

    def drive(self, configuration: Path, *arguments: str | Path, **changes: str) -> Run:
        """`nixos-test-driver` with this configuration."""
        return self.run(
            "nixos-test-driver", "--config", configuration, "-o", self.out, *arguments, **changes
        )

    def sit_down(self, configuration: Path, *arguments: str | Path) -> Terminal:
        """`nixos-test-driver --interactive` in a real terminal."""
        words: list[str | Path] = ["--config", configuration, "-o", self.out, "--interactive"]
        return self.terminal("nixos-test-driver", *words, *arguments)

    def terminal(self, *arguments: str | Path) -> Terminal:
        """Any of our programs in a real terminal."""
        env = environment(**self._environment, HOME=str(self.folder))
        self._terminals.append(Terminal(arguments, env, self.folder))
        return self._terminals[-1]

    def close(self) -> None:
        """Ends the runs and shows what each wrote, for the report of a test that failed."""
        for terminal in self._terminals:
            print(terminal.screen)
            terminal.end()
        for run in self._runs:
            run.end()
            print(run.report())
