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

    def __init__(self, testbed: Testbed, folder: Path) -> None:
        self.testbed = testbed
        self.notes = folder / "notes"
        self.options = {"CHARIOTEER_CHECKPOINTS": str(folder / "store")}

    def start(self, script: str, *arguments: str, machines: tuple[str, ...] = ("web",)) -> Run:
        self.notes.write_text("")
        starts = [self.testbed.start_script(each) for each in machines]
        text = f"notes = {str(self.notes)!r}\n{HEAD}{textwrap.dedent(script)}"
        configuration = self.testbed.configuration(text, starts)
        return self.testbed.drive(configuration, *arguments, **self.options)

    def run(
        self, script: str, *arguments: str, status: int = 0, machines: tuple[str, ...] = ("web",)
    ) -> Run:
        run = self.start(script, *arguments, machines=machines)
        run.expect(status)
        return run

    def record(self, script: str, status: int = 0, machines: tuple[str, ...] = ("web",)) -> Run:
        return self.run(script, "--checkpoint", status=status, machines=machines)

    @property
    def done(self) -> list[str]:
        """What the last script has noted in machines."""
        return self.notes.read_text().split()
