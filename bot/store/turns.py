"""Who is next: fair turns between people, and the claim that leases what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select, update

from bot.domain import Message, State
from bot.store.leases import free_to_take, leased, unleased
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
    due = (message.c.state == State.QUEUED, message.c.due_at <= at, unleased(message, at))
    turns = select(message.c.client_reference, turn.label("turn")).where(*due).subquery()
    candidates = (
        select(message.c.client_reference, message.c.user_id, turns.c.turn)
        .join(turns, turns.c.client_reference == message.c.client_reference)
        .where(turns.c.turn <= per_person, *due)  # asked again of each row once it is locked
        .order_by(turns.c.turn, message.c.created_at)
        .limit(limit + sum(busy.values()))
    )
    found = connection.execute(free_to_take(candidates, message))
    waiting = [(row.client_reference, row.user_id, row.turn) for row in found]
    chosen = fair_turns(waiting, busy=busy, per_person=per_person, limit=limit)
    if not chosen:
        return []
    taken = (
        update(message)
        .where(message.c.client_reference.in_(chosen))
        .values(**leased(owner, at, lease_s))
        .returning(message)
    )
    rows = {row["client_reference"]: row for row in connection.execute(taken).mappings()}
    return [message_from(rows[reference]) for reference in chosen]
