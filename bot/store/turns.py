"""Who is next: fair turns between people, and the claim that leases what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement

from bot.domain import Message, State
from bot.store.binds import NOW, THESE
from bot.store.leases import free_to_take, lease, leasing, unleased
from bot.store.rows import message_from
from bot.store.tables import message

LOOKED_AT = 5000  # of what is due, the longest waiting: a claim takes as long however many more there are
AT_ONCE = 4  # processes that may reach for the same messages at one moment

_DUE = (message.c.state == State.QUEUED, message.c.due_at <= NOW, unleased(message))
# Whoever has as many under way as one person may: however many of theirs stand in front.
_NOT_FULL = message.c.user_id.not_in(bindparam("full", expanding=True))
_LEASE = leasing(message.c.client_reference).returning(message)


def _waiting(*due: ColumnElement[bool]) -> Select[str, str, int]:
    """No join: whatever the database guesses, it reads each row once."""
    oldest = (
        select(message.c.client_reference, message.c.user_id, message.c.created_at)
        .where(*due)
        .order_by(message.c.due_at)
        .limit(bindparam("looked_at"))
        .subquery()
    )
    turn = func.row_number().over(
        partition_by=oldest.c.user_id, order_by=(oldest.c.created_at, oldest.c.client_reference)
    )
    turns = select(oldest, turn.label("turn")).subquery()
    return (
        select(turns.c.client_reference, turns.c.user_id, turns.c.turn)
        .where(turns.c.turn <= bindparam("per_person"))
        .order_by(turns.c.turn, turns.c.created_at)
        .limit(bindparam("reach"))
    )


def _free(*due: ColumnElement[bool]) -> Select[str]:
    these = select(message.c.client_reference).where(message.c.client_reference.in_(THESE), *due)
    return free_to_take(these, message)


_WAITING, _FREE = _waiting(*_DUE), _free(*_DUE)
_WAITING_OTHERS, _FREE_OTHERS = _waiting(*_DUE, _NOT_FULL), _free(*_DUE, _NOT_FULL)


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
    def full(self) -> list[str]:
        """Who has no place left."""
        return [user for user, count in self.busy.items() if count >= self.per_person]

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
    values: dict[str, Any] = {"now": at}
    if full := places.full:
        values["full"] = full
    free = _FREE_OTHERS if full else _FREE
    while chosen := fair_turns(waiting, places):
        # Asked again of each row, now that it is locked: another process may have been faster.
        if references := set(connection.execute(free, {"these": chosen, **values}).scalars().all()):
            mine = [reference for reference in chosen if reference in references]
            leased = connection.execute(_LEASE, {"these": mine, **lease(owner, at, lease_s)}).mappings()
            rows = {row["client_reference"]: row for row in leased}
            return [message_from(rows[reference]) for reference in mine]
        waiting = [entry for entry in waiting if entry.client_reference not in set(chosen)]
    return []


def waiting(connection: Connection, *, places: Places, at: float) -> list[Waiting]:
    """What is due, as ``fair_turns`` takes it. It only reads: with thousands in front it takes its time."""
    values: dict[str, Any] = {
        "now": at,
        "looked_at": LOOKED_AT,
        "per_person": places.per_person,
        "reach": places.reach,
    }
    if full := places.full:
        values["full"] = full
    found = connection.execute(_WAITING_OTHERS if full else _WAITING, values)
    return [Waiting._make(row) for row in found]
