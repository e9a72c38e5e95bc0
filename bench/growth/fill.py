"""Fills a database by the fastest way that it has."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import psycopg
from sqlalchemy import Connection, Engine, text, update

from bench.growth import rows
from bench.growth.rows import PEOPLE, Rows
from bot.domain import State
from bot.store.tables import access_state, answer, message

LATELY = 0.05  # of the rows went through their whole life since the tables were last tidied up


def fill(engine: Engine, number: int, *, now: float, people: Sequence[str] = PEOPLE) -> None:
    """Put ``number`` rows into each table that grows; the database is at the newest schema, and empty.

    The newest ones leave behind what updated rows leave behind, as much as PostgreSQL's autovacuum lets come together
    unless it is told otherwise: each message is updated about four times, and a fifth of a table's rows may be dead.

    Args:
        now: seconds since 1970.
    """
    with engine.execution_options(writes=True).connect() as connection, connection.begin():
        for one in rows.everything(number, now=now, people=people):
            _insert(connection, one)
        connection.execute(update(access_state).values(version=number))
    tidy_up(engine)
    since = now - rows.SPAN_S * LATELY
    for statement in (
        update(message).values(
            state=State.QUEUED, due_at=message.c.created_at, progress_due_at=message.c.created_at + 2
        ),
        update(message).values(state=State.SENDING, lease_until=message.c.created_at + 10),
        update(message).values(state=State.ACCEPTED, due_at=None, progress_due_at=None, lease_until=None),
    ):
        settled = (message.c.created_at > since, message.c.batch_id.is_not(None))
        with engine.execution_options(writes=True).connect() as connection, connection.begin():
            connection.execute(statement.where(*settled))
    for due_at, told_at in ((answer.c.created_at, None), (None, answer.c.created_at + 0.2)):
        heard = (answer.c.created_at > since, answer.c.tries == 1)
        with engine.execution_options(writes=True).connect() as connection, connection.begin():
            connection.execute(update(answer).where(*heard).values(due_at=due_at, told_at=told_at))


def tidy_up(engine: Engine) -> None:
    """As autovacuum does it."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _insert(connection: Connection, some: Rows) -> None:
    driver = connection.connection.driver_connection
    columns = ", ".join(some.columns)
    if isinstance(driver, sqlite3.Connection):
        marks = ", ".join("?" for _ in some.columns)
        driver.executemany(f"INSERT INTO {some.table} ({columns}) VALUES ({marks})", some.values)
    elif isinstance(driver, psycopg.Connection):
        with driver.cursor() as cursor, cursor.copy(f"COPY {some.table} ({columns}) FROM STDIN".encode()) as copy:
            for row in some.values:
                copy.write_row(row)
