"""So many messages a second and no more: waiting here instead of running into the plan's limit."""

from __future__ import annotations

from sinch._clock import Clock
from sinch._errors import ConnectionFailed, ConnectionFailedKind


class Pace:
    """Spaces sends out, in order of arrival.

    Sinch counts messages per second and service plan, one for each recipient (SMS API, "Rate limits"); it queues a
    batch as a whole and drains it at that speed. So a batch goes as soon as those before it have had their time.

    Args:
        messages_per_second: what the plan has; more than 0.
    """

    def __init__(self, messages_per_second: float, clock: Clock) -> None:
        if not messages_per_second > 0:
            raise ValueError("messages_per_second has to be more than 0")
        self._seconds_each = 1.0 / messages_per_second
        self._clock = clock
        self._free_at = clock.monotonic()

    async def turn(self, messages: int, *, within_s: float) -> None:
        """Wait for the turn of a batch of so many messages.

        Raises:
            ConnectionFailed: its turn comes only after ``within_s`` seconds. Said at once, and no turn is taken.
        """
        now = self._clock.monotonic()
        begins = max(now, self._free_at)
        if begins - now > within_s:
            raise ConnectionFailed(ConnectionFailedKind.PACE)
        self._free_at = begins + messages * self._seconds_each
        if begins > now:
            await self._clock.sleep(begins - now)
