"""Watches what the bot asks of its database, and how the database goes about each of it: the plan, and the work."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event

import bot.store
from bot.store.tables import metadata

STORE = Path(bot.store.__file__).parent

# As long as the people who may send are few, and changes of them within an hour.
SMALL = frozenset({"access_state", "access_member", "handled", "alembic_version"})
GROWING = frozenset(metadata.tables) - SMALL
# Indexes of nothing but what is open: they stay small, and may be read from end to end.
OPEN = frozenset(
    {
        "message_queued",
        "message_sending",
        "message_lookup",
        "message_progress",
        "answer_due",
        "access_request_open",
        "access_notice_due",
    }
)


@dataclass(slots=True)
class Asked:
    """One statement as it ran.

    ``where``: file and line in the store. ``work``: SQLite's instructions, or the rows that PostgreSQL looked at.
    ``faults``: what in the plan grows with a table.
    """

    statement: str
    where: tuple[str, int]
    plan: str
    work: float = 0
    faults: list[str] = field(default_factory=list)


@contextmanager
def watching(engine: Engine) -> Iterator[list[Asked]]:
    """Every statement of the store on ``engine`` from here on, with its plan for the very values that it is given."""
    asked: list[Asked] = []
    running: dict[int, Asked] = {}

    def explain(
        _connection: Connection, cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        where = _where()
        if where is None:
            return
        driver = cursor.connection
        one = _explained(driver, statement, parameters[0] if _many else parameters, where)
        asked.append(one)
        if isinstance(driver, sqlite3.Connection):
            running[id(driver)] = one
            driver.set_progress_handler(lambda: _count(running.get(id(driver))), 1)

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", explain)


def _count(one: Asked | None) -> int:
    if one is not None:
        one.work += 1
    return 0


def _where() -> tuple[str, int] | None:
    """The place in the store that runs a statement now."""
    frame = sys._getframe()
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.parent == STORE:
            return file.name, frame.f_lineno
        frame = frame.f_back
    return None


def _explained(driver: Any, statement: str, parameters: Any, where: tuple[str, int]) -> Asked:
    if isinstance(driver, sqlite3.Connection):
        driver.set_progress_handler(None, 0)
        rows = driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        return Asked(statement, where, "\n".join(detail for *_, detail in rows))
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor:
        cursor.execute("SAVEPOINT watched")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode(), parameters)
        [(plan,)] = cursor.fetchall()
        cursor.execute("ROLLBACK TO watched")
    return Asked(statement, where, json.dumps(plan))
