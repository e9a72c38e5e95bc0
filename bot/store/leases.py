"""A lease: for how long a row is one process's own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, or_
from sqlalchemy.sql.elements import ColumnElement

FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}


def unleased(table: Any, at: float) -> ColumnElement[bool]:
    """Nobody's at ``at`` (seconds since 1970)."""
    free: ColumnElement[bool] = or_(table.c.lease_until.is_(None), table.c.lease_until <= at)
    return free


def free_to_take(rows: Select[Any], table: Any) -> Select[Any]:
    """Lock the ``rows`` of ``table`` until the transaction ends, but for those that somebody else has locked.

    (SQLite has one writer anyway, and its dialect leaves the lock out.)
    """
    return rows.with_for_update(of=table, skip_locked=True, key_share=True)


def leased(owner: str, at: float, lease_s: float) -> dict[str, Any]:
    return {"lease_owner": owner, "lease_until": at + lease_s}
