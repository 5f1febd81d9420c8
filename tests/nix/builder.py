"""Runs the shell code that builds a test's driver, without Nix."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from real_nix import ROOT, Nix

BUILD = ROOT / "build/release"
TEST = """(charioteer.mkTest {{
    name = "x"; {nodes} testScript = ''{script}'';
    extraDriverArgs = [ "--junit-xml=a b.xml" ];
}})"""


def build(
    nix: Nix, folder: Path, script: str, release: str = "26.05", machines: Sequence[str] = ("web",)
) -> subprocess.CompletedProcess[str]:
    """Runs the builder of a test's driver; `makeWrapper` writes its arguments to a file."""
    nodes = " ".join(f"nodes.{name} = {{ }};" for name in machines)
    text = script.replace("''", "'''").replace("${", "''${")
    made = TEST.format(nodes=nodes, script=text)
    command = nix.eval(f"{made}.driver.buildCommand", release)
    # The tools of which the stand-in has only the names.
    for pattern, real in (
        (
            r"\S+-nixos-test-driver-0\.1\.0/bin/generate-driver-symbols",
            f"{BUILD}/bin/generate-driver-symbols",
        ),
        (r"\S+-pyflakes/bin/pyflakes", "/usr/bin/pyflakes3"),
        (r"\S+-script_names\.py", f"{ROOT}/nix/script_names.py"),
    ):
        command = re.sub(pattern, real, command)
    # What the patterns of start scripts are for.
    found = re.findall(r"\S+-nixos-vm(?=/bin/run-)", command)
    for name, path in zip(sorted(machines), found, strict=False):
        start = folder / f"store/{name}-nixos-vm/bin/run-{name}-vm"
        start.parent.mkdir(parents=True)
        start.touch()
        command = command.replace(path, str(start.parent.parent), 1)
    (folder / "given").write_text(nix.eval(f"{made}.config.testScriptString", release))
    return subprocess.run(
        ["bash", "-euc", "makeWrapper() { printf '%s\\n' \"$@\" >arguments; }\n" + command],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(BUILD / "python"),
            "MYPY_CACHE_DIR": str(folder.parent / "mypy"),
            "HOME": os.environ["HOME"],
            "testScriptPath": str(folder / "given"),
            "out": str(folder / "out"),
        },
        capture_output=True,
        text=True,
    )
