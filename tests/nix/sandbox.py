"""Builds by Nix with access to folders of the host."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from real_nix import Nix

# Folders of the host with its programs; on Debian the last two are symbolic links.
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


class Sandbox:
    """Builds by Nix in its sandbox, if the host supports one."""

    def __init__(self, nix: Nix) -> None:
        self._nix = nix

    def build(
        self,
        file: Path,
        values: Mapping[str, str | Path],
        visible: Sequence[Path | str],
        features: str = "nixos-test",
        limit: float = 600,
        system: Sequence[str] = _SYSTEM,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `nix build` on a file that contains a function of `values`.

        The sandbox contains only the host's folders `system`, by default with its programs, and
        `visible`; "INSIDE=OUTSIDE" makes a folder available under another name. With the feature
        uid-range the build may require to be root. The output has the path of the result, the
        standard error the log.
        """
        options = {
            "system-features": features,
            "sandbox": "true",
            "sandbox-paths": " ".join(map(str, (*system, *visible))),
        }
        if "uid-range" in features.split():
            options["experimental-features"] = "nix-command auto-allocate-uids cgroups"
            options["auto-allocate-uids"] = options["use-cgroups"] = "true"
        arguments = ["build", "--no-link", "--print-out-paths", "-L", "--file", str(file)]
        for option, text in options.items():
            arguments += ["--option", option, text]
        for name, value in values.items():
            arguments += ["--argstr", name, str(value)]
        return self._nix.run("nix", *arguments, limit=limit)

    def why_not_as_root(self) -> str:
        """Why builds cannot be root in their sandbox; empty if they can."""
        with tempfile.NamedTemporaryFile("w", suffix=".nix") as file:
            file.write(_NOTHING)
            file.flush()
            done = self.build(Path(file.name), {}, [], features="uid-range", limit=60)
        return "" if done.returncode == 0 else f"no builds as root: {done.stderr}"

    def fetch(self, path: str, target: Path) -> None:
        """Copies a path out of the store, which only Nix's commands can access."""
        done = self._nix.run("nix-enter", "cp", "-r", "--no-preserve=mode", path, str(target))
        assert done.returncode == 0, done.stderr

    def delete(self, path: str) -> None:
        """Deletes a path of the store and those that depend on it."""
        self._nix.run("nix-store", "--delete", path)
