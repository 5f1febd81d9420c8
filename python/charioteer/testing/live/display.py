"""Draws the live view on the terminal, while a run lasts."""

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from charioteer.style import Style
from charioteer.testing import forked
from charioteer.testing.live.input import suspending_input
from charioteer.testing.live.logger import LiveLogger
from charioteer.testing.live.view import View

_INTERVAL = 0.1
"""Seconds between two drawings, at least."""


class Display:
    """Within `with display:` the region of the view is at the bottom of the terminal.

    It is drawn by a thread of its own. The main thread enters and leaves it.
    """

    def __init__(self, logger: LiveLogger, style: Style, collect: Callable[[], None]) -> None:
        """`collect` passes the events of the core to the loggers."""
        self._logger = logger
        self._view = View(style)
        self._collect = collect
        # Standard error becomes a pipe.
        self._terminal = os.dup(2)
        self._lock = threading.RLock()
        self._suspensions = 1
        self._ended = threading.Event()
        self._drawer = threading.Thread(target=self._run, name="live view", daemon=True)
        forked.on_child(self, Display._enter_child)

    def __enter__(self) -> "Display":
        self._update_width()
        self._resume()
        self._logger.lend = self.lent
        self._stop_handler: Any = signal.getsignal(signal.SIGTSTP)
        if self._stop_handler == signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, self._stop)
        self._drawer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._drawer.join()
        signal.signal(signal.SIGTSTP, self._stop_handler)
        self._collect()
        self._logger.lend = None
        self._logger.finish()
        if self._suspensions == 0:
            self._suspend()
        os.close(self._terminal)

    def show_summary(self) -> None:
        """Writes the summary of a run that has passed; to be called before the end."""
        columns, _ = self._update_width()
        for line in self._view.summary(self._logger.model, columns):
            self._logger.reporter.write(line)

    # Drawing

    def _run(self) -> None:
        shown: object = None
        while not self._ended.wait(_INTERVAL):
            self._collect()
            model = self._logger.model
            size = self._update_width()
            # Times are shown in seconds.
            state = (model.version, size, int(model.now() - model.begin), self._is_in_foreground())
            if state != shown and self._draw(*size):
                shown = state

    def _draw(self, columns: int, rows: int) -> bool:
        in_foreground = self._is_in_foreground()
        lines = self._view.region(self._logger.model, columns, rows) if in_foreground else []
        with self._lock:
            if self._suspensions:
                return False
            self._logger.reporter.show(lines)
            return True

    def _update_width(self) -> tuple[int, int]:
        """Columns and rows of the terminal now; lines are made for them from now on."""
        try:
            columns, rows = os.get_terminal_size(self._terminal)
        except OSError:
            columns, rows = 80, 24
        if columns <= 0 or rows <= 0:
            columns, rows = 80, 24
        self._logger.lines.width = None if self._logger.verbose else columns
        return columns, rows

    def _is_in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:
            return True

    # Suspension

    @contextmanager
    def suspended(self) -> Generator[None, None, None]:
        """Within the block the region is not shown, and the standard streams are the terminal."""
        with self._lock:
            self._suspensions += 1
            if self._suspensions == 1:
                self._suspend()
        try:
            yield
        finally:
            with self._lock:
                if self._suspensions == 1:
                    self._resume()
                else:
                    self._suspensions -= 1

    def _suspend(self) -> None:
        self._logger.reporter.show([])
        self._logger.reporter.capture(False)

    def _resume(self) -> None:
        self._logger.reporter.capture(True)
        self._suspensions = 0

    @contextmanager
    def lent(self) -> Generator[None, None, None]:
        """As `suspended`, and the log shows consoles as without a live view."""
        reporter = self._logger.reporter
        with self.suspended():
            before, reporter.consoles = reporter.consoles, True
            try:
                yield
            finally:
                reporter.consoles = before

    @contextmanager
    def silent(self) -> Generator[None, None, None]:
        """As `suspended`, and lines of the log wait for the end of the block."""
        reporter = self._logger.reporter
        with self.suspended():
            before = reporter.held
            reporter.flush()
            reporter.held = True
            try:
                yield
            finally:
                reporter.held = before

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: stops the process as without a view."""
        with self.suspended():
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTSTP)
            # Here the process stops, until it is continued.
            signal.signal(signal.SIGTSTP, self._stop)

    def _enter_child(self) -> None:
        """In a forked child: there is no drawer, and standard error is the parent's pipe."""
        self._lock = threading.RLock()
        self._suspensions = 1
        self._logger.lend = None
        signal.signal(signal.SIGTSTP, self._stop_handler)


@contextmanager
def shown(display: Display) -> Generator[None, None, None]:
    """Within the block the view is shown, and standard input suspends it."""
    with display, suspending_input(display.silent):
        yield
