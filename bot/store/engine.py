"""How a connection to the database is opened, and what is not the same on both kinds of database."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, Insert, Table, func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

BUSY_TIMEOUT_S = 1  # how long one statement waits for another process's lock; Slack's ack has 3 s in all
MIGRATION_WAIT_S = 30  # a start waits for another process that is changing the schema
_SCHEMA_LOCK = 0x6D6D732D626F74  # "mms-bot": an advisory lock of PostgreSQL is a number
_TABLE_WAIT = "1s"  # others queue behind a change of the schema that waits for a table

_COUNTED = {"preserve_rowcount": True}  # SQLAlchemy looks at the count of an insert only when asked

# PostgreSQL, "Error Codes".
_SERIALIZATION_FAILURE, _DEADLOCK, _LOCK_NOT_AVAILABLE = "40001", "40P01", "55P03"


def open_engine(database_url: str, *, wait_s: float | None = None) -> Engine:
    """Open a pool of connections; nothing connects before it is used.

    Args:
        wait_s: how long a statement waits for another process's lock, for work that takes its time;
            ``BUSY_TIMEOUT_S`` unless told.

    Raises:
        WrongAddressError: ``database_url`` can't be read.
    """
    # Each brings its driver along: only the one that is needed.
    if database_url.startswith("sqlite"):
        from bot.store.sqlite import open_sqlite

        return open_sqlite(database_url, wait_s=BUSY_TIMEOUT_S if wait_s is None else wait_s)
    from bot.store.postgres import open_postgres

    return open_postgres(database_url, wait_s=BUSY_TIMEOUT_S if wait_s is None else wait_s, patient=wait_s is not None)


def empty_log(engine: Engine) -> bool:
    """Take away older versions of rows that the database keeps beside its tables; False while it can't.

    A server's pages, logs and backups are its host's: there, nothing is done.
    """
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return True
    from bot.store import sqlite

    return sqlite.empty_log(engine.url.database)


def insert_unless_there(engine: Engine, table: Table, key: str) -> Insert:
    """An insert that does nothing (its ``rowcount`` is 0) where a row with the same ``key`` stands already.

    It waits for another transaction that is just inserting that row.
    """
    if engine.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as insert_into_sqlite

        return insert_into_sqlite(table).on_conflict_do_nothing(index_elements=[key]).execution_options(**_COUNTED)
    from sqlalchemy.dialects.postgresql import insert as insert_into_postgresql

    return insert_into_postgresql(table).on_conflict_do_nothing(index_elements=[key]).execution_options(**_COUNTED)


def is_shared(engine: Engine) -> bool:
    """Whether processes on several hosts may use the database."""
    return engine.dialect.name != "sqlite"


def lock_schema(connection: Connection) -> None:
    """Be the only one who changes the schema, until the transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite: the transaction is the lock
        connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
        connection.execute(text(f"SET LOCAL lock_timeout = '{_TABLE_WAIT}'"))


def is_passing(error: Exception) -> bool:
    """A transaction that ended with ``error`` before its commit did nothing, and may well succeed at once."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or _sqlstate(error) in (_SERIALIZATION_FAILURE, _DEADLOCK)


def is_locked_out(error: Exception) -> bool:
    """Somebody else held a lock for too long."""
    return isinstance(error, DBAPIError) and _sqlstate(error) == _LOCK_NOT_AVAILABLE


def reason(error: SQLAlchemyError | OSError) -> str:
    """What the driver says, on one line. For the host's shell alone: it may name the host and the user."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
