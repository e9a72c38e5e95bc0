"""PostgreSQL: how a connection is opened, and what each of its transactions begins with.

A pooler may stand in front, which gives each transaction another session. So nothing is kept in a session: no prepared
statements, no settings but those that end with the transaction, no locks but those.
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event

from bot.store.address import parameters
from bot.store.times import note_begun

# What the address may decide otherwise. A server that is away has to be noticed: the one writer waits for it.
_UNLESS_TOLD: dict[str, str] = {
    "connect_timeout": "3",  # seconds
    "tcp_user_timeout": "5000",  # milliseconds for what was sent to be acknowledged
    "keepalives_idle": "10",  # seconds; then every 2 s, three times
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "fallback_application_name": "mms-bot",
}
_CONNECTIONS = 3  # the writer and its readers: servers let in few

_WRITE_LIMIT_S = 2.0  # one statement of the writer, for whom everybody waits
_READ_LIMIT_S = 10.0
_IDLE_LIMIT_S = 5.0  # between two statements: a process that is stopped must not keep its locks
_PATIENT_IDLE_LIMIT_S = 60.0
_NO_LIMIT_S = 0.0

_ON_BEGIN = (
    "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true), "
    "set_config('idle_in_transaction_session_timeout', %s, true), extract(epoch FROM clock_timestamp())::float8"
)


def open_postgres(database_url: str, *, wait_s: float, patient: bool) -> Engine:
    """See ``bot.store.engine.open_engine``. ``patient``: statements may take as long as they do."""
    given: dict[str, Any] = {**_UNLESS_TOLD, **parameters(database_url)}

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(**given, prepare_threshold=None)
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # said at each BEGIN
        return connection

    engine = create_engine(
        "postgresql+psycopg://",
        creator=connect,
        hide_parameters=True,
        use_native_hstore=False,  # it would be looked for at each connection
        pool_size=_CONNECTIONS,
        pool_use_lifo=True,
    )

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        statement_s = _NO_LIMIT_S if patient else _WRITE_LIMIT_S if options.get("writes") else _READ_LIMIT_S
        limits = (options.get("wait_s", wait_s), statement_s, _PATIENT_IDLE_LIMIT_S if patient else _IDLE_LIMIT_S)
        begun = connection.exec_driver_sql(_ON_BEGIN, tuple(_milliseconds(limit) for limit in limits)).one()
        note_begun(connection, begun[-1])

    return engine


def _milliseconds(limit_s: float) -> str:
    return f"{round(limit_s * 1000)}ms"
