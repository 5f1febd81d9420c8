"""Texts by which programs name the cause of an error: those of Linux's errors, mostly."""

import errno
import os
import re
from collections.abc import Iterable

# Such as "No such device".
_ERRORS = "|".join(re.escape(os.strerror(number)) for number in errno.errorcode)

# By how much they explain; the first that matches counts.
_SYMPTOMS = [
    re.compile(each, re.IGNORECASE)
    for each in (
        r"no space left on device",
        r"read-only file ?system",
        r"too many open files",
        r"cannot allocate memory|out of memory|oom-kill",
        r"address already in use",
        r"certificate .*(?:expired|not yet valid)|not yet valid|certificate has expired",
        r"could not resolve|name or service not known|temporary failure in name resolution"
        r"|bad address '|name resolution|no such host|unknown host",
        r"no route to host|network is unreachable|destination host unreachable",
        r"exec format error|bad interpreter|command not found|failed to locate executable",
        r"unprotected private key|permissions .* too open|bad permissions",
        r"failed to load environment files|no such file or directory|does not exist",
        r"permission denied|operation not permitted|access denied",
        r"message too long|frag(?:mentation)? needed",
        r"connection refused|connection reset|connection timed out|timed out",
        r"segmentation fault|core dumped|aborted|killed",
        _ERRORS + r"|\bnot found\b",
        r"\b(?:fatal|panic|error|failed|cannot|can't|unable to|invalid|exception|traceback)\b",
    )
]
_NONE = len(_SYMPTOMS)
_GENERAL = _NONE - 1


def strength(line: str) -> int:
    """0 for the most telling kind of line; a line without any symptom has the largest number."""
    return next((at for at, each in enumerate(_SYMPTOMS) if each.search(line)), _NONE)


def names_cause(line: str) -> bool:
    """Whether the line has one of the definite texts."""
    return strength(line) < _GENERAL


def most_telling(lines: Iterable[str]) -> str:
    """The line that explains most; of equal ones the first, or the last if none explains anything."""
    given = [each.strip() for each in lines if each.strip()]
    best = min(given, key=strength, default="")
    return best if strength(best) < _NONE or not given else given[-1]
