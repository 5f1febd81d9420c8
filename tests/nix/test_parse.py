"""Every Nix file is valid and formatted."""

import subprocess

import pytest

from real_nix import ROOT, Nix


def nix_files() -> list[str]:
    listed = ["git", "ls-files", "--", "*.nix"]
    return subprocess.run(
        listed, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_every_file_parses(nix: Nix) -> None:
    files = nix_files()
    assert len(files) > 15
    done = nix.run("nix-instantiate", "--parse", *files)
    assert done.returncode == 0, done.stderr


# The first run compiles the formatter.
@pytest.mark.limit(400)
def test_every_file_is_formatted() -> None:
    done = subprocess.run([ROOT / "scripts/nix-format", "--check"], capture_output=True, text=True)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
