"""The driver."""

from typing import Any

from charioteer.testing.config import load_driver_configuration
from charioteer.testing.directories import temporary_directory as get_tmp_dir
from charioteer.testing.driver import Driver
from charioteer.testing.symbols import pythonized as pythonize_name

__all__ = ["Driver", "get_tmp_dir", "load_driver_configuration", "pythonize_name"]


def __getattr__(name: str) -> Any:
    """`AssertionTester`, whose unittest takes long to import."""
    if name == "AssertionTester":
        from charioteer.testing.assertions import AssertionTester

        return AssertionTester
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
