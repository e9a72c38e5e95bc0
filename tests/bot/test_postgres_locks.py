"""PostgreSQL locks single rows: whoever claims passes by what others hold, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import Connection, event

from bot.domain import Accepted, AnswerKind, Lost, Submission
from bot.reports import Report, Took
from bot.store import StoreUnavailableError, Taken, taking
from bot.store.sql import SqlStore
from bot.store.tables import answer, message
from bot.store.writer import Writer
from sandbox.slack.people import ADA, BEN
from tests.bot.conftest import anybody
from tests.bot.databases import PostgresDatabase
from tests.bot.postgres_steps import (
    AT_ONCE_S,
    HOUR,
    LEASE_S,
    NOW,
    Gate,
    change,
    claim_and_hold,
    claimed,
    holding,
    queued,
    together,
    waits_for_a_lock,
)
from tests.bot.report_steps import accepted

Submit = Callable[..., Submission]


@pytest.fixture
def database(postgres_database: PostgresDatabase) -> PostgresDatabase:
    return postgres_database


async def test_two_processes_claim_different_messages_without_waiting_for_each_other(
    database: PostgresDatabase, submission: Submit
) -> None:
    here, there = database.store(), database.store()
    references = await queued(here, *(submission() for _ in range(6)))
    still_open = Gate()
    first = claim_and_hold(here, still_open, owner="a", limit=3)
    await still_open.reached()
    started = time.monotonic()
    second = await claimed(there, owner="b", limit=3)
    assert time.monotonic() - started < AT_ONCE_S
    assert not first.done(), "the other one had not committed yet"
    still_open.open()
    assert (await first, second) == (references[:3], references[3:])


async def test_a_claim_passes_by_rows_that_are_locked(database: PostgresDatabase, submission: Submit) -> None:
    store = database.store()
    locked, free = await queued(store, submission(), submission())
    with holding(database, "SELECT 1 FROM message WHERE client_reference = %s", locked):
        started = time.monotonic()
        assert await claimed(store, owner="a") == [free]
        await store.claim_answers(owner="n", limit=5, now=NOW + HOUR, lease_s=60)
        assert time.monotonic() - started < AT_ONCE_S
    assert [row["client_reference"] for row in database.rows(answer)] == [free]
    assert await claimed(store, owner="a") == [locked]


async def test_what_was_cut_off_is_taken_up_but_for_what_is_locked(
    database: PostgresDatabase, submission: Submit
) -> None:
    store = database.store()
    locked, free = await queued(store, submission(), submission())
    await claimed(store, owner="a")
    for reference in (locked, free):
        await store.begin(reference, owner="a", now=NOW, lease_s=LEASE_S)
    with holding(database, "SELECT 1 FROM message WHERE client_reference = %s", locked):
        assert await store.take_up_lost(cause="own-crash", holding=(), now=NOW + HOUR) == 1
        found = await store.claim_lookups(owner="a", limit=5, now=NOW + HOUR + HOUR, lease_s=LEASE_S)
        assert [one.client_reference for one in found] == [free]
    assert await store.take_up_lost(cause="own-crash", holding=(), now=NOW + HOUR) == 1


async def test_that_the_database_takes_writes_is_not_asked_one_after_the_other(database: PostgresDatabase) -> None:
    with holding(database, "SELECT 1 FROM alembic_version"):
        started = time.monotonic()
        await database.store().ping()
        assert time.monotonic() - started < AT_ONCE_S


async def test_answers_and_notices_that_are_locked_are_passed_by(
    database: PostgresDatabase, submission: Submit
) -> None:
    store = database.store()
    for reference in await queued(store, submission(), submission()):
        await claimed(store, owner="a")
        await store.begin(reference, owner="a", now=NOW, lease_s=LEASE_S)
        await store.record(reference, Accepted("B"), owner="a", attempt=1, now=NOW)
    await store.access.ask(BEN, admins=[ADA, "U0EVE"], now=NOW)
    first, _ = [row["answer_id"] for row in database.rows(answer)]
    with (
        holding(database, "SELECT 1 FROM answer WHERE answer_id = %s", first),
        holding(database, "SELECT 1 FROM access_notice WHERE to_user_id = %s", ADA),
    ):
        answers = await store.claim_answers(owner="a", limit=5, now=NOW, lease_s=LEASE_S)
        notices = await store.access.claim_notices(owner="a", limit=5, now=NOW, lease_s=LEASE_S)
    assert first not in [one.answer_id for one in answers]
    assert (len(answers), [one.to_user_id for one in notices]) == (1, ["U0EVE"])


async def test_two_processes_that_look_up_the_same_message_tell_it_once(
    database: PostgresDatabase, submission: Submit
) -> None:
    here, there = database.store(), database.store()
    [reference] = await queued(here, submission())
    await claimed(here, owner="a")
    await here.begin(reference, owner="a", now=NOW, lease_s=LEASE_S)
    await here.record(reference, Lost("transport-reset"), owner="a", attempt=1, now=NOW)
    still_open = Gate()

    async def not_found(store: SqlStore) -> None:
        await store.record_lookup(reference, batch_id=None, next_at=None, tell=True, now=NOW)

    first, gate = await together(here, not_found(here), here._writer.run(still_open))
    await still_open.reached()
    second = asyncio.ensure_future(not_found(there))
    await asyncio.to_thread(waits_for_a_lock, database)
    still_open.open()
    await asyncio.gather(first, gate, second)
    assert [row["kind"] for row in database.rows(answer)] == [AnswerKind.UNKNOWN]


async def test_one_who_waits_for_a_lock_in_vain_does_not_take_the_others_time(
    database: PostgresDatabase, submission: Submit
) -> None:
    store = database.store()
    [locked] = await queued(store, submission())
    await claimed(store, owner="a")
    one = store.begin(locked, owner="a", now=NOW, lease_s=LEASE_S)
    with holding(database, "SELECT 1 FROM message WHERE client_reference = %s", locked):
        others = [store.enqueue(submission(), may=anybody, now=NOW) for _ in range(30)]
        started = time.monotonic()
        waited, *taken = await together(store, one, *others)
        assert {type(outcome) for outcome in await asyncio.gather(*taken)} == {Taken}
        assert time.monotonic() - started < 3
        with pytest.raises(StoreUnavailableError, match="LockNotAvailable"):
            await waited


# -- two that wait for each other


class Once:
    """Lets two jobs meet the first time that they run, and not again. Nobody waits longer than ``within_s``."""

    def __init__(self, *, within_s: float) -> None:
        self._within_s = within_s
        self._both = threading.Barrier(2)

    def meet(self) -> None:
        with suppress(threading.BrokenBarrierError):
            self._both.wait(self._within_s)
            self._both.abort()


async def test_of_two_that_wait_for_each_other_one_goes_first_and_the_other_comes_again(
    database: PostgresDatabase, submission: Submit
) -> None:
    here, there = Writer(database.engine()), Writer(database.engine())
    store = database.store()
    references = await queued(store, submission(), submission())
    once = Once(within_s=5)
    runs: list[str] = []

    def job(name: str, first: str, second: str) -> Callable[[Connection], str]:
        def work(connection: Connection) -> str:
            runs.append(name)
            for reference in (first, second):
                connection.execute(message.update().where(message.c.client_reference == reference).values(cause=name))
                once.meet()
            return name

        return work

    try:
        outcomes = await asyncio.gather(here.run(job("a", *references)), there.run(job("b", *reversed(references))))
    finally:
        await asyncio.gather(here.close(), there.close())
    assert list(outcomes) == ["a", "b"]
    assert len(runs) >= 3, "one of them was ended by the database, and came again"
    [cause] = {row["cause"] for row in database.rows(message)}
    assert cause == runs[-1]


async def test_processes_that_read_the_list_and_change_it_in_one_commit_do_not_wait_for_each_other(
    database: PostgresDatabase, submission: Submit
) -> None:
    stores = [database.store(), database.store()]
    once = Once(within_s=0.3)
    asked: list[str] = []

    def may(who: str) -> Callable[[object], None]:
        def ask(_: object) -> None:
            asked.append(who)
            once.meet()

        return ask

    groups = [
        await together(store, store.enqueue(submission(), may=may(who), now=NOW), change(store, f"U0NEW{who}"))
        for store, who in zip(stores, "AB", strict=True)
    ]
    await asyncio.gather(*(future for group in groups for future in group))
    assert sorted(asked) == ["A", "B"], "nobody had to come again"
    assert len((await stores[0].access.current()).added) == 2


async def test_what_is_sent_here_and_reported_there_at_the_same_time_is_never_a_deadlock(
    database: PostgresDatabase, submission: Submit
) -> None:
    engines = database.engine(), database.engine()
    faults: list[str] = []
    for engine in engines:
        event.listen(engine, "handle_error", lambda context: faults.append(str(context.original_exception)))
    here, there = (database.store(engine) for engine in engines)
    for round_ in range(8):
        references = await queued(here, *(submission() for _ in range(6)))
        await claimed(here, owner="a")
        for reference in references:
            await here.begin(reference, owner="a", now=NOW, lease_s=LEASE_S)
        report = Report("12015550123", "Delivered", 0, NOW)
        records = [
            here.record(reference, Accepted(f"B{reference}"), owner="a", attempt=1, now=NOW) for reference in references
        ]
        takes = [
            there.reports.take(batch_id=f"B{reference}", client_reference=reference, reports=[report], now=NOW)
            for reference in reversed(references)
        ]
        sent, reported = await asyncio.gather(together(here, *records), together(there, *takes))
        await asyncio.gather(*sent)
        assert set(await asyncio.gather(*reported)) == {Took.APPLIED}, f"round {round_}"
    assert faults == []


async def test_of_the_last_two_reports_taken_at_once_one_tells_the_end(
    database: PostgresDatabase, submission: Submit
) -> None:
    here, there = database.store(), database.store()
    reference = await accepted(here, submission(to=("+12015550123", "+12015550124")), "B1", now=NOW)
    still_open = Gate()

    last = Report("12015550124", "Delivered", 0, NOW)
    work = partial(
        taking.take,
        reference=reference,
        batch_id="B1",
        reports=[Report("12015550123", "Delivered", 0, NOW)],
        first_poll_s=5,
        at=NOW.timestamp(),
    )
    first, gate = await together(here, here._writer.run(work, of=reference), here._writer.run(still_open))
    await still_open.reached()
    second = asyncio.ensure_future(there.reports.take(batch_id="B1", client_reference=None, reports=[last], now=NOW))
    await asyncio.to_thread(waits_for_a_lock, database)
    still_open.open()
    await gate
    assert (await first, await second) == (Took.APPLIED, Took.APPLIED)
    news = await there.reports.claim_news(owner="a", limit=9, now=NOW, lease_s=LEASE_S)
    assert [one.client_reference for one in news] == [reference]
