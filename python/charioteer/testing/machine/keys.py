"""Characters and the keys that type them."""

import string

from charioteer import _core as core

CHAR_TO_KEY: dict[str, str] = {
    char: key for char in string.printable if (key := core.key_name(char)) != char
}
"""What QEMU calls the keys for characters that are no names of keys. Scripts may change it, as for
another layout of the keyboard."""
