"""Text that came from a guest, made fit to be shown."""

import re
import unicodedata

# Control characters other than tab and newline would act on the reader's terminal.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """`text` with its control characters shown as escapes, except for tabs and newlines."""
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\r\n", "\n"))


def without_controls(text: str) -> str:
    """`text` without any character of a Unicode category that starts with C."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in text if unicodedata.category(char)[0] != "C")


def xml_text(text: str) -> str:
    """`text` without the characters that no XML document may hold."""
    return _NOT_XML.sub("", text)


def last_lines(text: str, count: int = 10) -> list[str]:
    """The last `count` lines of `text`, fit to be shown."""
    return printable(text.rstrip("\n")).split("\n")[-count:] if text.strip() else []
