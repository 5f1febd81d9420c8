"""Text that came from a guest, made fit to be shown."""

import re
import unicodedata

# Control characters other than tab and newline would act on the reader's terminal.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# The same but for colours, which move and change nothing.
_CONTROLS_OR_COLOUR = re.compile(r"\x1b\[[0-9;:]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """`text` with its control characters shown as escapes, except for tabs and newlines."""
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\r\n", "\n"))


def harmless(text: str) -> str:
    """As `printable`, but colours stay: messages of a test script may have some."""
    return _CONTROLS_OR_COLOUR.sub(
        lambda match: match[0] if len(match[0]) > 1 else f"\\x{ord(match[0]):02x}",
        text.replace("\r\n", "\n"),
    )


def without_controls(text: str) -> str:
    """`text` without any character of a Unicode category that starts with C."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in text if unicodedata.category(char)[0] != "C")


def encodable(message: object) -> str:
    """`message` as text without what UTF-8 cannot hold: lone surrogates."""
    return str(message).encode(errors="ignore").decode()


def last_lines(text: str, count: int = 10) -> list[str]:
    """The last `count` lines of `text`, fit to be shown."""
    return printable(text.rstrip("\n")).split("\n")[-count:] if text.strip() else []
