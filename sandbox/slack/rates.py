"""Slack's rate limits, enforced to the letter once they are switched on: ``ratelimited`` and Retry-After.

Source: docs.slack.dev, "Rate limits". A refused call counts for nothing. Slack itself lets short bursts pass; this does
not.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls a minute for the app; ``each_channel_s``: seconds between two in one conversation, 0 for no such limit."""

    in_a_minute: int
    each_channel_s: float = 0.0


RATES = {
    "chat.update": Rate(50),  # tier 3
    "chat.postMessage": Rate(200, each_channel_s=1.0),  # "some hundred" a minute in all
    "chat.postEphemeral": Rate(100),  # tier 4, as the next
    "views.publish": Rate(100),
}


class RateLimits:
    """Off, until ``on`` is set: most tests are quicker than Slack would let anybody be."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.on = False
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._last: dict[tuple[str, str], float] = {}

    def wait_s(self, method: str, channel_id: str | None) -> int | None:
        """Count a call; or the whole seconds after which it may be made, if it is one too many."""
        rate = RATES.get(method)
        if not self.on or rate is None:
            return None
        now = self._clock()
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - WINDOW_S:
            calls.popleft()
        waits = [calls[0] + WINDOW_S - now] if len(calls) >= rate.in_a_minute else []
        place = (method, channel_id or "")
        if channel_id and rate.each_channel_s and (last := self._last.get(place)) is not None:
            waits.append(last + rate.each_channel_s - now)
        if (longest := max(waits, default=0.0)) > 0:
            return max(1, math.ceil(longest))
        calls.append(now)
        self._last[place] = now
        return None
