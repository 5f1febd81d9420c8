"""Completion for shells from the parsers of argparse.

Options, their choices and subcommands are completed; other arguments are completed as files.
"""

import argparse
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from man_page import help_of_subcommands, subcommands_of

FILES = {"bash": "bash/{}", "zsh": "zsh/_{}", "fish": "fish/{}.fish"}
"""Where a shell expects the completion of a program, by the shell."""


def has_options(parser: argparse.ArgumentParser) -> bool:
    """Whether there is anything to complete."""
    return bool(parser._actions)


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion of a program for one of the shells in FILES."""
    return "\n".join(_MAKERS[shell](parser)) + "\n"


def _levels(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """All parsers, each with the words of its subcommand."""
    yield words, parser
    for name, command in subcommands_of(parser).items():
        yield from _levels(command, (*words, name))


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [
        each for each in parser._actions if each.option_strings and each.help != argparse.SUPPRESS
    ]


def _has_value(action: argparse.Action) -> bool:
    """Whether the next word is its value; an optional one is given by `=`."""
    return action.nargs not in (0, "?")


def _about(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _identifier(program: str, words: tuple[str, ...] = ()) -> str:
    """The name of a shell function."""
    return "_".join(["", program.replace("-", "_"), *words])


# bash


def _bash(parser: argparse.ArgumentParser) -> Iterator[str]:
    name = _identifier(parser.prog)
    yield f"""# bash completion of {parser.prog}
{name}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command= words= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command ${{COMP_WORDS[i]}}" in"""
    keys = ["".join(f" {word}" for word in words) for words, _ in _levels(parser) if words]
    yield "            " + " | ".join(map(shlex.quote, keys or ["no command"])) + ")"
    yield '                command="$command ${COMP_WORDS[i]}" ;;'
    yield '        esac\n    done\n    case "$command $before" in'
    for words, level in _levels(parser):
        key = "".join(f" {word}" for word in words)
        for action in filter(_has_value, _options(level)):
            pattern = " | ".join(shlex.quote(f"{key} {each}") for each in action.option_strings)
            choices = " ".join(map(str, action.choices or ()))
            reply = f'COMPREPLY=($(compgen -W {shlex.quote(choices)} -- "$word"))'
            yield f"        {pattern}) {reply if choices else 'COMPREPLY=()'}; return ;;"
    yield '    esac\n    case "$command" in'
    for words, level in _levels(parser):
        options = " ".join(each for action in _options(level) for each in action.option_strings)
        commands = " ".join(subcommands_of(level))
        key = shlex.quote("".join(f" {word}" for word in words))
        yield f"        {key}) words={shlex.quote(commands)}"
        yield f"            [[ $word != -* ]] || words={shlex.quote(options)} ;;"
    yield '    esac\n    COMPREPLY=($(compgen -W "$words" -- "$word"))\n}'
    yield f"complete -o bashdefault -o default -F {name} {parser.prog}"


# zsh


def _zsh(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"#compdef {parser.prog}"
    for words, level in reversed(list(_levels(parser))):
        yield from _zsh_function(parser.prog, words, level)
    yield f'{_identifier(parser.prog)} "$@"'


def _zsh_function(
    program: str, words: tuple[str, ...], parser: argparse.ArgumentParser
) -> Iterator[str]:
    commands = subcommands_of(parser)
    yield f"\n{_identifier(program, words)}() {{"
    if commands:
        yield "    local line state"
    yield "    _arguments -s -C \\"
    for action in _options(parser):
        yield f"        {_zsh_option(parser, action)} \\"
    if not commands:
        yield "        '*:file:_files'\n}"
        return
    yield "        '1:command:->command' '*::argument:->argument'"
    helps = help_of_subcommands(parser)
    yield "    case $state in\n        command)\n            local -a commands=("
    for name in commands:
        about = helps.get(name, "").replace(":", "\\:")
        yield f"                {shlex.quote(f'{name}:{about}')}"
    yield "            )\n            _describe command commands ;;"
    yield "        argument)\n            case $line[1] in"
    for name in commands:
        yield f"                {name}) {_identifier(program, (*words, name))} ;;"
    yield "            esac ;;\n    esac\n}"


def _zsh_option(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    about = _about(parser, action)
    for character in "\\[]:":
        about = about.replace(character, f"\\{character}")
    value = ""
    if action.choices is not None:
        value = f":value:({' '.join(map(str, action.choices))})"
    elif _has_value(action):
        value = ":value:_files" if action.type is Path else ":value: "
    names = action.option_strings
    excluded = f"({' '.join(names)})"
    quoted = [shlex.quote(f"{excluded}{name}[{about}]{value}") for name in names]
    return " ".join(quoted)


# fish


def _fish(parser: argparse.ArgumentParser) -> Iterator[str]:
    begin = f"complete -c {parser.prog}"
    for words, level in _levels(parser):
        seen = [f"__fish_seen_subcommand_from {word}" for word in words]
        commands = subcommands_of(level)
        helps = help_of_subcommands(level)
        here = _condition([*seen, f"not __fish_seen_subcommand_from {' '.join(commands)}"])
        for name in commands:
            yield f"{begin}{here} -f -a {name} -d {_quoted(helps.get(name, ''))}"
        for action in _options(level):
            text = _fish_option(action)
            yield f"{begin}{_condition(seen)}{text} -d {_quoted(_about(level, action))}"


def _condition(parts: list[str]) -> str:
    return f" -n {_quoted('; and '.join(parts))}" if parts else ""


def _quoted(text: str) -> str:
    """As a word of fish, whose quotes allow two escapes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fish_option(action: argparse.Action) -> str:
    text = ""
    for name in action.option_strings:
        text += f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}"
    if action.choices is not None:
        text += f" -x -a {_quoted(' '.join(map(str, action.choices)))}"
    elif _has_value(action):
        text += " -r" if action.type is Path else " -x"
    return text


_MAKERS: dict[str, Callable[[argparse.ArgumentParser], Iterator[str]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}
