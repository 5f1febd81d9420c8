"""`charioteer build` and `charioteer list`: builds images, and lists guests and examples."""

import argparse
from pathlib import Path

from charioteer import paths
from charioteer.cluster import definition
from charioteer.errors import InputError
from charioteer.images import builder, guest


def add_build_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `charioteer build`."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="GUEST|CLUSTER",
        help="a guest's name, a cluster.toml or its folder (default: all guests)",
    )
    parser.set_defaults(execute=build)


def add_list_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `charioteer list`."""
    parser.set_defaults(execute=show)


def build(options: argparse.Namespace) -> int:
    """Runs `charioteer build`. Raises InputError, BuildError."""
    for wanted in _wanted_guests(options.what):
        built = builder.is_built(wanted)
        image = builder.obtain(wanted)
        print(f"{wanted.name}: {image.initrd.parent}{' (already built)' if built else ''}")
    return 0


def _wanted_guests(what: list[str]) -> list[guest.Guest]:
    """The guests that the arguments of `build` name, without duplicates."""
    known = guest.names()
    wanted: dict[str, guest.Guest] = {}
    for name in what or known:
        if name in known:
            found = [guest.load(name)]
        elif Path(name).exists():
            cluster = definition.load(Path(name), needs_script=False)
            found = [machine.guest for machine in cluster.machines]
        else:
            raise InputError(f"{name}: neither a guest ({', '.join(known)}) nor a cluster file")
        wanted.update((each.name, each) for each in found)
    return list(wanted.values())


def show(_options: argparse.Namespace) -> int:
    """Runs `charioteer list`."""
    guests = {name: guest.load(name).description for name in guest.names()}
    files = sorted(paths.examples().glob("*/cluster.toml"))
    examples = {file.parent.name: definition.load(file).description for file in files}
    width = max(map(len, [*guests, *examples]))
    for title, descriptions in (("guests", guests), ("examples", examples)):
        print(f"{title}:")
        for name, description in descriptions.items():
            print(f"  {name:{width}}  {description}")
    return 0
