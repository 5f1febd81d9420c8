"""Reads captures by tshark."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_AS_ROOT = 'Running as user "root" and group "root". This could be dangerous.\n'


def command_with_extcap() -> list[str]:
    """The begin of a command with tshark that uses the environment's WIRESHARK_EXTCAP_DIR.

    tshark ignores it for root, who therefore gets another number, and no other rights.
    """
    as_other = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    return [*(as_other if os.geteuid() == 0 else []), "tshark"]


def run(*arguments: str | Path, data: bytes | None = None, changes: Mapping[str, str] = {}) -> str:
    """The output of tshark with these arguments; fails if it warns.

    `data`: its input. `changes` apply to its environment.
    """
    done = subprocess.run(
        [*(command_with_extcap() if changes else ["tshark"]), *arguments],
        input=data,
        stdin=subprocess.DEVNULL if data is None else None,
        capture_output=True,
        env={**os.environ, **changes},
    )
    errors = done.stderr.decode().replace(_AS_ROOT, "")
    assert (done.returncode, errors) == (0, ""), f"status {done.returncode}: {errors}"
    return done.stdout.decode()


def fields(capture: Path | bytes, *names: str, only: str = "") -> list[tuple[str, ...]]:
    """The values of these fields for each frame of a file, or of the content of one.

    `only` is a display filter.
    """
    is_content = isinstance(capture, bytes)
    words = ["-n", "-r", "-" if is_content else str(capture), "-T", "fields"]
    for name in names:
        words += ["-e", name]
    if only:
        words += ["-Y", only]
    output = run(*words, data=capture if isinstance(capture, bytes) else None)
    return [tuple(line.split("\t")) for line in output.splitlines()]
