"""The documentation has every option of the programs, and every variable that they read."""

import argparse
import re
from collections.abc import Iterator

import pytest
from charioteer.cli import program
from site_scripts import ROOT
from test_driver import arguments

PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
OF_THE_PROJECT = {
    "CHARIOTEER_AGENT_DIRECTORY",  # set by tests and packages
    "CHARIOTEER_GUARD",
    "CHARIOTEER_MACHINE",  # set by the driver, for the programs that it starts
    "CHARIOTEER_FAR_FOLDER",
    "CHARIOTEER_HOST_KEY",
    "CHARIOTEER_USER_KEY",
    "CHARIOTEER_VLAN_SOCKET_",
    "CHARIOTEER_VERSION",  # a macro
}


@pytest.fixture(scope="module")
def text() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """The visible options of a program and its subcommands, except those of Wireshark."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from options(command)
        elif action.help != argparse.SUPPRESS and action.option_strings:
            if getattr(action, "container").title != "options that Wireshark uses":
                yield parser.prog, action


def has_option(text: str, action: argparse.Action) -> bool:
    for name in action.option_strings:
        # Commands of other programs have the same short ones.
        before = r"(?<![\w-])" if name.startswith("--") else r"(?:`|charioteer [^\n`]* )"
        if re.search(rf"{before}{re.escape(name)}(?![\w-])", text):
            return True
    return False


@pytest.mark.parametrize("name", ["charioteer", "nixos-test-driver"])
def test_every_option_is_described(text: str, name: str) -> None:
    parser = program.make_parser() if name == "charioteer" else arguments.make_parser(name)
    found = list(options(parser))
    assert len(found) > 20
    missing = [
        f"{command} {max(action.option_strings, key=len)}"
        for command, action in found
        if action.dest not in ("help", "version") and not has_option(text, action)
    ]
    assert missing == []


def test_every_variable_is_described() -> None:
    files = [
        file
        for folder, suffix in (("python", "py"), ("driver", "cpp"))
        for file in (ROOT / folder).rglob(f"*.{suffix}")
    ]
    read = {
        name for file in files for name in re.findall(r'"(CHARIOTEER_\w*\w)"', file.read_text())
    }
    page = (ROOT / "docs/host.md").read_text()
    help_text = program.make_parser().format_help()
    assert "CHARIOTEER_CACHE" in read
    for name in sorted(read - OF_THE_PROJECT):
        assert f"`{name}`" in page, name
        assert re.search(rf"^  {name}$", help_text, re.MULTILINE), name
