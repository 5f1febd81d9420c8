"""Attributes of upstream's objects that have a replacement here."""

from typing import Any, NoReturn


class Replaced:
    """A missing attribute: reading, calling and assigning it raise an error with the replacement.

    `hasattr` is false, as for any missing attribute.
    """

    def __init__(self, instead: str) -> None:
        self.instead = instead
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"{owner.__name__}.{name}"

    def _refuse(self) -> NoReturn:
        raise AttributeError(f"{self._name} is not available: {self.instead}")

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        self._refuse()

    def __set__(self, instance: object, value: object) -> None:
        self._refuse()
