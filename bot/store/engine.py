"""How a connection to the database is opened. The only module that knows which database it is."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Engine, create_engine, event

BUSY_TIMEOUT_S = 1  # how long one statement waits for another process's lock; Slack's ack has 3 s in all


MIGRATION_WAIT_S = 30  # a start waits for another process that is changing the schema


def open_engine(database_url: str, *, wait_s: int | None = None) -> Engine:
    """Open a pool of connections; nothing connects before it is used.

    Args:
        wait_s: how long a statement waits for another process's lock; ``BUSY_TIMEOUT_S`` unless told.

    SQLite: write-ahead log, and synchronous=FULL, for a commit that was acknowledged has to survive a power cut.
    """
    engine = create_engine(database_url, hide_parameters=True)
    busy_timeout_s = BUSY_TIMEOUT_S if wait_s is None else wait_s

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by the driver
        connection.execute(f"PRAGMA busy_timeout={busy_timeout_s * 1000}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        # A write transaction takes its lock at once: upgrading a read lock later can fail without waiting.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
