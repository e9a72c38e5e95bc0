"""A value that prints as stars."""

from __future__ import annotations

from typing import final

STARS = "*****"


@final
class Secret:
    """Holds a token. ``reveal()`` is the only way in; ``repr``, ``str`` and ``format`` show stars."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return STARS

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))
