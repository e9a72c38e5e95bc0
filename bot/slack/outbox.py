"""What people are to be told stands in rows until Slack has taken it: the loop, and the one policy of trying again."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog

from bot.clock import Clock
from bot.slack.gateway import NotYetError, SlackError
from bot.store import StoreUnavailableError
from bot.tasks import Tasks

TRIED_FOR = timedelta(days=7)
TRIED_AFTER_START_S = 3600.0  # whatever its age, a row has this long after each start
FIRST_HOUR_PAUSE_S = 60.0
LATER_PAUSE_S = 600.0
TELLING_LIMIT_S = 12.0  # all ways of one row together
LEASE_S = 15.0  # longer than that, and short enough that a crash delays a row only a little
POLL_S = 0.5
MAX_TELLING = 100
CLAIMED_AT_ONCE = 16  # what is started together holds up the acks together. Ours

_log = structlog.get_logger(__name__)

_Row = TypeVar("_Row")


class Outbox(ABC, Generic[_Row]):
    """Delivers the rows of one kind that are due. A crash loses none, for they are leased and not taken out."""

    def __init__(self, *, clock: Clock, owner: str, name: str) -> None:
        self._clock = clock
        self._owner = owner
        self._name = name
        self._started = clock.monotonic()
        self._wake = asyncio.Event()
        self._tasks = Tasks()
        self._telling = 0
        self._more_waits = True  # for a place, as far as the last claim tells
        self._resumed = False  # what earlier processes could not tell is tried again at once
        self._loop: asyncio.Task[None] | None = None

    @abstractmethod
    async def _resume(self, now: datetime) -> None:
        """After a start: rows that wait for their next try are due now."""

    @abstractmethod
    async def _claim(self, limit: int, now: datetime) -> Sequence[_Row]:
        """Lease rows that are due, for ``LEASE_S``."""

    @abstractmethod
    async def _deliver(self, row: _Row) -> bool:
        """Tell it and note how it went; a ``StoreUnavailableError`` leaves it to the end of the lease.

        Returns whether something else may be due because of it.
        """

    def wake(self) -> None:
        """There is something to tell."""
        self._wake.set()

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name=self._name)

    async def stop(self, *, within_s: float) -> None:
        if self._loop is not None:
            await self._deliver_due_quietly()  # the last results, told in the time that is left
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        await self._tasks.drain(within_s)

    def _next_try(self, *, since: datetime, tries: int, error: SlackError, now: datetime) -> datetime | None:
        """When a row that Slack did not take is tried again; None: not any more."""
        if isinstance(error, NotYetError):  # it was not tried: this is its turn, and no pause
            return now + timedelta(seconds=error.retry_after_s or 0.0)
        age = now - since
        running_s = self._clock.monotonic() - self._started
        if age >= TRIED_FOR and running_s >= TRIED_AFTER_START_S:
            return None
        longest = FIRST_HOUR_PAUSE_S if age < timedelta(hours=1) else LATER_PAUSE_S
        pause = max(min(longest, 2.0 ** min(tries, 10)), error.retry_after_s or 0.0)
        return now + timedelta(seconds=pause)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            await self._deliver_due_quietly()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()

    async def _deliver_due_quietly(self) -> None:
        try:
            await self._deliver_due()
        except StoreUnavailableError:
            _log.warning("store_unavailable", during=self._name)
        except Exception as error:  # the loop has to outlive any fault of ours: what is to be told waits for it
            _log.error("outbox_fault", during=self._name, error=type(error).__name__, exc_info=error)

    async def _deliver_due(self) -> None:
        now = self._clock.now()
        if not self._resumed:
            await self._resume(now)
            self._resumed = True
        if (free := min(MAX_TELLING - self._telling, CLAIMED_AT_ONCE)) <= 0:
            return
        self._more_waits = True  # until it is known: what ends meanwhile leaves its place to it
        rows = await self._claim(free, now)
        self._more_waits = len(rows) == free
        for row in rows:
            self._telling += 1
            self._tasks.start(self._deliver_one(row))
        if len(rows) == CLAIMED_AT_ONCE:
            self.wake()  # there may be more

    async def _deliver_one(self, row: _Row) -> None:
        more = False
        try:
            more = await self._deliver(row)
        except StoreUnavailableError:
            _log.warning("store_unavailable", during=self._name)
        finally:
            self._telling -= 1
            if more or self._more_waits:
                self.wake()
