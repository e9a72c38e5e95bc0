"""The caller's values → one HTTP request. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote


class Effect(StrEnum):
    """What it means when a request arrives, and when it arrives twice."""

    NONE = "none"
    """It only reads."""
    ONCE = "once"
    """It changes something, and a second one changes nothing more: a cancel, a deletion."""
    EACH = "each"
    """Each one has its own effect: two equal sends are two messages."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``query`` is not yet encoded; ``content`` is the JSON body."""

    method: str
    url: str
    effect: Effect = Effect.NONE
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)

    @property
    def reads(self) -> bool:
        return self.effect is Effect.NONE


def read(url: str, query: Mapping[str, str | None] | None = None) -> Call:
    """GET; what is None in ``query`` is left out."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return Call("GET", url, query=given)


def change(
    method: str, url: str, body: object = None, *, effect: Effect, query: Mapping[str, str | None] | None = None
) -> Call:
    """POST, PUT or DELETE, with ``body`` as JSON unless it is None."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    # ASCII only: no text, not even half a surrogate pair, can make this fail.
    content = None if body is None else json.dumps(body, ensure_ascii=True).encode("ascii")
    return Call(method, url, effect, query=given, content=content)


def address(base: str, *parts: str) -> str:
    """``base`` and, each percent-encoded with its slashes, the parts of a path below it.

    Raises:
        ValueError: a part is empty or a dot segment, which would be another address.
    """
    for part in parts:
        if part in ("", ".", ".."):
            raise ValueError("an ID in an address is neither empty nor a dot segment")
    return "/".join([base, *(quote(part, safe="", errors="replace") for part in parts)])


def moment(at: datetime, name: str) -> str:
    """As Sinch writes times: UTC with ``Z`` and milliseconds.

    Raises:
        ValueError: ``at`` has no time zone; ``name`` says which argument it is.
    """
    if at.tzinfo is None:
        raise ValueError(f"{name} needs a time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def several(values: Sequence[object], name: str) -> list[str]:
    """A list of texts, in order.

    Raises:
        TypeError: a bare string, which is a sequence of strings too: Sinch would be asked to text single digits.
    """
    if isinstance(values, str | bytes):
        raise TypeError(f"{name} is a list, not one string")
    return [str(value) for value in values]


def commas(values: Sequence[object], name: str) -> str | None:
    """As a query has it: with commas; None for nothing."""
    return ",".join(several(values, name)) or None


def between(start_date: datetime | None, end_date: datetime | None) -> dict[str, str | None]:
    """The part of a list's query that says when. Raises ValueError for a date without time zone."""
    dates = {"start_date": start_date, "end_date": end_date}
    return {name: None if at is None else moment(at, name) for name, at in dates.items()}
