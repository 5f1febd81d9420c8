"""Escapes text from guests, so that it can be shown on a terminal."""

import re
import unicodedata

# Control characters, except tab and newline, would control the user's terminal.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# The same, except for colours, which are harmless.
_CONTROLS_OR_COLOUR = re.compile(r"\x1b\[[0-9;:]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """`text` with its control characters shown as escapes, except for tabs and newlines."""
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\r\n", "\n"))


def harmless(text: str) -> str:
    """As `printable`, but keeps colours, which messages of test scripts may contain."""
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
    """`message` as text without lone surrogates, which UTF-8 cannot encode."""
    return str(message).encode(errors="ignore").decode()


def last_lines(text: str, count: int = 10) -> list[str]:
    """The last `count` lines of `text`, escaped for the terminal."""
    return printable(text.rstrip("\n")).split("\n")[-count:] if text.strip() else []
