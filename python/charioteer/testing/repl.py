"""The prompt of interactive runs."""

import os
import sys
from typing import Any

from charioteer.testing.logger import AbstractLogger

HISTORY = ".nixos-test-history"
"""In the folder where the driver was started."""


def run(symbols: dict[str, Any], logger: AbstractLogger) -> None:
    """Reads and runs Python code, until Ctrl-D.

    Uses ptpython, with IPython if it is installed; without a terminal or without ptpython, Python's
    own prompt. `logger` gives up the terminal meanwhile.
    """
    with logger.lend_terminal():
        _run(symbols)


def _run(symbols: dict[str, Any]) -> None:
    if not sys.stdin.isatty():
        _plain(symbols)
        return
    history = os.path.join(os.getcwd(), HISTORY)
    try:
        from ptpython.ipython import embed as embed_ipython
    except ImportError:
        pass
    else:
        embed_ipython(  # type: ignore[no-untyped-call]
            user_ns=symbols, history_filename=history, configure=_use_plain_prompt
        )
        return
    try:
        from ptpython.repl import embed
    except ImportError:
        _plain(symbols, history)
    else:
        embed(symbols, symbols, history_filename=history)


def _use_plain_prompt(prompt: Any) -> None:
    """Sets Python's prompt `>>> `, which test authors know, for IPython's syntax.

    Under IPython ptpython takes the style of that name, whatever its configuration says.
    """
    styles = prompt.all_prompt_styles
    styles["ipython"] = styles["classic"]


def _plain(symbols: dict[str, Any], history: str | None = None) -> None:
    import code

    if history is not None:
        _use_readline(symbols, history)
    code.interact(banner="", local=symbols, exitmsg="")


def _use_readline(symbols: dict[str, Any], history: str) -> None:
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    import atexit

    readline.set_completer(rlcompleter.Completer(symbols).complete)
    readline.parse_and_bind("tab: complete")
    try:
        readline.read_history_file(history)
    except OSError:
        pass  # the first time
    atexit.register(readline.write_history_file, history)
