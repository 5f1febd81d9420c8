"""The settings of the plugin in the ini file of pytest."""

from pathlib import Path
from typing import Any

import pytest

from charioteer.errors import InputError

SCOPES = ("session", "package", "module", "class", "function")
OUTPUT = "charioteer-out"
"""The folder for what tests write, in pytest's root folder."""


def add_to(parser: pytest.Parser) -> None:
    parser.addini(
        "charioteer_cluster",
        "the cluster file of the fixture `cluster`, or its folder, relative to the ini file",
    )
    parser.addini(
        "charioteer_scope",
        f"the scope of the fixtures for machines: {', '.join(SCOPES)}",
        default=SCOPES[0],
    )
    parser.addini(
        "charioteer_checkpoint",
        "whether machines that a test left broken are restored from a checkpoint, and not booted",
        type="bool",
        default=True,
    )


def cluster_file(config: pytest.Config) -> Path | None:
    """The cluster file of the fixtures, or its folder; None if the ini file names none."""
    given = config.getini("charioteer_cluster")
    base = config.inipath.parent if config.inipath else config.rootpath
    return base / given if given else None


def scope(config: pytest.Config) -> Any:
    """The scope of the fixtures. Raises InputError."""
    given = config.getini("charioteer_scope")
    if given not in SCOPES:
        raise InputError(f"charioteer_scope: expected one of {', '.join(SCOPES)}, got {given!r}")
    return given


def checkpoint(config: pytest.Config) -> bool:
    return bool(config.getini("charioteer_checkpoint"))


def output_directory(config: pytest.Config, name: str) -> Path:
    """The folder for what a test or a cluster called `name` writes."""
    return config.rootpath / OUTPUT / name
