"""The command line of `charioteer`: its arguments and its exit status."""

import argparse
import os
import sys
from pathlib import Path

from charioteer import __version__
from charioteer.cli import (
    capture,
    checkpoints,
    doctor,
    images,
    merge,
    run,
    shell,
    stubs,
    test,
    trace,
    watch,
)
from charioteer.errors import BuildError, InputError, ShellUnavailable
from charioteer.testing.options import with_values
from charioteer.testing.text import last_lines

INTERRUPTED = 130
OUTPUT_CLOSED = 141
_LOG_LINES = 12
"""The lines of the log of a failed build that are shown."""
_STATUSES = """\
exit status:
  0    the test passed
  1    the test failed, or the driver could not run it
  2    wrong use: the message names the file, the key and what was expected
  3    a guest's image could not be built, or a program is not installed
  75   a host of --hosts cannot be reached
  130  Ctrl-C
  141  the output pipe was closed early
  143  SIGTERM, which the time limit of the test sends too
A test script that calls sys.exit(n) gives n."""


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit status. After SIGTERM it cleans up and dies by it."""
    from charioteer import _core as core
    from charioteer.testing.signals import Signals, end_by_sigterm

    arguments = sys.argv[1:] if argv is None else argv
    if capture.is_extcap_call(arguments):
        # Wireshark knows no subcommand.
        arguments = ["capture", *(each for each in arguments if each != "capture")]
    options = make_parser().parse_args(with_values(arguments))
    signals = Signals()
    try:
        status: int = options.execute(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Otherwise Python would try to write the buffered output at exit, and fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except (InputError, BuildError, ShellUnavailable) as error:
        if isinstance(error, BuildError) and error.log is not None:
            _show_end_of(error.log)
        print(f"charioteer: error: {error}", file=sys.stderr)
        return error.status
    except OSError as error:
        print(f"charioteer: error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signals.restore()
        if core.is_terminating():
            end_by_sigterm()


def _show_end_of(log: Path) -> None:
    try:
        lines = last_lines(log.read_text(errors="replace"), _LOG_LINES)
    except OSError:
        return
    for line in lines:
        print(f"| {line}", file=sys.stderr)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="charioteer",
        description="Tests systems on teams of virtual machines.",
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_version(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, help_text in (
        ("run", "run the test of a cluster file"),
        ("repl", "start the machines' prompt instead of the test script"),
    ):
        command = commands.add_parser(name, help=help_text)
        _add_version(command)
        run.add_to(command, interactive=name == "repl")
    about = "run all tests below folders, as many at once as the host allows"
    test.add_to(commands.add_parser("test", help=about, description=about))
    about = "make one result of those of shards or other suites"
    merge.add_to(commands.add_parser("merge", help=about, description=about))
    images.add_build_to(
        commands.add_parser("build", help="build the images of guests, and nothing else")
    )
    login = "open a login shell in a machine that runs; Ctrl-] leaves it"
    shell.add_to(commands.add_parser("shell", help=login, description=login))
    frames = "write the frames of a running test's VLAN or machine to standard output"
    capture.add_to(commands.add_parser("capture", help=frames))
    checkpoints.add_to(
        commands.add_parser("checkpoints", help="list, show or remove the kept checkpoints")
    )
    about = "convert the trace of a run, or answer a query of it"
    trace.add_to(commands.add_parser("trace", help=about, description=about))
    live = "serve the page of a running test to a browser on this host"
    watch.add_to(commands.add_parser("watch", help=live, description=live))
    about = "check what this host has and lacks for tests, and name the cures"
    doctor.add_to(commands.add_parser("doctor", help=about, description=about))
    about = "write stubs of the names of a test script, for editors and type checkers"
    stubs.add_to(commands.add_parser("stubs", help=about, description=about))
    images.add_list_to(commands.add_parser("list", help="list the guests and the examples"))
    return parser


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", action="version", version=f"charioteer {__version__}")
