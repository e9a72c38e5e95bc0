"""The list that admins keep, as rows: one change at a time, all of it or nothing, and every change in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from bot.access import NOTHING_KNOWN, Policy, Role
from bot.access.changes import (
    EMPTY,
    AccessList,
    Action,
    ByDoor,
    Edit,
    Entry,
    Fixed,
    LastAdmin,
    NotOnList,
    Stale,
    plan_remove,
)
from bot.store import Changed, Repeated, Store, StoreUnavailableError
from bot.store.access import ORIGIN_KEPT
from bot.store.sql import SqlStore
from bot.store.tables import access_change, access_state, handled
from sandbox.slack.people import ADA, ANN, BEN, EVE

if TYPE_CHECKING:
    from tests.bot.databases import Database, NewDatabase

T0 = datetime.fromisoformat("2026-01-02T12:00:00+00:00")
GROUP = "S0SUPPORT"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def sender(member_id: str) -> Entry:
    return Entry(member_id, Role.SENDER)


def admin(member_id: str) -> Entry:
    return Entry(member_id, Role.ADMIN)


def edit(add: Iterable[Entry] = (), remove: Iterable[Entry] = ()) -> Edit:
    return Edit(frozenset(add), frozenset(remove))


async def change(
    store: Store,
    planned: Edit,
    *,
    by: str = ADA,
    door: ByDoor = ByDoor.COMMAND,
    origin: str | None = None,
    now: datetime = T0,
) -> Changed:
    changed = await store.access.change(lambda _: planned, by=by, door=door, origin=origin, now=now)
    assert isinstance(changed, Changed)
    return changed


# -- a change


async def test_nobody_was_added_at_first(store: SqlStore) -> None:
    assert await store.access.current() == EMPTY
    assert await store.access.version() == 0
    assert await store.access.log() == []


async def test_a_change_says_who_added_whom_when_and_by_which_door(store: SqlStore) -> None:
    moment = datetime(2026, 3, 29, 3, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))  # clocks went forward
    changed = await change(store, edit([sender(BEN), admin(GROUP)]), by="shell:root", door=ByDoor.SHELL, now=moment)
    assert changed.edit == edit([sender(BEN), admin(GROUP)])
    assert changed.access == await store.access.current()
    assert changed.access.version == await store.access.version() == 1
    assert {(a.entry, a.by, a.at, a.door) for a in changed.access.added} == {
        (sender(BEN), "shell:root", moment, ByDoor.SHELL),
        (admin(GROUP), "shell:root", moment, ByDoor.SHELL),
    }
    assert all(added.at.utcoffset() == timedelta(0) for added in changed.access.added)
    assert {(c.version, c.at, c.by, c.door, c.action, c.entry) for c in await store.access.log()} == {
        (1, moment, "shell:root", ByDoor.SHELL, Action.ADDED, sender(BEN)),
        (1, moment, "shell:root", ByDoor.SHELL, Action.ADDED, admin(GROUP)),
    }


async def test_the_list_is_in_the_order_in_which_people_were_added(store: SqlStore) -> None:
    await change(store, edit([sender(EVE)]), now=at(0))
    await change(store, edit([sender(BEN), sender(ANN), admin(ANN)]), now=at(1))
    added = [added.entry for added in (await store.access.current()).added]
    assert added == [sender(EVE), admin(ANN), sender(ANN), sender(BEN)]


async def test_who_is_taken_away_is_off_the_list_in_that_role_alone(store: SqlStore) -> None:
    await change(store, edit([sender(BEN), admin(BEN), sender(ANN)]))
    changed = await change(store, edit(remove=[sender(BEN)]), now=at(1))
    assert changed.access.entries == {admin(BEN), sender(ANN)}
    [newest, *_] = await store.access.log()
    assert (newest.version, newest.action, newest.entry) == (2, Action.REMOVED, sender(BEN))


async def test_an_edit_that_changes_nothing_leaves_the_version(database: Database, store: SqlStore) -> None:
    before = (await change(store, edit([sender(BEN)]))).access
    for nothing in (edit(), edit([sender(BEN)]), edit(remove=[sender(ANN)]), edit([sender(BEN)], [sender(BEN)])):
        assert await change(store, nothing, by=EVE, now=at(5)) == Changed(before, Edit())
    assert await store.access.current() == before
    assert len(database.rows(access_change)) == 1


async def test_only_what_is_new_about_an_edit_is_made_and_logged(store: SqlStore) -> None:
    await change(store, edit([sender(BEN)]))
    changed = await change(store, edit([sender(BEN), sender(ANN)], [sender(EVE)]), by=EVE, now=at(1))
    assert changed.edit == edit([sender(ANN)])
    by_entry = {added.entry: (added.by, added.at) for added in changed.access.added}
    assert by_entry == {sender(BEN): (ADA, T0), sender(ANN): (EVE, at(1))}
    assert [change.entry for change in await store.access.changes_after(1)] == [sender(ANN)]


async def test_a_plan_that_can_not_be_made_is_returned_and_changes_nothing(store: SqlStore) -> None:
    before = (await change(store, edit([admin(ADA)]))).access

    def plan(access: AccessList) -> Edit | Fixed | NotOnList | LastAdmin:
        assert access == before
        return plan_remove(access, base=Policy(), known=NOTHING_KNOWN, members=[ADA])

    outcome = await store.access.change(plan, by=ADA, door=ByDoor.COMMAND, origin=None, now=at(1))
    assert outcome == LastAdmin()
    assert await store.access.current() == before
    assert len(await store.access.log()) == 1


# -- the log


async def test_the_log_is_newest_first_and_changes_since_are_oldest_first(store: SqlStore) -> None:
    for number, planned in enumerate([edit([sender(BEN)]), edit([admin(ANN)], [sender(BEN)]), edit([sender(EVE)])]):
        await change(store, planned, now=at(-number))  # clocks differ between hosts: the order is that of the changes
    told = [(c.version, c.action, c.entry.member_id) for c in await store.access.log()]
    assert told == [
        (3, Action.ADDED, EVE),
        (2, Action.ADDED, ANN),
        (2, Action.REMOVED, BEN),
        (1, Action.ADDED, BEN),
    ]
    assert list(await store.access.log(limit=2)) == list(await store.access.log())[:2]
    assert [c.version for c in await store.access.changes_after(1)] == [2, 2, 3]
    assert list(await store.access.changes_after(0)) == list(reversed(await store.access.log()))
    assert await store.access.changes_after(3) == []


TAMPERING: dict[str, Any] = {
    "update": update(access_change).values(changed_by=EVE),
    "delete": delete(access_change),
    "delete_one": delete(access_change).where(access_change.c.change_id == 1),
}
ON_SQLITE = {
    "replace": text("INSERT OR REPLACE INTO access_change SELECT * FROM access_change"),
    "or_ignore": text("UPDATE OR IGNORE access_change SET change_id = 7"),
}
ON_POSTGRESQL = {
    "truncate": text("TRUNCATE access_change"),
    "on_conflict": text(
        "INSERT INTO access_change SELECT * FROM access_change ON CONFLICT (change_id) DO UPDATE SET door = 'x'"
    ),
}


@pytest.mark.parametrize("how", [*TAMPERING, *ON_SQLITE, *ON_POSTGRESQL])
async def test_a_row_of_the_log_can_not_be_altered(database: Database, store: SqlStore, how: str) -> None:
    ways = TAMPERING | (ON_SQLITE if database.kind == "sqlite" else ON_POSTGRESQL)
    if how not in ways:  # the other database has no such statement
        return
    tampering = ways[how]
    await change(store, edit([sender(BEN)]))
    before = database.rows(access_change)
    with database.engine().connect() as connection, pytest.raises(IntegrityError, match="never altered"):
        connection.execute(tampering)
    assert database.rows(access_change) == before


members = st.sampled_from([ANN, BEN, EVE, GROUP, "W0ZOE"])
entries = st.frozensets(st.builds(Entry, members, st.sampled_from([Role.SENDER, Role.ADMIN])), max_size=5)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])  # it makes a new one each time
@given(edits=st.lists(st.builds(Edit, entries, entries), max_size=6))
def test_the_log_from_its_beginning_makes_the_list(new_database: NewDatabase, edits: list[Edit]) -> None:
    async def story(database: Database) -> None:
        store = database.store()
        model: frozenset[Entry] = frozenset()
        for planned in edits:
            changed = await change(store, planned)
            assert changed.edit.add.isdisjoint(model)
            assert changed.edit.remove <= model
            model = (model - planned.remove) | planned.add
            assert changed.access.entries == model
        folded: set[Entry] = set()
        for row in await store.access.changes_after(0):
            if row.action is Action.ADDED:
                assert row.entry not in folded
                folded.add(row.entry)
            else:
                folded.remove(row.entry)
        assert folded == (await store.access.current()).entries == model
        await database.close()

    asyncio.run(story(new_database()))


# -- the same request again


async def test_the_same_request_again_changes_nothing(store: SqlStore) -> None:
    await change(store, edit([sender(BEN)]), origin="T1")
    await change(store, edit(remove=[sender(BEN)]), origin="T2")
    again = await store.access.change(
        lambda _: edit([sender(BEN)]), by=ADA, door=ByDoor.COMMAND, origin="T1", now=at(1)
    )
    assert again == Repeated()
    assert (await store.access.current()).entries == frozenset()


@pytest.mark.parametrize("outcome", [Edit(), Stale()], ids=["nothing_to_do", "refused"])
async def test_a_request_without_effect_is_not_made_up_for_by_its_repetition(
    store: SqlStore, outcome: Edit | Stale
) -> None:
    async def asked(planned: Edit | Stale) -> object:
        return await store.access.change(lambda _: planned, by=ADA, door=ByDoor.DIALOG, origin="T1", now=T0)

    assert await asked(outcome) == (outcome if isinstance(outcome, Stale) else Changed(EMPTY, Edit()))
    assert await asked(edit([sender(BEN)])) == Repeated()
    assert await store.access.current() == EMPTY


async def test_a_request_whose_plan_failed_may_come_again(store: SqlStore) -> None:
    def broken(_: AccessList) -> Edit:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.access.change(broken, by=ADA, door=ByDoor.DIALOG, origin="T1", now=T0)
    assert (await change(store, edit([sender(BEN)]), origin="T1")).access.version == 1


async def test_what_makes_a_request_this_one_is_kept_as_a_digest_for_an_hour(
    database: Database, store: SqlStore
) -> None:
    await change(store, edit(), origin="T1", now=T0)
    await change(store, edit(), origin="T2", now=T0 + ORIGIN_KEPT)
    digests = {name: sha256(name.encode()).hexdigest() for name in ("T1", "T2", "T3")}
    assert {row["origin"] for row in database.rows(handled)} == {digests["T1"], digests["T2"]}
    await change(store, edit(), origin="T3", now=T0 + ORIGIN_KEPT + timedelta(seconds=1))
    assert {row["origin"] for row in database.rows(handled)} == {digests["T2"], digests["T3"]}


async def test_without_an_origin_every_request_is_a_new_one(database: Database, store: SqlStore) -> None:
    await change(store, edit([sender(BEN)]))
    await change(store, edit(remove=[sender(BEN)]))
    assert (await change(store, edit([sender(BEN)]))).access.version == 3
    assert database.rows(handled) == []


# -- the database


async def test_a_closed_store_says_that_it_is_unavailable(store: SqlStore) -> None:
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await store.access.current()
    with pytest.raises(StoreUnavailableError):
        await change(store, edit([sender(BEN)]))


async def test_the_row_that_counts_the_changes_is_the_only_one(database: Database, store: SqlStore) -> None:
    with database.engine().connect() as connection:
        with pytest.raises(IntegrityError):
            connection.execute(insert(access_state).values(id=2, version=0))
        connection.rollback()
        assert connection.execute(select(access_state)).all() == [(1, 0)]
