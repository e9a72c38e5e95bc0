"""Who is next: fair turns between people, and the claim that leases what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select, update

from bot.domain import Message, State
from bot.store.leases import leased, unleased
from bot.store.rows import message_from
from bot.store.tables import message


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
    turn = func.row_number().over(
        partition_by=message.c.user_id, order_by=(message.c.created_at, message.c.client_reference)
    )
    due = (
        select(message.c.client_reference, message.c.user_id, message.c.created_at, turn.label("turn"))
        .where(message.c.state == State.QUEUED, message.c.due_at <= at, unleased(message, at))
        .subquery()
    )
    candidates = (
        select(due.c.client_reference, due.c.user_id, due.c.turn)
        .where(due.c.turn <= per_person)
        .order_by(due.c.turn, due.c.created_at)
        .limit(limit + sum(busy.values()))
    )
    waiting = [(row.client_reference, row.user_id, row.turn) for row in connection.execute(candidates)]
    chosen = fair_turns(waiting, busy=busy, per_person=per_person, limit=limit)
    if not chosen:
        return []
    taken = (
        update(message)
        .where(message.c.client_reference.in_(chosen), message.c.state == State.QUEUED, unleased(message, at))
        .values(**leased(owner, at, lease_s))
        .returning(message)
    )
    rows = {row["client_reference"]: row for row in connection.execute(taken).mappings()}
    return [message_from(rows[reference]) for reference in chosen if reference in rows]
