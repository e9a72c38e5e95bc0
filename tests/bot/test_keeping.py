"""Numbers and texts are kept for a time, and for a person who is forgotten no longer. On every kind of database."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from bot.causes import Catalogue
from bot.domain import (
    Accepted,
    AnswerKind,
    Content,
    Lost,
    Message,
    Recipient,
    Refused,
    ReplyRoute,
    State,
    Submission,
)
from bot.forgetting import FORGOTTEN, PAGE, UNDER_WAY_LIMIT_S, concerns, forget
from bot.housekeeping import AT_ONCE, EVERY_S, Housekeeper
from bot.reports import Counts, Report, Took
from bot.shell import forget as say_forget
from bot.slack import messages
from bot.store import Taken
from bot.store.sql import SqlStore
from bot.store.tables import message
from tests.bot.conftest import START, FakeClock, anybody
from tests.bot.databases import Database, PostgresDatabase, SqliteDatabase

ANN, BEN = "+12015550123", "+12015550124"
SECRET = "Lantern-Walrus"
DAYS = 30
LEASE_S = 10.0
Submit = Callable[..., Submission]


class QuickClock(FakeClock):
    """Sleeping takes no time, but counts."""

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.jump(seconds)


@pytest.fixture
def quick() -> QuickClock:
    return QuickClock()


def at(days: float) -> datetime:
    return START + timedelta(days=days)


async def take(store: SqlStore, submission: Submission, *, now: datetime = START) -> str:
    taken = await store.enqueue(submission, may=anybody, now=now)
    assert isinstance(taken, Taken)
    return taken.client_reference


async def begin(store: SqlStore, reference: str, *, now: datetime = START) -> Message:
    await store.claim(owner="w1", limit=1000, busy={}, per_person=1000, now=now, lease_s=LEASE_S)
    begun = await store.begin(reference, owner="w1", now=now, lease_s=LEASE_S)
    assert begun is not None
    return begun


async def end(
    store: SqlStore, submission: Submission, step: Accepted | Refused | Lost, *, now: datetime = START
) -> str:
    reference = await take(store, submission, now=now)
    begun = await begin(store, reference, now=now)
    assert await store.record(reference, step, owner="w1", attempt=begun.attempts, now=now)
    return reference


async def tell_all(store: SqlStore, *, now: datetime = START) -> list[AnswerKind]:
    told = await store.claim_answers(owner="w1", limit=1000, now=now, lease_s=LEASE_S)
    for one in told:
        await store.answer_told(one.answer_id, by_response_url=False, now=now)
    return [one.kind for one in told]


async def found(store: SqlStore, reference: str) -> Message:
    one = await store.get(reference)
    assert one is not None
    return one


def bytes_of(path: Path) -> bytes:
    """Everything that SQLite keeps of a database."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()) if file.name.startswith(path.name))


def everything(database: Database) -> str:
    """Every value of every column, or every byte of every file, as text."""
    if isinstance(database, SqliteDatabase):
        return bytes_of(database.path).decode("latin-1")
    assert isinstance(database, PostgresDatabase)
    with psycopg.connect(database.url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        cursors = (connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(one))) for (one,) in tables)
        return " ".join(str(row) for cursor in cursors for row in cursor.fetchall())


# -- after a time


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (Accepted("batch-1"), State.ACCEPTED),
        (Refused("syntax_invalid_parameter_format", "syntax_invalid_parameter_format", f"to[0]: {ANN}"), State.REFUSED),
    ],
)
async def test_what_is_old_loses_numbers_and_texts_and_keeps_its_counts(
    database: Database, store: SqlStore, quick: QuickClock, submission: Submit, step: Accepted | Refused, state: State
) -> None:
    url = "https://hooks.slack.com/commands/T0/secret-path"
    asked = submission("V1", text=SECRET, to=(ANN, BEN), response_url=url, expires_at=at(0.02))
    reference = await end(store, asked, step)
    await tell_all(store)
    quick.jump(DAYS * 86_400 + 1)
    assert await Housekeeper(store, retention_days=DAYS, clock=quick).purge() == 1
    kept = await found(store, reference)
    assert (kept.content, kept.digest, kept.vendor_text, kept.reply.response_url) == (None, "", None, None)
    assert (kept.state, kept.recipient_count, kept.created_at) == (state, 2, START)
    assert not [word for word in ("2015550123", "2015550124", SECRET, "secret-path") if word in everything(database)]


async def test_with_the_numbers_go_those_of_the_recipients_and_what_became_of_them_stays(
    database: Database, store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    reference = await end(store, submission("V1", text=SECRET, to=(ANN, BEN)), Accepted("batch-1"))
    delivered = Report(BEN.removeprefix("+"), "Delivered", 0, START)
    await store.reports.take(batch_id="batch-1", client_reference=None, reports=[delivered], now=START)
    await tell_all(store)
    quick.jump(DAYS * 86_400 + 1)
    assert await Housekeeper(store, retention_days=DAYS, clock=quick).purge() == 1
    kept = await store.reports.recipients(reference)
    assert [(one.e164, one.state, one.code) for one in kept] == [(None, "Queued", None), (None, "Delivered", 0)]
    assert await store.reports.counts([reference]) == {reference: Counts(delivered=1, on_their_way=1)}
    assert not [word for word in ("2015550123", "2015550124") if word in everything(database)]
    late = Report(ANN.removeprefix("+"), "Delivered", 0, START)
    again = await store.reports.take(batch_id="batch-1", client_reference=None, reports=[late], now=quick.now())
    assert again is Took.NOTHING_NEW, "nobody knows any more whom it is about"
    assert "2015550123" not in everything(database)
    await store.reports.polled(reference, next_at=None, now=quick.now())
    assert await store.reports.counts([reference]) == {reference: Counts(delivered=1, no_final_word=1)}


async def test_a_report_of_the_only_recipient_counts_though_the_number_is_gone(
    database: Database, store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    accepted = await end(store, submission("V1", to=(ANN,)), Accepted("batch-1"))
    lost = await end(store, submission("V2", to=(ANN,)), Lost("transport-reset"))
    assert (await forget(store, ANN, clock=quick)).erased == 2
    report = Report(ANN.removeprefix("+"), "Delivered", 0, START)
    for batch_id, reference in (("batch-1", accepted), ("batch-2", lost)):
        await store.reports.take(batch_id=batch_id, client_reference=reference, reports=[report], now=START)
        assert await store.reports.counts([reference]) == {reference: Counts(delivered=1)}
    assert "2015550123" not in everything(database)


async def test_what_is_younger_stays(store: SqlStore, quick: QuickClock, submission: Submit) -> None:
    reference = await end(store, submission("V1", text=SECRET), Accepted("batch-1"))
    await tell_all(store)
    quick.jump(DAYS * 86_400 - 1)
    assert await Housekeeper(store, retention_days=DAYS, clock=quick).purge() == 0
    assert (await found(store, reference)).content is not None


async def test_what_still_has_something_to_do_stays_however_old(
    store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    sent = await end(store, submission("V1"), Accepted("batch-1"))  # its sender is not told yet
    lost = await end(store, submission("V2"), Lost("transport-reset"))
    waiting = await take(store, submission("V3"))
    keeper = Housekeeper(store, retention_days=DAYS, clock=quick)
    quick.jump(DAYS * 86_400 + 1)
    assert await keeper.purge() == 0
    assert await tell_all(store, now=quick.now()) == [AnswerKind.RESULT, AnswerKind.PROGRESS]
    assert await keeper.purge() == 1
    contents = {reference: (await found(store, reference)).content for reference in (sent, lost, waiting)}
    assert [contents[sent] is None, contents[lost] is None, contents[waiting] is None] == [True, False, False]


async def test_many_go_in_small_steps_with_a_pause_for_those_who_wait(
    store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    for number in range(AT_ONCE + 3):
        await end(store, submission(f"V{number}"), Accepted(f"batch-{number}"))
    while await tell_all(store):
        pass
    quick.jump(DAYS * 86_400 + 1)
    assert await Housekeeper(store, retention_days=DAYS, clock=quick).purge() == AT_ONCE + 3
    assert len(quick.slept) == 1


async def test_two_processes_may_purge_at_the_same_time(
    database: Database, quick: QuickClock, submission: Submit
) -> None:
    one, other = database.store(), database.store()
    for number in range(9):
        await end(one, submission(f"V{number}"), Accepted(f"batch-{number}"))
    await tell_all(one)
    late = at(DAYS + 1)
    counts = [await store.purge(kept_s=DAYS * 86_400.0, limit=5, now=late) for store in (one, other, one)]
    assert counts == [5, 4, 0]


async def test_it_is_looked_at_every_hour_also_after_a_database_that_was_away(
    database: Database, clock: FakeClock, submission: Submit, until: Callable[..., Awaitable[None]]
) -> None:
    store = database.store()
    reference = await end(store, submission("V1"), Accepted("batch-1"))
    await tell_all(store)
    task = asyncio.create_task(Housekeeper(store, retention_days=1, clock=clock).run())
    try:
        with database.locked():
            await until(lambda: clock.sleepers == 1)
        clock.jump(86_400 + 1)
        await clock.advance(EVERY_S)
        await until(lambda: database.rows(message)[0]["content"] is None)
    finally:
        task.cancel()
    assert (await found(store, reference)).recipient_count == 1


async def test_a_view_that_was_purged_is_still_taken(store: SqlStore, quick: QuickClock, submission: Submit) -> None:
    asked = submission("V1", text=SECRET)
    reference = await end(store, asked, Accepted("batch-1"))
    await tell_all(store)
    quick.jump(DAYS * 86_400 + 1)
    await Housekeeper(store, retention_days=DAYS, clock=quick).purge()
    again = await store.enqueue(asked, may=anybody, now=quick.now())
    assert not isinstance(again, Taken)
    assert (again.client_reference, again.digest) == (reference, "")  # type: ignore[union-attr] # nobody is denied here


# -- at once


async def test_forgetting_a_number_cancels_what_waits_and_erases_what_is_done(
    database: Database, store: SqlStore, quick: QuickClock, causes: Catalogue, submission: Submit
) -> None:
    done = await end(store, submission("V1", text=SECRET, to=(ANN, BEN)), Accepted("batch-1"))
    other = await end(store, submission("V2", text="For Ben", to=(BEN,)), Accepted("batch-2"))
    await tell_all(store)
    waiting = await take(store, submission("V3", text=SECRET))
    outcome = await forget(store, ANN, clock=quick)
    assert (outcome.cancelled, outcome.erased, outcome.under_way, outcome.scrubbed) == (1, 2, 0, True)
    assert (await found(store, waiting)).state is State.CANCELLED
    assert [(await found(store, one)).content for one in (done, waiting)] == [None, None]
    assert (await found(store, other)).content is not None
    assert not [word for word in ("2015550123", SECRET) if word in everything(database)]
    assert "2015550124" in everything(database)
    [told] = await store.claim_answers(owner="w2", limit=9, now=quick.now(), lease_s=LEASE_S)
    said = messages.answer(told, causes=causes)["text"]
    assert "was cancelled" in said
    assert "Nothing was sent" in said
    assert (await found(store, waiting)).cause == FORGOTTEN


async def test_a_cancelled_message_is_never_sent_though_a_process_had_claimed_it(
    store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    reference = await take(store, submission("V1"))
    await store.claim(owner="w1", limit=9, busy={}, per_person=9, now=START, lease_s=LEASE_S)
    assert (await forget(store, ANN, clock=quick)).cancelled == 1
    assert await store.begin(reference, owner="w1", now=START, lease_s=LEASE_S) is None
    assert not await store.record(reference, Refused("own-gave-up"), owner="w1", attempt=0, now=START)


async def test_what_is_being_sent_is_waited_for_and_then_erased(
    store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    reference = await take(store, submission("V1"))
    begun = await begin(store, reference)

    class Settling(QuickClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(self.slept) == 3:
                await store.record(reference, Accepted("batch-1"), owner="w1", attempt=begun.attempts, now=START)

    outcome = await forget(store, ANN, clock=Settling())
    assert (outcome.cancelled, outcome.erased, outcome.under_way) == (0, 1, 0)
    kept = await found(store, reference)
    assert (kept.state, kept.content) == (State.ACCEPTED, None)


async def test_what_is_sent_without_end_is_told_after_a_minute(
    store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    await begin(store, await take(store, submission("V1")))
    said = await say_forget(store, ANN, clock=quick)
    assert said.status == 1
    assert "Still being sent, and so not erased: 1 message." in said.err
    assert sum(quick.slept) >= UNDER_WAY_LIMIT_S


async def test_a_message_whose_answer_was_lost_is_erased_and_still_looked_up(
    store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    reference = await end(store, submission("V1"), Lost("transport-reset"))
    assert (await forget(store, ANN, clock=quick)).erased == 1
    [again] = await store.claim_lookups(owner="w1", limit=9, now=at(1), lease_s=LEASE_S)
    assert (again.client_reference, again.content) == (reference, None)


async def test_more_than_one_page_of_messages_is_looked_through(
    store: SqlStore, quick: QuickClock, submission: Submit
) -> None:
    for number in range(PAGE + 5):
        await take(store, submission(f"V{number}", to=(ANN if number % 50 == 49 else BEN,)), now=START)
    outcome = await forget(store, ANN, clock=quick)
    assert (outcome.cancelled, outcome.erased) == (4, 4)


async def test_what_is_said_has_counts_and_no_number(store: SqlStore, quick: QuickClock, submission: Submit) -> None:
    await end(store, submission("V1"), Accepted("batch-1"))
    said = await say_forget(store, ANN, clock=quick)
    assert (said.status, said.out, said.err) == (0, "Erased: 1 message. Cancelled before they went out: 0.\n", "")
    assert (await say_forget(store, ANN, clock=quick)).out == "Nothing is kept about this number.\n"


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("Call +1 201 555 0123", True),
        ("Call (1) 201-555.0123!", True),
        ("tel:+12015550123", True),
        ("Call 201 555 0124", False),
        ("12 015 550 123 parcels", True),  # better one text too many
        ("", False),
    ],
)
def test_a_number_in_the_words_counts_however_it_is_written(text: str, about: bool) -> None:
    content = Content((Recipient(BEN, "US"),), text, None, None, BEN)
    assert concerns(content, ANN) is about


# -- on the disk


def reading(path: Path) -> sqlite3.Connection:
    """Somebody who reads: what they see has to stay in the log until they are done."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM message").fetchone()
    return connection


async def test_a_reader_holds_the_log_and_it_is_tried_until_it_can_be_emptied(
    sqlite_template: Path, tmp_path: Path, submission: Submit
) -> None:
    path = Path(shutil.copy(sqlite_template, tmp_path / "mms-bot.db"))
    database = SqliteDatabase(path)
    store = database.store()
    await end(store, submission("V1", text=SECRET), Accepted("batch-1"))
    with closing(reading(path)) as reader:

        class Leaving(QuickClock):
            async def sleep(self, seconds: float) -> None:
                await super().sleep(seconds)
                if len(self.slept) == 2:
                    assert SECRET in bytes_of(path).decode("latin-1")
                    reader.execute("ROLLBACK")

        clock = Leaving()
        outcome = await forget(store, ANN, clock=clock)
    assert (outcome.scrubbed, len(clock.slept)) == (True, 2)
    assert not [word for word in (SECRET, "2015550123") if word in bytes_of(path).decode("latin-1")]
    for one in database.stores:
        await one.close()


@given(
    texts=st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=1500), max_size=12),
    phones=st.lists(st.integers(1, 9), min_size=12, max_size=12),
    who=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_no_byte_about_a_forgotten_number_is_left_and_the_others_are_as_they_were(
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    texts: Sequence[str],
    phones: Sequence[int],
    who: Sequence[bool],
) -> None:
    """Rows of all sizes, so that pages split, overflow and are joined again."""
    folder = tmp_path_factory.mktemp("bytes")
    path = Path(shutil.copy(sqlite_template, folder / "mms-bot.db"))
    database = SqliteDatabase(path)

    async def play() -> None:
        store = database.store()
        references: dict[str, bool] = {}
        for number, text in enumerate(texts):
            to = [ANN if who[number] else BEN, *(f"+120155501{other:02d}" for other in range(phones[number]))]
            words = f"{SECRET} {text}" if who[number] else f"Public {text}"
            content = Content(tuple(Recipient(e164, "US") for e164 in to), words, None, None, ", ".join(to))
            submission = Submission(f"V{number}", "T1", content, _route())
            references[await end(store, submission, Accepted(f"batch-{number}"))] = who[number]
            reports = [Report(e164.removeprefix("+"), "Dispatched", 401, START) for e164 in to[::2]]
            await store.reports.take(batch_id=f"batch-{number}", client_reference=None, reports=reports, now=START)
        before = {reference: (await found(store, reference)).content for reference in references}
        outcome = await forget(store, ANN, clock=QuickClock())
        assert outcome.scrubbed
        for reference, about in references.items():
            content_now = (await found(store, reference)).content
            gone = about or "2015550123" in str(before[reference])
            assert content_now == (None if gone else before[reference])

    asyncio.run(play())
    left = bytes_of(path).decode("latin-1")
    assert not [word for word in (SECRET, "2015550123") if word in left]
    asyncio.run(database.close())


def _route() -> ReplyRoute:
    return ReplyRoute("U0ANN")
