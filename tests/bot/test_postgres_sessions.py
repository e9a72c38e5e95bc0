"""The sessions of PostgreSQL are not ours to keep: poolers change them, servers end them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, MetaData, Table, Text, insert, select, text

from bot.domain import Accepted, Lost, Submission
from bot.store import AlreadyTaken, StoreUnavailableError, Taken
from bot.store.engine import open_engine
from bot.store.tables import access_change, message
from bot.store.writer import Writer
from tests.bot.conftest import anybody
from tests.bot.databases import PostgresDatabase
from tests.bot.postgres_steps import (
    LEASE_S,
    NOW,
    Gate,
    change,
    claimed,
    queued,
)
from tests.pooler import SESSIONS, pooling

Submit = Callable[..., Submission]


@pytest.fixture
def database(postgres_database: PostgresDatabase) -> PostgresDatabase:
    return postgres_database


# -- a pooler in front


async def test_the_store_works_when_each_transaction_is_in_another_session(
    database: PostgresDatabase, submission: Submit
) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are too deep for the name of a socket
        async with pooling(database.server.socket_folder, database.name, Path(folder)) as pooler:
            stores = [database.store(open_engine(f"postgres://bot@/{database.name}?host={folder}")) for _ in range(2)]
            for number in range(20):
                store = stores[number % 2]
                [reference] = await queued(store, submission())
                assert await claimed(store, owner="w1") == [reference]
                begun = await store.begin(reference, owner="w1", now=NOW, lease_s=LEASE_S)
                assert begun is not None
                assert await store.record(reference, Accepted(f"B{number}"), owner="w1", attempt=1, now=NOW)
                await change(store, f"U0NEW{number}", f"W0NEW{number}")
                assert len(await store.recent("U0ANN", limit=50)) == number + 1
            assert pooler.transactions > 20 * 6 * SESSIONS / 3
            await asyncio.gather(*(store.close() for store in stores))
    assert [row["state"] for row in database.rows(message)] == ["accepted"] * 20
    assert len(database.rows(access_change)) == 40


async def test_a_session_is_left_as_it_was_found(database: PostgresDatabase, submission: Submit) -> None:
    engine = database.engine()
    store = database.store(engine)
    await queued(store, *(submission() for _ in range(20)))
    await store.recent("U0ANN", limit=5)
    # Each connection, outside of the transactions that the store begins.
    connections = [engine.raw_connection() for _ in range(2)]
    for connection in connections:
        session: Any = connection.dbapi_connection
        session.rollback()
        assert session.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        changed = session.execute(
            "SELECT name FROM pg_settings WHERE source = 'session' AND name LIKE '%timeout%'"
        ).fetchall()
        assert changed == []
        session.rollback()
        connection.close()


async def test_each_statement_sees_what_is_committed_whatever_the_server_does_by_default(
    database: PostgresDatabase,
) -> None:
    database.altered = True
    database.server.execute(f"ALTER DATABASE {database.name} SET default_transaction_isolation = 'serializable'")
    with database.engine().connect() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"


# -- sessions that end

entry = Table("entry", MetaData(), Column("word", Text, primary_key=True))


@pytest.fixture
def engine(database: PostgresDatabase) -> Iterator[Engine]:
    engine = database.engine()
    entry.metadata.create_all(engine)
    yield engine
    entry.metadata.drop_all(engine)


@pytest.fixture
async def writer(engine: Engine) -> AsyncIterator[Writer]:
    writer = Writer(engine)
    yield writer
    await writer.close()


def words(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.execute(select(entry.c.word)).scalars())


def add(word: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(insert(entry).values(word=word))
        return word

    return work


def end_all_sessions(database: PostgresDatabase) -> None:
    database.server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", database.name
    )


async def test_a_server_that_was_started_anew_since_is_not_noticed(
    database: PostgresDatabase, submission: Submit
) -> None:
    store = database.store()
    [reference] = await queued(store, submission())
    await store.get(reference)
    end_all_sessions(database)
    assert await store.get(reference) is not None
    end_all_sessions(database)
    assert len(await queued(store, submission())) == 1
    end_all_sessions(database)
    await store.ping()


async def test_a_session_that_ends_in_the_middle_of_a_group_is_made_up_for(
    database: PostgresDatabase, engine: Engine, writer: Writer
) -> None:
    runs: list[int] = []

    def cut_off(connection: Connection) -> str:
        runs.append(1)
        connection.execute(insert(entry).values(word="cut off"))
        if len(runs) == 1:
            end_all_sessions(database)
        connection.execute(select(entry.c.word))
        return "cut off"

    busy = Gate()
    holding = asyncio.ensure_future(writer.run(busy))
    await busy.reached()
    asked = [asyncio.ensure_future(writer.run(work)) for work in (add("a"), cut_off, add("b"))]
    await asyncio.sleep(0)
    busy.open()
    await holding
    assert await asyncio.gather(*asked) == ["a", "cut off", "b"]
    assert len(runs) == 2
    assert words(engine) == ["a", "b", "cut off"]


DIES_IN_COMMIT = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER die AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.word = 'last') EXECUTE FUNCTION die();
"""


async def test_a_commit_whose_outcome_is_not_known_is_told_to_everybody_in_it_and_not_made_again(
    database: PostgresDatabase, engine: Engine, writer: Writer
) -> None:
    database.altered = True
    with engine.begin() as connection:
        connection.execute(text(DIES_IN_COMMIT))
    runs: list[int] = []

    def last(connection: Connection) -> None:
        runs.append(1)
        connection.execute(insert(entry).values(word="last"))

    with pytest.raises(StoreUnavailableError):
        await writer.run(last)
    assert len(runs) == 1, "it may have been kept: to do it again could be twice"
    assert await writer.run(add("after")) == "after"


async def test_while_the_server_is_away_the_store_says_so_and_works_again_afterwards(
    database: PostgresDatabase, submission: Submit
) -> None:
    store = database.store()
    one = submission()
    database.server.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    end_all_sessions(database)
    with pytest.raises(StoreUnavailableError):
        await store.enqueue(one, may=anybody, now=NOW)
    with pytest.raises(StoreUnavailableError):
        await store.recent("U0ANN", limit=1)
    database.server.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    assert isinstance(await store.enqueue(one, may=anybody, now=NOW), Taken)
    assert isinstance(await store.enqueue(one, may=anybody, now=NOW), AlreadyTaken)


async def test_a_statement_that_takes_too_long_is_ended(engine: Engine, writer: Writer) -> None:
    started = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="QueryCanceled"):
        await writer.run(lambda connection: connection.execute(text("SELECT pg_sleep(60)")).scalar())
    assert time.monotonic() - started < 10
    assert await writer.run(add("after")) == "after"


async def test_a_process_that_stops_in_its_transaction_loses_it(database: PostgresDatabase) -> None:
    with database.engine().connect() as connection:
        limit = connection.execute(text("SELECT current_setting('idle_in_transaction_session_timeout')")).scalar()
    assert limit == "5s"


# -- the words of others


@pytest.mark.parametrize("words", ["x" * 5000, "nul \0 in it", "half \ud83d of one"], ids=["long", "nul", "surrogate"])
async def test_whatever_sinch_says_can_be_kept(database: PostgresDatabase, submission: Submit, words: str) -> None:
    store = database.store()
    lost, accepted = await queued(store, submission(), submission())
    await claimed(store, owner="a")
    for reference in (lost, accepted):
        await store.begin(reference, owner="a", now=NOW, lease_s=LEASE_S)
    assert await store.record(lost, Lost("http-500", words, words), owner="a", attempt=1, now=NOW)
    assert await store.record(accepted, Accepted(words), owner="a", attempt=1, now=NOW)
    kept = await store.get(lost)
    assert kept is not None
    assert kept.vendor_text == words.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
