"""Is the database there, writable, up to date, and kept?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.doctor import findings
from bot.doctor.findings import Finding, ok, wrong
from bot.store.address import WrongAddressError
from bot.store.engine import open_engine, reason
from bot.store.migrate import HEAD, schema_of

# Heroku, Cloud Run and Lambda start each time from what was installed; these are the variables that they set.
FORGETFUL = ("DYNO", "K_SERVICE", "AWS_LAMBDA_FUNCTION_NAME")
_PROBE = "CREATE TABLE mms_bot_doctor (one INTEGER)"
_WAIT_S = 3


def database(database_url: str, environ: Mapping[str, str]) -> Finding:
    """Blocks while it looks. Nothing stays behind: what it writes, it takes back."""
    sqlite = database_url.startswith("sqlite")
    forgetful = next((name for name in FORGETFUL if environ.get(name)), None)
    if sqlite and forgetful:
        return wrong("database-forgotten", variable=forgetful)
    if (place := to_be_made(database_url)) is not None:
        if not os.access(place.absolute().parent, os.W_OK | os.X_OK):
            return wrong("database-away", reason="its folder is not there, or can't be written to")
        return ok(findings.DATABASE, "A SQLite file that is not there yet; the first start makes it.")
    try:
        engine = open_engine(database_url, wait_s=_WAIT_S)
    except WrongAddressError as error:
        return wrong("database-away", reason=str(error))
    try:
        try:
            with engine.connect() as connection:
                found = schema_of(connection)
        except (SQLAlchemyError, OSError) as error:
            return wrong("database-away", reason=_reason(error))
        if found is not None and found > HEAD:
            return wrong("database-newer", found=found, known=HEAD)
        try:
            with engine.execution_options(writes=True).connect() as connection, connection.begin() as writing:
                connection.execute(text(_PROBE))
                writing.rollback()
        except (SQLAlchemyError, OSError) as error:
            return wrong("database-read-only", reason=_reason(error))
    finally:
        engine.dispose()
    kind = "A SQLite file" if sqlite else "A PostgreSQL"
    state = {HEAD: "up to date", None: "empty; the first start makes the tables"}.get(
        found, "of an older version; the next start brings it up to date"
    )
    return ok(findings.DATABASE, f"{kind}, writable, {state}.")


def to_be_made(database_url: str) -> Path | None:
    """The SQLite file, if it is not there yet: only to look at it would make it."""
    if not database_url.startswith("sqlite"):
        return None
    place = Path(make_url(database_url).database or "")
    return None if place.exists() else place


def _reason(error: SQLAlchemyError | OSError) -> str:
    return reason(error)
