"""`charioteer merge`: one result from those of shards or other suites."""

import argparse
from pathlib import Path

from charioteer.cli import test
from charioteer.suite import discovery
from charioteer.suite import merge as merging
from charioteer.suite.history import History


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand."""
    parser.epilog = test.STATUSES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "places", nargs="+", type=Path, metavar="RESULTS",
        help="a results.json, its folder, or a folder of such folders",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output-directory", type=Path, metavar="DIR",
        default=Path(discovery.OUTPUT) / "merged",
        help="where the merged results go (default: charioteer-out/merged)",
    )  # fmt: skip
    parser.add_argument(
        "--junit-xml", type=Path, metavar="FILE",
        help="write the JUnit report there (default: junit.xml in the output directory)",
    )  # fmt: skip
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help="add the runs that passed to this history"
    )  # fmt: skip
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Runs the subcommand. Raises InputError, BrokenPipeError."""
    if options.junit_xml is not None:
        test.require_folder_of(options.junit_xml)
    output = options.output_directory
    result = merging.merge(options.places, output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        status = test.conclude(result, output, options.junit_xml)
        if options.history is not None:
            merging.record(result, History(options.history))
    except OSError as error:
        return test.unwritable(error)
    return status
