"""Progress of long steps: on a terminal one line that is updated, elsewhere a line for each change."""

import sys
import threading
import time
from types import TracebackType
from typing import TextIO


class Step:
    """A long step, from entering the context to leaving it.

    `with Step("image of debian") as step: step.show("packages")`
    """

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
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
        if self._terminal:
            self._ended.set()
            self._ticker.join()
            self._stream.write("\r\x1b[K")
        outcome = "done" if error is None else "failed"
        self._line(f"{self._what}: {outcome} after {self._elapsed():.1f} s")

    def _elapsed(self) -> float:
        return time.monotonic() - self._start

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def _draw(self) -> None:
        self._stream.write(f"\r\x1b[K{self._what}: {self._detail} ({self._elapsed():.0f} s)")
        self._stream.flush()

    def _tick(self) -> None:
        while not self._ended.wait(1.0):
            self._draw()
