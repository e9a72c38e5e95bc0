"""Group commit: one commit for many, and one who fails harms nobody else. And a database that does not let us in."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    event,
    insert,
    select,
    text,
)

from bot.domain import Submission
from bot.store import StoreUnavailableError, Taken
from bot.store import engine as engine_module
from bot.store import writer as writer_module
from bot.store.engine import open_engine
from bot.store.sql import SqlStore
from bot.store.writer import GROUP_MAX, OTHERS_MAX, Needs, Writer
from tests.bot.conftest import anybody

if TYPE_CHECKING:
    from tests.bot.databases import Database

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
BUSY_S = 0.1  # instead of the product's 2 s, so that a lock is waited for briefly
Submit = Callable[..., Submission]


tables = MetaData()
entry = Table("entry", tables, Column("number", Integer, primary_key=True), Column("word", Text, unique=True))
child = Table(
    "child", tables, Column("word", ForeignKey("entry.word", deferrable=True, initially="DEFERRED"), primary_key=True)
)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    engine = database.engine()
    tables.create_all(engine)
    yield engine
    tables.drop_all(engine)


@pytest.fixture
async def writer(engine: Engine) -> AsyncIterator[Writer]:
    writer = Writer(engine)
    yield writer
    await writer.close()


def add(word: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(insert(entry).values(word=word))
        return word

    return work


def words(engine: Engine) -> list[str]:
    """As they were written."""
    with engine.connect() as connection:
        return list(connection.execute(select(entry.c.word).order_by(entry.c.number)).scalars())


class Held:
    """Keeps the writer's thread busy, so that what is asked meanwhile becomes one group."""

    def __init__(self, writer: Writer) -> None:
        self._let_go = threading.Event()
        self._busy = threading.Event()
        self._task = asyncio.ensure_future(writer.run(self._wait))

    def _wait(self, _: Connection) -> None:
        self._busy.set()
        assert self._let_go.wait(5)

    async def busy(self) -> None:
        assert await asyncio.to_thread(self._busy.wait, 5)

    async def release(self) -> None:
        await asyncio.sleep(0)  # what was asked for has to be in the queue
        self._let_go.set()
        await self._task


@contextmanager
def counted_commits(engine: Engine) -> Iterator[list[int]]:
    commits: list[int] = []

    def count(_: Connection) -> None:
        commits.append(1)

    event.listen(engine, "commit", count)
    yield commits
    event.remove(engine, "commit", count)


async def test_those_who_wait_together_share_one_commit(engine: Engine, writer: Writer) -> None:
    held = Held(writer)
    await held.busy()
    with counted_commits(engine) as commits:
        asked = [asyncio.ensure_future(writer.run(add(f"{i}"), needs=Needs.LIST)) for i in range(20)]
        await held.release()
        assert await asyncio.gather(*asked) == [f"{i}" for i in range(20)]
    assert len(commits) == 2, "one for the job that was waited for, one for all the others"
    assert words(engine) == [f"{i}" for i in range(20)]


async def test_a_group_locks_messages_in_one_order_and_after_them_what_is_free(engine: Engine, writer: Writer) -> None:
    """Two processes with the same messages in their groups never wait for each other: PostgreSQL, "Deadlocks"."""
    held = Held(writer)
    await held.busy()
    wanted = [("free", ""), ("c2", "c"), ("a", "a"), ("other free", ""), ("b", "b"), ("c1", "c")]
    asked = [asyncio.ensure_future(writer.run(add(word), of=of)) for word, of in wanted]
    await held.release()
    assert await asyncio.gather(*asked) == [word for word, _ in wanted], "each hears of its own"
    assert words(engine) == ["a", "b", "c2", "c1", "free", "other free"]


@pytest.mark.parametrize(("needs", "most"), [(Needs.LIST, GROUP_MAX), (Needs.NOTHING, OTHERS_MAX)])
async def test_a_group_has_a_size(engine: Engine, writer: Writer, needs: Needs, most: int) -> None:
    held = Held(writer)
    await held.busy()
    with counted_commits(engine) as commits:
        asked = [asyncio.ensure_future(writer.run(add(f"{i}"), needs=needs)) for i in range(most + 1)]
        await held.release()
        await asyncio.gather(*asked)
    assert len(commits) == 3


async def test_whoever_waits_for_an_ack_waits_for_no_work_behind_the_scenes(engine: Engine, writer: Writer) -> None:
    held = Held(writer)
    await held.busy()
    others = [asyncio.ensure_future(writer.run(add(f"{i}"))) for i in range(3 * OTHERS_MAX)]
    first = asyncio.ensure_future(writer.run(add("first"), needs=Needs.LIST))
    await held.release()
    await asyncio.gather(first, *others)
    assert words(engine) == ["first", *(f"{i}" for i in range(3 * OTHERS_MAX))]


async def test_work_behind_the_scenes_goes_on_between_submissions(engine: Engine, writer: Writer) -> None:
    held = Held(writer)
    await held.busy()
    other = asyncio.ensure_future(writer.run(add("other")))
    first = [asyncio.ensure_future(writer.run(add(f"{i}"), needs=Needs.LIST)) for i in range(GROUP_MAX + 1)]
    await held.release()
    await asyncio.gather(other, *first)
    assert words(engine) == [*(f"{i}" for i in range(GROUP_MAX)), "other", f"{GROUP_MAX}"]


@pytest.mark.parametrize("culprit", [0, 3, 6])
async def test_one_that_fails_does_not_fail_its_neighbours(engine: Engine, writer: Writer, culprit: int) -> None:
    await writer.run(add("twice"))
    held = Held(writer)
    await held.busy()
    asked = [asyncio.ensure_future(writer.run(add("twice" if i == culprit else f"{i}"))) for i in range(7)]
    await held.release()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(outcomes[culprit], StoreUnavailableError)
    rest = [f"{i}" for i in range(7) if i != culprit]
    assert [o for o in outcomes if isinstance(o, str)] == rest
    assert words(engine) == ["twice", *rest]


async def test_a_fault_of_ours_reaches_its_caller_alone(engine: Engine, writer: Writer) -> None:
    def faulty(_: Connection) -> str:
        raise KeyError("our own")

    held = Held(writer)
    await held.busy()
    asked = [asyncio.ensure_future(writer.run(work)) for work in (add("a"), faulty, add("b"))]
    await held.release()
    first, second, third = await asyncio.gather(*asked, return_exceptions=True)
    assert [first, third] == ["a", "b"]
    assert isinstance(second, KeyError)
    assert await writer.run(add("c")) == "c", "the thread lives on"


async def test_what_a_failed_job_wrote_is_undone(engine: Engine, writer: Writer) -> None:
    def half(connection: Connection) -> None:
        connection.execute(insert(entry).values(word="half"))
        connection.execute(insert(entry).values(word="half"))

    held = Held(writer)
    await held.busy()
    asked = [asyncio.ensure_future(writer.run(work)) for work in (half, add("whole"))]
    await held.release()
    await asyncio.gather(*asked, return_exceptions=True)
    assert words(engine) == ["whole"]


async def test_whoever_gives_up_waiting_does_not_break_the_group(engine: Engine, writer: Writer) -> None:
    held = Held(writer)
    await held.busy()
    asked = [asyncio.ensure_future(writer.run(add(f"{i}"))) for i in range(3)]
    await asyncio.sleep(0)
    asked[1].cancel()
    await held.release()
    with suppress(asyncio.CancelledError):
        await asked[1]
    assert asked[1].cancelled()
    assert [await asked[0], await asked[2]] == ["0", "2"]
    assert words(engine) == ["0", "1", "2"], "giving up waiting takes nothing back"


async def test_a_commit_that_fails_is_told_to_everybody_in_it_and_harms_nothing_after_it(
    engine: Engine, writer: Writer
) -> None:
    def fails_at_commit(connection: Connection) -> None:
        connection.execute(insert(child).values(word="nobody"))

    held = Held(writer)
    await held.busy()
    asked = [asyncio.ensure_future(writer.run(work)) for work in (add("a"), fails_at_commit, add("b"))]
    await held.release()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailableError) for outcome in outcomes), "nobody knows what was kept"
    assert words(engine) == []
    assert await writer.run(add("after")) == "after"
    assert words(engine) == ["after"]


async def test_the_words_of_an_error_hold_no_statement_and_no_value(writer: Writer) -> None:
    await writer.run(add("+12015550123"))
    with pytest.raises(StoreUnavailableError) as caught:
        await writer.run(add("+12015550123"))
    assert str(caught.value) in ("IntegrityError", "UniqueViolation")


async def test_a_writer_that_is_closed_takes_nothing_more(engine: Engine) -> None:
    writer = Writer(engine)
    await writer.run(add("a"))
    await writer.close()
    await writer.close()
    with pytest.raises(StoreUnavailableError):
        await writer.run(add("b"))
    assert words(engine) == ["a"]


async def test_a_loop_that_is_gone_does_not_stop_the_thread(engine: Engine, writer: Writer) -> None:
    held = Held(writer)
    await held.busy()

    def in_a_loop_of_its_own() -> None:
        async def ask_and_leave() -> None:
            task = asyncio.ensure_future(writer.run(add("orphan")))
            await asyncio.sleep(0)
            task.cancel()

        asyncio.run(ask_and_leave())

    await asyncio.to_thread(in_a_loop_of_its_own)
    await held.release()
    assert await writer.run(add("next")) == "next"
    assert words(engine) == ["orphan", "next"]


# -- a database that does not let us in


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, database: Database) -> SqlStore:
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_S", BUSY_S)
    monkeypatch.setattr(writer_module, "BUSY_TIMEOUT_S", BUSY_S)
    return database.store()


async def test_a_locked_database_is_unavailable_in_time_and_works_again_afterwards(
    impatient: SqlStore, database: Database, submission: Submit
) -> None:
    one = submission("V1")
    with database.locked():
        started = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            await impatient.enqueue(one, may=anybody, now=NOW)
        assert time.monotonic() - started < BUSY_S * 10
        assert await impatient.recent("U0ANN", limit=10) == [], "reading goes on"
        with pytest.raises(StoreUnavailableError):
            await impatient.ping()
    await impatient.ping()
    assert isinstance(await impatient.enqueue(one, may=anybody, now=NOW), Taken)


async def test_a_group_that_meets_a_locked_database_waits_for_it_once(
    impatient: SqlStore, database: Database, submission: Submit
) -> None:
    # One lock is one fault of all of them: each waiting for it in turn would hold the writer up for minutes.
    with database.locked():
        started = time.monotonic()
        asked = [impatient.enqueue(submission(), may=anybody, now=NOW) for _ in range(30)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        took = time.monotonic() - started
    assert all(isinstance(outcome, StoreUnavailableError) for outcome in outcomes)
    assert took < BUSY_S * 10


def _cap(connection: Any, _record: object) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")


# What PostgreSQL says then, without a disk that is full.
FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT count(*) FROM message) >= 100 THEN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION full_disk();
"""


def full_disk(database: Database, engine: Engine) -> None:
    if database.kind == "sqlite":
        event.listen(engine, "connect", _cap)
    else:
        database.altered = True
        with engine.begin() as connection:
            connection.execute(text(FULL))


def room_again(database: Database) -> None:
    if database.kind != "sqlite":
        with database.engine().begin() as connection:
            connection.execute(text("DROP TRIGGER full_disk ON message"))


async def test_a_full_disk_is_unavailable_and_reading_goes_on(database: Database, submission: Submit) -> None:
    store = database.store()
    first = await store.enqueue(submission(), may=anybody, now=NOW)
    assert isinstance(first, Taken)
    await store.close()
    engine = database.engine()
    full_disk(database, engine)
    full = database.store(engine)
    long = "x" * 2000
    outcomes = await asyncio.gather(
        *(full.enqueue(submission(text=long), may=anybody, now=NOW) for _ in range(200)), return_exceptions=True
    )
    failed = [outcome for outcome in outcomes if not isinstance(outcome, Taken)]
    assert failed
    assert all(isinstance(outcome, StoreUnavailableError) for outcome in failed)
    kept = {outcome.client_reference for outcome in outcomes if isinstance(outcome, Taken)}
    assert {m.client_reference for m in await full.recent("U0ANN", limit=500)} == kept | {first.client_reference}
    await full.close()
    room_again(database)
    room = database.store()
    assert isinstance(await room.enqueue(submission(), may=anybody, now=NOW), Taken)


@pytest.mark.parametrize("address", ["sqlite:///{}/nowhere/mms-bot.db", "postgres:///bot?host={}/nowhere"])
async def test_a_database_that_is_gone_is_unavailable(tmp_path: Path, submission: Submit, address: str) -> None:
    store = SqlStore(open_engine(address.format(tmp_path)))
    try:
        with pytest.raises(StoreUnavailableError):
            await store.enqueue(submission(), may=anybody, now=NOW)
        with pytest.raises(StoreUnavailableError):
            await store.ping()
        with pytest.raises(StoreUnavailableError):
            await store.get("mms-1")
    finally:
        await store.close()


async def test_a_commit_survives_a_power_cut_as_far_as_sqlite_can(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    full = 2
    assert pragmas == {"journal_mode": "wal", "synchronous": full, "foreign_keys": 1, "busy_timeout": 1000}


async def test_an_answer_belongs_to_a_message(database: Database) -> None:
    from bot.store.tables import answer

    writer = Writer(database.engine())
    orphan = insert(answer).values(client_reference="mms-none", user_id="U", kind="result", created_at=0.0)
    try:
        with pytest.raises(StoreUnavailableError):
            await writer.run(lambda connection: connection.execute(orphan).rowcount)
        found: list[Any] = await writer.run(lambda connection: list(connection.execute(select(answer))))
    finally:
        await writer.close()
    assert found == []
