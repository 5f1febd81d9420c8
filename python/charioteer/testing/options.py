"""The command-line options of a run, for all programs that run tests."""

import argparse
import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from charioteer.errors import InputError
from charioteer.paths import is_utf8
from charioteer.testing.checkpoints.wishes import Wishes

SEED_BITS = 32
TRACE = "trace.jsonl"
"""The name of the trace in the output directory."""
LEVELS = ["debug", "info", "warning", "error"]


class Display(Enum):
    """What a run shows on standard error."""

    LOG = "log"
    LIVE = "live"
    """A live view (docs/terminal.md); standard error must be a terminal."""
    QUIET = "quiet"
    """Only why the run failed."""


@dataclass(frozen=True)
class RunOptions:
    """The options of a test run."""

    output_directory: Path
    """Where screenshots, copied files and reports go."""
    keep_machine_state: bool = False
    interactive: bool = False
    """Whether there is a prompt instead of the test script."""
    debug_hook_attach: str | None = None
    """The program that attaches to the sandbox of a test that has failed; None: it does not wait."""
    junit_xml: Path | None = None
    """Of the JUnit report; a relative one is below the output directory."""
    trace: bool = False
    """Whether the events of the run go into the file TRACE of the output directory."""
    report: bool = False
    """Whether the page of the run goes into the output directory; it needs the trace."""
    log_level: str | None = None
    """One of LEVELS; None: that of the loggers."""
    display: Display = Display.LOG
    verbose: bool = False
    """Whether a live view also shows consoles, and all messages of the log."""
    stream: bool = False
    """Whether the log shows the output of commands as it comes, unless the script sets `stream`."""
    diagnosis: bool = True
    """Whether the machines are asked for the cause when the script fails."""
    capture: bool = True
    """Whether the last frames of each VLAN are kept, and written when the script fails."""
    keep_alive: bool = False
    """Whether the machines run on after a failure, until the run is interrupted."""
    checkpoints: Wishes = field(default_factory=Wishes)
    seed: int | None = None
    """Of the random decisions of network faults; None: a random one, which the log names."""
    vsock_offset: int | None = None
    """When machines have vsocks of the host's kernel: machine i has the address offset + i."""


class EnvironmentDefault(argparse.Action):
    """An option whose default is the value of an environment variable."""

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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `run_options` reads, except the output directory."""
    parser.add_argument(
        "-K", "--keep-machine-state", action="store_true", help="go on with what is on the disks"
    )
    parser.add_argument(
        "-I",
        "--interactive",
        action=argparse.BooleanOptionalAction,
        help="type the test instead of running the script",
    )
    # Abbreviations that --no-diagnosis and --no-capture would otherwise make ambiguous.
    parser.add_argument(
        *("--n", "--no", "--no-"),
        dest="interactive",
        action="store_const",
        const=False,
        help=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--debug-hook-attach",
        metavar="CMD",
        help="stop where the test fails and name CMD as the program to attach with",
    )
    parser.add_argument(
        "--junit-xml",
        type=Path,
        metavar="PATH",
        help="write a JUnit report; a relative PATH is below the output directory",
    )
    parser.add_argument(
        "--trace",
        action="store_true",
        help=f"write the events of the run into {TRACE} in the output directory",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="write the page of the run, report.html, and the trace from which it is made",
    )
    parser.add_argument(
        "--log-level",
        choices=LEVELS,
        action=EnvironmentDefault,
        variable="logLevel",
        help="what messages to show",
    )
    parser.add_argument(
        "--stream", action="store_true", help="show the output of commands line by line as it comes"
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        metavar="N",
        help="repeat the random decisions of the network faults of the run that named this seed; by "
        "default those of the recorded run with --resume, else others in each run",
    )
    _add_options_of_failures(parser)
    _add_options_of_checkpoints(parser)


def _seed(text: str) -> int:
    seed = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= seed < 1 << SEED_BITS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number from 0 to {(1 << SEED_BITS) - 1}"
        )
    return seed


def _add_options_of_failures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-diagnosis",
        dest="diagnosis",
        action="store_false",
        help="do not ask the machines for the cause of a failure",
    )
    parser.add_argument(
        "--no-capture",
        dest="capture",
        action="store_false",
        help="do not keep the last frames of VLANs for a failure",
    )
    parser.add_argument(
        "--keep-alive",
        action="store_true",
        help="let the machines run on after a failure, until Ctrl-C or the time limit",
    )


def _add_options_of_checkpoints(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint",
        action="store_true",
        help="keep a checkpoint of all machines at the end of each subtest, for --resume",
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="=NAME",
        help="go on at the checkpoint NAME, or at the last one before a change of the script",
    )
    parser.add_argument(
        "--clock",
        choices=["kept", "now"],
        default="kept",
        help="what time it is in resumed guests: that of the checkpoint, or the host's",
    )


def with_values(arguments: list[str]) -> list[str]:
    """The command line with `--resume` as `--resume=`, since its value is optional.

    Otherwise argparse would take the next argument as the value.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = ["--resume=" if each == "--resume" else each for each in arguments[:end]]
    return [*options, *arguments[end:]]


def run_options(options: argparse.Namespace, output_directory: Path, label: str = "") -> RunOptions:
    """Converts parsed options; `label` is the name of the test, if it has one.

    Raises InputError for an invalid log level in the environment, and for options that exclude each
    other.
    """
    if options.keep_machine_state and (options.checkpoint or options.resume is not None):
        raise InputError("--keep-machine-state cannot be combined with --checkpoint or --resume")
    if options.log_level is not None and options.log_level not in LEVELS:
        raise InputError(f"the variable logLevel is {options.log_level!r}, not {', '.join(LEVELS)}")
    return RunOptions(
        output_directory=output_directory,
        keep_machine_state=options.keep_machine_state,
        interactive=bool(options.interactive),
        debug_hook_attach=options.debug_hook_attach,
        junit_xml=options.junit_xml,
        trace=options.trace or options.report,
        report=options.report,
        log_level=options.log_level,
        stream=options.stream,
        diagnosis=options.diagnosis,
        capture=options.capture,
        keep_alive=options.keep_alive,
        seed=options.seed,
        checkpoints=Wishes(options.checkpoint, options.resume, options.clock == "now", label),
    )


def writable_directory(path: Path) -> Path:
    """`path` as an absolute one. Raises InputError unless it is a folder that can be written to."""
    if not path.is_dir():
        raise InputError(f"{path} is not a directory")
    if not os.access(path, os.W_OK):
        raise InputError(f"{path} is not a writeable directory")
    if not is_utf8(path.resolve()):
        raise InputError(f"{ascii(str(path.resolve()))} is not UTF-8")
    return path.resolve()
