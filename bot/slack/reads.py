"""Reading many things of Slack's, a few at a time, in the background."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from enum import IntEnum

import structlog

from bot.clock import Clock
from bot.slack.gateway import SlackError

PAUSE_S = 15.0  # after a 429 that names no time

_log = structlog.get_logger(__name__)


class Rank(IntEnum):
    """What is read first."""

    AWAITED = 0  # somebody waits for it
    KNOCKED = 1  # somebody was just refused because it is not known
    NEW = 2
    REFRESH = 3


class Reads:
    """Reads what it is asked for, each key once however often it is asked for meanwhile.

    For one method of Slack's: a 429 holds up all reads for as long as Slack says; the one that met it is first then.

    Args:
        read: reads and keeps one thing; what it raises goes to ``failed``, all but a 429.
        failed: told of a key that could not be read, and why; an exception of another kind is logged, and is ``fault``.
        settled: called after each key, read or not.
    """

    def __init__(
        self,
        *,
        read: Callable[[str], Awaitable[None]],
        failed: Callable[[str, SlackError], None],
        settled: Callable[[], None],
        at_once: int,
        clock: Clock,
    ) -> None:
        self._read = read
        self._failed = failed
        self._settled = settled
        self._at_once = at_once
        self._clock = clock
        self._waiting: dict[Rank, OrderedDict[str, None]] = {rank: OrderedDict() for rank in Rank}
        self._ends: dict[str, asyncio.Event] = {}  # of all that wait or are under way
        self._more = asyncio.Event()
        self._paused_until = 0.0

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing is under way."""
        return not self._ends

    @property
    def waiting_in_all(self) -> int:
        return sum(map(len, self._waiting.values()))

    def waiting(self, rank: Rank) -> int:
        return len(self._waiting[rank])

    def ask(self, keys: Iterable[str], rank: Rank) -> list[asyncio.Event]:
        """Read these soon, in this order. The events are set when they are read, or can't be."""
        events = []
        for key in keys:
            if key not in self._ends:
                self._ends[key] = asyncio.Event()
                self._waiting[rank][key] = None
            elif (present := self._rank_of(key)) is not None and rank < present:
                del self._waiting[present][key]
                self._waiting[rank][key] = None
            events.append(self._ends[key])
        self._more.set()
        return events

    def give_up(self, *ranks: Rank) -> None:
        """Forget what waits at these ranks."""
        for rank in ranks:
            while self._waiting[rank]:
                self._end(self._waiting[rank].popitem()[0])

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as readers:
            for _ in range(self._at_once):
                readers.create_task(self._keep_reading())

    async def _keep_reading(self) -> None:
        while True:
            key, rank = await self._next()
            try:
                await self._read(key)
            except SlackError as error:
                if error.error == "ratelimited":
                    self._hold_up(error.retry_after_s)
                    self._put_back(key, rank)
                    continue
                self._failed(key, error)
            except Exception as error:  # the loop has to outlive any fault of ours
                _log.error("directory_fault", error=type(error).__name__, exc_info=error)
                self._failed(key, SlackError("fault", away=True))
            except asyncio.CancelledError:
                self._put_back(key, rank)
                raise
            self._end(key)
            self._settled()

    async def _next(self) -> tuple[str, Rank]:
        while True:
            while (left := self._paused_until - self._clock.monotonic()) > 0:
                await self._clock.sleep(left)
            for rank, keys in self._waiting.items():
                if keys:
                    return keys.popitem(last=False)[0], rank
            self._more.clear()
            await self._more.wait()

    def _hold_up(self, retry_after_s: float | None) -> None:
        pause = PAUSE_S if retry_after_s is None else retry_after_s
        self._paused_until = max(self._paused_until, self._clock.monotonic() + pause)
        _log.warning("slack_asks_to_wait", wait_s=pause)

    def _put_back(self, key: str, rank: Rank) -> None:
        self._waiting[rank][key] = None
        self._waiting[rank].move_to_end(key, last=False)
        self._more.set()

    def _end(self, key: str) -> None:
        self._ends.pop(key).set()

    def _rank_of(self, key: str) -> Rank | None:
        return next((rank for rank, keys in self._waiting.items() if key in keys), None)
