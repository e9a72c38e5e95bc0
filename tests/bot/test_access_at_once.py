"""Several who change the list at one moment, and submissions beside them: one after the other, and no half of any."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, event, insert

from bot.access import NOTHING_KNOWN, Denied, Policy, Reason, Role
from bot.access.changes import EMPTY, AccessList, ByDoor, Edit, Entry, Stale, plan_allow, plan_save
from bot.domain import Submission
from bot.store import AlreadyTaken, Changed, May, Repeated, Store, StoreUnavailableError, Taken
from bot.store.sql import SqlStore
from bot.store.tables import access_change, access_member, access_state, message
from bot.store.writer import Needs
from sandbox.slack.people import ADA, ANN, BEN, EVE

if TYPE_CHECKING:
    from tests.bot.databases import Database

T0 = datetime.fromisoformat("2026-01-02T12:00:00+00:00")
LATE = 20  # submissions after the removal, at least
BASE = Policy(frozenset(), frozenset({ADA}))
Submit = Callable[..., Submission]


def sender(member_id: str) -> Entry:
    return Entry(member_id, Role.SENDER)


def edit(add: Iterable[Entry] = (), remove: Iterable[Entry] = ()) -> Edit:
    return Edit(frozenset(add), frozenset(remove))


async def change(store: Store, planned: Edit) -> Changed:
    changed = await store.access.change(lambda _: planned, by=ADA, door=ByDoor.COMMAND, origin=None, now=T0)
    assert isinstance(changed, Changed)
    return changed


def listed(user_id: str) -> May:
    """Only for those on the list by themselves."""
    return lambda access: None if user_id in access.policy.senders else Denied(Reason.NOT_LISTED)


# -- changes


async def test_of_many_who_save_what_they_saw_exactly_one_wins(database: Database) -> None:
    here, there = database.store(), database.store()

    def save(number: int) -> Awaitable[object]:
        given_ = {(Role.SENDER, False): frozenset({f"U0NEW{number}"})}
        return (here, there)[number % 2].access.change(
            lambda access: plan_save(access, base=BASE, known=NOTHING_KNOWN, seen=0, given=given_),
            by=ADA,
            door=ByDoor.DIALOG,
            origin=f"T{number}",
            now=T0,
        )

    outcomes = await asyncio.gather(*(save(number) for number in range(20)))
    [winner] = [outcome for outcome in outcomes if isinstance(outcome, Changed)]
    assert outcomes.count(Stale()) == 19
    assert await here.access.current() == await there.access.current() == winner.access
    assert len(database.rows(access_change)) == 1


async def test_changes_that_do_not_replace_each_other_all_happen(database: Database) -> None:
    here, there = database.store(), database.store()

    def allow(number: int) -> Awaitable[object]:
        return (here, there)[number % 2].access.change(
            lambda access: plan_allow(access, base=BASE, members=[f"U0NEW{number}"], role=Role.SENDER),
            by=ADA,
            door=ByDoor.COMMAND,
            origin=None,
            now=T0,
        )

    await asyncio.gather(*(allow(number) for number in range(20)))
    assert (await there.access.current()).policy.senders == {f"U0NEW{number}" for number in range(20)}
    assert sorted(row["version"] for row in database.rows(access_change)) == list(range(1, 21))


async def test_one_request_that_comes_twice_at_once_is_handled_once(database: Database) -> None:
    stores = [database.store(), database.store()]
    outcomes = await asyncio.gather(
        *(
            store.access.change(lambda _: edit([sender(BEN)]), by=ADA, door=ByDoor.COMMAND, origin="T1", now=T0)
            for store in stores * 5
        )
    )
    assert outcomes.count(Repeated()) == 9


class Group:
    """Holds the writer of a store, so that what is asked meanwhile shares one transaction, with one that fails."""

    def __init__(self, store: SqlStore) -> None:
        self._writer = store._writer
        self._gate = threading.Event()
        self._busy = threading.Event()

    def _hold(self, _: Connection) -> None:
        self._busy.set()
        assert self._gate.wait(5)

    async def run(self, *asked: Awaitable[Any]) -> list[Any]:
        holding = asyncio.ensure_future(self._writer.run(self._hold))
        assert await asyncio.to_thread(self._busy.wait, 5)  # or it would share its commit with some of the others
        tasks = [asyncio.ensure_future(one) for one in (*asked, self._writer.run(self._fail, needs=Needs.LIST))]
        for _ in range(3):
            await asyncio.sleep(0)  # each has put its work into the queue
        self._gate.set()
        await holding
        *outcomes, failed = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(failed, StoreUnavailableError)
        return outcomes

    @staticmethod
    def _fail(connection: Connection) -> None:
        connection.execute(insert(access_state).values(id=1, version=0))


async def test_a_change_beside_one_that_fails_is_made_once_and_whole(database: Database, store: SqlStore) -> None:
    asked: list[AccessList] = []

    def plan(access: AccessList) -> Edit:
        asked.append(access)
        return edit([sender(BEN), sender(ANN)])

    [changed] = await Group(store).run(
        store.access.change(plan, by=ADA, door=ByDoor.COMMAND, origin="T1", now=T0),
    )
    assert asked == [EMPTY, EMPTY], "made, undone with the other's fault, made again"
    assert isinstance(changed, Changed)
    assert changed.access == await store.access.current()
    assert [row["version"] for row in database.rows(access_change)] == [1, 1]
    assert len(database.rows(access_member)) == 2


async def test_a_change_that_was_undone_lets_nobody_in(store: SqlStore, submission: Submit) -> None:
    """The list that was undone and the one that came instead have the same version."""
    assert await store.access.current() == EMPTY
    first_time = iter([BEN])

    def plan(_: AccessList) -> Edit:
        return edit([sender(next(first_time, EVE))])

    seen: list[AccessList] = []

    def may(access: AccessList) -> Denied | None:
        seen.append(access)
        return listed(BEN)(access)

    _, denied = await Group(store).run(
        store.access.change(plan, by=ADA, door=ByDoor.COMMAND, origin=None, now=T0),
        store.enqueue(submission(user=BEN), may=may, now=T0),
    )
    assert [(access.version, access.entries) for access in seen] == [
        (1, frozenset({sender(BEN)})),
        (1, frozenset({sender(EVE)})),
    ]
    assert denied == Denied(Reason.NOT_LISTED)
    assert await store.enqueue(submission(user=BEN), may=listed(BEN), now=T0) == Denied(Reason.NOT_LISTED)
    assert isinstance(await store.enqueue(submission(user=EVE), may=listed(EVE), now=T0), Taken)


# -- who may submit


async def test_who_is_denied_leaves_no_row(database: Database, store: SqlStore, submission: Submit) -> None:
    denied = await store.enqueue(submission("V1", user=BEN), may=listed(BEN), now=T0)
    assert denied == Denied(Reason.NOT_LISTED)
    assert database.rows(message) == []
    assert await store.taken("V1") is None
    await change(store, edit([sender(BEN)]))
    assert isinstance(await store.enqueue(submission("V1", user=BEN), may=listed(BEN), now=T0), Taken)


async def test_what_was_taken_before_is_so_whatever_the_list_says_by_now(store: SqlStore, submission: Submit) -> None:
    await change(store, edit([sender(BEN)]))
    one = submission("V1", user=BEN)
    taken = await store.enqueue(one, may=listed(BEN), now=T0)
    assert isinstance(taken, Taken)
    await change(store, edit(remove=[sender(BEN)]))
    again = await store.enqueue(one, may=listed(BEN), now=T0)
    assert again == AlreadyTaken(taken.client_reference, one.content.digest())


@pytest.mark.parametrize("looks", [True, False], ids=["list_read_before", "list_never_read"])
async def test_a_removal_by_another_process_counts_at_once(database: Database, submission: Submit, looks: bool) -> None:
    here, there = database.store(), database.store()
    await change(there, edit([sender(BEN)]))
    if looks:
        await here.access.current()
    assert isinstance(await here.enqueue(submission(user=BEN), may=listed(BEN), now=T0), Taken)
    await change(there, edit(remove=[sender(BEN)]))
    assert await here.enqueue(submission(user=BEN), may=listed(BEN), now=T0) == Denied(Reason.NOT_LISTED)
    await change(there, edit([sender(BEN)]))
    assert isinstance(await here.enqueue(submission(user=BEN), may=listed(BEN), now=T0), Taken)


async def test_after_a_removal_no_submission_of_that_person_is_taken(database: Database, submission: Submit) -> None:
    here, there = database.store(), database.store()
    await change(there, edit([sender(BEN)]))
    await here.access.current()
    begun, removed = asyncio.Event(), asyncio.Event()
    late: list[object] = []
    early: list[object] = []

    async def submit() -> None:
        while len(late) < LATE:
            after_removal = removed.is_set()
            outcome = await here.enqueue(submission(user=BEN), may=listed(BEN), now=T0)
            (late if after_removal else early).append(outcome)
            begun.set()

    async def remove() -> None:
        await begun.wait()
        await change(there, edit(remove=[sender(BEN)]))
        removed.set()

    await asyncio.gather(remove(), *(submit() for _ in range(8)))
    assert set(late) == {Denied(Reason.NOT_LISTED)}
    taken = sum(isinstance(outcome, Taken) for outcome in early)
    assert taken > 0
    assert len(database.rows(message)) == taken


async def test_a_submission_does_not_read_the_whole_list_when_it_is_known(
    database: Database, submission: Submit
) -> None:
    engine = database.engine()
    store = database.store(engine)
    await change(store, edit([sender(BEN)]))
    current = await store.access.current()
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    seen: list[AccessList] = []
    await store.enqueue(submission(), may=lambda access: seen.append(access), now=T0)
    assert seen == [current]
    assert [statement for statement in statements if "access_member" in statement] == []
