"""The command line of `nixos-test-driver`."""

import argparse
import os
import warnings
from dataclasses import replace
from pathlib import Path

from charioteer.errors import InputError
from charioteer.testing.config import DriverConfiguration, load_driver_configuration
from charioteer.testing.options import (
    EnvironmentDefault,
    RunOptions,
    add_options,
    run_options,
    with_values,
    writable_directory,
)
from test_driver.legacy import legacy_configuration


def output_directory(text: str) -> Path:
    """An argparse type: an existing writable directory."""
    try:
        return writable_directory(Path(text))
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description="Runs a test script with virtual machines."
    )
    parser.add_argument("-c", "--config", type=Path, help="the driver configuration, in JSON")
    # An abbreviation that --checkpoint and --clock would otherwise make ambiguous.
    parser.add_argument("--c", dest="config", type=Path, help=argparse.SUPPRESS)
    parser.add_argument(
        "--keep-vm-state",
        dest="keep_machine_state",
        action="store_true",
        help=argparse.SUPPRESS,
    )
    parser.add_argument(
        "-o",
        "--output_directory",
        metavar="DIR",
        type=output_directory,
        default=".",
        help="where screenshots, copied files and reports go (default: here)",
    )
    add_options(parser)
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
    # Abbreviations that --stream would otherwise make ambiguous.
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
        help="print how to log in by vsock: machine i has the address OFFSET + i",
    )


def parse(argv: list[str], prog: str) -> tuple[RunOptions, DriverConfiguration]:
    """The options and the configuration. Prints errors and exits with status 2."""
    parser = make_parser(prog)
    options = parser.parse_args(with_values(argv))
    if "--keep-vm-state" in argv:
        warnings.warn(
            "The flag '--keep-vm-state' is deprecated. Use '--keep-machine-state' instead.",
            DeprecationWarning,
            stacklevel=2,
        )
    try:
        chosen = run_options(options, options.output_directory)
        return replace(chosen, vsock_offset=options.dump_vsocks), _configuration(parser, options)
    except (InputError, ValueError, OSError) as error:
        parser.error(str(error))


def _configuration(
    parser: argparse.ArgumentParser, options: argparse.Namespace
) -> DriverConfiguration:
    if options.config is not None:
        if options.testscript not in (None, os.environ.get("testScript")):
            parser.error(f"unrecognized arguments: {options.testscript}")
        return load_driver_configuration(options.config)
    if options.testscript is None:
        parser.error("the following arguments are required: -c/--config")
    return legacy_configuration(
        options.start_scripts, options.vlans, options.testscript, options.global_timeout
    )
