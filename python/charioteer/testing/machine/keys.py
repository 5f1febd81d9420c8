"""Characters and the keys that type them."""

import string

from charioteer import _core as core

CHAR_TO_KEY: dict[str, str] = {
    char: key for char in string.printable if (key := core.key_name(char)) != char
}
"""QEMU's keys for the characters that are not themselves names of keys. Scripts may change it, for
example for another keyboard layout."""
