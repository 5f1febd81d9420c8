"""The lines of the serial console as they come, and looking for a pattern in them."""

import queue
import re
import threading
from collections import deque

from charioteer import _core as core

# Up to this length all of the text is searched each time.
_WHOLE = 256 * 1024
# Beyond, each new piece is searched together with this much before it.
_TAIL = 64 * 1024


class ConsoleText:
    """Lines joined without newlines, as one text.

    A long text is searched as a whole only now and then, or the search would take ever longer.
    """

    mark: core.ConsoleMark | None = None
    """Up to where the line without an end was searched."""

    def __init__(self, regex: str) -> None:
        self._pattern = re.compile(regex)
        self._text = ""
        self._searched = 0

    def add(self, lines: list[str]) -> bool:
        """Adds lines; whether the pattern is found near the end of the text or, at times, in it."""
        added = "".join(lines)
        self._text += added
        if _WHOLE < len(self._text) < self._searched * 5 // 4:
            begin = max(0, len(self._text) - len(added) - _TAIL)
            return bool(self._pattern.search(self._text, begin))
        return self.search()

    def goes_on(self, rest: str) -> bool:
        """Whether the pattern is found when `rest`, which is not added, follows the text."""
        begin = max(0, len(self._text) - _TAIL) if len(self._text) > _WHOLE else 0
        return bool(rest) and bool(self._pattern.search(self._text[begin:] + rest))

    def search(self) -> bool:
        """Whether the pattern is found in the whole text."""
        if self._searched == len(self._text) > 0:
            return False
        self._searched = len(self._text)
        return bool(self._pattern.search(self._text))


class ConsoleLines:
    """`machine.last_lines`: a queue of the lines that were not taken yet, much like queue.Queue.

    Thread-safe.
    """

    def __init__(self, machine: core.Machine) -> None:
        self._machine = machine
        self._lines: deque[str] = deque()
        self._lock = threading.Lock()

    def take(self, timeout: float | None) -> list[str]:
        """All lines that are there, at least one. Raises TimeoutError after `timeout` seconds."""
        with self._lock:
            if self._lines:
                taken = list(self._lines)
                self._lines.clear()
                return taken
        return self._machine.next_console_lines(timeout)

    def add_to(self, text: ConsoleText, timeout: float | None) -> bool:
        """Takes what is there, or comes; whether `text` then matches.

        A last line without an end is looked at once nothing has followed for a second, and is taken
        only when it makes the text match: the next call gets what follows in it. Raises
        TimeoutError after `timeout` seconds.
        """
        with self._lock:
            lines = list(self._lines)
            self._lines.clear()
        if lines:
            return text.add(lines)
        came = self._machine.next_console_text(timeout, text.mark)
        text.mark = came.mark
        if came.lines and text.add(came.lines):
            return True
        if not text.goes_on(came.rest):
            return False
        self._machine.take_console_rest(came.mark)
        return True

    def get(self, block: bool = True, timeout: float | None = None) -> str:
        """The oldest line. Raises queue.Empty."""
        try:
            first, *others = self.take(timeout if block else 0.0)
        except TimeoutError:
            raise queue.Empty from None
        with self._lock:
            self._lines.extendleft(reversed(others))
        return first

    def get_nowait(self) -> str:
        """The oldest line that is there. Raises queue.Empty."""
        return self.get(block=False)

    def qsize(self) -> int:
        """How many lines are there."""
        try:
            lines = self.take(0.0)
        except TimeoutError:
            return 0
        with self._lock:
            self._lines.extendleft(reversed(lines))
        return len(lines)

    def empty(self) -> bool:
        return self.qsize() == 0
