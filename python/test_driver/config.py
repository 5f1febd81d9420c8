"""The configuration of a run."""

from charioteer.testing.config import (
    DriverConfiguration,
    VMConfiguration,
    load_driver_configuration,
)

__all__ = [
    "DriverConfiguration",
    "VMConfiguration",
    "load_driver_configuration",
]
