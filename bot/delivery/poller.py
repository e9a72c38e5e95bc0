"""Asks the carrier what became of the messages that it has: the only way without callbacks, a safety net with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.clock import Clock
from bot.delivery.sender import Fate, Sender, SendError
from bot.domain import Message, State
from bot.reports import ASKED_FOR, Report, Took, next_poll
from bot.store import Store, StoreUnavailableError
from bot.tasks import Tasks

# The carrier's limit on requests is not published, and sends count against it, too: a small share, whatever waits.
POLLS_PER_S = 5.0
POLLS_PER_S_BESIDE_SENDS = 1.0  # while many sends are under way
MANY_SENDS = 20
MOST_AT_ONCE = 5  # after a pause: no burst
LOOK_EVERY_S = 0.5
LEASE_S = 30.0  # longer than a question takes in all; nobody else waits for the row
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 60.0  # after a 429 without Retry-After

_log = structlog.get_logger(__name__)


class Poller:
    """One process's share of the asking. Any number of processes may ask; a lease says who asks for which message.

    Args:
        callbacks: the carrier reports by itself.
        sends: how many sends this process has under way: they go first.
        on_news: called when something became of a message.
    """

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        clock: Clock,
        owner: str,
        callbacks: bool,
        sends: Callable[[], int],
        on_news: Callable[[], None],
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._owner = owner
        self._callbacks = callbacks
        self._sends = sends
        self._on_news = on_news
        self._tasks = Tasks()
        self._loop: asyncio.Task[None] | None = None
        self._allowed = 0.0  # questions
        self._counted_at = clock.monotonic()
        self._not_before = 0.0  # running time: the carrier has asked us to wait
        self._rate_limited = 0  # in a row

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="poller")

    async def stop(self) -> None:
        """At once: whatever was being asked for is asked for again when its lease has ended."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        await self._tasks.drain(0)

    async def _run(self) -> None:
        while True:
            try:
                await self._ask_due()
            except StoreUnavailableError:
                _log.warning("store_unavailable", during="poll")
            except Exception as error:  # the loop has to outlive any fault of ours: rows wait for it
                _log.error("poller_fault", error=type(error).__name__, exc_info=error)
            await self._clock.sleep(LOOK_EVERY_S)

    async def _ask_due(self) -> None:
        running = self._clock.monotonic()
        rate = POLLS_PER_S_BESIDE_SENDS if self._sends() >= MANY_SENDS else POLLS_PER_S
        self._allowed = min(MOST_AT_ONCE, self._allowed + (running - self._counted_at) * rate)
        self._counted_at = running
        free = int(self._allowed)
        if free < 1 or running < self._not_before:
            return
        due = await self._store.reports.claim_polls(
            owner=self._owner, limit=free, now=self._clock.now(), lease_s=LEASE_S
        )
        self._allowed -= len(due)
        for message in due:
            self._tasks.start(self._ask(message))

    async def _ask(self, message: Message) -> None:
        reference = message.client_reference
        try:
            wait = timedelta(0)
            reports: list[Report] | None = None
            try:
                reports = list(await self._sender.reports(message))
            except SendError as error:
                if error.fate is Fate.RATE_LIMITED:
                    wait = self._hold(error.retry_after_s)
                _log.info("not_polled", client_reference=reference, cause=error.cause, polls=message.polls + 1)
            else:
                self._rate_limited = 0
            if reports:
                took = await self._store.reports.take(
                    batch_id=message.batch_id, client_reference=reference, reports=reports, now=self._clock.now()
                )
                _log.info("polled", client_reference=reference, polls=message.polls + 1, took=took)
                if took is Took.APPLIED:
                    self._on_news()
            await self._note(message, reports, wait=wait)
        except StoreUnavailableError:
            _log.warning("store_unavailable", during="poll", client_reference=reference)

    async def _note(self, message: Message, reports: list[Report] | None, *, wait: timedelta) -> None:
        """When it is asked for next, if at all."""
        now = self._clock.now()
        pause = next_poll(
            message.polls + 1,
            now - (message.finished_at or message.created_at),
            callbacks=self._callbacks,
            answered=reports is not None,
        )
        nothing_went_out = message.state is State.CANCELLED and reports == []
        nobody_known = message.content is None and message.recipient_count > 1  # the numbers were purged
        if nothing_went_out or nobody_known:
            pause = None
        next_at = None if pause is None else now + max(pause, wait)
        await self._store.reports.polled(message.client_reference, next_at=next_at, now=now)
        if next_at is None:
            self._on_news()

    def _hold(self, retry_after_s: float | None) -> timedelta:
        """Nobody is asked for before the carrier lets us; how long that is."""
        if retry_after_s is None:
            retry_after_s = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2**self._rate_limited)
        retry_after_s = min(retry_after_s, ASKED_FOR.total_seconds())  # it may name any number
        self._rate_limited = min(self._rate_limited + 1, 10)
        self._not_before = max(self._not_before, self._clock.monotonic() + retry_after_s)
        return timedelta(seconds=retry_after_s)
