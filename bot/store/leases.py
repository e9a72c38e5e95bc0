"""A lease: for how long a row is one process's own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_
from sqlalchemy.sql.elements import ColumnElement

FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}


def unleased(table: Any, at: float) -> ColumnElement[bool]:
    """Nobody's at ``at`` (seconds since 1970)."""
    free: ColumnElement[bool] = or_(table.c.lease_until.is_(None), table.c.lease_until <= at)
    return free


def leased(owner: str, at: float, lease_s: float) -> dict[str, Any]:
    return {"lease_owner": owner, "lease_until": at + lease_s}
