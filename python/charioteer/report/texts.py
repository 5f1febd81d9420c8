"""Texts of guests, as the page shows them."""

import re

# Escape sequences of terminals (colours, titles, movements), and other control characters.
_NOT_SHOWN = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def shown(text: str) -> str:
    """`text` without what controls a terminal; tabs and line ends are kept."""
    return text if text.isprintable() else _NOT_SHOWN.sub("", text)


def without_kind(error: str) -> str:
    """An error without the name of its class, where that only means that the test failed."""
    return re.sub(r"^(?:RequestedAssertionFailed|MachineError): ", "", error)
