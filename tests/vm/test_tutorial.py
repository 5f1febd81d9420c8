"""docs/tutorial.md, followed step by step in a terminal."""

import shlex
import subprocess
from pathlib import Path

import pytest

from support.patience import scaled
from support.run import PROGRAMS, environment
from support.tutorial import Commands, Written, blocks, missing

ROOT = Path(__file__).resolve().parents[2]


def run(commands: Commands, folder: Path) -> None:
    """Runs the commands of a block in one shell; checks exit status and output."""
    lines = list(commands.lines)
    if lines[0].startswith("make "):
        # The build under test is there already: only the targets are checked.
        lines[0] = f"make --dry-run --directory={shlex.quote(str(ROOT))} {lines[0][5:]}"
    script = folder / "block.sh"
    script.write_text("set -e\n" + "\n".join(lines) + "\n")
    path = f"{PROGRAMS}:/usr/bin:/bin:/usr/sbin:/sbin"
    variables = environment(PATH=path, TERM="xterm", LC_ALL="C.UTF-8", SHELL="/bin/bash")
    # The program `script` gives them a terminal, as the reader has.
    command = ["script", "-qec", f"stty columns 120; bash {shlex.quote(str(script))}", "/dev/null"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=scaled(400),
    )
    assert done.returncode == commands.status, done.stdout
    line = missing(commands.output, done.stdout)
    assert line is None, f"{line!r} is not in the output:\n{done.stdout}"


@pytest.mark.limit(1500)
def test_every_block_does_what_the_tutorial_says(tmp_path: Path) -> None:
    found = blocks((ROOT / "docs/tutorial.md").read_text())
    assert [each.status for each in found if isinstance(each, Commands)].count(1) == 1
    for each in found:
        if isinstance(each, Written):
            (tmp_path / each.name).write_text(each.text)
        else:
            run(each, tmp_path)
