"""``mms-bot forget``: everything that was sent to one number, or speaks of it, is erased at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.clock import Clock
from bot.domain import Content, Message, State
from bot.housekeeping import scrub
from bot.store import Store

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
        found = await _about(store, e164)
        waiting = [one.client_reference for one in found if one.state in (State.QUEUED, State.SCHEDULED)]
        cancelled += await store.cancel(waiting, cause=FORGOTTEN, now=clock.now())
        erased += await store.erase([one.client_reference for one in found])
        left = await _about(store, e164) if found else []
        if not left or clock.monotonic() >= end:
            scrubbed = await scrub(store, clock=clock)
            return Forgotten(cancelled, erased, len(left), scrubbed)
        await clock.sleep(LOOK_AGAIN_S)


async def _about(store: Store, e164: str) -> list[Message]:
    found: list[Message] = []
    after = ""
    while page := await store.kept(after=after, limit=PAGE):
        found += [one for one in page if one.content is not None and concerns(one.content, e164)]
        after = page[-1].client_reference
    return found
