"""Who was added by admins, and the log of it; requests and notices are in ``bot.store.requests``.

Every change locks the one row that counts the changes before it looks at anything, so that changes come one after the
other on every database. (SQLite has one writer anyway, and its dialect leaves the lock out.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, delete, insert, select, true, update

from bot.access import Denied, Role, is_group
from bot.access.changes import AccessChange, AccessList, Action, ByDoor, Edit, Entry, Plan, Refusal, after
from bot.access.requests import Asked, AskedBefore, Decided, DecidedBefore, Decision, NoSuchRequest, Notice, Request
from bot.store import Changed, May, Repeated, requests
from bot.store.rows import added_from, change_from, role_word, seconds
from bot.store.tables import access_change, access_member, access_state, handled
from bot.store.times import Time, Timed
from bot.store.writer import Needs, Writer

_T = TypeVar("_T")

ORIGIN_KEPT = timedelta(hours=1)  # Slack's own repeats come within minutes


_VERSION = select(access_state.c.version)
# One statement, so that the version and the entries belong together whatever the database's isolation.
_WHOLE_LIST = (
    select(access_state.c.version, access_member)
    .select_from(access_state.outerjoin(access_member, true()))
    .order_by(access_member.c.added_at, access_member.c.member_id, access_member.c.role)
)
_VERSION_HELD = _VERSION.with_for_update(read=True)  # nobody changes the list until the transaction ends


class Read(Protocol):
    """Runs a function on a connection that sees what is committed."""

    async def __call__(self, read: Callable[[Connection], _T]) -> _T: ...


class SqlAccessStore:
    """See ``bot.store.AccessStore``."""

    def __init__(self, writer: Writer, read: Read, time: Time) -> None:
        self._writer = writer
        self._read = read
        self._time = time
        self._held: tuple[object, AccessList] | None = None  # of the transaction that runs
        self._committed: AccessList | None = None  # as it was last read by itself, never inside a change

    def within(self, connection: Connection) -> AccessList:
        """The list as it is in this transaction; no change of it commits before the transaction has ended.

        Read once in a transaction, however many submissions share it: whoever changes the list comes before them
        (``bot.store.writer.Needs``).
        """
        transaction = connection.get_transaction()
        if self._held is None or self._held[0] is not transaction:
            self._held = transaction, self._read_within(connection)
        return self._held[1]

    def _read_within(self, connection: Connection) -> AccessList:
        version: int = connection.execute(_VERSION_HELD).scalar_one()
        committed = self._committed
        if committed is not None and committed.version == version:
            return committed
        return _read_list(connection)

    # -- the list

    async def version(self) -> int:
        def read(connection: Connection) -> int:
            version: int = connection.execute(_VERSION).scalar_one()
            return version

        return await self._read(read)

    async def current(self) -> AccessList:
        self._committed = current = await self._read(_read_list)
        return current

    async def change(
        self,
        plan: Plan,
        *,
        by: str,
        door: ByDoor,
        origin: str | None,
        now: datetime,
    ) -> Changed | Repeated | Refusal | Denied:
        def work(connection: Connection) -> Changed | Repeated | Refusal | Denied:
            _lock(connection)
            at = self._time.at(connection, now)
            if origin is not None and not _first_time(connection, origin, at):
                return Repeated()
            current = _read_list(connection)
            planned = plan(current)
            if not isinstance(planned, Edit):
                return planned
            return _apply(connection, current, planned, by=by, door=door, at=at)

        return await self._writer.run(work, needs=Needs.LIST_ALONE)

    async def log(self, *, limit: int | None = None) -> Sequence[AccessChange]:
        newest_first = select(access_change).order_by(access_change.c.change_id.desc()).limit(limit)
        return await self._read(partial(_changes, statement=newest_first))

    async def changes_after(self, version: int) -> Sequence[AccessChange]:
        # In the order of the index: told to go by the key, a database may read the log from its beginning.
        in_order = (access_change.c.version, access_change.c.change_id)
        since = select(access_change).where(access_change.c.version > version).order_by(*in_order)
        return await self._read(partial(_changes, statement=since))

    # -- requests

    async def ask(self, user_id: str, *, admins: Sequence[str], now: datetime) -> Asked | AskedBefore:
        to = list(admins)

        def work(connection: Connection) -> Asked | AskedBefore:
            _lock(connection)
            return requests.ask(connection, user_id, admins=to, at=self._time.at(connection, now))

        return await self._writer.run(work, needs=Needs.LIST_ALONE)

    async def asker_told(self, request_id: int, *, now: datetime) -> None:
        await self._write(now, partial(requests.asker_told, request_id=request_id))

    async def request(self, request_id: int) -> Request | None:
        return await self._read(partial(requests.get, request_id=request_id))

    async def decide(
        self, request_id: int, *, allow: bool, may: May, by: str, now: datetime
    ) -> Decided | DecidedBefore | NoSuchRequest | Denied:
        decision = Decision.ALLOWED if allow else Decision.DECLINED

        def work(connection: Connection) -> Decided | DecidedBefore | NoSuchRequest | Denied:
            _lock(connection)
            at = self._time.at(connection, now)
            request = requests.get(connection, request_id)
            if request is None:
                return NoSuchRequest()
            if request.decision is not None:
                return DecidedBefore(request)
            access = _read_list(connection)
            if denied := may(access):
                return denied
            requests.settle(connection, request, decision, by=by, at=at)
            if allow:
                add = Edit(add=frozenset({Entry(request.user_id, Role.SENDER)}))
                access = _apply(connection, access, add, by=by, door=ByDoor.REQUEST, at=at).access
            return Decided(requests.get(connection, request_id) or request, access)

        return await self._writer.run(work, needs=Needs.LIST_ALONE)

    # -- notices

    async def claim_notices(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Notice]:
        return await self._write(now, partial(requests.claim, owner=owner, limit=limit, lease_s=lease_s))

    async def notice_told(
        self, notice_id: int, *, shown: Decision | None, channel_id: str | None, ts: str | None, now: datetime
    ) -> None:
        await self._write(
            now, partial(requests.mark_told, notice_id=notice_id, shown=shown, channel_id=channel_id, ts=ts)
        )

    async def notice_failed(self, notice_id: int, *, next_at: datetime | None) -> None:
        next_try = None if next_at is None else seconds(next_at)
        await self._writer.run(lambda connection: requests.mark_failed(connection, notice_id, next_at=next_try))

    async def resume_notices(self, *, now: datetime) -> None:
        await self._write(now, requests.resume)

    async def group_lost(self, group_id: str, *, admins: Sequence[str], now: datetime) -> None:
        to = list(admins)

        def work(connection: Connection) -> None:
            _lock(connection)
            requests.group_lost(connection, group_id, admins=to, at=self._time.at(connection, now))

        await self._writer.run(work, needs=Needs.LIST_ALONE)

    async def group_found(self, group_id: str) -> None:
        await self._writer.run(lambda connection: requests.group_found(connection, group_id))

    async def _write(self, now: datetime, work: Timed[_T]) -> _T:
        return await self._writer.run(lambda connection: work(connection, at=self._time.at(connection, now)))


def _lock(connection: Connection) -> None:
    connection.execute(_VERSION.with_for_update())


def _read_list(connection: Connection) -> AccessList:
    rows = connection.execute(_WHOLE_LIST).mappings().all()
    added = tuple(added_from(row) for row in rows if row["member_id"] is not None)
    return AccessList(rows[0]["version"], added)


def _changes(connection: Connection, *, statement: Any) -> Sequence[AccessChange]:
    return [change_from(row) for row in connection.execute(statement).mappings()]


def _apply(connection: Connection, current: AccessList, edit: Edit, *, by: str, door: ByDoor, at: float) -> Changed:
    """Make ``edit`` true, with its rows in the log; what is so already is left out of both."""
    wanted = after(current, edit)
    real = Edit(add=wanted - current.entries, remove=current.entries - wanted)
    if not real:
        return Changed(current, real)
    version: int = connection.execute(
        update(access_state).values(version=access_state.c.version + 1).returning(access_state.c.version)
    ).scalar_one()
    for entry in real.remove:
        connection.execute(delete(access_member).where(_is(entry)))
    if real.add:
        added = {"added_by": by, "added_at": at, "door": door}
        connection.execute(insert(access_member), [_named(entry) | added for entry in real.add])
    what = [(Action.REMOVED, entry) for entry in _sorted(real.remove)]
    what += [(Action.ADDED, entry) for entry in _sorted(real.add)]
    how = {"version": version, "changed_at": at, "changed_by": by, "door": door}
    connection.execute(insert(access_change), [_named(entry) | how | {"action": action} for action, entry in what])
    people = [entry for entry in _sorted(real.add) if not is_group(entry.member_id)]
    requests.settle_added(connection, {entry.member_id for entry in people}, by=by, at=at)
    requests.ask_also(connection, [e.member_id for e in people if e.role is Role.ADMIN], at=at)
    return Changed(_read_list(connection), real)


def _first_time(connection: Connection, origin: str, at: float) -> bool:
    """Note that this request was handled; False if it was already. Old notes are deleted on the way."""
    connection.execute(delete(handled).where(handled.c.handled_at < at - ORIGIN_KEPT.total_seconds()))
    digest = sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()
    if connection.execute(select(handled.c.origin).where(handled.c.origin == digest)).first() is not None:
        return False
    connection.execute(insert(handled).values(origin=digest, handled_at=at))
    return True


def _is(entry: Entry) -> Any:
    return (access_member.c.member_id == entry.member_id) & (access_member.c.role == role_word(entry.role))


def _named(entry: Entry) -> dict[str, Any]:
    return {"member_id": entry.member_id, "role": role_word(entry.role)}


def _sorted(entries: frozenset[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.role, entry.member_id))
