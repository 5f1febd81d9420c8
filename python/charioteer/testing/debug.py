"""A breakpoint where a test fails, for a debugger that attaches to the build's sandbox."""

import os
import shutil
import sys
from abc import ABC, abstractmethod

from charioteer.testing.logger import AbstractLogger


class DebugAbstract(ABC):
    """The interface that a failing test calls."""

    @abstractmethod
    def breakpoint(self, host: str = "127.0.0.1", port: int = 4444) -> None:
        """Stops where it is called, until a debugger that connects to this TCP port has ended."""


class DebugNop(DebugAbstract):
    """No breakpoints: the test just fails."""

    def breakpoint(self, host: str = "127.0.0.1", port: int = 4444) -> None:
        pass


class Debug(DebugAbstract):
    """Stops a failing test until a debugger has attached and is done."""

    def __init__(self, logger: AbstractLogger, attach_command: str) -> None:
        """`attach_command`: the program that finds a process and enters its sandbox."""
        self.logger = logger
        self.attach_command = attach_command

    def breakpoint(self, host: str = "127.0.0.1", port: int = 4444) -> None:
        """Listens on `host` and `port` with pdb for one client, by telnet: at the frame that raised
        the exception that is being handled, else at the caller's."""
        import random
        import subprocess

        # The attach program finds our sandbox by this process's argument.
        pattern = str(random.randrange(999999, 10_000_000))
        self.logger.log_test_error(
            f"Breakpoint reached, run 'sudo {self.attach_command} {pattern}'"
        )
        os.environ["bashInteractive"] = shutil.which("bash") or "/bin/sh"
        with self.logger.lend_terminal(), subprocess.Popen(["sleep", pattern]) as mark:
            try:
                _serve_pdb(host, port)
            finally:
                mark.kill()


def _serve_pdb(host: str, port: int) -> None:
    import pdb
    import socket

    with socket.create_server((host, port)) as server:
        connection, _ = server.accept()
    # A stream for both would forget what it has read ahead whenever it is written to.
    with connection, connection.makefile("r") as commands, connection.makefile("w") as answers:
        debugger = pdb.Pdb(stdin=commands, stdout=answers)
        debugger.prompt = "(Pdb) "
        debugger.reset()
        failure = sys.exc_info()[2]
        debugger.interaction(None if failure else sys._getframe(2), failure)
