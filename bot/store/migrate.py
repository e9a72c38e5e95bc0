"""Brings the schema up to date, under a lock, so that two processes that start at once do it once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from bot.store import StoreUnavailableError

HEAD = "0002"  # the newest revision; a test compares it with the folder
_MIGRATIONS = Path(__file__).with_name("migrations")


class NewerSchemaError(StoreUnavailableError):
    """The database was made by a newer version of the bot."""


def migrate(engine: Engine) -> None:
    """Upgrade to the newest schema; nothing happens if it is there already.

    Raises:
        NewerSchemaError: the database is ahead of this version.
        SQLAlchemyError, OSError: the database can't be opened or changed.
    """
    with engine.connect() as connection:
        if _current(connection) == HEAD:
            return
    with engine.execution_options(writes=True).connect() as connection, connection.begin():
        current = _current(connection)  # again, now that nobody else can change it
        if current == HEAD:
            return
        if current is not None and current > HEAD:
            raise NewerSchemaError(f"the database is at schema {current}, this version of the bot knows {HEAD}")
        _upgrade(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    # Alembic takes a good part of the start-up time, and is needed only after an update.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
