"""Pages of the Home tab: which one is shown, and how to get to the next and back. Pure.

A page begins behind a cursor, a reference of one of the person's own messages; the first page has none. The way to the
page that is shown is remembered in the view itself, so that *Newer* leads back whichever process is asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain import Message
from bot.reports import Counts
from bot.slack.ids import NEWEST

PAGE = 10  # messages on one
_CURSOR_MAX = 128  # a client_reference, at its longest
_METADATA_MAX = 3000  # Slack, home tab views: private_metadata

Trail = tuple[str, ...]
"""The cursors of all pages after the first, up to the one that is shown."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown: at most ``PAGE`` messages, newest first. ``more``: there are older ones."""

    messages: Sequence[Message]
    counts: Mapping[str, Counts] = field(default_factory=dict)
    trail: Trail = ()
    more: bool = False

    @property
    def older(self) -> str | None:
        """The cursor of the next page."""
        return self.messages[-1].client_reference if self.more and self.messages else None

    @property
    def newer(self) -> str | None:
        """The cursor of the page before this one, or ``NEWEST``."""
        if not self.trail:
            return None
        return self.trail[-2] if len(self.trail) > 1 else NEWEST


def turn(trail: Trail, cursor: str) -> Trail:
    """The way to the page of ``cursor``, from the page that ``trail`` leads to."""
    if cursor == NEWEST or not 0 < len(cursor) <= _CURSOR_MAX:
        return ()
    if cursor in trail:
        return trail[: trail.index(cursor) + 1]
    return (*trail, cursor)


def metadata(trail: Trail) -> str:
    """``private_metadata`` of the view. Of a way that is too long, the beginning is left out: *Newer* skips that."""
    while len(text := json.dumps({"trail": trail})) > _METADATA_MAX:
        trail = trail[1:]
    return text


def trail_from(raw: object) -> Trail:
    """The reverse of ``metadata``; anything else is the first page."""
    try:
        data = json.loads(raw) if isinstance(raw, str) else None
    except (ValueError, RecursionError):
        return ()
    trail = data.get("trail") if isinstance(data, dict) else None
    if not isinstance(trail, list) or not all(isinstance(cursor, str) and cursor for cursor in trail):
        return ()
    return tuple(trail)
