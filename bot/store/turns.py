"""Who is next: fair turns between people, and the claim that leases what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from bot.domain import Message, State
from bot.store.leases import free_to_take, leased, unleased
from bot.store.rows import message_from
from bot.store.tables import message

LOOKED_AT = 5000  # of what is due, the longest waiting: a claim takes as long however many more there are
AT_ONCE = 4  # processes that may reach for the same messages at one moment


class Places(NamedTuple):
    """What one process may take on.

    Attributes:
        limit: messages in all.
        busy: user ID → how many of theirs are under way in it already.
        per_person: of one person's, with those under way.
    """

    limit: int
    busy: Mapping[str, int]
    per_person: int

    @property
    def reach(self) -> int:
        """How many waiting messages are looked at for it, at most, in the order of turns.

        Before one that is chosen come fewer than ``limit`` of people who have nothing under way, for those go first;
        and of anybody else at most as many as have turns before it, or as they have under way.
        """
        return AT_ONCE * min(self.limit * (len(self.busy) + 1), self.limit + sum(self.busy.values()))


class Waiting(NamedTuple):
    """A message that is due; ``turn`` 1 is its person's oldest."""

    client_reference: str
    user_id: str
    turn: int


def fair_turns(waiting: Sequence[Waiting], places: Places) -> list[str]:
    """Choose whose messages go next: those first whose people have the fewest under way. Pure.

    ``waiting`` has the oldest first.
    """

    def turn_of(one: Waiting) -> int:
        return one.turn + places.busy.get(one.user_id, 0)

    ordered = sorted(waiting, key=turn_of)  # stable: oldest first within a turn
    return [one.client_reference for one in ordered if turn_of(one) <= places.per_person][: places.limit]


def claim(
    connection: Connection,
    *,
    waiting: Sequence[Waiting],
    places: Places,
    owner: str,
    at: float,
    lease_s: float,
) -> Sequence[Message]:
    """Lease those of ``waiting`` whose turn it is, as far as they are still due."""
    due = _due(places, at)
    while chosen := fair_turns(waiting, places):
        # Asked again of each row, now that it is locked: another process may have been faster.
        free = select(message.c.client_reference).where(message.c.client_reference.in_(chosen), *due)
        if references := connection.execute(free_to_take(free, message)).scalars().all():
            return _lease(connection, [one for one in chosen if one in set(references)], leased(owner, at, lease_s))
        waiting = [entry for entry in waiting if entry.client_reference not in set(chosen)]
    return []


def _due(places: Places, at: float) -> list[ColumnElement[bool]]:
    due = [message.c.state == State.QUEUED, message.c.due_at <= at, unleased(message, at)]
    if full := [user for user, count in places.busy.items() if count >= places.per_person]:
        due.append(message.c.user_id.not_in(full))  # however many of theirs stand in front
    return due


def waiting(connection: Connection, *, places: Places, at: float) -> list[Waiting]:
    """What is due, as ``fair_turns`` takes it. It only reads: with thousands in front it takes its time.

    No join: whatever the database guesses, it reads each row once.
    """
    oldest = (
        select(message.c.client_reference, message.c.user_id, message.c.created_at)
        .where(*_due(places, at))
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
        .where(turns.c.turn <= places.per_person)
        .order_by(turns.c.turn, turns.c.created_at)
        .limit(places.reach)
    )
    return [Waiting(row.client_reference, row.user_id, row.turn) for row in connection.execute(first)]


def _lease(connection: Connection, references: Sequence[str], lease: Mapping[str, Any]) -> list[Message]:
    taken = update(message).where(message.c.client_reference.in_(references)).values(**lease).returning(message)
    rows = {row["client_reference"]: row for row in connection.execute(taken).mappings()}
    return [message_from(rows[reference]) for reference in references]
