"""One page of a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sinch import _json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: the entries that could be read.
        entries: how many entries this page had, readable or not. Sinch's own ``page_size`` says the same, and nothing
            of how many would fit: a list ends with a page without entries, or when ``count`` of them were read.
        count: how many there are over all pages, None when Sinch did not say.
    """

    items: tuple[T, ...]
    entries: int
    count: int | None


def read_page(value: object, key: str, read: Callable[[object], T]) -> Page[T]:
    """Read one decoded JSON value; an entry that ``read`` refuses as malformed is left out, but counted.

    Args:
        key: the field with the entries: ``batches``, ``delivery_reports``, ``inbounds``, ``groups``.

    Raises:
        Malformed: it is no object with a list ``key``.
    """
    source = _json.as_object(value)
    entries = _json.as_list(source.get(key), key)
    count = source.get("count")
    return Page(
        items=_json.readable(entries, read),
        entries=len(entries),
        # A wrong count would end the list too early, so no other writing of a number is guessed at.
        count=_json.whole(count) if isinstance(count, int) else None,
    )
