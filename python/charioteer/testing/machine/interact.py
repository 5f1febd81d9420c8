"""Connects the driver's terminal to a shell or the console of a guest."""

import os
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from charioteer import _core as core
from charioteer.errors import ShellUnavailable
from charioteer.testing import shell_servers
from charioteer.testing.errors import MachineError
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.shell_connection import ShellConnection


def shell_by_socat(machine: core.Machine, address: str) -> None:
    """Connects the root shell to a socat address, until either side closes it or Ctrl-C."""
    if shutil.which("socat") is None:
        raise MachineError(f"{machine.name}: shell_interact with an address needs socat")
    descriptor = machine.attach_shell()
    try:
        subprocess.run(["socat", address, f"FD:{descriptor}"], pass_fds=[descriptor])
    except KeyboardInterrupt:
        pass
    finally:
        os.close(descriptor)
        machine.detach_shell()


def login_shell(machine: core.Machine, logger: AbstractLogger, idle: Callable[[], None]) -> bool:
    """Runs a login shell on the terminal until it ends or Ctrl-]. False if there is no terminal.

    The log is queued meanwhile, since the shell uses the terminal.
    """
    if not (os.isatty(0) and os.isatty(1)):
        return False
    attributes = {"machine": machine.name}
    try:
        shell = ShellConnection(
            shell_servers.connect(Path(machine.state_dir) / shell_servers.SOCKET_NAME)
        )
    except ShellUnavailable:
        return False
    try:
        shell.open()
    except ShellUnavailable as error:
        shell.close()
        logger.log(f"no terminal in the guest: {error}", attributes)
        return False
    logger.log("Terminal is ready (Ctrl-] leaves it):", attributes)
    try:
        with _log_queued(logger.reporter):
            shell.relay(idle)
    except ShellUnavailable as error:
        logger.log(f"the terminal was lost: {error}", attributes)
    finally:
        shell.close()
    return True


@contextmanager
def _log_queued(reporter: core.Reporter) -> Generator[None, None, None]:
    if not os.isatty(2):
        yield
        return
    reporter.flush()
    reporter.held = True
    try:
        yield
    finally:
        reporter.held = False


def shell_on_terminal(machine: core.Machine, announce: Callable[[], None]) -> None:
    """Sends lines from the terminal to the root shell and shows the shell's output.

    Ends by Ctrl-D or Ctrl-C, also by one that follows at once what `announce` shows.
    """
    descriptor = machine.attach_shell()
    done = threading.Event()
    printer = threading.Thread(target=_print_output, args=(descriptor, done), daemon=True)
    printer.start()
    try:
        announce()
        while True:
            os.write(descriptor, (input("$ ") + "\n").encode())
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)
    finally:
        # Before the shell is returned: the thread would read the output of later commands.
        done.set()
        printer.join()
        os.close(descriptor)
        machine.detach_shell()


def _print_output(descriptor: int, done: threading.Event) -> None:
    while not done.is_set():
        if select.select([descriptor], [], [], 0.1)[0]:
            piece = os.read(descriptor, 65536)
            if not piece:
                return
            sys.stdout.write(piece.decode(errors="replace"))
            sys.stdout.flush()


def console_on_terminal(machine: core.Machine, announce: Callable[[], None]) -> bool:
    """Sends typed text to the serial console. False after Ctrl-C; True after the input's end.

    `announce` is called first; Ctrl-C that follows what it shows ends the connection.
    """
    try:
        announce()
        while data := sys.stdin.buffer.readline():
            machine.send_console(data)
    except KeyboardInterrupt:
        return False
    return True
