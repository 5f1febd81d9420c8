"""Cluster files whose guests are made by the fake QEMU, so that nothing is built or emulated."""

import os
from pathlib import Path

import charioteer._core
from charioteer.images import builder, guest, store

from support.run import environment
from support.testbed import FAKE_QEMU

ONE = 'name = "one"\n[machines.web]\nguest = "minimal"\n'
PAIR = 'name = "pair"\n[machines.db]\nguest = "minimal"\n[machines.web-1]\nguest = "minimal"\n'


def fake_guests(folder: Path, mode: str = "") -> dict[str, str]:
    """The environment of a program in which guests of the kind `minimal` are fake.

    Their shells and agents run on this host. `mode`: a failure of fake_qemu.py. `folder` holds the
    fake program and images, and the state of the machines.
    """
    programs = folder / "bin"
    programs.mkdir()
    qemu = programs / "qemu-system-x86_64"
    qemu.write_text(f'#!/bin/sh\nexec {FAKE_QEMU} "$@"\n')
    qemu.chmod(0o755)
    cache = folder / "cache"
    outside = os.environ.get("CHARIOTEER_CACHE")
    os.environ["CHARIOTEER_CACHE"] = str(cache)
    try:
        minimal = guest.load("minimal")
        for name in (getattr(builder, "_bundle_name")(minimal), builder.image_name(minimal)):
            store.obtain(name, _make_image, lambda: None)
    finally:
        if outside is None:
            del os.environ["CHARIOTEER_CACHE"]
        else:
            os.environ["CHARIOTEER_CACHE"] = outside
    return environment(
        PATH=f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        CHARIOTEER_CACHE=str(cache),
        CHARIOTEER_CHANNEL="agent",
        FAKE_QEMU_AGENT="real",
        FAKE_QEMU_MODE=mode,
        PYTHONPATH=str(Path(charioteer._core.__file__ or "").parents[1]),
        TMPDIR=str(folder),
    )


def _make_image(folder: Path) -> None:
    for name in ("kernel", "initrd"):
        (folder / name).touch()
