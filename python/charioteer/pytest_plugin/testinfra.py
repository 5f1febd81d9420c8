"""A backend of pytest-testinfra: its `host` is a machine of the fixture `cluster`.

A test module chooses the machines by `testinfra_hosts = ["charioteer://web"]`.
"""

import shlex
from typing import Any

try:
    from testinfra import backend as backends
    from testinfra.backend.base import BaseBackend
except ImportError:
    backends = None
    BaseBackend = object

NAME = "charioteer"


class CharioteerBackend(BaseBackend):  # type: ignore[misc]
    """Runs the commands of testinfra in a machine, as root, by its `sh`."""

    NAME = NAME

    def __init__(self, hostname: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(hostname, *args, **kwargs)
        self.machine: Any = None
        """Set before each test, since the cluster is not open when tests are collected."""

    def run(self, command: str, *args: str, **_options: Any) -> Any:
        text = self.get_command(command, *args)
        result = self.machine.run(shlex.join(["/bin/sh", "-c", text]))
        return self.result(result.status, text, result.stdout_bytes, result.stderr_bytes)


def register() -> None:
    """Makes the backend known to testinfra, if that is installed."""
    if backends is not None:
        backends.BACKENDS[NAME] = f"{__name__}.{CharioteerBackend.__name__}"


def backend_of(test: Any) -> CharioteerBackend | None:
    """The backend of the `host` of a test, if it is of this kind."""
    parameters = getattr(getattr(test, "callspec", None), "params", {})
    backend = getattr(parameters.get("_testinfra_host"), "backend", None)
    return backend if isinstance(backend, CharioteerBackend) else None
