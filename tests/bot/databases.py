"""Databases for the tests, of each kind that the bot supports: with the newest schema, and nothing in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, Table, delete, event, select

from bot.store.engine import open_engine
from bot.store.migrate import migrate
from bot.store.sql import SqlStore
from bot.store.tables import metadata
from bot.store.times import CallersTime
from tests.locks import locked
from tests.postgres import Postgres

DATABASES = ("sqlite", "postgresql")
NewDatabase = Callable[[], "Database"]


class Database:
    """One database with the newest schema and nothing in it. What is opened on it is closed with the test."""

    url: str
    kind: str
    altered = False  # the test changes more than rows

    def __init__(self) -> None:
        self.stores: list[SqlStore] = []
        self._engines: list[Engine] = []

    def engine(self) -> Engine:
        engine = open_engine(self.url)
        self._engines.append(engine)
        return engine

    def store(self, engine: Engine | None = None) -> SqlStore:
        """A new store, as another process would have it. What a test says is now, is now, on every database."""
        store = SqlStore(engine or self.engine(), time=CallersTime())
        self.stores.append(store)
        return store

    @cached_property
    def _looking(self) -> Engine:
        return self.engine()

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self._looking.connect() as connection:
            return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]

    def locked(self) -> AbstractContextManager[None]:
        """Another process keeps everybody from writing."""
        return locked(self.url)

    async def close(self) -> None:
        for store in self.stores:
            await store.close()
        for engine in self._engines:
            engine.dispose()


class SqliteDatabase(Database):
    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.url = f"sqlite:///{path}"

    def engine(self) -> Engine:
        engine = super().engine()

        # The product flushes every commit to the disk; tests do not outlive a power cut.
        @event.listens_for(engine, "connect")
        def _quick(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        return engine

    async def close(self) -> None:
        await super().close()
        shutil.rmtree(self.path.parent)


class PostgresDatabase(Database):
    kind = "postgresql"

    def __init__(self, shelf: Shelf) -> None:
        super().__init__()
        self._shelf = shelf
        self.server = shelf.server
        self.name = shelf.take()
        self.url = self.server.url(self.name)

    async def close(self) -> None:
        await super().close()
        if self.altered:
            self.server.drop(self.name)
        else:
            self._shelf.put_back(self.name)


class Shelf:
    """Databases with the newest schema. A used one is emptied, which is much faster than to make a new one."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self._free: list[str] = []

    def take(self) -> str:
        if self._free:
            return self._free.pop()
        name = self.server.create()
        engine = open_engine(self.server.url(name))
        migrate(engine)
        engine.dispose()
        return name

    def put_back(self, name: str) -> None:
        with psycopg.connect(self.server.url(name)) as connection:
            connection.execute("SET session_replication_role = replica")  # no triggers: the log keeps its rows else
            for table in metadata.tables.values():
                connection.execute(str(delete(table)).encode())
                if table.autoincrement_column is not None:
                    numbers = f"{table.name}_{table.autoincrement_column.name}_seq"
                    connection.execute(f"SELECT setval('{numbers}', 1, false)".encode())
            connection.execute("INSERT INTO access_state VALUES (1, 0)")
        self._free.append(name)
