"""Who is next: fair turns between people, and the claim that leases what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from bot.domain import Message, State
from bot.store.leases import free_to_take, leased, unleased
from bot.store.rows import message_from
from bot.store.tables import message

LOOKED_AT = 5000  # of what is due, the longest waiting: a claim takes as long however many more there are
AT_ONCE = 4  # processes that may reach for the same messages at one moment


def fair_turns(
    waiting: Sequence[tuple[str, str, int]], *, busy: Mapping[str, int], per_person: int, limit: int
) -> list[str]:
    """Choose whose messages go next: those first whose people have the fewest under way. Pure.

    Args:
        waiting: (client_reference, user_id, turn), where turn 1 is the person's oldest waiting message; oldest first.
        busy: user ID → how many of theirs are under way already.
    """
    ordered = sorted(waiting, key=lambda entry: entry[2] + busy.get(entry[1], 0))  # stable: oldest first within a turn
    allowed = [reference for reference, user, turn in ordered if turn + busy.get(user, 0) <= per_person]
    return allowed[:limit]


def claim(
    connection: Connection,
    *,
    owner: str,
    limit: int,
    busy: Mapping[str, int],
    per_person: int,
    at: float,
    lease_s: float,
) -> Sequence[Message]:
    """Lease up to ``limit`` queued messages that are due."""
    due = [message.c.state == State.QUEUED, message.c.due_at <= at, unleased(message, at)]
    if full := [user for user, count in busy.items() if count >= per_person]:
        due.append(message.c.user_id.not_in(full))  # however many of theirs stand in front
    waiting = _waiting(connection, due, per_person=per_person, limit=AT_ONCE * (limit + sum(busy.values())))
    while chosen := fair_turns(waiting, busy=busy, per_person=per_person, limit=limit):
        # Asked again of each row, now that it is locked: another process may have been faster.
        free = select(message.c.client_reference).where(message.c.client_reference.in_(chosen), *due)
        if references := connection.execute(free_to_take(free, message)).scalars().all():
            return _lease(connection, [one for one in chosen if one in set(references)], leased(owner, at, lease_s))
        waiting = [entry for entry in waiting if entry[0] not in set(chosen)]
    return []


def _waiting(
    connection: Connection, due: Sequence[ColumnElement[bool]], *, per_person: int, limit: int
) -> list[tuple[str, str, int]]:
    """What is due, as ``fair_turns`` takes it. No join: whatever the database guesses, it reads each row once."""
    oldest = (
        select(message.c.client_reference, message.c.user_id, message.c.created_at)
        .where(*due)
        .order_by(message.c.due_at)
        .limit(LOOKED_AT)
        .subquery()
    )
    turn = func.row_number().over(
        partition_by=oldest.c.user_id, order_by=(oldest.c.created_at, oldest.c.client_reference)
    )
    turns = select(oldest, turn.label("turn")).subquery()
    first = (
        select(turns.c.client_reference, turns.c.user_id, turns.c.turn)
        .where(turns.c.turn <= per_person)
        .order_by(turns.c.turn, turns.c.created_at)
        .limit(limit)
    )
    return [(row.client_reference, row.user_id, row.turn) for row in connection.execute(first)]


def _lease(connection: Connection, references: Sequence[str], lease: Mapping[str, Any]) -> list[Message]:
    taken = update(message).where(message.c.client_reference.in_(references)).values(**lease).returning(message)
    rows = {row["client_reference"]: row for row in connection.execute(taken).mappings()}
    return [message_from(rows[reference]) for reference in references]
