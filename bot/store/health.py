"""How a database is, as far as one look from outside tells. Nothing of the look stays behind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.store.address import WrongAddressError
from bot.store.engine import open_engine, reason
from bot.store.migrate import HEAD, schema_of

_PROBE = "CREATE TABLE mms_bot_health (one INTEGER)"
_WAIT_S = 3


class Condition(StrEnum):
    NOT_THERE_YET = "not_there_yet"  # a SQLite file that the first start makes
    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"  # made by a newer version of the bot
    READ_ONLY = "read_only"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Health:
    """``reason`` is what the driver says, for the host's shell alone; ``schema`` the revision that was found."""

    condition: Condition
    reason: str = ""
    schema: str | None = None


def look(database_url: str) -> Health:
    """Blocks while it looks, for a few seconds at most."""
    if (place := to_be_made(database_url)) is not None:
        if not os.access(place.absolute().parent, os.W_OK | os.X_OK):
            return Health(Condition.AWAY, "its folder is not there, or can't be written to")
        return Health(Condition.NOT_THERE_YET)
    try:
        engine = open_engine(database_url, wait_s=_WAIT_S)
    except WrongAddressError as error:
        return Health(Condition.AWAY, str(error))
    try:
        try:
            with engine.connect() as connection:
                found = schema_of(connection)
        except (SQLAlchemyError, OSError) as error:
            return Health(Condition.AWAY, reason(error))
        if found is not None and found > HEAD:
            return Health(Condition.NEWER, schema=found)
        try:
            with engine.execution_options(writes=True).connect() as connection, connection.begin() as writing:
                connection.execute(text(_PROBE))
                writing.rollback()
        except (SQLAlchemyError, OSError) as error:
            return Health(Condition.READ_ONLY, reason(error))
    finally:
        engine.dispose()
    condition = {None: Condition.EMPTY, HEAD: Condition.CURRENT}.get(found, Condition.OLDER)
    return Health(condition, schema=found)


def to_be_made(database_url: str) -> Path | None:
    """The SQLite file, if it is not there yet: only to open it would make it."""
    if not database_url.startswith("sqlite"):
        return None
    place = Path(make_url(database_url).database or "")
    return None if place.exists() else place
