"""What the tests of the store on PostgreSQL do: several things in one transaction, and rows that others hold."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Connection

from bot.access import Role
from bot.access.changes import ByDoor, Edit, Entry
from bot.domain import Submission
from bot.store import Changed, Taken, turns
from bot.store.sql import SqlStore
from sandbox.slack.people import ADA
from tests.bot.conftest import anybody

if TYPE_CHECKING:
    from tests.bot.databases import PostgresDatabase

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=1)
HOUR = timedelta(hours=1)
LEASE_S = 10.0
AT_ONCE_S = 0.5  # well below the time for which a lock is waited for


class Gate:
    """A job that holds the transaction it is in open until it is let go."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._let_go = threading.Event()

    def __call__(self, _: Connection) -> None:
        self._reached.set()
        assert self._let_go.wait(5)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, 5)

    def open(self) -> None:
        self._let_go.set()


async def together(store: SqlStore, *asked: Awaitable[Any]) -> Sequence[asyncio.Future[Any]]:
    """Ask for several things so that they share one transaction."""
    busy = Gate()
    holding = asyncio.ensure_future(store._writer.run(busy))
    await busy.reached()
    futures = [asyncio.ensure_future(one) for one in asked]
    for _ in range(3):
        await asyncio.sleep(0)  # each has put its work into the queue
    busy.open()
    await holding
    return futures


async def queued(store: SqlStore, *submissions: Submission) -> list[str]:
    moments = [NOW + timedelta(milliseconds=number) for number in range(len(submissions))]
    taken = [await store.enqueue(one, may=anybody, now=at) for one, at in zip(submissions, moments, strict=True)]
    return [one.client_reference for one in taken if isinstance(one, Taken)]


def claim_and_hold(
    store: SqlStore, gate: Gate, *, owner: str, limit: int, now: datetime = SOON
) -> asyncio.Future[list[str]]:
    """A claim whose transaction stays open until ``gate`` does."""
    places = turns.Places(limit, {}, 100)

    def work(connection: Connection) -> list[str]:
        waiting = turns.waiting(connection, places=places, at=now.timestamp())
        found = turns.claim(
            connection, waiting=waiting, places=places, owner=owner, at=now.timestamp(), lease_s=LEASE_S
        )
        gate(connection)
        return [one.client_reference for one in found]

    return asyncio.ensure_future(store._writer.run(work))


async def claimed(store: SqlStore, *, owner: str, limit: int = 100, now: datetime = SOON) -> list[str]:
    found = await store.claim(owner=owner, limit=limit, busy={}, per_person=100, now=now, lease_s=LEASE_S)
    return [one.client_reference for one in found]


async def change(store: SqlStore, *add: str) -> Changed:
    edit = Edit(add=frozenset(Entry(member, Role.SENDER) for member in add))
    changed = await store.access.change(lambda _: edit, by=ADA, door=ByDoor.COMMAND, origin=None, now=NOW)
    assert isinstance(changed, Changed)
    return changed


@contextmanager
def holding(database: PostgresDatabase, statement: str, *values: object) -> Iterator[None]:
    """Another process has locked the rows that ``statement`` selects."""
    with psycopg.connect(database.url) as other:
        other.execute(f"{statement} FOR UPDATE".encode(), values)
        yield
        other.rollback()


def waits_for_a_lock(database: PostgresDatabase) -> None:
    """Returns once somebody waits for a lock in this database."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    end = time.monotonic() + 5
    with psycopg.connect(database.url, autocommit=True) as looking:
        while looking.execute(waiting, [database.name]).fetchone() == (0,):
            assert time.monotonic() < end, "nobody waits"
            time.sleep(0.002)
