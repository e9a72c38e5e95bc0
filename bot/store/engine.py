"""How a connection to the database is opened. The only module that knows which database it is."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Engine, create_engine, event

BUSY_TIMEOUT_S = 1  # how long one statement waits for another process's lock; Slack's ack has 3 s in all


_WAL_PAUSE_S = 0.02
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
        _use_write_ahead_log(connection, wait_s=busy_timeout_s)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        # A write transaction takes its lock at once: upgrading a read lock later can fail without waiting.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _use_write_ahead_log(connection: sqlite3.Connection, *, wait_s: float) -> None:
    """Switch a new file over. While others open it too, SQLite says "locked" at once, whatever the busy_timeout."""
    end = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= end:
                raise
            time.sleep(_WAL_PAUSE_S)
        else:
            return
