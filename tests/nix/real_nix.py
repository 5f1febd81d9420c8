"""Nix, unpacked by scripts/nix-toolchain, with the stand-in for nixpkgs."""

import json
import subprocess
from pathlib import Path
from typing import Any

from support.patience import scaled

ROOT = Path(__file__).resolve().parent.parent.parent
STAND_IN = ROOT / "tests/nix/nixpkgs"


class Nix:
    """Evaluates Nix expressions, with a separate store."""

    def __init__(self, commands: Path) -> None:
        self._commands = commands

    def run(
        self, name: str, *arguments: str, limit: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """The result of a command, with its output; `limit` in unscaled seconds."""
        command = [str(self._commands / name), *arguments]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=scaled(limit)
        )

    def flake(self, *arguments: str) -> str:
        """The output of `nix ARGUMENTS`, with the stand-in as nixpkgs."""
        options = ["--no-write-lock-file", "--override-input", "nixpkgs", f"path:{STAND_IN}"]
        # Nix 2.26 cannot read cached texts that contain several store paths.
        options += ["--no-eval-cache"]
        done = self.run("nix", *arguments, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_eval(self, expression: str, release: str) -> subprocess.CompletedProcess[str]:
        text = f"""
            let
              root = {ROOT};
              pkgsWith = overlays: import {STAND_IN} {{ inherit overlays; release = "{release}"; }};
              pkgs = pkgsWith [ ];
              charioteer = import {ROOT} {{ inherit pkgs; }};
            in
            {expression}
        """
        return self.run("nix-instantiate", "--eval", "--strict", "--json", "--expr", text)

    def eval(self, expression: str, release: str = "26.05") -> Any:
        """The value of `expression`, in which `pkgs` and `charioteer` are of that release."""
        done = self.try_eval(expression, release)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def error_of(self, expression: str, release: str = "26.05") -> str:
        """The error message of `expression`, which must fail."""
        done = self.try_eval(expression, release)
        assert done.returncode != 0, done.stdout
        return done.stderr.rpartition("error: ")[2]
