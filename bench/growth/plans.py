"""Watches what the bot asks of its database, and how the database goes about each of it: the plan, and the work."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event

import bot.store

STORE = Path(bot.store.__file__).parent

# What is asked once, at a start, and goes through every answer that was lost in the last two weeks; and who takes what
# that made due, two hundred at most.
AT_A_START = frozenset({("steps.py", "resume_lookups"), ("steps.py", "claim_lookups")})


@dataclass(slots=True)
class Asked:
    """One statement as it ran.

    ``where``: file and function in the store. ``work``: SQLite's instructions, or the rows that PostgreSQL looked at.
    """

    statement: str
    where: tuple[str, str]
    plan: str
    work: float = 0


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


def _where() -> tuple[str, str] | None:
    """The place in the store that runs a statement now."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.parent == STORE:
            return file.name, frame.f_code.co_name
        frame = frame.f_back
    return None


def _explained(driver: Any, statement: str, parameters: Any, where: tuple[str, str]) -> Asked:
    if isinstance(driver, sqlite3.Connection):
        driver.set_progress_handler(None, 0)
        rows = driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        return Asked(statement, where, "\n".join(detail for *_, detail in rows))
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"{type(driver).__name__} is none of ours")
    with driver.cursor() as cursor:
        cursor.execute("SAVEPOINT watched")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode(), parameters)
        [(plan,)] = cursor.fetchall()
        cursor.execute("ROLLBACK TO watched")
    return Asked(statement, where, json.dumps(plan), work=rows_looked_at(plan[0]["Plan"]))


def rows_looked_at(node: Mapping[str, Any]) -> float:
    """What PostgreSQL read in all parts of a plan, whether it was of use or not."""
    own = 0.0
    if "Relation Name" in node and "Actual Rows" in node:
        read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        own = (read + node.get("Rows Removed by Index Recheck", 0)) * node["Actual Loops"]
    return own + sum(rows_looked_at(part) for part in node.get("Plans", ()))


def work_by_place(asked: Iterable[Asked]) -> dict[tuple[str, str], float]:
    """The most that one statement of each place in the store took."""
    most: dict[tuple[str, str], float] = {}
    for one in asked:
        most[one.where] = max(one.work, most.get(one.where, 0.0))
    return most
