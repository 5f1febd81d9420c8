"""`charioteer checkpoints`: the recorded runs and their checkpoints."""

import argparse
import time
from collections import Counter
from pathlib import Path

from charioteer import folders
from charioteer.errors import InputError
from charioteer.testing.checkpoints import store
from charioteer.testing.checkpoints.record import Record, occupied, reason_of

_MEGABYTE = 1_000_000


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the subcommands."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "list", "list the recorded runs").set_defaults(execute=show_all)
    show = _add(commands, "show", "show the checkpoints of a recorded run")
    show.add_argument("run", metavar="RUN", help="its name in the list, or the beginning of it")
    show.set_defaults(execute=show_one)
    remove = _add(commands, "remove", "remove recorded runs with their checkpoints")
    remove.add_argument("runs", nargs="+", metavar="RUN", help="as for show")
    remove.set_defaults(execute=remove_some)
    prune = _add(commands, "prune", "remove the oldest recorded runs")
    prune.add_argument(
        "--size",
        type=_megabytes,
        metavar="MB",
        help="what the rest may use (default: $CHARIOTEER_CHECKPOINTS_SIZE, or 20000)",
    )
    prune.set_defaults(execute=remove_oldest)


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, help_text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=help_text, description=help_text)


def _megabytes(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of megabytes")
    return int(text) * _MEGABYTE


def show_all(_options: argparse.Namespace) -> int:
    """Runs `charioteer checkpoints list`."""
    unreadable: list[store.Unreadable] = []
    records = store.records(unreadable)
    total = 0
    counted: set[tuple[int, int]] = set()
    for record in records:
        size = occupied(record.folder, counted)
        total += size
        number = len(record.checkpoints())
        count = f"{number:3} checkpoint{' ' if number == 1 else 's'}"
        print(f"{record.folder.name}  {_label(record):24} {count} {_size(size):>9}")
    for folder, reason in unreadable:
        size = occupied(folder, counted)
        total += size
        print(f"{folder.name}  not usable, {_size(size)}: {reason}")
    runs = "1 recorded run" if len(records) == 1 else f"{len(records)} recorded runs"
    print(f"{runs}, {_size(total)} of {_size(store.limit())}, {store.root()}")
    return 0


def show_one(options: argparse.Namespace) -> int:
    """Runs `charioteer checkpoints show`. Raises InputError, also for a run that cannot be read."""
    record = _read(_find(options.run))
    about_it = record.description
    begin = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about_it.begin))
    print(f"{record.folder.name}: {_label(record)}, {begin}, script {about_it.script}")
    for machine, count in sorted(Counter(each.machine for each in record.calls()).items()):
        print(f"  {count:5} calls of {machine}")
    for each in record.checkpoints():
        where = "" if each.line is None else f", line {each.line}"
        cannot = "" if each.calls is not None else ", only for the run itself"
        print(f"  {each.number:3}. {each.name} ({_size(each.occupied())}{where}{cannot})")
    return 0


def remove_some(options: argparse.Namespace) -> int:
    """Runs `charioteer checkpoints remove`. Raises InputError, also for a run that is in use."""
    for folder in [_find(name) for name in options.runs]:
        if not folders.remove(folder):
            raise InputError(f"{folder.name} is in use by a running test")
        print(f"removed {folder.name}")
    return 0


def remove_oldest(options: argparse.Namespace) -> int:
    """Runs `charioteer checkpoints prune`. Raises InputError for an invalid size."""
    most = store.limit() if options.size is None else options.size
    for folder in store.prune(most):
        print(f"removed {folder.name}")
    return 0


def _find(name: str) -> Path:
    """The folder of a recorded run, also of one that cannot be read. Raises InputError."""
    found = [each for each in store.run_folders() if each.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in found or store.run_folders()) or "none"
    which = "several recorded runs begin with" if found else "there is no recorded run"
    raise InputError(f"{which} {name!r}; there are: {names}")


def _read(folder: Path) -> Record:
    """Raises InputError for a record that is damaged or of another version."""
    try:
        return Record(folder)
    except OSError as error:
        raise InputError(f"cannot read {reason_of(error, folder)}") from error
    except ValueError as error:
        raise InputError(str(error)) from error


def _label(record: Record) -> str:
    return record.description.label or record.description.script


def _size(size: int) -> str:
    return f"{size / _MEGABYTE:,.0f} MB"
