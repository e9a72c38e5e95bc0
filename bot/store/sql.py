"""The one implementation of the store: every method is a transaction of statements that every database understands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine, Select, bindparam, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from bot.access import Denied
from bot.domain import Answer, Message, State, Step, Submission
from bot.reports import POLL_PAUSES_S
from bot.store import (
    AlreadyTaken,
    Figures,
    May,
    Page,
    Place,
    StoreUnavailableError,
    Taken,
    answers,
    figures,
    keeping,
    steps,
    turns,
)
from bot.store.access import SqlAccessStore
from bot.store.engine import empty_log, insert_unless_there, is_passing
from bot.store.leases import FREE
from bot.store.reports import SqlReportStore
from bot.store.rows import content_json, message_from, seconds
from bot.store.tables import alembic_version, message
from bot.store.times import Time, Timed, time_of
from bot.store.writer import CLOSE_WITHIN_S, Needs, Writer

_T = TypeVar("_T")

FIRST_POLL_S = POLL_PAUSES_S[0]
PROGRESS_AFTER_S = 2.0  # "queued" is told when the result takes longer than a moment
_KNOWN = select(message.c.client_reference, message.c.digest).where(message.c.view_id == bindparam("view_id"))
LOOKS = 3  # at what is due, in one claim, while other processes are faster
READERS = 2  # threads for history; the writer never waits for them


class SqlStore:
    """See ``bot.store.Store``.

    Args:
        first_poll_s: how many seconds after Sinch took a batch it is asked for the report for the first time.
    """

    def __init__(self, engine: Engine, *, time: Time | None = None, first_poll_s: float = FIRST_POLL_S) -> None:
        self._engine = engine
        self._time = time or time_of(engine)
        self._writer = Writer(engine)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._enqueue = insert_unless_there(engine, message, "view_id")
        self._access = SqlAccessStore(self._writer, self._read, self._time)
        self._reports = SqlReportStore(self._writer, self._read, self._time, first_poll_s=first_poll_s)
        self._first_poll_s = first_poll_s

    async def close(self) -> None:
        await asyncio.gather(self._writer.close(), self._end_reading())
        self._engine.dispose()

    async def _end_reading(self) -> None:
        """A question that is under way may end in a moment; its connection is closed with the others then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await asyncio.to_thread(self._readers.shutdown, cancel_futures=True)

    @property
    def engine(self) -> Engine:
        """For whoever looks at what the store asks of its database."""
        return self._engine

    @property
    def access(self) -> SqlAccessStore:
        return self._access

    @property
    def reports(self) -> SqlReportStore:
        return self._reports

    def now(self) -> datetime | None:
        return self._time.now()

    # -- submissions

    async def enqueue(self, submission: Submission, *, may: May, now: datetime) -> Taken | AlreadyTaken | Denied:
        def work(connection: Connection) -> Taken | AlreadyTaken | Denied:
            if denied := may(self._access.within(connection)):
                return _taken(connection, submission.view_id) or denied
            row = _new_row(submission) | _queued_at(self._time.at(connection, now))
            if connection.execute(self._enqueue, row).rowcount == 1:
                return Taken(row["client_reference"])
            # This view is there already, perhaps by another process a moment ago.
            already = _taken(connection, submission.view_id)
            if already is None:
                raise StoreUnavailableError("a row that stands in the way can't be seen")
            return already

        return await self._writer.run(work, needs=Needs.LIST)

    async def taken(self, view_id: str) -> AlreadyTaken | None:
        return await self._read(partial(_taken, view_id=view_id))

    # -- sending

    async def claim(
        self, *, owner: str, limit: int, busy: Mapping[str, int], per_person: int, now: datetime, lease_s: float
    ) -> Sequence[Message]:
        places = turns.Places(limit, busy, per_person)

        def look(connection: Connection) -> list[turns.Waiting]:
            with connection.begin():  # which tells the time
                return turns.waiting(connection, places=places, at=self._time.at(connection, now))

        for _ in range(LOOKS):
            waiting = await self._read(look)  # not by the writer: submissions would wait for it
            if not waiting:
                break
            take = partial(turns.claim, waiting=waiting, places=places, owner=owner, lease_s=lease_s)
            if claimed := await self._write(now, take):
                return claimed
            if len(waiting) < places.reach:
                break  # other processes have the rest
        return []

    async def begin(self, client_reference: str, *, owner: str, now: datetime, lease_s: float) -> Message | None:
        work = partial(steps.begin, client_reference=client_reference, owner=owner, lease_s=lease_s)
        return await self._write(now, work, of=client_reference)

    async def record(self, client_reference: str, step: Step, *, owner: str, attempt: int, now: datetime) -> bool:
        work = partial(
            steps.record,
            client_reference=client_reference,
            step=step,
            owner=owner,
            attempt=attempt,
            first_poll_s=self._first_poll_s,
        )
        return await self._write(now, work, of=client_reference)

    async def renew(self, client_references: Sequence[str], *, owner: str, now: datetime, lease_s: float) -> None:
        held = list(client_references)
        await self._write(now, partial(steps.renew, client_references=held, owner=owner, lease_s=lease_s))

    async def release(self, client_references: Sequence[str], *, owner: str) -> None:
        await self._execute(
            update(message)
            .where(
                message.c.client_reference.in_(list(client_references)),
                message.c.lease_owner == owner,
                message.c.state == State.QUEUED,
            )
            .values(**FREE)
        )

    # -- lost answers

    async def take_up_lost(self, *, cause: str, holding: Collection[str], now: datetime) -> int:
        held = frozenset(holding)
        return await self._write(now, partial(steps.take_up_lost, cause=cause, holding=held))

    async def claim_lookups(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Message]:
        return await self._write(now, partial(steps.claim_lookups, owner=owner, limit=limit, lease_s=lease_s))

    async def record_lookup(
        self, client_reference: str, *, batch_id: str | None, next_at: datetime | None, tell: bool, now: datetime
    ) -> None:
        work = partial(
            steps.record_lookup,
            client_reference=client_reference,
            batch_id=batch_id,
            next_at=next_at,
            tell=tell,
            first_poll_s=self._first_poll_s,
        )
        await self._write(now, work, of=client_reference)

    async def resume_lookups(self, *, at_most: int, since: datetime, now: datetime) -> None:
        await self._write(now, partial(steps.resume_lookups, at_most=at_most, since=since))

    # -- answers

    async def claim_answers(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Answer]:
        return await self._write(now, partial(answers.claim, owner=owner, limit=limit, lease_s=lease_s))

    async def answer_told(self, answer_id: int, *, by_response_url: bool, now: datetime) -> bool:
        return await self._write(now, partial(answers.mark_told, answer_id=answer_id, by_response_url=by_response_url))

    async def answer_failed(self, answer_id: int, *, next_at: datetime | None, response_url_used: bool) -> None:
        next_try = None if next_at is None else seconds(next_at)
        await self._writer.run(
            lambda connection: answers.mark_failed(
                connection, answer_id, next_at=next_try, response_url_used=response_url_used
            )
        )

    async def resume_answers(self, *, now: datetime) -> None:
        await self._write(now, answers.resume)

    async def untold(self, user_id: str, *, limit: int) -> Sequence[Answer]:
        return await self._read(lambda connection: answers.untold(connection, user_id, limit=limit))

    # -- history

    async def recent(self, user_id: str, *, limit: int) -> Sequence[Message]:
        newest_first = (message.c.created_at.desc(), message.c.client_reference.desc())
        return await self._all(select(message).where(message.c.user_id == user_id).order_by(*newest_first).limit(limit))

    async def by_batch(self, user_id: str, batch_id: str) -> Message | None:
        # Whose it is, is asked of what was found: in the statement, the database may go through all of theirs for it.
        either = or_(message.c.batch_id == batch_id, message.c.client_reference == batch_id)
        found = await self._all(select(message).where(either))
        return next((one for one in found if one.reply.user_id == user_id), None)

    async def get(self, client_reference: str) -> Message | None:
        found = await self._all(select(message).where(message.c.client_reference == client_reference))
        return found[0] if found else None

    # -- keeping

    async def purge(self, *, kept_s: float, limit: int, now: datetime) -> int:
        return await self._write(now, partial(keeping.purge, kept_s=kept_s, limit=limit))

    async def kept(self, *, after: Place | None, limit: int) -> Page:
        return await self._read(partial(keeping.kept, after=after, limit=limit))

    async def cancel(self, client_references: Sequence[str], *, cause: str, now: datetime) -> int:
        which = list(client_references)
        return await self._write(now, partial(keeping.cancel, references=which, cause=cause)) if which else 0

    async def erase(self, client_references: Sequence[str]) -> int:
        which = list(client_references)
        return await self._writer.run(partial(keeping.erase, references=which)) if which else 0

    async def scrub(self) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._readers, empty_log, self._engine)

    async def figures(self) -> Figures:
        return await self._read(figures.read)

    def writes_waiting(self) -> int:
        return self._writer.waiting

    async def ping(self) -> None:
        await self._writer.run(_write_nothing)

    # -- plumbing

    async def _all(self, statement: Select[Any]) -> Sequence[Message]:
        def read(connection: Connection) -> Sequence[Message]:
            return [message_from(row) for row in connection.execute(statement).mappings()]

        return await self._read(read)

    async def _write(self, now: datetime, work: Timed[_T], *, of: str = "") -> _T:
        return await self._writer.run(lambda connection: work(connection, at=self._time.at(connection, now)), of=of)

    async def _execute(self, statement: Any) -> None:
        def work(connection: Connection) -> None:
            connection.execute(statement)

        await self._writer.run(work)

    async def _read(self, read: Callable[[Connection], _T]) -> _T:
        def once() -> _T:
            with self._engine.connect() as connection:
                return read(connection)

        def run() -> _T:
            try:
                try:
                    return once()
                except SQLAlchemyError as error:
                    if is_passing(error):  # the server was started anew since the last time, for example
                        return once()
                    raise
            except SQLAlchemyError as error:
                raise StoreUnavailableError(type(error).__name__) from error

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except RuntimeError as error:  # the executor was shut down
            raise StoreUnavailableError("the store is closed") from error


def _new_row(submission: Submission) -> dict[str, Any]:
    reply, content = submission.reply, submission.content
    expires_at = reply.response_url_expires_at
    return {
        "client_reference": f"mms-{uuid4().hex}",
        "view_id": submission.view_id,
        "team_id": submission.team_id,
        "user_id": reply.user_id,
        "state": State.QUEUED,
        "kind": content.kind,
        "recipient_count": len(content.recipients),
        "content": content_json(content),
        "digest": content.digest(),
        "channel_id": reply.channel_id,
        "response_url": reply.response_url,
        "response_url_expires_at": None if expires_at is None else seconds(expires_at),
    }


def _queued_at(at: float) -> dict[str, Any]:
    return {"created_at": at, "due_at": at, "progress_due_at": at + PROGRESS_AFTER_S}


def _write_nothing(connection: Connection) -> None:
    """A write that changes nothing: it needs the lock and room on the disk, as a submission does.

    Where rows are locked one by one, it does not wait for another process that does the same.
    """
    row = connection.execute(select(alembic_version).with_for_update(skip_locked=True)).first()
    if row is not None:
        connection.execute(update(alembic_version).values(version_num=alembic_version.c.version_num))


def _taken(connection: Connection, view_id: str) -> AlreadyTaken | None:
    row = connection.execute(_KNOWN, {"view_id": view_id}).first()
    return None if row is None else AlreadyTaken(row.client_reference, digest=row.digest)
