"""Many hosts, whose clocks differ by any amount, and the one clock that decides: that of the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from bot.clock import SharedClock, SystemClock
from bot.domain import State, Submission
from bot.store.sql import SqlStore
from bot.store.steps import FIRST_LOOKUP_AFTER_S
from bot.store.tables import message
from sandbox.slack.people import ADA, BEN
from tests.bot.conftest import anybody
from tests.bot.databases import PostgresDatabase
from tests.bot.postgres_steps import (
    HOUR,
    LEASE_S,
    NOW,
    change,
    claimed,
    queued,
    together,
)

StoreOf = Callable[[], SqlStore]
Submit = Callable[..., Submission]


@pytest.fixture
def database(postgres_database: PostgresDatabase) -> PostgresDatabase:
    return postgres_database


class Clock:
    """Shifts what the database says about the time."""

    def __init__(self, database: PostgresDatabase) -> None:
        database.altered = True
        self._name = database.name
        self._url = database.url
        self._run(
            "CREATE SCHEMA clocks; CREATE TABLE clocks.ahead AS SELECT interval '0' AS by; "
            "CREATE FUNCTION clocks.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
            "$$ SELECT pg_catalog.clock_timestamp() + by FROM clocks.ahead $$"
        )
        database.server.execute(f"ALTER DATABASE {database.name} SET search_path = public, clocks, pg_catalog")

    def advance(self, seconds: float) -> None:
        self._run("UPDATE clocks.ahead SET by = by + make_interval(secs => %s)", seconds)

    def _run(self, statements: str, *values: object) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statements.encode(), values or None)


@pytest.fixture
def its_clock(database: PostgresDatabase) -> Clock:
    return Clock(database)


WRONG = [timedelta(0), HOUR, -HOUR, timedelta(days=365)]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_leases_end_by_the_databases_clock_whatever_the_hosts_say(
    its_clock: Clock, on_its_own: StoreOf, submission: Submit, wrong: timedelta
) -> None:
    right, off = on_its_own(), on_its_own()
    now = datetime.now(UTC)
    [reference] = await queued(right, submission())
    assert await claimed(right, owner="right", now=now) == [reference]
    its_clock.advance(LEASE_S - 1)
    assert await claimed(off, owner="off", now=now + wrong) == [], "nobody's lease is stolen"
    its_clock.advance(1)
    assert await claimed(off, owner="off", now=now + wrong) == [reference]
    assert await right.begin(reference, owner="right", now=now, lease_s=LEASE_S) is None
    assert await claimed(right, owner="right", now=now) == [], "nor is one lost"
    assert await off.begin(reference, owner="off", now=now + wrong, lease_s=LEASE_S) is not None
    its_clock.advance(LEASE_S - 2)
    await off.renew([reference], owner="off", now=now + wrong, lease_s=LEASE_S)
    its_clock.advance(LEASE_S - 2)
    assert await right.take_up_lost(cause="own-crash", holding=(), now=now) == 0
    its_clock.advance(2)
    assert await right.take_up_lost(cause="own-crash", holding=(), now=now) == 1
    its_clock.advance(FIRST_LOOKUP_AFTER_S)
    assert len(await off.claim_lookups(owner="off", limit=5, now=now + wrong, lease_s=LEASE_S)) == 1
    assert await right.claim_lookups(owner="right", limit=5, now=now, lease_s=LEASE_S) == []


@pytest.mark.parametrize("wrong", WRONG[1:], ids=str)
async def test_answers_and_notices_are_leased_by_the_databases_clock(
    its_clock: Clock, on_its_own: StoreOf, submission: Submit, wrong: timedelta
) -> None:
    right, off = on_its_own(), on_its_own()
    now = datetime.now(UTC)
    await queued(off, submission())
    assert await off.claim_answers(owner="off", limit=5, now=now + wrong, lease_s=LEASE_S) == []
    its_clock.advance(2)
    await off.access.ask(BEN, admins=[ADA], now=now + wrong)
    for store, of, when in ((right, "right", now), (off, "off", now + wrong)):
        answers = await store.claim_answers(owner=of, limit=5, now=when, lease_s=LEASE_S)
        notices = await store.access.claim_notices(owner=of, limit=5, now=when, lease_s=LEASE_S)
        assert (len(answers), len(notices)) == ((1, 1) if store is right else (0, 0))
    its_clock.advance(LEASE_S)
    assert len(await off.claim_answers(owner="off", limit=5, now=now - wrong, lease_s=LEASE_S)) == 1


async def test_what_is_kept_has_the_databases_time(its_clock: Clock, on_its_own: StoreOf, submission: Submit) -> None:
    its_clock.advance(-HOUR.total_seconds())
    store = on_its_own()
    [reference] = await queued(store, submission())
    kept = await store.get(reference)
    assert kept is not None
    assert abs(kept.created_at - (datetime.now(UTC) - HOUR)) < timedelta(seconds=5)
    changed = await change(store, BEN)
    assert abs(changed.access.added[0].at - (datetime.now(UTC) - HOUR)) < timedelta(seconds=5)


async def test_a_process_goes_by_the_databases_clock_as_soon_as_it_has_read_it(
    its_clock: Clock, on_its_own: StoreOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = datetime.now(UTC)
    monkeypatch.setattr(SystemClock, "now", lambda _: NOW)
    store = on_its_own()
    clock = SharedClock(store.now)
    assert clock.now() == NOW
    await store.ping()
    assert abs(clock.now() - true) < timedelta(seconds=5)
    its_clock.advance(HOUR.total_seconds())
    await store.access.version()
    assert abs(clock.now() - true - HOUR) < timedelta(seconds=5)
    later = clock.now()
    assert clock.now() >= later, "it goes on by itself"


async def test_submissions_of_one_commit_keep_their_order(
    database: PostgresDatabase, on_its_own: StoreOf, submission: Submit
) -> None:
    store = on_its_own()
    views = [f"V{number}" for number in range(10)]
    asked = [store.enqueue(submission(view), may=anybody, now=NOW) for view in views]
    await asyncio.gather(*await together(store, *asked))
    rows = sorted(database.rows(message), key=lambda row: row["created_at"])
    assert [row["view_id"] for row in rows] == views
    assert {row["state"] for row in rows} == {State.QUEUED}
