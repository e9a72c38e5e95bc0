"""The copy of the list that a process decides by: what others change counts within a second, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from bot.access import NOTHING_KNOWN, Denied, Person, Policy, Role
from bot.access.changes import EMPTY, AccessList, ByDoor, Edit, Entry
from bot.slack.access import watch
from bot.slack.access.watch import LOOK_EVERY_S, AccessWatch
from bot.slack.doors import AccessCheck
from bot.store import Changed, StoreUnavailableError
from bot.store.sql import SqlStore
from sandbox.slack.people import ADA, BEN, SAM, TEAM_ID
from tests.bot.conftest import HERE

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock
    from tests.bot.databases import Database

Until = Callable[[Callable[[], object]], Awaitable[None]]
COUNTS_WITHIN_S = 1.0  # the other doors' share of the promise


class Watched:
    """A store that fails or hangs as told, and counts what it is asked."""

    def __init__(self, store: SqlStore) -> None:
        self._access = store.access
        self.fails = False
        self.hangs = False
        self.asked: list[str] = []
        self.answers = 0

    async def version(self) -> int:
        return int(await self._answer("version"))

    async def current(self) -> AccessList:
        current: AccessList = await self._answer("current")
        return current

    async def _answer(self, what: str) -> Any:
        self.asked.append(what)
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise StoreUnavailableError("away")
        answer = await getattr(self._access, what)()
        self.answers += 1
        return answer


class Office:
    """One process that watches, and another that changes."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.clock = clock
        self.elsewhere = database.store()
        self.store = Watched(database.store())
        self.changes = 0
        self.access = AccessCheck(
            Policy(frozenset(), frozenset({ADA})),
            known=lambda: NOTHING_KNOWN,
            look_up=lambda _: None,
            on_change=self._on_change,
            look=lambda: self.watch.look_now(),
        )
        self.access.workspace = HERE
        store: Any = self.store
        self.watch = AccessWatch(store, take=self.access.take, clock=clock)

    def _on_change(self) -> None:
        self.changes += 1

    async def change(self, *add: str, remove: tuple[str, ...] = ()) -> AccessList:
        edit = Edit(
            frozenset(Entry(user, Role.SENDER) for user in add), frozenset(Entry(user, Role.SENDER) for user in remove)
        )
        changed = await self.elsewhere.access.change(
            lambda _: edit, by=ADA, door=ByDoor.SHELL, origin=None, now=self.clock.now()
        )
        assert isinstance(changed, Changed)
        return changed.access

    def may_send(self, user_id: str) -> bool:
        return not isinstance(self.access(Person(user_id, TEAM_ID), Role.SENDER), Denied)

    async def looks(self, until: Until) -> None:
        """The next look has come and gone."""
        await until(lambda: self.clock.sleepers == 1)
        asked = len(self.store.asked)
        await self.clock.advance(LOOK_EVERY_S)
        await until(lambda: len(self.store.asked) > asked)
        await until(lambda: self.clock.sleepers == 1)


@pytest.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    office = Office(database, clock)
    running = asyncio.create_task(office.watch.run())
    yield office
    assert not running.done(), "it goes on, whatever happens"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_fault_of_ours_does_not_end_it(office: Office, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> int:
        raise ValueError("a row that a newer version wrote")

    await office.looks(until)
    with monkeypatch.context() as patched:
        patched.setattr(office.store, "version", broken)
        await until(lambda: office.clock.sleepers == 1)
        await office.clock.advance(LOOK_EVERY_S)
        await until(lambda: office.clock.sleepers == 1)
    await office.change(SAM)
    await office.looks(until)
    assert office.may_send(SAM)


async def test_what_another_process_changes_counts_within_a_second(
    office: Office, clock: FakeClock, until: Until
) -> None:
    assert not office.may_send(SAM)
    await office.change(SAM)
    began = clock.monotonic()
    await office.looks(until)
    assert office.may_send(SAM)
    await office.change(remove=(SAM,))
    await office.looks(until)
    assert not office.may_send(SAM)
    assert clock.monotonic() - began <= 2 * COUNTS_WITHIN_S


async def test_the_list_is_there_after_one_look_at_the_start(office: Office) -> None:
    await office.change(SAM)
    await office.watch.look()
    assert office.may_send(SAM)
    assert office.changes == 1


async def test_a_list_that_has_not_changed_is_not_read_again(office: Office, until: Until) -> None:
    await office.change(SAM)
    for _ in range(4):
        await office.looks(until)
    assert office.store.asked == ["current", "version", "version", "version"]
    assert office.changes == 1


async def test_while_the_database_is_away_the_last_list_counts_and_it_is_said_once(
    office: Office, until: Until
) -> None:
    await office.change(SAM)
    await office.looks(until)
    office.store.fails = True
    await office.change(BEN, remove=(SAM,))
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await office.looks(until)
    assert (office.may_send(SAM), office.may_send(BEN)) == (True, False)
    assert [line["event"] for line in logs] == ["store_unavailable"]
    office.store.fails = False
    await office.looks(until)
    assert (office.may_send(SAM), office.may_send(BEN)) == (False, True)


async def test_a_database_that_hangs_does_not_end_the_looking(
    office: Office, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_LIMIT_S", 0.01)
    office.store.hangs = True
    await office.looks(until)
    monkeypatch.setattr(watch, "LOOK_LIMIT_S", 5.0)
    office.store.hangs = False
    await office.change(SAM)
    await office.looks(until)
    assert office.may_send(SAM)


async def test_a_list_that_could_not_be_read_after_its_version_is_read_the_next_time(
    office: Office, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.looks(until)
    await office.change(SAM)
    real = office.store.current

    async def fails() -> AccessList:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(office.store, "current", fails)
    await office.looks(until)
    monkeypatch.setattr(office.store, "current", real)
    await office.looks(until)
    assert office.may_send(SAM)


async def test_a_list_that_is_older_than_what_is_known_here_is_dropped(office: Office) -> None:
    older = await office.change(SAM)
    newer = await office.change(BEN, remove=(SAM,))
    office.access.take(newer)
    for late in (older, EMPTY, newer):
        office.access.take(late)
        assert (office.may_send(SAM), office.may_send(BEN)) == (False, True)
    assert office.access.added == newer
    assert office.changes == 1, "nothing is read anew for a list that was dropped"


async def test_a_look_that_began_before_a_change_of_this_process_does_not_undo_it(
    office: Office, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, gate = await office.change(SAM), asyncio.Event()

    async def late() -> AccessList:
        await gate.wait()
        return older

    monkeypatch.setattr(office.store, "current", late)
    look = asyncio.create_task(office.watch.look())
    office.access.take(await office.change(remove=(SAM,)))
    gate.set()
    await look
    assert not office.may_send(SAM)
    monkeypatch.undo()
    await office.change(BEN)
    await office.looks(until)
    assert office.may_send(BEN)
