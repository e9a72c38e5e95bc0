"""Keeps calls within Slack's rate limits: a call waits here for its turn, instead of running into a 429.

Each process keeps its own pace; where several run beside each other, the 429 that they meet together holds each of them
up for as long as Slack says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.clock import Clock

UPDATE = "chat.update"
POST = "chat.postMessage"
PUBLISH = "views.publish"

PAUSE_S = 15.0  # after a 429 that names no time
_ROUNDING_S = 0.001  # who comes back at the moment that was named is not sent away for a rounding
_LINES_KEPT = 1000  # of conversations; those that are free are forgotten past it


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in any minute, ``burst`` of them at once.

    ``each_channel_s`` is the time between two of them in one conversation, in seconds; 0 if that makes no difference.
    """

    in_a_minute: int
    burst: int
    each_channel_s: float = 0.0

    @property
    def each_s(self) -> float:
        return 60.0 / (self.in_a_minute - self.burst)


# Slack, "Rate limits": tier 3 takes 50 calls a minute and more, tier 4 takes 100; of messages one a second in each
# conversation, and some hundred a minute in all. A little below: calls that leave evenly do not always arrive so.
LIMITS: Mapping[str, Limit] = {
    UPDATE: Limit(48, burst=3),
    POST: Limit(200, burst=50, each_channel_s=1.05),
    PUBLISH: Limit(96, burst=20),
}


class TooSoonError(Exception):
    """The turn comes later than the caller can wait; none was taken. ``after_s`` is when to come back."""

    def __init__(self, after_s: float) -> None:
        super().__init__(after_s)
        self.after_s = after_s


class _Line:
    """Those who wait for one thing. ``begins_at`` is when the next turn begins (monotonic)."""

    def __init__(self, each_s: float, burst: int) -> None:
        self._each_s = each_s
        self._ahead_s = (burst - 1) * each_s
        self._due_at = 0.0  # of the next turn, if all before it had kept even distances
        self._promised_at = 0.0

    def begins_at(self, now: float) -> float:
        return max(now, self._due_at - self._ahead_s)

    def take(self, begins: float) -> None:
        self._due_at = max(begins, self._due_at) + self._each_s

    def promise(self, now: float) -> float:
        """When somebody who can't wait now is to come back: each a little later, so that they do not come together."""
        at = max(self.begins_at(now), self._promised_at)
        self._promised_at = at + self._each_s
        return at

    def hold(self, until: float) -> None:
        self._due_at = max(self._due_at, until + self._ahead_s)

    def is_free(self, now: float) -> bool:
        return max(self._due_at, self._promised_at) <= now


class Pace:
    """One process's calls to Slack. What has no limit of its own is not held up.

    Args:
        limits: by method.
    """

    def __init__(self, clock: Clock, limits: Mapping[str, Limit] = LIMITS) -> None:
        self._clock = clock
        self._limits = limits
        self._methods = {name: _Line(limit.each_s, limit.burst) for name, limit in limits.items()}
        self._channels: dict[tuple[str, str], _Line] = {}

    async def turn(self, method: str, *, channel: str | None = None, within_s: float) -> None:
        """Wait for the turn of one call.

        Raises:
            TooSoonError: it comes only after ``within_s`` seconds. Said at once.
        """
        now = self._clock.monotonic()
        lines = self._lines(method, channel, now)
        begins = max((line.begins_at(now) for line in lines), default=now)
        if begins - now > within_s + _ROUNDING_S:
            late = [line for line in lines if line.begins_at(now) - now > within_s + _ROUNDING_S]
            raise TooSoonError(max(line.promise(now) for line in late) - now)
        for line in lines:
            line.take(begins)
        if begins - now > _ROUNDING_S:
            await self._clock.sleep(begins - now)

    def hold_up(self, method: str, retry_after_s: float | None) -> None:
        """Slack has asked us to wait (429): nobody's turn begins before that."""
        if (line := self._methods.get(method)) is not None:
            line.hold(self._clock.monotonic() + (PAUSE_S if retry_after_s is None else retry_after_s))

    def _lines(self, method: str, channel: str | None, now: float) -> list[_Line]:
        limit = self._limits.get(method)
        if limit is None:
            return []
        lines = [self._methods[method]]
        if channel is not None and limit.each_channel_s:
            if len(self._channels) > _LINES_KEPT:
                self._channels = {key: line for key, line in self._channels.items() if not line.is_free(now)}
            lines.append(self._channels.setdefault((method, channel), _Line(limit.each_channel_s, burst=1)))
        return lines
