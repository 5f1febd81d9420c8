"""Real Nix, by `scripts/nix-toolchain`, and builds that may see folders of the host."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support.patience import scaled

ROOT = Path(__file__).resolve().parents[2]
# Of the host; the last two are links there.
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64")


_NOTHING = """
{ }: derivation {
  name = "nothing";
  system = builtins.currentSystem;
  requiredSystemFeatures = [ "uid-range" ];
  builder = "/bin/sh";
  args = [ "-c" "echo > $out" ];
}
"""


class Nix:
    """The commands of one version. Builds run in Nix's sandbox, where the host can have one."""

    def __init__(self, suite: str = "trixie") -> None:
        """Raises CalledProcessError, with the reason on standard error, when Nix cannot be had."""
        found = subprocess.run(
            [ROOT / "scripts/nix-toolchain", suite],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=scaled(600),
        )
        self._commands = Path(found.stdout.strip())

    def run(
        self, *arguments: str | Path, command: str = "nix", limit: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Its outcome with what it wrote; `limit` in unscaled seconds."""
        return subprocess.run(
            [self._commands / command, *arguments],
            capture_output=True,
            text=True,
            timeout=scaled(limit),
        )

    def build(
        self,
        file: Path,
        values: dict[str, str | Path],
        visible: Sequence[Path | str],
        features: str = "nixos-test",
        limit: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """`nix build` of a file of a function of `values`; its output is the path it prints.

        Only the system's programs and the folders `visible` of the host are in the sandbox; one may be
        given another name, "INSIDE=OUTSIDE". With the feature uid-range the build may ask to be root
        there. The log of the build is in the standard error.
        """
        arguments: list[str | Path] = ["build", "--no-link", "--print-out-paths", "-L"]
        arguments += ["--file", file, "--option", "system-features", features]
        arguments += ["--option", "sandbox", "true", "--option", "sandbox-paths"]
        arguments.append(" ".join(map(str, (*_SYSTEM, *visible))))
        if "uid-range" in features.split():
            experiments = "nix-command auto-allocate-uids cgroups"
            arguments += ["--option", "experimental-features", experiments]
            arguments += [
                "--option",
                "auto-allocate-uids",
                "true",
                "--option",
                "use-cgroups",
                "true",
            ]
        for name, value in values.items():
            arguments += ["--argstr", name, str(value)]
        return self.run(*arguments, limit=limit)

    def why_nobody_is_root(self) -> str:
        """Why builds that want to be root in their sandbox are not possible; empty when they are."""
        with tempfile.NamedTemporaryFile("w", suffix=".nix") as file:
            file.write(_NOTHING)
            file.flush()
            done = self.build(Path(file.name), {}, [], features="uid-range", limit=60)
        return "" if done.returncode == 0 else f"no builds as root: {done.stderr}"

    def fetch(self, path: str, target: Path) -> None:
        """Copies what is in the store, which only Nix's own commands see."""
        done = self.run("cp", "-r", "--no-preserve=mode", path, target, command="nix-enter")
        assert done.returncode == 0, done.stderr

    def forget(self, path: str) -> None:
        """Deletes a path of the store, with what needs it."""
        self.run("--delete", path, command="nix-store")
