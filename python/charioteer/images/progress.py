"""Progress of long steps: on a terminal one line that is updated, elsewhere a line for each change."""

import os
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

from charioteer.style import can_redraw, duration, elapsed, style_for

_TIME = 8
"""Columns of the duration, as in the lines of a run."""


class Step:
    """A long step, from entering the context to leaving it.

    `with Step("image of debian") as step: step.show("packages")`
    """

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty() and can_redraw()
        self._style = style_for()
        self._detail = ""
        self._start = time.monotonic()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def show(self, detail: str) -> None:
        """Shows what the step is doing."""
        self._detail = detail
        if self._terminal:
            self._draw()
        else:
            self._line(f"{self._what}: {detail}")

    def __enter__(self) -> "Step":
        if self._terminal:
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        outcome = "done" if error is None else "failed"
        if not self._terminal:
            self._line(f"{self._what}: {outcome} after {self._elapsed():.1f} s")
            return
        self._ended.set()
        self._ticker.join()
        style = self._style
        if error is None:
            symbol, text = style.paint(style.symbols.passed, "good"), self._what
        else:
            symbol = style.paint(style.symbols.failed, "bad")
            text = f"{self._what}: failed" + (f" at {self._detail}" if self._detail else "")
        took = style.paint(f"{duration(self._elapsed()):>{_TIME}}", "dim")
        self._line(f"\r\x1b[K{symbol} {took}  {text}")

    def _elapsed(self) -> float:
        return time.monotonic() - self._start

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def _draw(self) -> None:
        style = self._style
        took = f"{elapsed(self._elapsed()):>{_TIME}}"
        room = self._columns() - _TIME - 7 - style.width(self._what)
        detail = style.fit(self._detail, room) if room > 0 else ""
        symbol = style.paint(style.symbols.starting, "warning")
        line = f"{symbol} {style.paint(took, 'dim')}  {self._what}  {style.paint(detail, 'busy')}"
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            return 80

    def _tick(self) -> None:
        while not self._ended.wait(1.0):
            self._draw()
