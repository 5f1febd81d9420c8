"""`charioteer test`: runs all tests below folders, as many at once as the host allows."""

import argparse
import os
import sys
from datetime import date
from pathlib import Path

from charioteer.errors import InputError, text_of
from charioteer.style import Style, style_for
from charioteer.suite import discovery, history, host, progress, quarantine, reports, results, shard
from charioteer.suite.demand import Demand, declared
from charioteer.suite.interruption import Interruptions
from charioteer.suite.ledger import Ledger
from charioteer.suite.results import INFRASTRUCTURE_STATUS, ShardOf, SuiteResult
from charioteer.suite.runner import Options, Runner
from charioteer.suite.summary import lines_of

STATUSES = """\
exit status:
  0    all tests passed; some may have needed another attempt (flaky)
  1    a test failed
  2    wrong use: the message names the file, the key and what was expected
  75   no test failed, but some have no result: the host, the driver or an image
       failed, or results could not be written
  130  Ctrl-C
  141  the output pipe was closed early
  143  SIGTERM"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand."""
    parser.epilog = STATUSES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "places", nargs="+", type=Path, metavar="DIR", help="a folder with tests, or a cluster file"
    )
    parser.add_argument(
        "-o", "--output-directory", type=Path, metavar="DIR",
        help="where results and artefacts go (default: charioteer-out/suite, or shard-I-of-N)",
    )  # fmt: skip
    _add_limits(parser)
    parser.add_argument(
        "--repeat", type=_count, default=1, metavar="N", help="run each test N times (default: 1)"
    )
    parser.add_argument(
        "--until-fail", action="store_true", help="start no test after a failure that counts"
    )
    parser.add_argument(
        "--retry", type=_count, default=0, metavar="N",
        help="run a test that did not pass up to N times more",
    )  # fmt: skip
    parser.add_argument(
        "--quarantine", type=Path, metavar="FILE",
        help="a TOML file of tests whose failures do not count until a date",
    )  # fmt: skip
    parser.add_argument(
        "--shard", metavar="I/N",
        help="run the part I of N, counted from 1; auto: by the variables of Slurm or Bazel; "
        "auto/N: by those of Kubernetes",
    )  # fmt: skip
    parser.add_argument(
        "--history", type=Path, metavar="FILE",
        help="the history of runs (default: one for the working directory, in the cache)",
    )  # fmt: skip
    parser.add_argument(
        "--junit-xml", type=Path, metavar="FILE",
        help="write the JUnit report there (default: junit.xml in the output directory)",
    )  # fmt: skip
    parser.set_defaults(execute=execute)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-j", "--jobs", type=_count, metavar="N",
        help="run at most N tests at once (default: as many as memory and processors allow)",
    )  # fmt: skip
    parser.add_argument(
        "--memory", type=_count, metavar="MB",
        help="what all tests may take together (default: the free memory of the host)",
    )  # fmt: skip
    parser.add_argument(
        "--processors", type=_count, metavar="N",
        help="what all tests may use together (default: those of the host)",
    )  # fmt: skip


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def execute(options: argparse.Namespace) -> int:
    """Runs the subcommand. Raises InputError, BrokenPipeError, KeyboardInterrupt, SystemExit."""
    if options.junit_xml is not None:
        require_folder_of(options.junit_xml)
    part = shard.parse(options.shard, os.environ) if options.shard else None
    output = options.output_directory or Path(discovery.OUTPUT) / _folder(part)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with results.owned(output):
            # Also when no test starts: the results could be merged as those of this suite.
            reports.remove(output)
            return _run(options, part, output)
    except OSError as error:
        return unwritable(error)


def _run(options: argparse.Namespace, part: shard.Shard | None, output: Path) -> int:
    """Finds and runs the tests; returns the exit status."""
    cases = discovery.find(options.places)
    quarantined = quarantine.load(options.quarantine, date.today()) if options.quarantine else {}
    records = history.History(options.history or history.default_file())
    shard_of = None
    if part is not None:
        cases, shard_of = _part_of(cases, part, records if options.history else None)
        shard.acknowledge(os.environ)
    chosen = Options(
        output=output,
        repeat=options.repeat,
        until_fail=options.until_fail,
        retry=options.retry,
        most_at_once=options.jobs,
        # Otherwise shards that start later would divide the tests in another way.
        records=part is None or options.history is None,
        quarantine=quarantined,
        shard=shard_of,
    )
    ledger = Ledger()
    capacity = _capacity(options, ledger)
    with Interruptions() as interruptions:
        shown = progress.make()
        runner = Runner(cases, chosen, capacity, ledger, records, shown, interruptions)
        results.write(runner.result(), output)
        try:
            with shown:
                result = runner.run()
        except (KeyboardInterrupt, SystemExit):
            conclude(runner.result(), output, options.junit_xml)
            raise
        return conclude(result, output, options.junit_xml)


def _folder(part: shard.Shard | None) -> str:
    """Of the results: shards may share a disk."""
    return "suite" if part is None else f"shard-{part.index}-of-{part.count}"


def _part_of(
    cases: list[discovery.Case], part: shard.Shard, records: history.History | None
) -> tuple[list[discovery.Case], ShardOf]:
    """The tests of a shard. `records`: the history with the durations; None: by names only."""
    seconds = {
        each.name: records.estimate(each.name, declared(each.cluster)).seconds if records else None
        for each in cases
    }
    parts = shard.partition(seconds, part.count)
    own = set(parts[part.index - 1])
    chosen = [each for each in cases if each.name in own]
    return chosen, ShardOf(part.index, part.count, shard.digest(parts))


def _capacity(options: argparse.Namespace, ledger: Ledger) -> Demand:
    found = host.capacity(ledger)
    memory = found.memory if options.memory is None else options.memory
    return Demand(memory, options.processors or found.processors)


def conclude(result: SuiteResult, output: Path, junit_xml: Path | None) -> int:
    """Writes the files of a suite and prints its summary; returns the exit status. Raises OSError."""
    reports.write(result, output, junit_xml)
    style = style_for()
    if not sys.stdout.isatty():
        style = Style(False, style.symbols)
    for line in lines_of(result, output, style):
        print(line)
    print(f"results are in {output}", flush=True)
    return result.status


def require_folder_of(junit_xml: Path) -> None:
    """Raises InputError if the JUnit report could not be written at the end."""
    if not junit_xml.absolute().parent.is_dir():
        raise InputError(f"--junit-xml {junit_xml}: there is no folder {junit_xml.parent}")


def unwritable(error: OSError) -> int:
    """Reports that results could not be written; returns the exit status.

    Raises BrokenPipeError, if it is one: the standard output has no reader any more.
    """
    if isinstance(error, BrokenPipeError):
        raise error
    print(f"charioteer: error: {text_of(error)}", file=sys.stderr)
    return INFRASTRUCTURE_STATUS
