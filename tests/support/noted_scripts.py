"""Scripts that note what they do in machines, for the tests of checkpoints.

The fake QEMU's guest is a shell on this host, so that each call to a machine can leave a line in a file.
"""

import textwrap
from pathlib import Path

from support.run import Run
from support.testbed import Testbed

HEAD = """
def note(text, machine=None):
    return (machine or web).succeed(f"echo {text} >> {notes}; echo {text}").strip()
"""
TWO = """
with subtest("one"):
    note("a")
with subtest("two"):
    note("b")
"""


class Scripts:
    """Runs scripts one after the other, and reads what they have done in the machines."""

    def __init__(self, testbed: Testbed, folder: Path, with_agent: bool = False) -> None:
        self.testbed = testbed
        self.notes = folder / "notes"
        self.modes: dict[str, str] = {}
        """The modes of the fake QEMU, by machine."""
        self.vlans: list[int] = []
        self.first_command = ":"
        """What start scripts do before they start the fake QEMU."""
        self.options = {"CHARIOTEER_CHECKPOINTS": str(folder / "store")}
        if with_agent:
            self.options |= {"CHARIOTEER_CHANNEL": "auto", "FAKE_QEMU_AGENT": "real"}

    def start(self, script: str, *arguments: str, machines: tuple[str, ...] = ("web",)) -> Run:
        self.notes.write_text("")
        starts = [self._start_script(each) for each in machines]
        text = f"notes = {str(self.notes)!r}\n{HEAD}{textwrap.dedent(script)}"
        configuration = self.testbed.configuration(text, starts, self.vlans)
        return self.testbed.run_driver(configuration, *arguments, **self.options)

    def _start_script(self, machine: str) -> Path:
        path = self.testbed.start_script(machine, mode=self.modes.get(machine, ""))
        first, others = path.read_text().split("\n", 1)
        path.write_text(f"{first}\n{self.first_command}\n{others}")
        return path

    def run(
        self, script: str, *arguments: str, status: int = 0, machines: tuple[str, ...] = ("web",)
    ) -> Run:
        run = self.start(script, *arguments, machines=machines)
        run.expect(status)
        return run

    def record(self, script: str, status: int = 0, machines: tuple[str, ...] = ("web",)) -> Run:
        return self.run(script, "--checkpoint", status=status, machines=machines)

    def expect_same_answers(self, script: str, machines: tuple[str, ...] = ("web",)) -> None:
        """Records `script`, which prints lines that begin with "seen", and resumes it at its end.

        Those lines must be the same, without a call to a machine.
        """
        script = textwrap.dedent(script) + 'with subtest("end"):\n    pass\n'
        recorded = self.record(script, machines=machines)
        run = self.run(script, "--resume", machines=machines)
        assert "resumed at the checkpoint 'end'" in run.stderr, run.report()
        assert self.done == []
        shown = [each for each in recorded.stdout.splitlines() if each.startswith("seen")]
        assert shown and shown == [e for e in run.stdout.splitlines() if e.startswith("seen")]

    @property
    def done(self) -> list[str]:
        """What the last script has noted in machines."""
        return self.notes.read_text().split()
