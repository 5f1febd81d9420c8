"""Strict reading of TOML files. Each error is one line with the file, the key and what is expected."""

import datetime
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from charioteer.errors import InputError

_TYPE_NAMES = {
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a table",
    datetime.date: "a date",
}


def _describe(value: object) -> str:
    name = _TYPE_NAMES.get(type(value), "a date or time")
    return f"{name} ({value!r})" if isinstance(value, (bool, int, float, str)) else name


class Table:
    """One table of a TOML file. Keys are read one by one; `finish` reports those that were not.

    All functions raise InputError. A key without a default is required.
    """

    def __init__(self, file: Path, values: dict[str, Any], prefix: str = "") -> None:
        self.file = file
        self._values = values
        self._prefix = prefix
        self._known_keys: set[str] = set()

    @classmethod
    def load(cls, file: Path) -> "Table":
        """Reads `file`. Raises InputError when it is missing or not TOML."""
        try:
            return cls(file, tomllib.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InputError(f"{file}: no such file") from None
        except OSError as error:
            raise InputError(f"{file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise InputError(f"{file}: not UTF-8 text") from None
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{file}: not valid TOML: {error}") from None

    def fail(self, key: str, expected: str) -> NoReturn:
        raise InputError(f"{self.file}: {self._prefix}{key}: expected {expected}")

    def _value(self, key: str, kind: type, expected: str, default: Any) -> Any:
        self._known_keys.add(key)
        if key not in self._values:
            if default is None:
                raise InputError(f"{self.file}: {self._prefix}{key}: missing, expected {expected}")
            return default
        value = self._values[key]
        if type(value) is not kind:
            self.fail(key, f"{expected}, got {_describe(value)}")
        return value

    def keys(self) -> list[str]:
        return list(self._values)

    def string(self, key: str, default: str | None = None) -> str:
        value: str = self._value(key, str, "a string", default)
        return value

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """One of the strings `known`."""
        expected = f"one of {', '.join(known)}"
        value: str = self._value(key, str, expected, default)
        if value not in known:
            self.fail(key, f"{expected}, got {value!r}")
        return value

    def boolean(self, key: str, default: bool | None = None) -> bool:
        value: bool = self._value(key, bool, "true or false", default)
        return value

    def integer(
        self, key: str, minimum: int, maximum: int, unit: str = "", default: int | None = None
    ) -> int:
        """A whole number of `unit` between `minimum` and `maximum`, both included."""
        expected = f"a whole number{unit and f' of {unit}'} from {minimum} to {maximum}"
        value: int = self._value(key, int, expected, default)
        if not minimum <= value <= maximum:
            self.fail(key, f"{expected}, got {value}")
        return value

    def date(self, key: str) -> datetime.date:
        """A date of the calendar, without a time."""
        value: datetime.date = self._value(key, datetime.date, "a date as 2027-01-31", None)
        return value

    def strings(self, key: str, default: list[str] | None = None) -> list[str]:
        values: list[Any] = self._value(key, list, "a list of strings", default)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self.fail(f"{key}[{index}]", f"a string, got {_describe(value)}")
        return values

    def integers(
        self, key: str, minimum: int, maximum: int, default: list[int] | None = None
    ) -> list[int]:
        expected = f"whole numbers from {minimum} to {maximum}"
        values: list[Any] = self._value(key, list, f"a list of {expected}", default)
        for index, value in enumerate(values):
            if type(value) is not int or not minimum <= value <= maximum:
                self.fail(f"{key}[{index}]", f"{expected}, got {_describe(value)}")
        return values

    def table(self, key: str) -> "Table":
        values: dict[str, Any] = self._value(key, dict, "a table", {})
        return Table(self.file, values, f"{self._prefix}{key}.")

    def tables(self, key: str) -> "list[Table]":
        """The tables of `[[key]]`."""
        values: list[Any] = self._value(key, list, "a list of tables", [])
        for index, value in enumerate(values):
            if not isinstance(value, dict):
                self.fail(f"{key}[{index}]", f"a table, got {_describe(value)}")
        return [
            Table(self.file, value, f"{self._prefix}{key}[{index}].")
            for index, value in enumerate(values)
        ]

    def items(self) -> "Iterator[tuple[str, Table]]":
        """The names and values of this table, which are all tables, in the order of the file."""
        for key in self._values:
            self._value(key, dict, "a table", None)
            yield key, Table(self.file, self._values[key], f"{self._prefix}{key}.")

    def finish(self) -> None:
        """Raises InputError if there is a key that was not read."""
        for key in self._values:
            if key not in self._known_keys:
                known = ", ".join(sorted(self._known_keys))
                raise InputError(
                    f"{self.file}: {self._prefix}{key}: unknown key, expected one of {known}"
                )
