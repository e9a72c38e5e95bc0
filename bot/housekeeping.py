"""Takes away numbers and texts when their time is over (``RETENTION_DAYS``). Counts stay."""

from __future__ import annotations

import structlog

from bot.clock import Clock
from bot.store import Store, StoreUnavailableError

EVERY_S = 3600.0
AT_ONCE = 100  # rows in one transaction: a few milliseconds, for everybody who waits for the writer
BETWEEN_S = 0.1  # the acks come first
SCRUB_EVERY_S = 1.0
SCRUB_TRIES = 60

_DAY_S = 86_400.0
_log = structlog.get_logger(__name__)


class Housekeeper:
    """Purges once an hour. Any number of processes may do it at the same time."""

    def __init__(self, store: Store, *, retention_days: int, clock: Clock) -> None:
        self._store = store
        self._kept_s = retention_days * _DAY_S
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.purge()
            except StoreUnavailableError:
                _log.warning("store_unavailable", during="purge")
            await self._clock.sleep(EVERY_S)

    async def purge(self) -> int:
        """Everything whose time is over, in small steps; how many messages."""
        purged = 0
        while True:
            count = await self._store.purge(kept_s=self._kept_s, limit=AT_ONCE, now=self._clock.now())
            purged += count
            if count < AT_ONCE:
                break
            await self._clock.sleep(BETWEEN_S)
        if purged:
            scrubbed = await scrub(self._store, clock=self._clock)
            _log.info("purged", messages=purged, scrubbed=scrubbed)
        return purged


async def scrub(store: Store, *, clock: Clock) -> bool:
    """Until no copy is left in what the database keeps beside its tables, as far as it lets us; False: not by now."""
    for _ in range(SCRUB_TRIES):
        if await store.scrub():
            return True
        await clock.sleep(SCRUB_EVERY_S)
    return False
