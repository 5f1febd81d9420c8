"""Man pages from the parsers of argparse."""

import argparse
import os
import re
import time


def subcommands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the subcommands by their names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def help_of_subcommands(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The line of help of each subcommand, by its name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {each.dest: each.help or "" for each in action._choices_actions}
    return {}


def man_page(parser: argparse.ArgumentParser, version: str, others: list[str]) -> str:
    """The man page of section 1. `others`: the programs that it refers to."""
    about = parser.description or ""
    # As the tools do that build packages, so that the page does not change with the day.
    now = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    date = time.strftime("%Y-%m-%d", now)
    name = _escaped(parser.prog.upper())
    lines = [
        f'.TH "{name}" "1" "{date}" "charioteer {version}" "User Commands"',
        ".SH NAME",
        f"{_escaped(parser.prog)} \\- {_escaped(_as_phrase(about))}",
        ".SH SYNOPSIS",
        *_synopsis(parser),
        ".SH DESCRIPTION",
        *_text(about),
        *_arguments(parser, ".SH OPTIONS"),
    ]
    if commands := _all_subcommands(parser):
        lines.append(".SH COMMANDS")
        for command, text in commands:
            lines += [f".SS {_escaped(command.prog)}", *_synopsis(command), ".PP", *_text(text)]
            lines += _arguments(command, "")
            lines += _epilog(command, is_subcommand=True)
    lines += _epilog(parser)
    if others:
        lines += [".SH SEE ALSO", ",\n".join(f".BR {_escaped(name)} (1)" for name in others)]
        lines[-1] = lines[-1].replace("(1),", "(1) ,")
    return "\n".join(lines) + "\n"


def _all_subcommands(
    parser: argparse.ArgumentParser,
) -> list[tuple[argparse.ArgumentParser, str]]:
    """The subcommands that have none of their own, with their help."""
    found: list[tuple[argparse.ArgumentParser, str]] = []
    helps = help_of_subcommands(parser)
    for name, command in subcommands_of(parser).items():
        inner = _all_subcommands(command)
        text = str(command.description or helps.get(name, ""))
        found += inner or [(command, text)]
    return found


def _synopsis(parser: argparse.ArgumentParser) -> list[str]:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    return [f".B {_escaped(parser.prog)}", _line(usage.removeprefix(parser.prog).strip())]


def _arguments(parser: argparse.ArgumentParser, heading: str) -> list[str]:
    """The arguments with their help, after `heading` if there are any."""
    formatter = parser._get_formatter()
    lines = []
    for action in parser._actions:
        is_hidden = action.help == argparse.SUPPRESS
        if is_hidden or isinstance(action, argparse._SubParsersAction):
            continue
        lines += [".TP", f"\\fB{_escaped(formatter._format_action_invocation(action))}\\fR"]
        lines += _text(formatter._expand_help(action) if action.help else "")
    return [heading, *lines] if lines and heading else lines


def _epilog(parser: argparse.ArgumentParser, is_subcommand: bool = False) -> list[str]:
    """The tables of exit statuses and variables, line by line; those of a program are sections."""
    lines = []
    for part in parser.epilog.split("\n\n") if parser.epilog else ():
        title, _, table = part.partition("\n")
        if is_subcommand:
            lines += [".PP", *_text(title.capitalize())]
        else:
            lines.append(f".SH {_escaped(title.removesuffix(':').upper())}")
        lines += [".nf", *(_line(line) for line in table.split("\n")), ".fi"]
    return lines


def _as_phrase(text: str) -> str:
    """The first sentence without its full stop, and with a small first letter."""
    first = re.split(r"[.:] ", text)[0].rstrip(".")
    return first[:1].lower() + first[1:]


def _text(text: str) -> list[str]:
    return [_line(line) for line in text.strip().split("\n") if line.strip()]


def _line(text: str) -> str:
    """A line of text; a dot or an apostrophe at its start would begin a request."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
