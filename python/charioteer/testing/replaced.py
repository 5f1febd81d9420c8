"""Attributes of upstream's objects for which there is another way here."""

from typing import Any, NoReturn


class Replaced:
    """In the place of an attribute: reading, calling and assigning it say what to use instead.

    `hasattr` is false of it, as of anything that is not there.
    """

    def __init__(self, instead: str) -> None:
        self.instead = instead
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"{owner.__name__}.{name}"

    def _refuse(self) -> NoReturn:
        raise AttributeError(f"{self._name} is not there: {self.instead}")

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        self._refuse()

    def __set__(self, instance: object, value: object) -> None:
        self._refuse()
