"""The pages of the site's reference: which names are on which page."""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import fill

from api_reference import Module, class_entry, function_entry, module
from man_page import help_of_subcommands, subcommands_of

PROGRAMS = "programs"
"""The page of command lines."""
_TESTING = "charioteer.testing"
_SCOPES = "`', '.join(SCOPES)`"


class Packages:
    """The folder of the Python packages, for looking up their names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def module(self, name: str) -> Module:
        return module(self._folder, name)

    def classes(self, *names: str, within: str = _TESTING) -> str:
        """The entries of classes, each given as MODULE.NAME below the package `within`."""
        return "\n\n".join(self.one_class(name, within=within) for name in names)

    def one_class(self, name: str, beyond: str = "", within: str = _TESTING) -> str:
        """The entry of one class, without what is the same in the class `beyond`."""
        where, _, last = f"{within}.{name}".rpartition(".")
        found = self.module(where).class_named(last)
        other = None
        if beyond:
            where, _, other_name = f"{within}.{beyond}".rpartition(".")
            other = self.module(where).class_named(other_name)
        return class_entry(found, last, other)

    def functions(self, *names: str) -> str:
        entries = []
        for name in names:
            where, _, last = f"{_TESTING}.{name}".rpartition(".")
            entries.append(function_entry(self.module(where).function(last)))
        return "\n\n".join(entries)


def _machine(packages: Packages) -> str:
    return f"""\
# Machines

Each machine of a test is an object of one of these classes. What both kinds have comes first.
[Writing tests](../docs/writing-tests.md#a-machine) has an overview. A `Duration` is a number of seconds, or a
`datetime.timedelta`.

## Every machine

{packages.one_class("machine.base.BaseMachine")}

## Virtual machines

{packages.one_class("machine.qemu.QemuMachine", "machine.base.BaseMachine")}

`Machine` is the name of this class up to NixOS 25.11, with the arguments of that time.

## Containers

{packages.one_class("machine.nspawn.NspawnMachine", "machine.base.BaseMachine")}

## All machines at once

{packages.classes("machines.Machines")}

## Start commands

{packages.classes("machine.start_command.StartCommand")}
"""


def _commands(packages: Packages) -> str:
    return f"""\
# Results and processes

`machine.run` returns a result, `machine.spawn` a process.

{packages.classes("machine.result.Result", "machine.process.Process")}
"""


def _driver(packages: Packages) -> str:
    return f"""\
# The driver

A script finds the driver as `driver`, and its most used methods as global names: `start_all`, `join_all`,
`test_script`, `run_tests`, `subtest`, `create_machine`, `polling_condition`, `dump_machine_ssh`,
`serial_stdout_on` and `serial_stdout_off`. [Writing tests](../docs/writing-tests.md#the-run) has all global names.

{packages.classes("driver.Driver", "polling.Poll")}

{packages.functions("machine.retry.retry")}

## The log

{packages.classes("logger.base.AbstractLogger", "logger.base.LogLevel")}

## The debug hook

{packages.classes("debug.DebugAbstract")}
"""


def _vlan(packages: Packages) -> str:
    return f"""\
# VLANs, faults and captures

[Network faults](../docs/faults.md) and [captures](../docs/captures.md) describe how these are used.

{packages.classes("vlan.VLan")}

{packages.classes("faults.network.MachineNetwork", "faults.fault.Fault", "capture.Capture")}
"""


def _cluster(packages: Packages) -> str:
    return f"""\
# Clusters in Python programs

`from charioteer.testing import Cluster, ClusterOptions, Log`. [The library](../docs/library.md) describes how
they are used.

{packages.classes("cluster.Cluster", "cluster.ClusterOptions", "cluster.Log")}
"""


def _errors(packages: Packages) -> str:
    core = "RequestedAssertionFailed MachineError MachineTimeout NotRunning ConnectionLost"
    names = [f"_core_errors.{name}" for name in f"{core} ShellError CopyFailed".split()]
    return f"""\
# Errors

## Of tests

The module `charioteer.testing.errors`, for NixOS tests also `test_driver.errors`. `str(error)` is the first line of
an error; its notes (`__notes__`) have the machine, the time, the limit and the last output.

{packages.classes(*names, within="charioteer")}

{packages.classes("errors.PollingConditionError")}

## Of input and of the host

The module `charioteer.errors`.

{packages.classes("errors.InputError", "errors.BuildError", "errors.ShellUnavailable", within="charioteer")}
"""


def _efi(packages: Packages) -> str:
    names = ("efi.EfiVariable", "efi.EfiGuid", "efi.EfiVars")
    return f"""\
# EFI variables

The module `test_driver.efi`, for [machines with EFI firmware](../docs/guests.md#efi-firmware-and-tpm).

{packages.classes(*names)}
"""


def _plugin(packages: Packages) -> str:
    settings = packages.module("charioteer.pytest_plugin.settings")
    scopes = settings.constant("SCOPES")
    assert isinstance(scopes, tuple)
    lines = [
        f"- `{name}`: {text.replace(_SCOPES, ', '.join(scopes))}"
        for name, text in settings.call_arguments("addini")
    ]
    return f"""\
# Fixtures and settings of pytest

[Tests with pytest](../docs/pytest.md) describes how they are used.

## Fixtures

```{{py:data}} cluster
:type: charioteer.testing.Cluster

The machines of the cluster file that the ini file names, or that the project's own fixture of this name opens.
```

Each machine of the cluster file is a fixture, too, by the name that scripts use: `web_1` for the machine `web-1`.

## Settings of the ini file

{chr(10).join(lines)}
"""


PAGES: Mapping[str, Callable[[Packages], str]] = {
    "machine": _machine,
    "commands": _commands,
    "driver": _driver,
    "vlan": _vlan,
    "cluster": _cluster,
    "errors": _errors,
    "efi": _efi,
    "pytest": _plugin,
}
"""The pages of Python names by the names of their files, in the order of the contents."""


def programs_page(parsers: list[ArgumentParser]) -> str:
    """The page of all command lines."""
    parts = ["# Command lines", "The man pages have the same text."]
    for parser in parsers:
        parts += [f"## {parser.prog}", parser.description or ""]
        commands = subcommands_of(parser)
        if not commands:
            parts.append(_usage(parser))
        parts += _arguments(parser)
        for name, command in commands.items():
            text = help_of_subcommands(parser).get(name, "")
            parts += [f"### {command.prog}", text[:1].upper() + text[1:] + ".", _usage(command)]
            parts += _arguments(command)
            for inner in subcommands_of(command).values():
                parts += [f"#### {inner.prog}", _usage(inner), *_arguments(inner), *_end(inner)]
            parts += _end(command)
        parts += _end(parser)
    return "\n\n".join(part for part in parts if part) + "\n"


def _usage(parser: ArgumentParser) -> str:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    return f"```text\n{fill(usage, 90, subsequent_indent='    ', break_on_hyphens=False)}\n```"


def _arguments(parser: ArgumentParser) -> list[str]:
    formatter = parser._get_formatter()
    lines = []
    for action in parser._actions:
        if action.help == "==SUPPRESS==" or action.nargs == "A...":
            continue
        text = formatter._expand_help(action) if action.help else ""
        shown = formatter._format_action_invocation(action)
        escaped = text.replace("*", "\\*").replace("<", "&lt;").replace("_", "\\_")
        lines.append(f"- `{shown}`: {escaped}" if text else f"- `{shown}`")
    return ["\n".join(lines)]


def _end(parser: ArgumentParser) -> list[str]:
    return [f"```text\n{parser.epilog}\n```"] if parser.epilog else []
