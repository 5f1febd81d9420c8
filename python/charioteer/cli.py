"""The program `charioteer`: runs tests described by cluster files, and builds their guests."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer import paths, shell
from charioteer.cluster import configuration, definition
from charioteer.errors import BuildError, InputError, NoShell
from charioteer.images import builder, guest

INTERRUPTED = 130
UNREAD = 141
_LEVELS = ["debug", "info", "warning", "error"]
_STATUSES = """\
exit status:
  0    the test passed
  1    the test failed, or the driver could not run it
  2    wrong use: the message names the file, the key and what was expected
  3    a guest's image could not be built
  130  Ctrl-C
  141  nobody read the output to its end
  143  SIGTERM, which the time limit of the test sends too
A test script that calls sys.exit(n) gives n."""


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit status. After SIGTERM it cleans up and dies by it."""
    from charioteer import _core as core
    from charioteer.testing.signals import Signals, die_by_sigterm

    options = _parser().parse_args(argv)
    signals = Signals()
    try:
        status: int = options.work(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # What is still buffered must not be tried again, and complained about, at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except (InputError, BuildError, NoShell) as error:
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
            die_by_sigterm()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="charioteer",
        description="Tests systems on teams of virtual machines.",
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, help_text in (
        ("run", "run the test of a cluster file"),
        ("repl", "start the machines' prompt instead of the test script"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.set_defaults(work=_run, interactive=name == "repl", prog=f"charioteer {name}")
        command.add_argument("cluster", type=Path, help="a cluster.toml, or the folder it is in")
        command.add_argument(
            "-o", "--output-directory", type=Path, metavar="DIR",
            help="where artefacts go (default: charioteer-out/NAME)",
        )  # fmt: skip
        command.add_argument(
            "-K",
            "--keep-machine-state",
            action="store_true",
            help="go on with what is on the disks",
        )
        command.add_argument("--log-level", choices=_LEVELS, help="what messages to show")
        command.add_argument(
            "--stream",
            action="store_true",
            help="show the output of commands line by line as it comes",
        )
    build = commands.add_parser("build", help="build the images of guests, and nothing else")
    build.add_argument(
        "what",
        nargs="*",
        metavar="GUEST|CLUSTER",
        help="a guest's name, a cluster.toml or its folder (default: all guests)",
    )
    build.set_defaults(work=_build)
    visit = "open a login shell in a machine that runs; Ctrl-] leaves it"
    shell.add_to(commands.add_parser("shell", help=visit, description=visit))
    listing = commands.add_parser("list", help="list the guests and the examples")
    listing.set_defaults(work=_list)
    return parser


def _run(options: argparse.Namespace) -> int:
    from test_driver import cli

    test = definition.load(options.cluster)
    artefacts = options.output_directory or Path("charioteer-out") / test.name
    artefacts.mkdir(parents=True, exist_ok=True)
    with _run_folder(test.name, options.keep_machine_state) as folder:
        try:
            arguments = ["--config", str(configuration.write(test, folder))]
        except OSError as error:
            # A write that fails does not say where.
            raise OSError(error.errno, error.strerror, error.filename or str(folder)) from error
        arguments += ["--output_directory", str(artefacts)]
        if options.keep_machine_state:
            arguments.append("--keep-machine-state")
        if options.interactive:
            arguments.append("--interactive")
        if options.stream:
            arguments.append("--stream")
        if options.log_level:
            arguments += ["--log-level", options.log_level]
        try:
            return cli.drive(arguments, options.prog)
        finally:
            sys.stdout.flush()
            print(f"artefacts are in {artefacts}", file=sys.stderr)
            if options.keep_machine_state:
                print(f"the machines' state is in {folder}", file=sys.stderr)


@contextmanager
def _run_folder(name: str, keep: bool) -> Iterator[Path]:
    """The folder of the run's state and sockets, whose paths must be short; removed unless `keep`.

    A kept one has the same path each time.
    """
    place = Path(tempfile.gettempdir())
    if not paths.is_utf8(place):
        raise InputError(f"{ascii(str(place))} is not UTF-8: set TMPDIR to another folder")
    if keep:
        folder = place / f"charioteer-{os.getuid()}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise InputError(f"{folder} belongs to another user; remove it or set TMPDIR")
    else:
        folder = Path(tempfile.mkdtemp(prefix="charioteer-"))
    from charioteer import _core as core

    if not keep:
        core.remove_in_the_end(str(folder))
    outside = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        yield folder
    finally:
        if outside is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = outside
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
            core.remove_in_the_end("")


def _build(options: argparse.Namespace) -> int:
    for wanted in _wanted_guests(options.what):
        built = builder.is_built(wanted)
        image = builder.obtain(wanted)
        print(f"{wanted.name}: {image.initrd.parent}{' (was there)' if built else ''}")
    return 0


def _wanted_guests(what: list[str]) -> list[guest.Guest]:
    """The guests that the arguments of `build` name, each once."""
    known = guest.names()
    wanted: dict[str, guest.Guest] = {}
    for name in what or known:
        if name in known:
            found = [guest.load(name)]
        elif Path(name).exists():
            found = [machine.guest for machine in definition.load(Path(name)).machines]
        else:
            raise InputError(f"{name}: neither a guest ({', '.join(known)}) nor a cluster file")
        wanted.update((each.name, each) for each in found)
    return list(wanted.values())


def _list(_options: argparse.Namespace) -> int:
    print("guests:")
    for name in guest.names():
        print(f"  {name:14} {guest.load(name).description}")
    print("examples:")
    for file in sorted(paths.examples().glob("*/cluster.toml")):
        print(f"  {file.parent.name:14} {definition.load(file).description}")
    return 0
