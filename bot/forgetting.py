"""``mms-bot forget``: everything that was sent to one number, or speaks of it, is erased at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from bot.clock import Clock
from bot.domain import Content, State
from bot.housekeeping import scrub
from bot.store import Place, Store

FORGOTTEN = "own-forgotten"
PAGE = 200  # messages read at once
UNDER_WAY_LIMIT_S = 60.0  # an attempt at Sinch takes 20 s at most, and a lease after a crash 10 s
LOOK_AGAIN_S = 1.0

_NO_DIGITS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was done. ``under_way``: still being sent, so not erased. ``scrubbed``: no copy is left in the log."""

    cancelled: int
    erased: int
    under_way: int
    scrubbed: bool


def concerns(content: Content, e164: str) -> bool:
    """Did this go to the number, or is the number in its words, however it is written there?"""
    if any(recipient.e164 == e164 for recipient in content.recipients):
        return True
    digits = e164.removeprefix("+")
    words = (content.text, content.subject or "", content.typed_to, content.media_url or "")
    return any(digits in _NO_DIGITS.sub("", text) for text in words)


async def forget(store: Store, e164: str, *, clock: Clock) -> Forgotten:
    """Cancel what waits to go to ``e164``, wait for what is being sent, and erase all of it.

    Several recipients: the whole content goes, for it is what this person was told. Batch IDs and counts stay.

    Raises:
        StoreUnavailableError: not all of it was done; doing it again goes on.
    """
    cancelled = erased = 0
    end = clock.monotonic() + UNDER_WAY_LIMIT_S
    while True:
        found = await _erase_all(store, e164, clock=clock)
        cancelled += found.cancelled
        erased += found.erased
        left = found.messages - found.erased
        if not found.messages or clock.monotonic() >= end:
            scrubbed = await scrub(store, clock=clock)
            return Forgotten(cancelled, erased, left, scrubbed)
        if left:
            await clock.sleep(LOOK_AGAIN_S)


class _Found(NamedTuple):
    """What one look at all messages came to."""

    messages: int
    cancelled: int
    erased: int


async def _erase_all(store: Store, e164: str, *, clock: Clock) -> _Found:
    """A page at a time, so that nobody waits long for the database, however many there are."""
    messages = cancelled = erased = 0
    after: Place | None = None
    while True:
        page = await store.kept(after=after, limit=PAGE)
        found = [one for one in page.messages if one.content is not None and concerns(one.content, e164)]
        messages += len(found)
        waiting = [one.client_reference for one in found if one.state in (State.QUEUED, State.SCHEDULED)]
        cancelled += await store.cancel(waiting, cause=FORGOTTEN, now=clock.now())
        erased += await store.erase([one.client_reference for one in found])
        if page.after is None:
            return _Found(messages, cancelled, erased)
        after = page.after
