"""Keeps this process's copy of the access list up to date: other processes, and the host's shell, change it too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.access.changes import AccessList
from bot.clock import Clock
from bot.store import AccessStore, StoreUnavailableError

LOOK_EVERY_S = 0.5  # a change counts at every door within a second; at the submit it counts at once
LOOK_LIMIT_S = 5.0  # a database that hangs must not end the looking
LOOK_NOW_LIMIT_S = 0.5  # in front of an ack

_log = structlog.get_logger(__name__)


class AccessWatch:
    """Looks at the list's version, and reads the list when it is another one."""

    def __init__(self, store: AccessStore, *, take: Callable[[AccessList], None], clock: Clock) -> None:
        self._store = store
        self._take = take
        self._clock = clock
        self._seen: int | None = None
        self._usable = True

    async def look_now(self) -> None:
        """Look, for somebody who waits."""
        await self.look(within_s=LOOK_NOW_LIMIT_S)

    async def look(self, *, within_s: float | None = None) -> None:
        """Read the list if it has changed. While it can't be read, the last one goes on to count."""
        try:
            async with asyncio.timeout(LOOK_LIMIT_S if within_s is None else within_s):
                if self._seen is None or await self._store.version() != self._seen:
                    access = await self._store.current()
                    self._take(access)
                    self._seen = access.version
        except (StoreUnavailableError, TimeoutError):
            if self._usable:
                _log.warning("store_unavailable", during="access")
            self._usable = False
        except Exception as error:  # such as a row that a newer version wrote: the looking has to outlive it
            if self._usable:
                _log.error("access_watch_fault", error=type(error).__name__, exc_info=error)
            self._usable = False
        else:
            self._usable = True

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            await self.look()
