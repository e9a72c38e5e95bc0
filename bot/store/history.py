"""Statements that read what was sent: page by page, one by its ID, and the whole in numbers. None changes anything.

Each goes along an index, so that what it costs does not grow with the number of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from bot.domain import Message, State
from bot.store import Overview, Stuck
from bot.store.rows import known_moment, message_from, moment
from bot.store.tables import answer, message

LAST_DAY_S = 86_400.0
STUCK_AFTER_S = 60.0  # longer than a retry or two take
MAX_STUCK = 20
MAX_PEOPLE = 20


def page(connection: Connection, user_id: str | None, *, before: str | None, limit: int) -> Sequence[Message]:
    """Newest first: of one person, or of everybody; behind the message ``before``, if one is named."""
    newest_first = (message.c.created_at.desc(), message.c.client_reference.desc())
    statement = select(message).order_by(*newest_first).limit(limit)
    if user_id is not None:
        statement = statement.where(message.c.user_id == user_id)
    if before is not None:
        # Asked for by itself: compared with a value, the index leads there at once on every database.
        last = select(message.c.created_at).where(message.c.client_reference == before)
        created_at = connection.execute(last).scalar()
        if created_at is None:
            return []
        older = and_(message.c.created_at == created_at, message.c.client_reference < before)
        statement = statement.where(message.c.created_at <= created_at, or_(message.c.created_at < created_at, older))
    return [message_from(row) for row in connection.execute(statement).mappings()]


def find(connection: Connection, batch_id: str) -> Message | None:
    either = or_(message.c.batch_id == batch_id, message.c.client_reference == batch_id)
    row = connection.execute(select(message).where(either).limit(1)).mappings().first()
    return None if row is None else message_from(row)


def overview(connection: Connection, *, at: float) -> Overview:
    queued = message.c.state == State.QUEUED
    looked_up = message.c.lookup_due_at.is_not(None)
    waiting, oldest = connection.execute(select(func.count(), func.min(message.c.created_at + 0.0)).where(queued)).one()
    unknown = connection.execute(select(func.count()).select_from(message).where(looked_up)).scalar_one()
    untold = connection.execute(select(func.count()).select_from(answer).where(answer.c.due_at.is_not(None)))
    # One question for both: grouped by people alone, it would go along an index of everybody's messages ever.
    last_day, by_person = Counter[State](), Counter[str]()
    of_last_day = (
        select(message.c.state, message.c.user_id, func.count())
        .where(message.c.created_at >= at - LAST_DAY_S)
        .group_by(message.c.state, message.c.user_id)
    )
    for state, user_id, number in connection.execute(of_last_day):
        last_day[State(state)] += number
        by_person[user_id] += number
    return Overview(
        waiting=waiting,
        oldest_waiting_since=moment(oldest),
        unknown=unknown,
        untold=untold.scalar_one(),
        stuck=_stuck(connection, at=at),
        last_day=last_day,
        by_person=sorted(by_person.items(), key=lambda entry: (-entry[1], entry[0]))[:MAX_PEOPLE],
    )


def _stuck(connection: Connection, *, at: float) -> Sequence[Stuck]:
    """What is not done and was taken a while ago, the oldest first."""
    columns = (message.c.client_reference, message.c.user_id, message.c.state, message.c.created_at, message.c.cause)
    # A sum, so that nobody goes along the index of times: almost all rows are older than that, and few unfinished.
    stuck_at = message.c.created_at + STUCK_AFTER_S
    unfinished = (
        message.c.state == State.QUEUED,
        message.c.state == State.SENDING,
        message.c.lookup_due_at.is_not(None),
    )
    found: list[Any] = []
    for which in unfinished:
        oldest_first = select(*columns).where(which, stuck_at < at).order_by(stuck_at, message.c.client_reference)
        found.extend(connection.execute(oldest_first.limit(MAX_STUCK)).all())
    return [
        Stuck(row.client_reference, row.user_id, State(row.state), known_moment(row.created_at), row.cause)
        for row in sorted(found, key=lambda row: (row.created_at, row.client_reference))[:MAX_STUCK]
    ]
