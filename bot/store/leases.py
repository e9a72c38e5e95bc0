"""A lease: for how long a row is one process's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Select, Table, Update, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from bot.store.binds import LIMIT, NOW, OWNER, THESE, UNTIL

FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}


def leasing(key: Column[Any]) -> Update:
    """Lease the rows whose ``key`` is one of ``THESE``; ``lease`` has the other values."""
    return update(key.table).where(key.in_(THESE)).values(lease_owner=OWNER, lease_until=UNTIL)


def lease(owner: str, at: float, lease_s: float) -> dict[str, Any]:
    """One owner's, for ``lease_s`` seconds from ``at``: the values that ``leasing`` leaves open, but for the rows."""
    return {"owner": owner, "until": at + lease_s}


def unleased(table: Table) -> ColumnElement[bool]:
    """Nobody's at ``NOW``."""
    free: ColumnElement[bool] = or_(table.c.lease_until.is_(None), table.c.lease_until <= NOW)
    return free


def free_to_take(rows: Select[Any], table: Table) -> Select[Any]:
    """Lock the ``rows`` of ``table`` until the transaction ends, but for those that somebody else has locked.

    (SQLite has one writer anyway, and its dialect leaves the lock out.)
    """
    return rows.with_for_update(of=table, skip_locked=True, key_share=True)


class Claim:
    """Leases rows of ``table`` that are due, the longest due first.

    Args:
        key: the column that names a row.
        due_at: the column that says when it is due.
    """

    def __init__(self, table: Table, *, key: str, due_at: str) -> None:
        self._key = table.c[key]
        longest_first = (table.c[due_at], self._key)
        due = select(self._key).where(table.c[due_at] <= NOW, unleased(table)).order_by(*longest_first).limit(LIMIT)
        self._due = free_to_take(due, table)
        self._lease = leasing(self._key)
        self._rows = select(table).where(self._key.in_(THESE)).order_by(*longest_first)

    def __call__(
        self, connection: Connection, *, owner: str, limit: int, at: float, lease_s: float
    ) -> Sequence[RowMapping]:
        """For ``lease_s`` seconds, at most ``limit``."""
        keys = connection.execute(self._due, {"now": at, "limit": limit}).scalars().all()
        if not keys:
            return []
        connection.execute(self._lease, {"these": keys, **lease(owner, at, lease_s)})
        return connection.execute(self._rows, {"these": keys}).mappings().all()
