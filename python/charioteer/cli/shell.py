"""`charioteer shell`: a login shell in a machine of a running driver, from another terminal."""

import argparse
import signal
import sys
from types import FrameType

from charioteer.errors import InputError, ShellUnavailable
from charioteer.testing import shell_servers
from charioteer.testing.shell_connection import ShellConnection

STATUSES = """\
exit status:
  that of the shell; 0 when it was left by Ctrl-]
  1    no shell could be started, or it was lost; the message has the reason
  2    no such machine, or several with that name: the message lists them
  129, 130, 143  a hang-up, Ctrl-C before there was a shell, SIGTERM"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `charioteer shell`."""
    parser.epilog = STATUSES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "machine", nargs="?", help="a machine's name, or NAME@PID with the driver's process id"
    )
    parser.add_argument("--list", action="store_true", help="list the machines that run")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Runs the subcommand. Raises InputError, ShellUnavailable."""
    if options.list:
        for each in shell_servers.all_servers():
            print(f"{each}\t{each.path.parent}")
        return 0
    if options.machine is None:
        raise InputError("which machine? --list shows those that run")
    server = shell_servers.find(options.machine)
    signal.signal(signal.SIGHUP, _hang_up)
    try:
        connection = ShellConnection(shell_servers.connect(server.path))
        try:
            connection.open()
            if sys.stdin.isatty():
                print(f"{server}: Ctrl-] leaves the shell", file=sys.stderr)
            return connection.relay()
        finally:
            connection.close()
    except ShellUnavailable as error:
        raise ShellUnavailable(f"{server}: {error}") from error


def _hang_up(number: int, _frame: FrameType | None) -> None:
    """A signal handler that ends the program with its clean-up handlers."""
    raise SystemExit(128 + number)
