"""Decoded JSON → values, leniently, and values → JSON as Sinch documents it. Pure.

A reader gives None for what it can't read; only ``as_object`` and ``as_list`` raise. Every text that is given back can
be encoded as UTF-8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable

from sinch._errors import Malformed
from sinch._numbers import digits

# Ours: every ID seen in Sinch's samples has 26 characters; far more than that is no ID.
MAX_ID_LENGTH = 256
MAX_WHOLE = 2**53 - 1  # RFC 8259, 6: beyond it, programs no longer agree on what a number in JSON is

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@runtime_checkable
class Writable(Protocol):
    """A value that can write itself as a JSON object."""

    def to_json(self) -> dict[str, object]: ...


def as_object(value: object) -> Mapping[str, object]:
    """The value, if it is a JSON object.

    Raises:
        Malformed: it is none.
    """
    if not isinstance(value, dict):
        raise Malformed("it is no JSON object")
    return value


def as_list(value: object, name: str) -> list[object]:
    """The value, if it is a JSON array; ``name`` says in the error what is missing.

    Raises:
        Malformed: it is none.
    """
    if not isinstance(value, list):
        raise Malformed(f"it has no list of {name}")
    return value


def required(value: T | None, name: str) -> T:
    """The value, if there is one.

    Raises:
        Malformed: it is None.
    """
    if value is None:
        raise Malformed(f"it has no usable {name}")
    return value


def text(value: object) -> str | None:
    """A text. JSON can spell half of a surrogate pair, which no database and no socket takes: that becomes "?"."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else None


def usable_id(value: object) -> str | None:
    """An ID: one that can be stored, shown and put into an address."""
    # isprintable: no control character, no half of a surrogate pair.
    if isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH and value.isprintable() and not value.isspace():
        return value
    return None


def flag(value: object) -> bool | None:
    """True or False; an old sample of Sinch's shows the string "False"."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def whole(value: object) -> int | None:
    """A whole number from 0 to ``MAX_WHOLE``; older samples show some as strings of digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MAX_WHOLE)):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_WHOLE:
        return value
    return None


def moment(value: object) -> datetime | None:
    """An ISO 8601 time as aware UTC. Sinch: a time without an offset is UTC."""
    if not isinstance(value, str):
        return None
    try:
        return _utc(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None


def phone(value: object) -> str | None:
    """A number as its digits; also a sender's name or a group ID, as it is."""
    return usable_id(digits(value)) if isinstance(value, str) else None


def phones(value: object) -> tuple[str, ...]:
    """The numbers in a list, in its order; what is none is left out."""
    return readable(value, phone)


def known(words: type[E], value: object) -> E | str | None:
    """The member whose word it is, without regard to case; a word that is not known stays as it is."""
    word = text(value)
    return None if word is None else next((member for member in words if member.lower() == word.lower()), word)


def readable(value: object, read: Callable[[object], T | None]) -> tuple[T, ...]:
    """What ``read`` makes of the entries of a list; those it gives None for, or refuses as malformed, are left out."""
    found = []
    for entry in value if isinstance(value, list) else ():
        one = perhaps(read, entry)
        if one is not None:
            found.append(one)
    return tuple(found)


def perhaps(read: Callable[[object], T | None], value: object) -> T | None:
    """What ``read`` makes of it, None if it is malformed."""
    try:
        return read(value)
    except Malformed:
        return None


def written(fields: Mapping[str, object]) -> dict[str, object]:
    """A JSON object as Sinch writes it: what is not set (None, an empty tuple) is left out, times are UTC with ``Z``.

    A list is written even when it is empty.
    """
    return {name: _plain(value) for name, value in fields.items() if value is not None and value != ()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return _utc(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Writable):
        return value.to_json()
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    return value


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
