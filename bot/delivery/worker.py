"""Sends what is queued, looks up what was lost. Only a row that certainly never left goes out again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.delivery.decisions import (
    GAVE_UP,
    LOOKUPS_IN_ALL,
    TELL_AT_LOOKUP,
    after_failure,
    gives_up_at,
    next_lookup,
)
from bot.delivery.sender import Sender, SendError
from bot.domain import Accepted, Lost, Message, Refused, State, Step
from bot.store import Store, StoreUnavailableError
from bot.tasks import Tasks
from bot.telemetry import Telemetry

CRASHED = "own-crash"

LEASE_S = 10.0
RENEW_EVERY_S = 3.0  # three chances within one lease
POLL_S = 0.5  # for rows of other processes and for pauses that end; a new row here wakes the worker at once
MAX_SENDING = 500  # attempts under way at once
MAX_SENDING_PER_PERSON = 300  # of these, one person's: the rest is always there for the others
RENEWED_AT_ONCE = 50  # a submission waits for one such write at most. Ours
CLAIMED_AT_ONCE = 16  # what is started together holds up the acks together. Ours
MAX_LOOKING_UP = 200
LOOKUP_WINDOW = timedelta(minutes=10)  # before the attempt: the clocks may differ
FINDABLE = timedelta(days=14)  # Sinch SMS API: the list goes back 14 days
_RECORD_PAUSE_S = 0.5

_log = structlog.get_logger(__name__)


class Worker:
    """One process's share of the sending.

    Args:
        owner: names this process in leases; another one for each start.
        on_answer: called when there is something to tell, to wake the notifier.
        on_change: called with the sender's user ID when a message of theirs has moved on.
    """

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        clock: Clock,
        owner: str,
        give_up_after_s: float,
        on_answer: Callable[[], None],
        on_change: Callable[[str], None],
        jitter: Callable[[], float] = random.random,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._owner = owner
        self._give_up_after_s = give_up_after_s
        self._on_answer = on_answer
        self._on_change = on_change
        self._jitter = jitter
        self._telemetry = telemetry or Telemetry()
        self._wake = asyncio.Event()
        self._more_waits = True  # for a place, as far as the last claim tells
        self._stopping = False
        self._resumed = False  # what earlier processes left unknown is looked up again
        self._tasks = Tasks()
        self._sending: dict[str, str] = {}  # client_reference → user ID
        self._begun: dict[str, Message] = {}  # the request may be under way
        self._looking_up: set[str] = set()
        self._loops: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """There is a new row."""
        self._wake.set()

    @property
    def in_flight(self) -> int:
        return len(self._sending)

    def start(self) -> None:
        self._loops = [
            asyncio.create_task(self._forever(self._send_queued, self._pause), name="worker-send"),
            asyncio.create_task(
                self._forever(self._look_up_lost, lambda: self._clock.sleep(POLL_S)), name="worker-look-up"
            ),
            asyncio.create_task(
                self._forever(self._renew, lambda: self._clock.sleep(RENEW_EVERY_S)), name="worker-renew"
            ),
        ]

    async def stop(self, *, within_s: float) -> None:
        """Take nothing more, give back what has not begun, and wait for what is under way.

        What is still under way after ``within_s`` is cut off and kept as a lost answer, for the next start to look up.
        """
        self._stopping = True
        send, look_up, renew = self._loops
        await _cancel(send, look_up)
        waiting = [reference for reference in self._sending if reference not in self._begun]
        if waiting:
            with suppress(StoreUnavailableError):
                await self._store.release(waiting, owner=self._owner)
        await self._tasks.drain(within_s)
        # Without a row that says so they are taken up just the same, when their leases end.
        now = self._clock.now()
        cut_off = [
            self._store.record(reference, Lost(CRASHED), owner=self._owner, attempt=message.attempts, now=now)
            for reference, message in self._begun.items()
        ]
        await asyncio.gather(*cut_off, return_exceptions=True)
        await _cancel(renew)

    # -- sending

    async def _send_queued(self) -> None:
        self._wake.clear()
        free = MAX_SENDING - len(self._sending)
        if free <= 0:
            return
        limit, busy = min(free, CLAIMED_AT_ONCE), Counter(self._sending.values())
        self._more_waits = True  # until it is known: what ends meanwhile leaves its place to it
        claimed = await self._store.claim(
            owner=self._owner,
            limit=limit,
            busy=busy,
            per_person=MAX_SENDING_PER_PERSON,
            now=self._clock.now(),
            lease_s=LEASE_S,
        )
        busy.update(message.reply.user_id for message in claimed)
        self._more_waits = len(claimed) == limit or max(busy.values(), default=0) >= MAX_SENDING_PER_PERSON
        for message in claimed:
            self._sending[message.client_reference] = message.reply.user_id
            self._tasks.start(self._send(message))
        if len(claimed) == CLAIMED_AT_ONCE:
            self.wake()  # there may be more

    async def _send(self, message: Message) -> None:
        reference = message.client_reference
        try:
            now = self._clock.now()
            if now >= gives_up_at(message, give_up_after_s=self._give_up_after_s):
                await self._record(message, Refused(GAVE_UP))
                return
            if self._stopping:
                return
            begun = await self._store.begin(reference, owner=self._owner, now=now, lease_s=LEASE_S)
            if begun is None:
                _log.info("lease_lost", client_reference=reference)
                return
            self._begun[reference] = begun
            self._on_change(message.reply.user_id)
            await self._record(begun, await self._attempt(begun))
        except StoreUnavailableError:
            _log.warning("store_unavailable", during="send", client_reference=reference)
        finally:
            self._sending.pop(reference, None)
            if self._more_waits:
                self.wake()

    async def _attempt(self, message: Message) -> Step:
        started = self._clock.monotonic()
        try:
            step: Step = Accepted(await self._sender.send(message))
        except SendError as error:
            step = after_failure(
                message,
                error,
                now=self._clock.now(),
                give_up_after_s=self._give_up_after_s,
                jitter=self._jitter(),
            )
        except Exception as error:  # a fault of ours: it may have happened after the request had left
            _log.error("send_fault", client_reference=message.client_reference, exc_info=error)
            step = Lost(CRASHED)
        outcome, cause = type(step).__name__.lower(), getattr(step, "cause", None)
        took_s = self._clock.monotonic() - started
        self._telemetry.attempted(outcome, cause, took_s)
        _log.info(
            "attempt",
            client_reference=message.client_reference,
            attempt=message.attempts,
            recipients=message.recipient_count,
            outcome=outcome,
            cause=cause,
            batch_id=getattr(step, "batch_id", None),
            seconds=round(took_s, 3),
        )
        return step

    async def _record(self, message: Message, step: Step) -> None:
        """Write the outcome, as often as it takes: it is known here only, and the lease is renewed meanwhile."""
        while True:
            try:
                recorded = await self._store.record(
                    message.client_reference,
                    step,
                    owner=self._owner,
                    attempt=message.attempts,
                    now=self._clock.now(),
                )
            except StoreUnavailableError:
                _log.warning("store_unavailable", during="record", client_reference=message.client_reference)
                await self._clock.sleep(_RECORD_PAUSE_S)
            else:
                self._begun.pop(message.client_reference, None)
                self._on_answer()
                self._on_change(message.reply.user_id)
                if recorded:
                    self._count(message, step)
                return

    def _count(self, message: Message, step: Step) -> None:
        match step:
            case Accepted():
                self._telemetry.settled(State.ACCEPTED, None)
                self._telemetry.accepted_after((self._clock.now() - message.created_at).total_seconds())
            case Refused(cause=cause):
                self._telemetry.settled(State.REFUSED, cause)
            case Lost(cause=cause):
                self._telemetry.settled(State.UNKNOWN, cause)

    # -- lost answers

    async def _look_up_lost(self) -> None:
        now = self._clock.now()
        if not self._resumed:
            await self._store.resume_lookups(at_most=LOOKUPS_IN_ALL - TELL_AT_LOOKUP, since=now - FINDABLE, now=now)
            self._resumed = True
        if count := await self._store.take_up_lost(cause=CRASHED, holding=self._begun, now=now):
            _log.warning("cut_off_sends_taken_up", count=count)
            for _ in range(count):
                self._telemetry.settled(State.UNKNOWN, CRASHED)
        free = MAX_LOOKING_UP - len(self._looking_up)
        if free <= 0:
            return
        for message in await self._store.claim_lookups(owner=self._owner, limit=free, now=now, lease_s=LEASE_S):
            self._looking_up.add(message.client_reference)
            self._tasks.start(self._look_up(message))

    async def _look_up(self, message: Message) -> None:
        reference = message.client_reference
        try:
            since = (message.first_attempt_at or message.created_at) - LOOKUP_WINDOW
            try:
                batch_id = await self._sender.find(message, since=since)
                self._telemetry.looked_up(found=batch_id is not None)
            except SendError:
                batch_id = None
            now = self._clock.now()
            lookups = message.lookups + 1
            pause = next_lookup(lookups)
            await self._store.record_lookup(
                reference,
                batch_id=batch_id,
                next_at=None if pause is None else now + pause,
                tell=lookups >= TELL_AT_LOOKUP,
                now=now,
            )
            _log.info("looked_up", client_reference=reference, lookup=lookups, batch_id=batch_id)
            if batch_id is not None:
                self._count(message, Accepted(batch_id))
            self._on_answer()
            self._on_change(message.reply.user_id)
        except StoreUnavailableError:
            _log.warning("store_unavailable", during="look_up", client_reference=reference)
        finally:
            self._looking_up.discard(reference)

    # -- loops

    async def _renew(self) -> None:
        held = [*self._sending, *self._looking_up]
        for start in range(0, len(held), RENEWED_AT_ONCE):
            some = held[start : start + RENEWED_AT_ONCE]
            await self._store.renew(some, owner=self._owner, now=self._clock.now(), lease_s=LEASE_S)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()

    async def _forever(self, step: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[Any]]) -> None:
        while True:
            try:
                await step()
            except StoreUnavailableError:
                _log.warning("store_unavailable", during="worker")
                await self._clock.sleep(POLL_S)
            except Exception as error:  # the loop has to outlive any fault of ours: rows wait for it
                _log.error("worker_fault", error=type(error).__name__, exc_info=error)
                await self._clock.sleep(POLL_S)
            await pause()


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
