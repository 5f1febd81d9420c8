"""The lines of the serial console as they arrive, and the search for a pattern in them."""

import queue
import re
import threading
from collections import deque

from charioteer import _core as core

# Characters up to which the whole text is searched each time.
_WHOLE = 256 * 1024
# In a longer text, new lines are searched together with this many characters before them.
_TAIL = 64 * 1024


class ConsoleText:
    """Lines joined without newlines, as one text.

    A long text is searched as a whole only after it has grown by a quarter, since the time of a
    search grows with the text.
    """

    mark: core.ConsoleMark | None = None
    """The position up to which an unterminated line was searched."""

    def __init__(self, regex: str) -> None:
        self._pattern = re.compile(regex)
        self._text = ""
        self._searched = 0

    def add(self, lines: list[str]) -> bool:
        """Adds lines; returns whether the pattern matches near the end or, at times, anywhere."""
        added = "".join(lines)
        self._text += added
        if _WHOLE < len(self._text) < self._searched * 5 // 4:
            begin = max(0, len(self._text) - len(added) - _TAIL)
            return bool(self._pattern.search(self._text, begin))
        return self.search()

    def matches_with(self, rest: str) -> bool:
        """Whether the pattern matches the text followed by `rest`, which is not added."""
        begin = max(0, len(self._text) - _TAIL) if len(self._text) > _WHOLE else 0
        return bool(rest) and bool(self._pattern.search(self._text[begin:] + rest))

    def search(self) -> bool:
        """Whether the pattern matches anywhere in the text."""
        if self._searched == len(self._text) > 0:
            return False
        self._searched = len(self._text)
        return bool(self._pattern.search(self._text))


class ConsoleLines:
    """`machine.last_lines`: a queue of the unread lines, with the interface of queue.Queue.

    Thread-safe.
    """

    def __init__(self, machine: core.Machine) -> None:
        self._machine = machine
        self._lines: deque[str] = deque()
        self._lock = threading.Lock()

    def take(self, timeout: float | None) -> list[str]:
        """Waits for at least one line; returns all. Raises TimeoutError after `timeout` seconds."""
        with self._lock:
            if self._lines:
                taken = list(self._lines)
                self._lines.clear()
                return taken
        return self._machine.next_console_lines(timeout)

    def add_to(self, text: ConsoleText, timeout: float | None) -> bool:
        """Waits for lines and adds them to `text`; returns whether it matches.

        An unterminated last line is considered after a second without output, and consumed only if
        the text matches with it: the next call gets the rest of it. Raises TimeoutError after
        `timeout` seconds.
        """
        with self._lock:
            lines = list(self._lines)
            self._lines.clear()
        if lines:
            return text.add(lines)
        received = self._machine.next_console_text(timeout, text.mark)
        text.mark = received.mark
        if received.lines and text.add(received.lines):
            return True
        if not text.matches_with(received.rest):
            return False
        self._machine.consume_console_rest(received.mark)
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
        """The oldest line, without waiting. Raises queue.Empty."""
        return self.get(block=False)

    def qsize(self) -> int:
        """The number of unread lines."""
        try:
            lines = self.take(0.0)
        except TimeoutError:
            return 0
        with self._lock:
            self._lines.extendleft(reversed(lines))
        return len(lines)

    def empty(self) -> bool:
        return self.qsize() == 0
