"""Finds the tests below folders: each cluster file that has a script."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from charioteer.cluster import definition
from charioteer.errors import InputError, unreadable

OUTPUT = "charioteer-out"
"""The folder that runs write into by default, which has no tests."""


@dataclass(frozen=True)
class Case:
    """A test. `name` is the path of its folder from the working directory.

    It is the same on every host on which a suite is started in the same way.
    """

    name: str
    cluster: definition.Cluster


def find(places: Sequence[Path]) -> list[Case]:
    """The tests below `places`, which are folders or cluster files, each once, by name.

    Links to folders and hidden folders are not followed. Raises InputError with one line for each
    invalid cluster file and for each second test of one name, for a folder that cannot be read, and
    when there is no test.
    """
    found: dict[str, Case] = {}
    errors: list[str] = []
    for file in dict.fromkeys(file for place in places for file in _cluster_files(place)):
        try:
            cluster = definition.load(file, needs_script=False)
        except InputError as error:
            errors.append(str(error))
            continue
        if cluster.script is not None:
            case = Case(name_of(file, cluster), cluster)
            other = found.setdefault(case.name, case)
            if not file.samefile(other.cluster.file):
                errors.append(
                    f"{file}: the test is called {case.name}, as that of {other.cluster.file}: set"
                    " another name"
                )
    if errors:
        raise InputError("\n".join(errors))
    if not found:
        where = ", ".join(map(str, places))
        raise InputError(f"{where}: no test: expected a {definition.FILE_NAME} with a script")
    return [found[name] for name in sorted(found)]


def _cluster_files(place: Path) -> Iterator[Path]:
    if not place.exists():
        raise InputError(f"{place}: no such folder or cluster file")
    if not place.is_dir():
        yield place
        return
    for parent, folders, files in os.walk(place, onerror=unreadable):
        folders[:] = sorted(each for each in folders if each != OUTPUT and not each.startswith("."))
        if definition.FILE_NAME in files:
            yield Path(parent, definition.FILE_NAME)


def name_of(file: Path, cluster: definition.Cluster) -> str:
    """The name of the test with this cluster file."""
    folder = Path(os.path.abspath(file)).parent
    here = Path.cwd()
    if folder == here:
        name = cluster.name
    else:
        name = str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
    # A folder may have several cluster files, if they are named one by one.
    return name if file.name == definition.FILE_NAME else f"{name}/{file.name}"
