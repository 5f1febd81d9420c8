"""Looking for a pattern in console output as it grows."""

import re

# Up to this length all of the text is searched each time.
_WHOLE = 256 * 1024
# Beyond, each new piece is searched together with this much before it.
_TAIL = 64 * 1024


class ConsoleText:
    """Lines joined without newlines, as one text.

    A long text is searched as a whole only now and then, or the search would take ever longer.
    """

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

    def search(self) -> bool:
        """Whether the pattern is found in the whole text."""
        if self._searched == len(self._text) > 0:
            return False
        self._searched = len(self._text)
        return bool(self._pattern.search(self._text))
