"""`charioteer trace`: converts the trace of a run, or answers a query of it."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from charioteer.report import page
from charioteer.report.files import PAGE
from charioteer.trace import chrome, junit, otlp, query, records, text

_HTML = "html"
_FORMATS: dict[str, Callable[[records.Trace], str]] = {
    "chrome": lambda trace: json.dumps(chrome.convert(trace)) + "\n",
    "otlp": lambda trace: json.dumps(otlp.convert(trace)) + "\n",
    "junit": lambda trace: junit.convert(trace) + "\n",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand."""
    parser.add_argument(
        "run", type=Path, metavar="DIR", help="the output directory of a run, or its trace"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--format",
        choices=[*_FORMATS, _HTML],
        help="convert it: chrome opens in Perfetto, otlp is for OpenTelemetry, junit for CI, "
        f"html is the page of the run (default of -o then: {PAGE} beside the trace)",
    )
    what.add_argument(
        "--query",
        metavar="QUERY",
        default="status",
        help="status, error, steps, log or events, then filters, as in "
        "'log machine=web from=1.5 to=9 match=sshd last=50' (default: status)",
    )
    parser.add_argument("--json", action="store_true", help="answer the query in JSON")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write there (default: standard output)"
    )
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Runs the subcommand. Raises InputError, OSError."""
    if options.format == _HTML:
        folder = options.run if options.run.is_dir() else options.run.parent
        print(page.write(options.run, options.output or folder / PAGE))
        return 0
    trace = records.load(options.run)
    if options.format is not None:
        result = _FORMATS[options.format](trace)
    else:
        answer = query.answer(trace, query.parse(options.query))
        lines = [json.dumps(answer, indent=1)] if options.json else text.lines_of(answer)
        result = "".join(f"{line}\n" for line in lines)
    if options.output is None:
        sys.stdout.write(result)
    else:
        options.output.write_text(result, encoding="utf-8")
    return 0
