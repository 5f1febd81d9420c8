"""The command line of `charioteer`: its arguments and its exit status."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from charioteer import __version__
from charioteer.errors import BuildError, InputError, ShellUnavailable
from charioteer.testing.options import with_values
from charioteer.testing.text import last_lines

INTERRUPTED = 130
OUTPUT_CLOSED = 141
_LOG_LINES = 12
"""The lines of the log of a failed build that are shown."""
_EPILOG = """\
exit status:
  0    the test passed
  1    the test failed, or the driver could not run it
  2    wrong use: the message names the file, the key and what was expected
  3    a guest's image could not be built, or a program is not installed
  75   a host of --hosts cannot be reached, or its loss was noticed before the test failed
  130  Ctrl-C
  141  the output pipe was closed early
  143  SIGTERM, which the time limit of the test sends too
A test script that calls sys.exit(n) gives n.

environment:
  CHARIOTEER_ACCEL
      kvm, tcg (emulation), or auto: KVM where it works (default)
  CHARIOTEER_CACHE
      the folder of images (default: charioteer in $XDG_CACHE_HOME or ~/.cache)
  CHARIOTEER_CHANNEL
      agent or plain: commands need the agent, or run in the root shell;
      auto: by the agent where it runs (default)
  CHARIOTEER_CHECKPOINTS
      the folder of kept checkpoints (default: checkpoints in that of images)
  CHARIOTEER_CHECKPOINTS_SIZE
      MB of kept checkpoints, beyond which the oldest are removed (default: 20000)
  CHARIOTEER_OUTPUT_HOLDER_LIMIT
      s without output, after which a command does not wait any more for
      programs that keep its output open (default: 300)
  NO_COLOR
      if set, the live view has no colours
  TMPDIR
      where disks and sockets of running machines are (default: /tmp)"""


class _Command(NamedTuple):
    """A subcommand: the function `adder` of the module `module` of this package adds its arguments."""

    name: str
    help: str
    """Also its description, unless `adder` sets another one."""
    module: str
    adder: str = "add_to"


_COMMANDS = (
    _Command("run", "run the test of a cluster file", "run"),
    _Command("repl", "start the machines' prompt instead of the test script", "run", "add_repl_to"),
    _Command("test", "run all tests below folders, as many at once as the host allows", "test"),
    _Command("merge", "make one result of those of shards or other suites", "merge"),
    _Command("build", "build the images of guests, and nothing else", "images", "add_build_to"),
    _Command("shell", "open a login shell in a machine that runs; Ctrl-] leaves it", "shell"),
    _Command(
        "capture",
        "write the frames of a running test's VLAN or machine to standard output",
        "capture",
    ),
    _Command("checkpoints", "list, show or remove the kept checkpoints", "checkpoints"),
    _Command("trace", "convert the trace of a run, or answer a query of it", "trace"),
    _Command("watch", "serve the page of a running test to a browser on this host", "watch"),
    _Command(
        "doctor", "check what this host has and lacks for tests, and name the cures", "doctor"
    ),
    _Command(
        "stubs", "write stubs of the names of a test script, for editors and type checkers", "stubs"
    ),
    _Command("list", "list the guests and the examples", "images", "add_list_to"),
)


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit status. After SIGTERM it cleans up and dies by it."""
    from charioteer import _core as core
    from charioteer.testing.signals import Signals, end_by_sigterm

    arguments = sys.argv[1:] if argv is None else argv
    if any(each.startswith("--extcap-") for each in arguments):
        # Wireshark, which calls this program as an extcap program, knows no subcommand.
        arguments = ["capture", *(each for each in arguments if each != "capture")]
    options = make_parser(arguments).parse_args(with_values(arguments))
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


def make_parser(arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser for `arguments`, or the one that knows the arguments of all subcommands.

    The former has no arguments of subcommands that `arguments` do not name: importing all modules takes
    longer than most subcommands take.
    """
    parser = argparse.ArgumentParser(
        prog="charioteer",
        description="Tests systems on teams of virtual machines.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_version(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # No option before the subcommand has a value.
    chosen = next((each for each in arguments or () if not each.startswith("-")), None)
    for each in _COMMANDS:
        command = commands.add_parser(each.name, help=each.help, description=each.help)
        if each.module == "run":
            _add_version(command)
        if arguments is None or each.name == chosen:
            module = import_module(f"charioteer.cli.{each.module}")
            add: Callable[[argparse.ArgumentParser], None] = getattr(module, each.adder)
            add(command)
    return parser


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", action="version", version=f"charioteer {__version__}")
