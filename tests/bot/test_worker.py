"""The worker: sends at once, side by side, fairly; keeps what it knows; and leaves nothing half done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from bot.delivery import worker as module
from bot.delivery.decisions import GAVE_UP
from bot.delivery.sender import Fate, SendError
from bot.delivery.worker import CRASHED, LEASE_S, MAX_SENDING, MAX_SENDING_PER_PERSON, POLL_S, RENEW_EVERY_S, Worker
from bot.domain import AnswerKind, Message, State, Step, Submission
from bot.store import Store, StoreUnavailableError, Taken
from bot.store.sql import SqlStore
from tests.bot.conftest import anybody

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock, ScriptedSender
    from tests.bot.databases import Database

Submit = Callable[..., Submission]
Until = Callable[[Callable[[], object]], Awaitable[None]]


class Crew:
    """Starts workers and stops them at the end."""

    def __init__(self, store: Store, sender: ScriptedSender, clock: FakeClock) -> None:
        self.store = store
        self.sender = sender
        self.clock = clock
        self.answers = 0
        self.changed: list[str] = []
        self._running: list[Worker] = []

    def _on_answer(self) -> None:
        self.answers += 1

    async def start(self, owner: str = "w1", *, store: Any = None, give_up_after_s: float = 3600) -> Worker:
        worker = Worker(
            store=store or self.store,
            sender=self.sender,
            clock=self.clock,
            owner=owner,
            give_up_after_s=give_up_after_s,
            on_answer=self._on_answer,
            on_change=self.changed.append,
            jitter=lambda: 0.0,
        )
        worker.start()
        self._running.append(worker)
        return worker

    async def stop(self, worker: Worker, *, within_s: float = 5.0) -> None:
        self._running.remove(worker)
        await worker.stop(within_s=within_s)

    async def crash(self, worker: Worker) -> None:
        """It is gone with all its tasks, and writes nothing any more."""
        self._running.remove(worker)
        tasks = [*worker._loops, *worker._tasks._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        self.sender.gate.set()
        for worker in list(self._running):
            await self.stop(worker)


@pytest.fixture
async def crew(store: SqlStore, sender: ScriptedSender, clock: FakeClock) -> AsyncIterator[Crew]:
    crew = Crew(store, sender, clock)
    yield crew
    await crew.close()


async def queued(store: Store, submission: Submission, clock: FakeClock) -> str:
    taken = await store.enqueue(submission, may=anybody, now=clock.now())
    assert isinstance(taken, Taken)
    return taken.client_reference


async def reaches(store: Store, reference: str, *states: State) -> Message:
    """Wait until the message is in one of the states."""
    async with asyncio.timeout(5):
        while True:
            found = await store.get(reference)
            assert found is not None
            if found.state in states:
                return found
            await asyncio.sleep(0.002)


def sends(sender: ScriptedSender, count: int) -> Callable[[], bool]:
    return lambda: len(sender.sent) == count


async def comes_to(look: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the store says so."""
    async with asyncio.timeout(5):
        while not await look():  # noqa: ASYNC110  the store has no event for it
            await asyncio.sleep(0.002)


async def told_so_far(store: Store, *kinds: AnswerKind) -> bool:
    return await kinds_of(store) == list(kinds)


async def looked_up(store: Store, reference: str, times: int) -> bool:
    found = await store.get(reference)
    return found is not None and found.lookups >= times


async def kinds_of(store: Store, user: str = "U0ANN") -> list[AnswerKind]:
    return [one.kind for one in await store.untold(user, limit=50)]


# -- sending


async def test_a_queued_message_is_sent_and_its_batch_id_kept(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit
) -> None:
    reference = await queued(store, submission(text="Hi"), clock)
    await crew.start()
    message = await reaches(store, reference, State.ACCEPTED)
    assert (message.batch_id, message.attempts) == ("batch-1", 1)
    assert [m.content and m.content.text for m in crew.sender.sent] == ["Hi"]
    assert await kinds_of(store) == [AnswerKind.RESULT]
    assert crew.answers >= 1


async def test_its_sender_is_named_when_it_begins_and_when_it_ends(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    reference = await queued(store, submission(), clock)
    crew.sender.gate.clear()
    await crew.start()
    await until(lambda: crew.changed == ["U0ANN"])
    crew.sender.gate.set()
    await reaches(store, reference, State.ACCEPTED)
    await until(lambda: crew.changed == ["U0ANN", "U0ANN"])


async def test_its_sender_is_named_when_a_lost_answer_was_looked_for(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    reference = await queued(store, submission(), clock)
    crew.sender.outcomes = [SendError(Fate.LOST, "transport-reset")]
    crew.sender.found[reference] = "B-FOUND"
    await crew.start()
    await reaches(store, reference, State.UNKNOWN)
    await until(lambda: len(crew.changed) == 2)
    while not crew.sender.looked_up:
        await clock.advance(POLL_S)
        await asyncio.sleep(0.005)
    await reaches(store, reference, State.ACCEPTED)
    await until(lambda: len(crew.changed) == 3)


async def test_a_wake_sends_without_waiting_for_the_next_poll(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_S", 60.0)
    worker = await crew.start()
    for number in range(1, 4):
        await queued(store, submission(), clock)
        started = time.monotonic()
        worker.wake()
        await until(sends(crew.sender, number))
        assert time.monotonic() - started < 1


async def test_rows_of_another_process_are_found_by_polling(
    crew: Crew, database: Database, clock: FakeClock, submission: Submit, until: Until
) -> None:
    await crew.start()
    await queued(database.store(), submission(), clock)
    await until(lambda: crew.sender.sent)
    assert POLL_S <= 1


async def test_more_than_a_hundred_attempts_are_under_way_at_once(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.gate.clear()
    await asyncio.gather(*(queued(store, submission(user=f"U{i % 3}"), clock) for i in range(MAX_SENDING + 20)))
    worker = await crew.start()
    await until(lambda: crew.sender.under_way == MAX_SENDING)
    worker.wake()
    await asyncio.sleep(0.05)
    assert crew.sender.most_under_way == worker.in_flight == MAX_SENDING >= 100
    crew.sender.gate.set()
    await until(lambda: len(crew.sender.sent) == MAX_SENDING + 20)


async def test_one_persons_hundreds_leave_room_for_anothers_one(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.gate.clear()
    many = MAX_SENDING_PER_PERSON + 30
    await asyncio.gather(*(queued(store, submission(user="U0ANN"), clock) for _ in range(many)))
    worker = await crew.start()
    await until(lambda: crew.sender.under_way == MAX_SENDING_PER_PERSON)
    await queued(store, submission(user="U0BEN"), clock)
    worker.wake()
    await until(lambda: any(m.reply.user_id == "U0BEN" for m in crew.sender.sent))
    assert crew.sender.under_way == MAX_SENDING_PER_PERSON + 1


@pytest.mark.parametrize("place", ["MAX_SENDING", "MAX_SENDING_PER_PERSON"])
async def test_a_place_that_gets_free_is_taken_without_waiting_for_the_next_poll(
    crew: Crew,
    store: SqlStore,
    clock: FakeClock,
    submission: Submit,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    monkeypatch.setattr(module, "POLL_S", 60.0)
    monkeypatch.setattr(module, place, 2)
    crew.sender.gate.clear()
    for _ in range(6):
        await queued(store, submission(), clock)
    await crew.start()
    await until(lambda: crew.sender.under_way == 2)
    crew.sender.gate.set()
    await until(sends(crew.sender, 6))


async def test_no_message_is_sent_twice_by_two_processes(
    crew: Crew, database: Database, clock: FakeClock, submission: Submit, until: Until
) -> None:
    for _ in range(60):
        await queued(crew.store, submission(), clock)
    await crew.start("here")
    await crew.start("there", store=database.store())
    await until(lambda: len(crew.sender.sent) >= 60)
    await asyncio.sleep(0.02)
    assert len({m.client_reference for m in crew.sender.sent}) == len(crew.sender.sent) == 60


# -- what comes of it


async def test_what_never_left_is_tried_again_when_due(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.outcomes = [SendError(Fate.NEVER_LEFT, "transport-refused")]
    reference = await queued(store, submission(), clock)
    worker = await crew.start()
    await until(lambda: crew.sender.sent)
    await reaches(store, reference, State.QUEUED)
    worker.wake()
    await asyncio.sleep(0.05)
    assert len(crew.sender.sent) == 1, "not before its pause is over"
    clock.jump(1.0)
    worker.wake()
    message = await reaches(store, reference, State.ACCEPTED)
    assert message.attempts == 2


async def test_a_message_is_given_up_when_its_time_is_over(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit
) -> None:
    reference = await queued(store, submission(), clock)
    clock.jump(60)
    await crew.start(give_up_after_s=60)
    message = await reaches(store, reference, State.REFUSED)
    assert (message.cause, message.attempts) == (GAVE_UP, 0)
    assert crew.sender.sent == []
    assert await kinds_of(store) == [AnswerKind.RESULT]


async def test_a_refusal_keeps_the_carriers_words(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit
) -> None:
    crew.sender.outcomes = [SendError(Fate.REFUSED, "http-400", vendor_code="syntax_x", vendor_text="No.")]
    reference = await queued(store, submission(), clock)
    await crew.start()
    message = await reaches(store, reference, State.REFUSED)
    assert (message.cause, message.vendor_code, message.vendor_text) == ("http-400", "syntax_x", "No.")


async def test_a_lost_answer_is_looked_up_told_and_never_sent_again(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.outcomes = [SendError(Fate.LOST, "transport-reset")]
    reference = await queued(store, submission(), clock)
    await crew.start()
    await reaches(store, reference, State.UNKNOWN)
    started = clock.monotonic()
    for number in (1, 2, 3):
        while len(crew.sender.looked_up) < number:
            await clock.advance(POLL_S)
            await asyncio.sleep(0.005)
    await until(lambda: not crew.sender.under_way)
    await comes_to(lambda: told_so_far(store, AnswerKind.UNKNOWN))
    assert clock.monotonic() - started <= 20
    assert len(crew.sender.sent) == 1
    [unknown] = await store.claim_answers(owner="n1", limit=5, now=clock.now(), lease_s=60)
    await store.answer_told(unknown.answer_id, by_response_url=False, now=clock.now())
    crew.sender.found[reference] = "late"
    while len(crew.sender.looked_up) < 4:
        await clock.advance(POLL_S)
        await asyncio.sleep(0.005)
    message = await reaches(store, reference, State.ACCEPTED)
    assert message.batch_id == "late"
    assert await kinds_of(store) == [AnswerKind.FOUND]


async def test_a_carrier_that_cant_be_asked_counts_as_not_found(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.outcomes = [SendError(Fate.LOST, "transport-reset")]
    reference = await queued(store, submission(), clock)
    crew.sender.found[reference] = SendError(Fate.NEVER_LEFT, "transport-refused")
    await crew.start()
    await reaches(store, reference, State.UNKNOWN)
    while not crew.sender.looked_up:
        await clock.advance(POLL_S)
        await asyncio.sleep(0.005)
    await comes_to(lambda: looked_up(store, reference, 1))
    await reaches(store, reference, State.UNKNOWN)


async def test_look_ups_begin_again_with_a_start(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.outcomes = [SendError(Fate.LOST, "transport-reset")]
    reference = await queued(store, submission(), clock)
    first = await crew.start("first")
    await reaches(store, reference, State.UNKNOWN)
    await crew.crash(first)
    for _ in range(21):
        await store.record_lookup(reference, batch_id=None, next_at=None, tell=True, now=clock.now())
    clock.jump(86_400)
    await crew.start("second")
    before = len(crew.sender.looked_up)
    async with asyncio.timeout(5):
        while len(crew.sender.looked_up) < before + 3:
            await clock.advance(30)
            await asyncio.sleep(0.005)
    assert len(crew.sender.looked_up) >= before + 3, "at least three times after each start"


# -- leases, crashes, stops


async def test_leases_are_renewed_while_the_attempt_lasts(
    crew: Crew, database: Database, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.gate.clear()
    reference = await queued(crew.store, submission(), clock)
    await crew.start()
    await until(lambda: crew.sender.under_way == 1)
    other = database.store()
    for _ in range(10):
        await until(lambda: clock.sleepers >= 2)
        await clock.advance(RENEW_EVERY_S)
        await until(lambda: clock.sleepers >= 2)
    assert clock.monotonic() - 1000 > 2 * LEASE_S
    await asyncio.sleep(0.05)
    assert await other.take_up_lost(cause=CRASHED, holding=(), now=clock.now()) == 0
    message = await other.get(reference)
    assert message is not None
    assert message.state is State.SENDING


async def test_many_leases_are_renewed_a_few_in_each_write(
    crew: Crew, clock: FakeClock, submission: Submit, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEWED_AT_ONCE", 3)
    renewed: list[list[str]] = []
    renew = crew.store.renew

    async def noted(client_references: Sequence[str], *, owner: str, now: datetime, lease_s: float) -> None:
        renewed.append(list(client_references))
        await renew(client_references, owner=owner, now=now, lease_s=lease_s)

    monkeypatch.setattr(crew.store, "renew", noted)
    crew.sender.gate.clear()
    references = [await queued(crew.store, submission(), clock) for _ in range(7)]
    await crew.start()
    await until(lambda: crew.sender.under_way == 7)
    await until(lambda: clock.sleepers >= 2)
    await clock.advance(RENEW_EVERY_S)
    await until(lambda: len(renewed) == 3)
    assert [len(some) for some in renewed] == [3, 3, 1]
    assert sorted(reference for some in renewed for reference in some) == sorted(references)


async def test_a_message_whose_lease_was_lost_is_not_sent(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    class Slow(Proxy):
        async def begin(self, reference: str, *, owner: str, now: datetime, lease_s: float) -> Message | None:
            # Between the claim and this moment the process was frozen, and another one took over.
            clock.jump(LEASE_S + 1)
            return await self.store.begin(reference, owner=owner, now=clock.now(), lease_s=lease_s)

    reference = await queued(store, submission(), clock)
    slow = Slow(store)
    worker = await crew.start(store=slow)
    await until(lambda: slow.calls.count("begin") >= 1)
    await crew.stop(worker)
    assert crew.sender.sent == []
    message = await store.get(reference)
    assert message is not None
    assert (message.state, message.attempts) == (State.QUEUED, 0)


async def test_after_a_crash_in_mid_send_the_next_process_looks_it_up_and_does_not_send(
    crew: Crew, database: Database, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.gate.clear()
    reference = await queued(crew.store, submission(), clock)
    first = await crew.start("first")
    await until(lambda: crew.sender.under_way == 1)
    await crew.crash(first)
    crew.sender.gate.set()
    crew.sender.found[reference] = "found-again"
    await crew.start("second", store=database.store())
    began = clock.monotonic()
    async with asyncio.timeout(5):
        while not crew.sender.looked_up:
            await clock.advance(POLL_S)
            await asyncio.sleep(0.005)
    assert clock.monotonic() - began <= 20
    message = await reaches(crew.store, reference, State.ACCEPTED)
    assert message.batch_id == "found-again"
    assert len(crew.sender.sent) == 1


async def test_a_stop_gives_back_what_has_not_begun(
    crew: Crew, database: Database, clock: FakeClock, submission: Submit, until: Until
) -> None:
    held = asyncio.Event()

    class Waiting(Proxy):
        async def begin(self, reference: str, *, owner: str, now: datetime, lease_s: float) -> Message | None:
            await held.wait()
            return await self.store.begin(reference, owner=owner, now=now, lease_s=lease_s)

    reference = await queued(crew.store, submission(), clock)
    waiting = Waiting(crew.store)
    worker = await crew.start(store=waiting)
    await until(lambda: "begin" in waiting.calls)
    stopping = asyncio.ensure_future(crew.stop(worker))
    await until(lambda: "release" in waiting.calls)
    other = database.store()
    claimed: Sequence[Message] = []
    async with asyncio.timeout(5):
        while not claimed:
            claimed = await other.claim(owner="next", limit=5, busy={}, per_person=5, now=clock.now(), lease_s=LEASE_S)
    held.set()
    await stopping
    assert [m.client_reference for m in claimed] == [reference]
    assert crew.sender.sent == []


async def test_a_stop_waits_for_what_is_under_way(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.gate.clear()
    reference = await queued(store, submission(), clock)
    worker = await crew.start()
    await until(lambda: crew.sender.under_way == 1)
    stopping = asyncio.ensure_future(crew.stop(worker))
    await asyncio.sleep(0.02)
    assert not stopping.done()
    crew.sender.gate.set()
    await stopping
    message = await store.get(reference)
    assert message is not None
    assert message.state is State.ACCEPTED


async def test_a_send_that_is_cut_off_by_the_stop_becomes_unknown_at_once(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit, until: Until
) -> None:
    crew.sender.gate.clear()
    reference = await queued(store, submission(), clock)
    worker = await crew.start()
    await until(lambda: crew.sender.under_way == 1)
    await crew.stop(worker, within_s=0.02)
    message = await store.get(reference)
    assert message is not None
    assert (message.state, message.cause) == (State.UNKNOWN, CRASHED)


async def test_a_stop_takes_nothing_more(crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit) -> None:
    worker = await crew.start()
    await crew.stop(worker)
    reference = await queued(store, submission(), clock)
    worker.wake()
    await asyncio.sleep(0.02)
    assert crew.sender.sent == []
    await reaches(store, reference, State.QUEUED)


# -- when the store fails


class Proxy:
    """A store that can be made to fail; counts the calls."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.calls: list[str] = []
        self.failing: dict[str, int] = {}

    def __getattribute__(self, name: str) -> Any:
        if name in ("store", "calls", "failing") or name.startswith("__"):
            return object.__getattribute__(self, name)
        own = type(self).__dict__.get(name)
        target = object.__getattribute__(self, name) if own else getattr(self.store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if self.failing.get(name, 0) > 0:
                self.failing[name] -= 1
                raise StoreUnavailableError("locked")
            return await target(*args, **kwargs)

        return call


@asynccontextmanager
async def ticking(clock: FakeClock, step_s: float = 0.25) -> AsyncIterator[None]:
    """Time goes by, much faster than outside."""

    async def tick() -> None:
        while True:
            await clock.advance(step_s)
            await asyncio.sleep(0.002)

    ticker = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)


async def test_an_outcome_that_cant_be_written_is_written_as_soon_as_it_can(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit
) -> None:
    reference = await queued(store, submission(), clock)
    proxy: Any = Proxy(store)
    proxy.failing["record"] = 8
    await crew.start(store=proxy)
    async with ticking(clock):
        message = await reaches(store, reference, State.ACCEPTED)
    assert message.batch_id == "batch-1"
    assert proxy.calls.count("record") == 9
    assert len(crew.sender.sent) == 1


async def test_the_worker_outlives_a_store_that_is_away(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit
) -> None:
    reference = await queued(store, submission(), clock)
    proxy: Any = Proxy(store)
    proxy.failing |= {"claim": 3, "take_up_lost": 3, "renew": 3, "claim_lookups": 3}
    await crew.start(store=proxy)
    async with ticking(clock):
        await reaches(store, reference, State.ACCEPTED)


async def test_a_message_that_could_not_begin_is_not_sent_and_not_forgotten(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit
) -> None:
    reference = await queued(store, submission(), clock)
    proxy: Any = Proxy(store)
    proxy.failing["begin"] = 1
    await crew.start(store=proxy)
    async with ticking(clock):
        message = await reaches(store, reference, State.ACCEPTED)
    assert message.attempts == len(crew.sender.sent) == 1


async def test_the_worker_outlives_a_fault_of_ours_in_a_loop(
    crew: Crew, store: SqlStore, clock: FakeClock, until: Until
) -> None:
    class Broken(Proxy):
        async def take_up_lost(self, *, cause: str, holding: Collection[str], now: datetime) -> int:
            if self.calls.count("take_up_lost") < 3:
                raise ZeroDivisionError
            return await self.store.take_up_lost(cause=cause, holding=holding, now=now)

    broken: Any = Broken(store)
    await crew.start(store=broken)
    async with ticking(clock):
        await until(lambda: broken.calls.count("claim_lookups") >= 1)
    assert broken.calls.count("take_up_lost") >= 3


async def test_a_sender_with_a_fault_of_ours_leaves_an_unknown_not_a_second_send(
    crew: Crew, store: SqlStore, clock: FakeClock, submission: Submit
) -> None:
    reference = await queued(store, submission(), clock)
    crew_send = crew.sender.send

    async def faulty(message: Message) -> str:
        await crew_send(message)
        raise ValueError("our own")

    crew.sender.send = faulty  # type: ignore[method-assign]  # a bug, on purpose
    await crew.start()
    async with ticking(clock):
        await reaches(store, reference, State.UNKNOWN)
    assert len(crew.sender.sent) == 1


def test_a_step_is_one_of_four() -> None:
    assert {one.__name__ for one in Step.__args__} == {"Accepted", "Refused", "Lost", "TryAgain"}
