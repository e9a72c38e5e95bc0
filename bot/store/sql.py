"""The one implementation of the store: statements that every supported database understands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, insert, null, or_, select, text, true, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.sql.elements import ColumnElement

from bot.domain import (
    INTERIM,
    Accepted,
    Answer,
    AnswerKind,
    Lost,
    Message,
    Refused,
    State,
    Step,
    Submission,
    TryAgain,
)
from bot.store import AlreadyTaken, StoreUnavailableError, Taken
from bot.store.rows import answer_from, content_json, message_from, seconds
from bot.store.tables import answer, message
from bot.store.writer import Writer

_T = TypeVar("_T")

PROGRESS_AFTER_S = 2.0  # "queued" is told when the result takes longer than a moment
FIRST_LOOKUP_AFTER_S = 1.0  # a batch may become visible a little after it was accepted
READERS = 2  # threads for history; the writer never waits for them
_PROGRESS_BATCH = 200

_UNFINISHED = (State.QUEUED, State.SENDING)


class SqlStore:
    """See ``bot.store.Store``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = Writer(engine)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    async def close(self) -> None:
        await self._writer.close()
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    # -- submissions

    async def enqueue(self, submission: Submission, *, now: datetime) -> Taken | AlreadyTaken:
        reference = f"mms-{uuid4().hex}"
        digest = submission.content.digest()
        row = {
            "client_reference": reference,
            "view_id": submission.view_id,
            "team_id": submission.team_id,
            "user_id": submission.reply.user_id,
            "state": State.QUEUED,
            "kind": submission.content.kind,
            "recipient_count": len(submission.content.recipients),
            "content": content_json(submission.content),
            "digest": digest,
            "channel_id": submission.reply.channel_id,
            "response_url": submission.reply.response_url,
            "response_url_expires_at": _seconds(submission.reply.response_url_expires_at),
            "created_at": seconds(now),
            "due_at": seconds(now),
            "progress_due_at": seconds(now) + PROGRESS_AFTER_S,
        }

        def work(connection: Connection) -> Taken | AlreadyTaken:
            known = select(message.c.client_reference, message.c.digest).where(message.c.view_id == submission.view_id)
            first = connection.execute(known).first()
            if first is None:
                connection.execute(insert(message), row)
                return Taken(reference)
            return AlreadyTaken(first.client_reference, digest=first.digest)

        try:
            return await self._writer.run(work)
        except StoreUnavailableError as error:
            # Another process inserted the same view between our look and our insert: it is there now, look again.
            if isinstance(error.__cause__, IntegrityError):
                return await self._writer.run(work)
            raise

    # -- sending

    async def claim(
        self, *, owner: str, limit: int, busy: Mapping[str, int], per_person: int, now: datetime, lease_s: float
    ) -> Sequence[Message]:
        at = seconds(now)
        turn = func.row_number().over(
            partition_by=message.c.user_id, order_by=(message.c.created_at, message.c.client_reference)
        )
        due = (
            select(message.c.client_reference, message.c.user_id, message.c.created_at, turn.label("turn"))
            .where(message.c.state == State.QUEUED, message.c.due_at <= at, _unleased(message, at))
            .subquery()
        )
        candidates = (
            select(due)
            .where(due.c.turn <= per_person)
            .order_by(due.c.turn, due.c.created_at)
            .limit(limit + sum(busy.values()))
        )

        def work(connection: Connection) -> Sequence[Message]:
            waiting = [tuple(row) for row in connection.execute(candidates)]
            chosen = fair_turns([(r[0], r[1], r[3]) for r in waiting], busy=busy, per_person=per_person, limit=limit)
            if not chosen:
                return []
            taken = (
                update(message)
                .where(message.c.client_reference.in_(chosen), message.c.state == State.QUEUED, _unleased(message, at))
                .values(lease_owner=owner, lease_until=at + lease_s)
                .returning(message)
            )
            rows = {row["client_reference"]: row for row in connection.execute(taken).mappings()}
            return [message_from(rows[reference]) for reference in chosen if reference in rows]

        return await self._writer.run(work)

    async def begin(self, client_reference: str, *, owner: str, now: datetime, lease_s: float) -> Message | None:
        at = seconds(now)
        statement = (
            update(message)
            .where(
                message.c.client_reference == client_reference,
                message.c.state == State.QUEUED,
                message.c.lease_owner == owner,
                message.c.lease_until > at,
            )
            .values(
                state=State.SENDING,
                attempts=message.c.attempts + 1,
                first_attempt_at=func.coalesce(message.c.first_attempt_at, at),
                attempt_started_at=at,
                lease_until=at + lease_s,
            )
            .returning(message)
        )

        def work(connection: Connection) -> Message | None:
            row = connection.execute(statement).mappings().first()
            return None if row is None else message_from(row)

        return await self._writer.run(work)

    async def record(self, client_reference: str, step: Step, *, owner: str, attempt: int, now: datetime) -> bool:
        at = seconds(now)

        def work(connection: Connection) -> bool:
            if isinstance(step, Accepted):
                return _accept(connection, client_reference, step.batch_id, at)
            mine = (
                message.c.client_reference == client_reference,
                message.c.attempts == attempt,
                message.c.lease_owner == owner,
                # Given up while it waited: the one step that needs no attempt.
                message.c.state.in_(_UNFINISHED if isinstance(step, Refused) else (State.SENDING,)),
            )
            done = connection.execute(update(message).where(*mine).values(**_values(step, at)))
            if done.rowcount != 1:
                return False
            if isinstance(step, Refused):
                _tell(connection, client_reference, AnswerKind.RESULT, at)
            elif isinstance(step, TryAgain) and step.tell is not None:
                _tell(connection, client_reference, step.tell, at, until=seconds(step.due_at))
            return True

        return await self._writer.run(work)

    async def renew(self, client_references: Sequence[str], *, owner: str, now: datetime, lease_s: float) -> None:
        statement = (
            update(message)
            .where(message.c.client_reference.in_(list(client_references)), message.c.lease_owner == owner)
            .values(lease_until=seconds(now) + lease_s)
        )
        await self._execute(statement)

    async def release(self, client_references: Sequence[str], *, owner: str) -> None:
        statement = (
            update(message)
            .where(
                message.c.client_reference.in_(list(client_references)),
                message.c.lease_owner == owner,
                message.c.state == State.QUEUED,
            )
            .values(lease_owner=None, lease_until=None)
        )
        await self._execute(statement)

    # -- lost answers

    async def take_up_lost(self, *, cause: str, holding: Collection[str], now: datetime) -> int:
        at = seconds(now)
        statement = (
            update(message)
            .where(
                message.c.state == State.SENDING,
                message.c.lease_until <= at,
                message.c.client_reference.not_in(list(holding)),
            )
            .values(**_values(Lost(cause), at))
        )

        def work(connection: Connection) -> int:
            return connection.execute(statement).rowcount

        return await self._writer.run(work)

    async def claim_lookups(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Message]:
        at = seconds(now)
        due = (
            select(message.c.client_reference)
            .where(message.c.lookup_due_at <= at, message.c.state == State.UNKNOWN, _unleased(message, at))
            .order_by(message.c.lookups, message.c.lookup_due_at)
            .limit(limit)
        )
        statement = (
            update(message)
            .where(message.c.client_reference.in_(due.scalar_subquery()), _unleased(message, at))
            .values(lease_owner=owner, lease_until=at + lease_s)
            .returning(message)
        )

        def work(connection: Connection) -> Sequence[Message]:
            return [message_from(row) for row in connection.execute(statement).mappings().all()]

        return await self._writer.run(work)

    async def record_lookup(
        self, client_reference: str, *, batch_id: str | None, next_at: datetime | None, tell: bool, now: datetime
    ) -> None:
        at = seconds(now)

        def work(connection: Connection) -> None:
            if batch_id is not None:
                _accept(connection, client_reference, batch_id, at)
                return
            values: dict[str, Any] = {
                "lookups": message.c.lookups + 1,
                "lookup_due_at": _seconds(next_at),
                "lease_owner": None,
                "lease_until": None,
            }
            untold = connection.execute(
                select(message.c.client_reference).where(
                    message.c.client_reference == client_reference,
                    message.c.state == State.UNKNOWN,
                    message.c.unknown_told.is_not(true()),
                )
            ).first()
            if tell and untold is not None:
                values["unknown_told"] = True
                _tell(connection, client_reference, AnswerKind.UNKNOWN, at)
            connection.execute(
                update(message)
                .where(message.c.client_reference == client_reference, message.c.state == State.UNKNOWN)
                .values(**values)
            )

        await self._writer.run(work)

    async def resume_lookups(self, *, at_most: int, since: datetime, now: datetime) -> None:
        fewer = func.min if self._engine.dialect.name == "sqlite" else func.least
        statement = (
            update(message)
            .where(message.c.state == State.UNKNOWN, message.c.created_at >= seconds(since))
            .values(lookups=fewer(message.c.lookups, at_most), lookup_due_at=seconds(now))
        )
        await self._execute(statement)

    # -- answers

    async def promote_progress(self, *, now: datetime) -> None:
        at = seconds(now)
        waiting = (
            select(message.c.client_reference)
            .where(message.c.progress_due_at <= at)
            .order_by(message.c.progress_due_at)
            .limit(_PROGRESS_BATCH)
        )

        def work(connection: Connection) -> None:
            for reference in connection.execute(waiting).scalars().all():
                connection.execute(
                    update(message).where(message.c.client_reference == reference).values(progress_due_at=null())
                )
                _tell(connection, reference, AnswerKind.PROGRESS, at)

        await self._writer.run(work)

    async def claim_answers(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Answer]:
        at = seconds(now)
        earlier = answer.alias()
        due = (
            select(answer.c.answer_id)
            .where(
                answer.c.due_at <= at,
                _unleased(answer, at),
                ~select(earlier.c.answer_id)
                .where(
                    earlier.c.client_reference == answer.c.client_reference,
                    earlier.c.told_at.is_(None),
                    earlier.c.due_at.is_not(None),
                    earlier.c.answer_id < answer.c.answer_id,
                )
                .exists(),
            )
            .order_by(answer.c.due_at)
            .limit(limit)
        )
        statement = (
            update(answer)
            .where(answer.c.answer_id.in_(due.scalar_subquery()), _unleased(answer, at))
            .values(lease_owner=owner, lease_until=at + lease_s)
            .returning(answer.c.answer_id)
        )

        def work(connection: Connection) -> Sequence[Answer]:
            ids = list(connection.execute(statement).scalars())
            return _answers(connection, answer.c.answer_id.in_(ids)) if ids else []

        return await self._writer.run(work)

    async def answer_told(self, answer_id: int, *, by_response_url: bool, now: datetime) -> None:
        statement = (
            update(answer)
            .where(answer.c.answer_id == answer_id)
            .values(told_at=seconds(now), due_at=None, lease_owner=None, lease_until=None)
        )

        def work(connection: Connection) -> None:
            connection.execute(statement)
            if by_response_url:
                _count_use(connection, answer_id)

        await self._writer.run(work)

    async def answer_failed(self, answer_id: int, *, next_at: datetime | None, response_url_used: bool) -> None:
        statement = (
            update(answer)
            .where(answer.c.answer_id == answer_id, answer.c.told_at.is_(None))
            .values(due_at=_seconds(next_at), tries=answer.c.tries + 1, lease_owner=None, lease_until=None)
        )

        def work(connection: Connection) -> None:
            connection.execute(statement)
            if response_url_used:
                _count_use(connection, answer_id)

        await self._writer.run(work)

    async def resume_answers(self, *, now: datetime) -> None:
        statement = update(answer).where(answer.c.due_at > seconds(now)).values(due_at=seconds(now))
        await self._execute(statement)

    async def untold(self, user_id: str, *, limit: int) -> Sequence[Answer]:
        def read(connection: Connection) -> Sequence[Answer]:
            return _answers(connection, (answer.c.user_id == user_id) & answer.c.told_at.is_(None), limit=limit)

        return await self._read(read)

    # -- history

    async def recent(self, user_id: str, *, limit: int) -> Sequence[Message]:
        statement = (
            select(message)
            .where(message.c.user_id == user_id)
            .order_by(message.c.created_at.desc(), message.c.client_reference.desc())
            .limit(limit)
        )

        def read(connection: Connection) -> Sequence[Message]:
            return [message_from(row) for row in connection.execute(statement).mappings()]

        return await self._read(read)

    async def by_batch(self, user_id: str, batch_id: str) -> Message | None:
        either = or_(message.c.batch_id == batch_id, message.c.client_reference == batch_id)
        return await self._one(either & (message.c.user_id == user_id))

    async def get(self, client_reference: str) -> Message | None:
        return await self._one(message.c.client_reference == client_reference)

    async def taken(self, view_id: str) -> AlreadyTaken | None:
        statement = select(message.c.client_reference, message.c.digest).where(message.c.view_id == view_id)

        def read(connection: Connection) -> AlreadyTaken | None:
            row = connection.execute(statement).first()
            return None if row is None else AlreadyTaken(row.client_reference, digest=row.digest)

        return await self._read(read)

    async def ping(self) -> None:
        # A write that changes nothing: it needs the lock and room on the disk, as a submission does.
        await self._execute(text("UPDATE alembic_version SET version_num = version_num"))

    # -- plumbing

    async def _one(self, which: ColumnElement[bool]) -> Message | None:
        def read(connection: Connection) -> Message | None:
            row = connection.execute(select(message).where(which)).mappings().first()
            return None if row is None else message_from(row)

        return await self._read(read)

    async def _execute(self, statement: Any) -> None:
        def work(connection: Connection) -> None:
            connection.execute(statement)

        await self._writer.run(work)

    async def _read(self, read: Callable[[Connection], _T]) -> _T:
        def run() -> _T:
            try:
                with self._engine.connect() as connection:
                    return read(connection)
            except SQLAlchemyError as error:
                raise StoreUnavailableError(type(error).__name__) from error

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except RuntimeError as error:  # the executor was shut down
            raise StoreUnavailableError("the store is closed") from error


def fair_turns(
    waiting: Sequence[tuple[str, str, int]], *, busy: Mapping[str, int], per_person: int, limit: int
) -> list[str]:
    """Choose whose messages go next: those first whose people have the fewest under way.

    Args:
        waiting: (client_reference, user_id, turn), where turn 1 is the person's oldest waiting message; oldest first.
        busy: user ID → how many of theirs are under way already.
    """
    ordered = sorted(waiting, key=lambda entry: entry[2] + busy.get(entry[1], 0))  # stable: oldest first within a turn
    allowed = [reference for reference, user, turn in ordered if turn + busy.get(user, 0) <= per_person]
    return allowed[:limit]


def _values(step: Refused | Lost | TryAgain, at: float) -> dict[str, Any]:
    """What a step writes into the row; every step gives the lease back."""
    values: dict[str, Any] = {"cause": step.cause, "lease_owner": None, "lease_until": None}
    match step:
        case Refused():
            values |= {"state": State.REFUSED, "finished_at": at, "due_at": None, "progress_due_at": None}
            values |= {"vendor_code": step.vendor_code, "vendor_text": step.vendor_text}
        case Lost():
            values |= {"state": State.UNKNOWN, "due_at": None, "lookups": 0}
            values |= {"lookup_due_at": at + FIRST_LOOKUP_AFTER_S, "progress_due_at": None}
            values |= {"vendor_code": step.vendor_code, "vendor_text": step.vendor_text}
        case TryAgain():
            values |= {"state": State.QUEUED, "due_at": seconds(step.due_at)}
            if step.rate_limited:
                values["rate_limited"] = message.c.rate_limited + 1
            if step.unavailable:
                values["unavailable"] = message.c.unavailable + 1
            if step.tell is AnswerKind.WAITING:
                values["waiting_told"] = True
            if step.tell is not None:
                values["progress_due_at"] = None
    return values


def _accept(connection: Connection, client_reference: str, batch_id: str, at: float) -> bool:
    """A batch ID settles a message that is sending or unknown.

    The sender is told: as a find if "unknown" was told before; an "unknown" that waits to be told is no news any more.
    """
    settled = connection.execute(
        update(message)
        .where(message.c.client_reference == client_reference, message.c.state.in_((State.SENDING, State.UNKNOWN)))
        .values(
            state=State.ACCEPTED,
            batch_id=batch_id,
            cause=None,
            vendor_code=None,
            vendor_text=None,
            finished_at=at,
            progress_due_at=None,
            lookup_due_at=None,
            lease_owner=None,
            lease_until=None,
        )
        .returning(message.c.unknown_told)
    ).first()
    if settled is None:
        return False
    stale = connection.execute(
        update(answer)
        .where(
            answer.c.client_reference == client_reference,
            answer.c.kind == AnswerKind.UNKNOWN,
            answer.c.told_at.is_(None),
            _unleased(answer, at),
        )
        .values(told_at=at, due_at=None)
    ).rowcount
    heard = settled.unknown_told and not stale
    _tell(connection, client_reference, AnswerKind.FOUND if heard else AnswerKind.RESULT, at)
    return True


def _tell(
    connection: Connection, client_reference: str, kind: AnswerKind, at: float, *, until: float | None = None
) -> None:
    """Add an answer. What is still going on is no news any more once there is a result."""
    if kind not in INTERIM:
        connection.execute(
            update(answer)
            .where(
                answer.c.client_reference == client_reference,
                answer.c.kind.in_(sorted(INTERIM)),
                answer.c.told_at.is_(None),
            )
            .values(told_at=at, due_at=None)
        )
    user = select(message.c.user_id).where(message.c.client_reference == client_reference).scalar_subquery()
    connection.execute(
        insert(answer).values(
            client_reference=client_reference, user_id=user, kind=kind, until_at=until, created_at=at, due_at=at
        )
    )


def _answers(connection: Connection, which: ColumnElement[bool], *, limit: int | None = None) -> list[Answer]:
    rows = connection.execute(select(answer).where(which).order_by(answer.c.answer_id).limit(limit)).mappings().all()
    references = {row["client_reference"] for row in rows}
    messages = {
        row["client_reference"]: message_from(row)
        for row in connection.execute(select(message).where(message.c.client_reference.in_(references))).mappings()
    }
    return [answer_from(row, messages[row["client_reference"]]) for row in rows]


def _count_use(connection: Connection, answer_id: int) -> None:
    reference = select(answer.c.client_reference).where(answer.c.answer_id == answer_id).scalar_subquery()
    connection.execute(
        update(message)
        .where(message.c.client_reference == reference)
        .values(response_url_uses=message.c.response_url_uses + 1)
    )


def _unleased(table: Any, at: float) -> ColumnElement[bool]:
    free: ColumnElement[bool] = or_(table.c.lease_until.is_(None), table.c.lease_until <= at)
    return free


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else seconds(moment)
