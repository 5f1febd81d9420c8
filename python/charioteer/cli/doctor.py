"""`charioteer doctor`: what this host has and lacks, each with its cure."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from charioteer.doctor import building, host, kvm
from charioteer.doctor.check import Check, Status
from charioteer.style import Style, style_for

NOT_USABLE = 1
"""The exit status when something is missing."""
_STATUSES = """\
exit status:
  0  machines can run, and guests can be built; some tests may be slow or not possible
  1  something that every test needs is missing"""
_ROLES = {Status.OK: "good", Status.LIMITED: "warning", Status.MISSING: "bad"}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _STATUSES
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Checks the host and prints the result."""
    checks = all_checks()
    is_usable = all(each.status is not Status.MISSING for each in checks)
    if options.json:
        print(json.dumps({"usable": is_usable, "checks": [asdict(each) for each in checks]}))
    else:
        style = style_for() if sys.stdout.isatty() else Style(colours=False)
        print("\n".join(lines_of(checks, style)))
    return 0 if is_usable else NOT_USABLE


def all_checks() -> list[Check]:
    """The checks, what machines need first."""
    return [
        kvm.check(),
        host.qemu(),
        host.disk_images(),
        host.cores(),
        host.memory(),
        *host.disk(),
        building.programs(),
        building.keys(),
        building.namespaces(),
        building.go_compiler(),
        building.nix(),
        host.efi(),
        host.tpm(),
        host.containers(),
    ]


def lines_of(checks: Sequence[Check], style: Style) -> list[str]:
    """The result for people: a line for each check, and one for its cure."""
    symbols = {
        Status.OK: style.symbols.passed,
        Status.LIMITED: "!",
        Status.MISSING: style.symbols.failed,
    }
    width = max(len(each.name) for each in checks)
    lines = []
    for each in checks:
        symbol = style.paint(symbols[each.status], _ROLES[each.status])
        lines.append(f"{symbol} {each.name:{width}}  {each.found}")
        if each.cure:
            lines.append(f"  {'':{width}}  cure: {each.cure}")
    return lines
