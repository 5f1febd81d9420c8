"""The command line of the driver."""

import argparse
import os
import warnings
from pathlib import Path

from charioteer.paths import is_utf8
from charioteer.testing.config import (
    DriverConfiguration,
    legacy_configuration,
    load_driver_configuration,
)

_LEVELS = ["debug", "info", "warning", "error"]


class EnvironmentDefault(argparse.Action):
    """Stores a value whose default is that of a variable of the environment."""

    def __init__(self, *, variable: str, help: str, **options: object) -> None:
        value = os.environ.get(variable)
        if value is not None:
            options["default"] = value.split() if options.get("nargs") == "*" else value
            if help != argparse.SUPPRESS:
                help += f" (default from environment: {value})"
        super().__init__(help=help, **options)  # type: ignore[arg-type]

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)


def output_directory(text: str) -> Path:
    """The type of an existing directory that can be written to."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is not a directory")
    if not os.access(path, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} is not a writeable directory")
    if not is_utf8(path.resolve()):
        raise argparse.ArgumentTypeError(f"{ascii(str(path.resolve()))} is not UTF-8")
    return path.resolve()


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description="Runs a test script with virtual machines."
    )
    parser.add_argument("-c", "--config", type=Path, help="the driver configuration, in JSON")
    parser.add_argument(
        "-K", "--keep-machine-state", action="store_true", help="go on with what is on the disks"
    )
    parser.add_argument(
        "--keep-vm-state",
        dest="keep_machine_state",
        action="store_true",
        help=argparse.SUPPRESS,
    )
    parser.add_argument(
        "-I",
        "--interactive",
        action=argparse.BooleanOptionalAction,
        help="type the test instead of running the script",
    )
    parser.add_argument(
        "--debug-hook-attach",
        metavar="CMD",
        help="stop where the test fails and name CMD as the program to attach with",
    )
    parser.add_argument(
        "-o",
        "--output_directory",
        metavar="DIR",
        type=output_directory,
        default=".",
        help="where screenshots, copied files and reports go (default: here)",
    )
    parser.add_argument("--junit-xml", type=Path, metavar="PATH", help="write a JUnit report")
    parser.add_argument(
        "--log-level",
        choices=_LEVELS,
        action=EnvironmentDefault,
        variable="logLevel",
        help="what messages to show",
    )
    parser.add_argument(
        "--stream", action="store_true", help="show the output of commands line by line as it comes"
    )
    _add_legacy(parser)
    return parser


def _add_legacy(parser: argparse.ArgumentParser) -> None:
    legacy = parser.add_argument_group("in place of --config, as up to NixOS 25.11")
    legacy.add_argument(
        "--start-scripts",
        nargs="*",
        default=[],
        action=EnvironmentDefault,
        variable="startScripts",
        help="start scripts of the machines",
    )
    # What --stream would otherwise make ambiguous.
    legacy.add_argument(
        "--st",
        "--s",
        dest="start_scripts",
        nargs="*",
        default=[],
        action=EnvironmentDefault,
        variable="startScripts",
        help=argparse.SUPPRESS,
    )
    legacy.add_argument(
        "--vlans",
        nargs="*",
        default=[],
        action=EnvironmentDefault,
        variable="vlans",
        help="numbers of the VLANs",
    )
    legacy.add_argument(
        "--global-timeout",
        type=int,
        default=604800,
        metavar="SECONDS",
        action=EnvironmentDefault,
        variable="globalTimeout",
        help="time limit of the run",
    )
    legacy.add_argument(
        "testscript",
        nargs="?",
        default=None,
        action=EnvironmentDefault,
        variable="testScript",
        help="the test script",
    )
    legacy.add_argument(
        "--dump-vsocks",
        type=int,
        metavar="OFFSET",
        help="tell how to log in by vsock: machine i has the address OFFSET + i",
    )


def parse(argv: list[str], prog: str) -> tuple[argparse.Namespace, DriverConfiguration]:
    """The options and the configuration. Exits with 2, having said what is wrong."""
    parser = make_parser(prog)
    options = parser.parse_args(argv)
    if "--keep-vm-state" in argv:
        warnings.warn(
            "The flag '--keep-vm-state' is deprecated. Use '--keep-machine-state' instead.",
            DeprecationWarning,
            stacklevel=2,
        )
    try:
        return options, _configuration(parser, options)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def _configuration(
    parser: argparse.ArgumentParser, options: argparse.Namespace
) -> DriverConfiguration:
    if options.log_level is not None and options.log_level not in _LEVELS:
        parser.error(f"the variable logLevel is {options.log_level!r}, not {', '.join(_LEVELS)}")
    if options.config is not None:
        if options.testscript not in (None, os.environ.get("testScript")):
            parser.error(f"unrecognized arguments: {options.testscript}")
        return load_driver_configuration(options.config)
    if options.testscript is None:
        parser.error("the following arguments are required: -c/--config")
    return legacy_configuration(
        options.start_scripts, options.vlans, options.testscript, options.global_timeout
    )
