"""`charioteer run` and `charioteer repl`: run the test of a cluster file, or a prompt for it."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from charioteer.cluster import configuration, definition
from charioteer.cluster.run_folder import run_folder
from charioteer.errors import InputError
from charioteer.style import can_redraw
from charioteer.testing.options import (
    Display,
    RunOptions,
    add_options,
    run_options,
    writable_directory,
)

if TYPE_CHECKING:
    from charioteer.hosts.team import Team
    from charioteer.testing.config import DriverConfiguration


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `charioteer run`."""
    parser.add_argument("cluster", type=Path, help="a cluster.toml, or the folder it is in")
    parser.add_argument(
        "-o", "--output-directory", type=Path, metavar="DIR",
        help="where artefacts go (default: charioteer-out/NAME)",
    )  # fmt: skip
    # The spelling of nixos-test-driver, and abbreviations that this option would make ambiguous.
    parser.add_argument(
        "--output_directory", "--output", "--out", dest="output_directory", type=Path,
        help=argparse.SUPPRESS,
    )  # fmt: skip
    shows = parser.add_mutually_exclusive_group()
    shows.add_argument(
        "-q", "--quiet", action="store_true",
        help="show what the script prints, and why it failed",
    )  # fmt: skip
    shows.add_argument(
        "-v", "--verbose", action="store_true",
        help="also show consoles, and all messages of the driver",
    )  # fmt: skip
    parser.add_argument(
        "--log", action="store_true",
        help="show the log, as without a terminal, and not the live view",
    )  # fmt: skip
    add_options(parser)
    parser.add_argument(
        "--hosts", type=Path, metavar="FILE",
        help="spread the machines over the hosts of this file, by ssh; with 'slurm' over the nodes "
        "of this allocation",
    )  # fmt: skip
    parser.add_argument(
        "--watch", action="store_true",
        help="serve the page of the run while it lasts, for a browser on this machine",
    )  # fmt: skip
    _hide(parser, "trace", "report")
    parser.set_defaults(execute=execute, interactive=False, trace=True, report=True)


def _hide(parser: argparse.ArgumentParser, *options: str) -> None:
    """Leaves options that change nothing out of the help."""
    for action in parser._actions:
        if action.dest in options:
            action.help = argparse.SUPPRESS


def add_repl_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `charioteer repl`, which are those of `run`."""
    add_to(parser)
    _hide(parser, "interactive")
    parser.set_defaults(interactive=True)


def execute(options: argparse.Namespace) -> int:
    """Runs the subcommand. Raises InputError, BuildError, and the errors of `testing.run.run`."""
    from charioteer.testing.run import run

    test = definition.load(options.cluster)
    artefacts = options.output_directory or Path("charioteer-out") / test.name
    artefacts.mkdir(parents=True, exist_ok=True)
    chosen = _with_display(run_options(options, writable_directory(artefacts), test.name), options)
    with (
        _run_folder(test.name, chosen.keep_machine_state) as folder,
        _team(test, options, chosen) as team,
    ):
        try:
            written = configuration.write(test, folder)
            if team is not None:
                team.prepare(written)
        except OSError as error:
            # The error of a failed write has no file name.
            raise OSError(error.errno, error.strerror, error.filename or str(folder)) from error
        try:
            with _watched(artefacts) if options.watch else nullcontext():
                return run(_loaded(written), chosen, None if team is None else team.lost)
        finally:
            sys.stdout.flush()
            if chosen.display is not Display.QUIET:
                print(f"artefacts are in {artefacts}", file=sys.stderr)
            if chosen.keep_machine_state:
                print(f"the machines' state is in {folder}", file=sys.stderr)


def _watched(artefacts: Path) -> AbstractContextManager[None]:
    """Serves the page of the run within the block."""
    from charioteer.cli import watch  # slow to import

    return watch.beside(artefacts)


@contextmanager
def _team(
    test: definition.Cluster, options: argparse.Namespace, chosen: RunOptions
) -> "Iterator[Team | None]":
    """The hosts of the run, if there are several. Raises InputError."""
    if options.hosts is None:
        yield None
        return
    from charioteer.hosts import hosts_file, slurm, team

    if chosen.keep_machine_state:
        raise InputError("--hosts and --keep-machine-state exclude each other")

    def warn(text: str) -> None:
        print(f"warning: {text}", file=sys.stderr)

    is_slurm = str(options.hosts) == "slurm"
    with (
        slurm.allocated() if is_slurm else nullcontext(hosts_file.load(options.hosts)) as hosts,
        team.gathered(test, hosts, warn) as found,
    ):
        if chosen.display is not Display.QUIET:
            for line in found.describe():
                print(f"machines on {line}", file=sys.stderr)
        yield found


def _with_display(chosen: RunOptions, options: argparse.Namespace) -> RunOptions:
    """`chosen` with what is to be shown on standard error."""
    if options.quiet:
        return replace(chosen, display=Display.QUIET)
    # Another debugger than pdb may use the terminal as it likes, for as long as it likes.
    debugger = os.environ.get("PYTHONBREAKPOINT", "")
    is_live = sys.stderr.isatty() and can_redraw() and debugger in ("", "0")
    if is_live and not options.log and not chosen.interactive:
        return replace(chosen, display=Display.LIVE, verbose=options.verbose)
    if options.verbose and chosen.log_level is None:
        return replace(chosen, log_level="debug")
    return chosen


def _loaded(written: Path) -> "DriverConfiguration":
    from charioteer.testing.config import load_driver_configuration

    try:
        return load_driver_configuration(written)
    except ValueError as error:
        raise InputError(str(error)) from error


@contextmanager
def _run_folder(name: str, keep: bool) -> Iterator[Path]:
    """The folder of the run, which is XDG_RUNTIME_DIR for the script and the programs it starts."""
    from charioteer import _core as core

    outside = os.environ.get("XDG_RUNTIME_DIR")
    try:
        with run_folder(name, keep) as folder:
            if not keep:
                core.remove_at_end(str(folder))
            os.environ["XDG_RUNTIME_DIR"] = str(folder)
            yield folder
    finally:
        core.remove_at_end("")
        if outside is None:
            os.environ.pop("XDG_RUNTIME_DIR", None)
        else:
            os.environ["XDG_RUNTIME_DIR"] = outside
