"""SQLite: how a connection is opened, and how its transactions begin."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import Any

from sqlalchemy import Engine, create_engine, event

_WAL_PAUSE_S = 0.02
_CHECKPOINT_WAIT_MS = 50  # writers wait as long as the checkpoint does


def open_sqlite(database_url: str, *, wait_s: float) -> Engine:
    """See ``bot.store.engine.open_engine``.

    Write-ahead log, and synchronous=FULL, for a commit that was acknowledged has to survive a power cut.
    """
    engine = create_engine(database_url, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by the driver
        connection.execute(f"PRAGMA busy_timeout={round(wait_s * 1000)}")
        _use_write_ahead_log(connection, wait_s=wait_s)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten: SQLite, "PRAGMA secure_delete"

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        # A write transaction takes its lock at once: upgrading a read lock later can fail without waiting.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def empty_log(database: str) -> bool:
    """Bring the write-ahead log into the file and cut it to nothing: it holds older versions of rows.

    False while somebody reads or writes; nobody waits for us longer than a moment.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout={_CHECKPOINT_WAIT_MS}")
        try:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
        return not busy


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
