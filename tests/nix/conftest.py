"""The fixture `nix`."""

import os
import subprocess
from pathlib import Path

import pytest

from real_nix import ROOT, Nix


@pytest.fixture(scope="session")
def nix() -> Nix:
    """Debian's Nix of the suite in $CHARIOTEER_NIX_SUITE, by default trixie."""
    suite = os.environ.get("CHARIOTEER_NIX_SUITE", "trixie")
    done = subprocess.run([ROOT / "scripts/nix-toolchain", suite], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(done.stderr, pytrace=False)
    return Nix(Path(done.stdout.strip()))
