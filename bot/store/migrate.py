"""Brings the schema up to date, under a lock, so that two processes that start at once do it once."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.exc import DBAPIError

from bot.store import StoreUnavailableError
from bot.store.engine import MIGRATION_WAIT_S, is_locked_out, lock_schema
from bot.store.tables import alembic_version

HEAD = "0005"  # the newest revision; a test compares it with the folder
_MIGRATIONS = Path(__file__).with_name("migrations")
_PAUSE_S = 0.5


class NewerSchemaError(StoreUnavailableError):
    """The database was made by a newer version of the bot."""


def migrate(engine: Engine, *, within_s: float = MIGRATION_WAIT_S) -> None:
    """Upgrade to the newest schema; nothing happens if it is there already.

    A table that somebody reads or writes is waited for only briefly, and again after a pause: whoever comes later
    queues behind the one who waits, and an older process of the bot may be among them.

    Raises:
        NewerSchemaError: the database is ahead of this version.
        SQLAlchemyError, OSError: the database can't be opened or changed.
    """
    with engine.connect() as connection:
        if schema_of(connection) == HEAD:
            return
    end = time.monotonic() + within_s
    while True:
        try:
            _migrate(engine)
        except DBAPIError as error:
            if not is_locked_out(error) or time.monotonic() >= end:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _migrate(engine: Engine) -> None:
    with engine.execution_options(writes=True).connect() as connection, connection.begin():
        lock_schema(connection)
        current = schema_of(connection)  # again, now that nobody else can change it
        if current == HEAD:
            return
        if current is not None and current > HEAD:
            raise NewerSchemaError(f"the database is at schema {current}, this version of the bot knows {HEAD}")
        _upgrade(connection)


def schema_of(connection: Connection) -> str | None:
    """The revision that the database is at; None if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(select(alembic_version.c.version_num)).scalar()


def _upgrade(connection: Connection) -> None:
    # Alembic takes a good part of the start-up time, and is needed only after an update.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
