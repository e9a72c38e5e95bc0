"""The bot's database from outside: read it, lock it, cut its connections, take it away."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import psycopg

from chaos.plan import Kind
from tests.postgres import running_postgres

_WAIT_S = 10.0
_AGAIN_S = 0.2
_BACK_WITHIN_S = 30.0  # recovery after a crash
_ROWS = "SELECT client_reference, view_id, state FROM message"
_DURABLE = ("fsync=off", "full_page_writes=off", "autovacuum=off")  # a crash of the server loses no commit
_UNDER_WAY = ("queued", "sending")


class Row(NamedTuple):
    client_reference: str
    view_id: str
    state: str

    @property
    def under_way(self) -> bool:
        """It may still go out."""
        return self.state in _UNDER_WAY


class Database(Protocol):
    """Everything here blocks: it is called in threads."""

    @property
    def url(self) -> str: ...

    @property
    def version(self) -> str: ...

    def rows(self) -> list[Row]: ...

    def lock(self, for_s: float) -> None:
        """Hold what the bot needs for each submission."""
        ...


@contextmanager
def database_of(kind: Kind, folder: Path) -> Iterator[Database]:
    """A new one: a file in ``folder``, or a server that ends with it."""
    if kind is Kind.SQLITE:
        yield SqliteDatabase(folder / "mms-bot.db")
    else:
        with running_postgres(_DURABLE) as server:
            yield PostgresDatabase(server.socket_folder, "chaos")


class SqliteDatabase:
    """One file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def url(self) -> str:
        return f"sqlite:///{self._file}"

    @property
    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def rows(self) -> list[Row]:
        with closing(sqlite3.connect(self._file, timeout=_WAIT_S)) as connection:
            return [Row(*row) for row in connection.execute(_ROWS)]

    def lock(self, for_s: float) -> None:
        with closing(sqlite3.connect(self._file, timeout=_WAIT_S, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return  # somebody who was stopped holds it already, and for longer
            time.sleep(for_s)
            connection.execute("ROLLBACK")


class PostgresDatabase:
    """One database of a server that is the campaign's own.

    Args:
        socket_folder: where the server listens.
    """

    def __init__(self, socket_folder: Path, name: str) -> None:
        self._folder = socket_folder
        self._name = name
        self._execute(f"CREATE DATABASE {name}")

    @property
    def url(self) -> str:
        return self._url(self._name)

    @property
    def version(self) -> str:
        with self._connect("postgres") as connection:
            return f"PostgreSQL {connection.info.parameter_status('server_version')}"

    def rows(self) -> list[Row]:
        with self._connect(self._name) as connection:
            return [Row(*row) for row in connection.execute(_ROWS)]

    def lock(self, for_s: float) -> None:
        # Another trouble may cut this connection, too.
        with suppress(psycopg.OperationalError), self._connect(self._name) as connection, connection.transaction():
            connection.execute("LOCK TABLE message IN ACCESS EXCLUSIVE MODE")
            time.sleep(for_s)

    def cut(self) -> None:
        """End every session on the database."""
        self._execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")

    def shut(self) -> None:
        """Nobody gets in, and who was in is out."""
        self._execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        self.cut()

    def open(self) -> None:
        self._execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")

    def close_for_writing(self) -> None:
        """As hosts do when the disk is full. It counts from the next session on, so there has to be a next one."""
        self._execute(f"ALTER DATABASE {self._name} SET default_transaction_read_only = on")
        self.cut()

    def open_for_writing(self) -> None:
        self._execute(f"ALTER DATABASE {self._name} RESET default_transaction_read_only")
        self.cut()

    def crash(self) -> None:
        """``kill -9`` one of its processes: the server throws everybody out and recovers from its log."""
        if pids := self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pids[0], signal.SIGKILL)

    def sessions(self) -> list[int]:
        """The server's processes that serve the bot."""
        with self._connect("postgres") as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", (self._name,))
            return [pid for (pid,) in found]

    def _execute(self, statement: str) -> None:
        """Once more if a crash of the server cut it off: every statement here may be repeated."""
        end = time.monotonic() + _BACK_WITHIN_S
        while True:
            try:
                with self._connect("postgres") as connection:
                    connection.execute(statement.encode())
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(_AGAIN_S)
            else:
                return

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def _connect(self, database: str) -> psycopg.Connection:
        """Waits for a server that recovers."""
        end = time.monotonic() + _BACK_WITHIN_S
        while True:
            try:
                return psycopg.connect(self._url(database), autocommit=True)
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(_AGAIN_S)
