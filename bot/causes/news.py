"""Codes that the catalogue does not know: each is told once, so that somebody can add it."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.causes.entry import Kind

REMEMBERED = 500  # no vendor has so many words; past it nothing is told, rather than something twice

# Words and short numbers of the vendors'. Never a phone number, a text, or what may hold one.
_SAFE = re.compile(r"(?!.*[0-9]{7})(?:[A-Za-z][A-Za-z0-9_.-]{0,63}|[0-9]{1,6})")

OnNew = Callable[[Kind, str], None]


class News:
    """Remembers what it has told."""

    def __init__(self, on_new: OnNew | None) -> None:
        self._on_new = on_new
        self._told: set[tuple[Kind, str]] = set()

    def tell(self, kind: Kind, code: str) -> None:
        if self._on_new is None or not _SAFE.fullmatch(code) or (kind, code) in self._told:
            return
        if len(self._told) < REMEMBERED:
            self._told.add((kind, code))
            self._on_new(kind, code)
