"""What another process can do to a database, of whatever kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from bot.store.tables import alembic_version, metadata


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Keep everybody from writing; reading goes on."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    tables = ", ".join([*metadata.tables, alembic_version.name])
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE".encode())
        yield
        connection.rollback()
