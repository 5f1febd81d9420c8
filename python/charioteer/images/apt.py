"""Debian packages for guests, from the mirror and through the proxy that the host uses."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images import tool

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_DEFAULT_MIRROR = "http://deb.debian.org/debian"
INSTALL_QEMU = "apt-get install -t bookworm-backports qemu-system-x86 on Debian 12, or make deps"
"""How QEMU is installed: in that of Debian 12 itself, current kernels crash without KVM."""
TOOLS = {"mmdebstrap": "mmdebstrap", "apt-config": "apt"}
_NO_NETWORK = re.compile(
    r"Could not resolve|Could not connect|Temporary failure|Connection (?:failed|refused|timed out)"
    r"|Network is unreachable|Unable to connect"
)
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where programs are looked for that are not on PATH."""
# Bytes. If less is free after a failure, a full disk was the cause: an image needs some hundred MB.
_FULL = 16 << 20
_NO_PACKAGE = re.compile(r"Unable to locate package (\S+)|Package '?(\S+?)'? has no installation")


def require(tools: dict[str, str], cure: str | None = None) -> None:
    """Raises BuildError unless all programs are installed; `tools` maps each to its package.

    `cure` is how to install them; by default it is apt-get with the packages, or make deps.
    """
    missing = [
        name for name in tools if not (shutil.which(name) or shutil.which(name, path=SYSTEM_PATH))
    ]
    if missing:
        packages = " ".join(sorted({tools[tool] for tool in missing}))
        cure = cure or f"apt-get install {packages}, or make deps"
        raise BuildError(f"{', '.join(missing)}: not installed ({cure})")


def sources(suite: str) -> str:
    """A sources.list for `suite`. Raises BuildError when Debian's keys are not installed."""
    if not _KEYRING.is_file():
        raise BuildError(f"{_KEYRING} is missing (apt-get install debian-archive-keyring)")
    return f"deb [signed-by={_KEYRING}] {mirror()} {suite} main\n"


def mirror(folder: Path = Path("/etc/apt")) -> str:
    """The first Debian mirror of the host's own sources, else deb.debian.org."""
    lists = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    for file in lists:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        pattern = r"^URIs:\s*(\S+)" if file.suffix == ".sources" else r"^deb\s+(?:\[.*?\]\s+)?(\S+)"
        for uri in re.findall(pattern, text, re.MULTILINE):
            if re.fullmatch(r"(?:http|https|mirror\+file|file):.*/debian/?", uri):
                return str(uri).rstrip("/")
    return _DEFAULT_MIRROR


def _options() -> list[str]:
    """The host's proxy and certificate settings, as options for mmdebstrap."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    wanted = re.compile(r'Acquire::https?::(?:[^ ]*::)?(?:Proxy|Proxy-Auto-Detect|CAInfo) ".+";')
    return [f"--aptopt={line}" for line in dump.stdout.splitlines() if wanted.fullmatch(line)]


def bootstrap(
    suite: str,
    variant: str,
    packages: Sequence[str],
    tar: Path,
    log: Path,
    hooks: Sequence[str] = (),
) -> None:
    """Makes `tar` by mmdebstrap, whose output is written to `log`. Raises BuildError.

    mmdebstrap itself chooses how to get root's rights in the tree: as root, by unshare, ...
    """
    require(TOOLS)
    if '"' in (folder := tempfile.gettempdir()):
        raise BuildError(
            f"apt accepts no double quote in a path, as in {folder}: set TMPDIR to another folder"
        )
    command = ["mmdebstrap", f"--variant={variant}", f"--include={','.join(packages)}"]
    command += ['--aptopt=APT::Install-Recommends "false"', *_options(), *hooks]
    command += [suite, str(tar), "-"]
    if tool.run(command, log, sources(suite)) != 0:
        raise BuildError(_explain(log.read_text(errors="replace"), suite, log), log)


def _explain(output: str, suite: str, log: Path) -> str:
    # Checked first: on a full disk not even the log has the reason.
    if shutil.disk_usage(log.parent).free < _FULL:
        return f"no space left in {log.parent}; set CHARIOTEER_CACHE to another disk"
    if found := _NO_PACKAGE.search(output):
        return f"Debian {suite} has no package {found[1] or found[2]}"
    if found := _NO_NETWORK.search(output):
        start = output.rfind("\n", 0, found.start()) + 1
        line = output[start : output.find("\n", found.start())].strip()
        return f"cannot reach {mirror()}: {line} (the host's apt proxy and mirror are used)"
    errors = [line for line in output.splitlines() if line.startswith(("E:", "mmdebstrap:"))]
    last = " / ".join((errors or output.strip().splitlines() or ["no output"])[-2:])
    return f"mmdebstrap failed: {last} (whole log: {log})"
