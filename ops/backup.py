"""Save the bot's database to a file, and bring it back: ``python ops/backup.py save FILE``, ``restore FILE``.

It reads ``DATABASE_URL`` from the environment or from ``.env`` in the working folder, as the bot does. A SQLite file is
copied by SQLite's own backup, also while the bot runs; for PostgreSQL, ``pg_dump`` and ``pg_restore`` have to be there.

After a restore nothing that waited in the backup is sent by itself: it may have been sent since. The bot looks it up
at Sinch and tells whoever sent it. Exit status: 0 done, 1 it did not work, 2 wrong use.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.settings import DEFAULT_DATABASE, SettingsError, environment
from bot.store import StoreUnavailableError
from bot.store.address import WrongAddressError, parameters
from bot.store.engine import MIGRATION_WAIT_S, open_engine, reason
from bot.store.migrate import migrate
from bot.store.neighbours import first_on_file
from bot.store.restored import hold_back

DONE, NO, WRONG_USE = 0, 1, 2
_SQLITE = "sqlite"


class BackupError(Exception):
    """It did not work; the text says why and what to do."""


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit status."""
    parser = argparse.ArgumentParser(prog="python ops/backup.py", description="Save the bot's database, or restore it.")
    words = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    saving = words.add_parser("save", help="write the database to a new file, also while the bot runs")
    restoring = words.add_parser(
        "restore", help="put a saved database in the place of the present one; stop the bot first"
    )
    for word, act in ((saving, save), (restoring, restore)):
        word.add_argument("file", type=Path, metavar="FILE")
        word.set_defaults(act=act)
    arguments = parser.parse_args(argv)
    try:
        database_url = environment(os.environ, Path.cwd()).get("DATABASE_URL", DEFAULT_DATABASE).strip()
        print(arguments.act(database_url, arguments.file))
    except (BackupError, StoreUnavailableError, WrongAddressError, SettingsError) as error:
        print(error, file=sys.stderr)
        return NO
    except (SQLAlchemyError, sqlite3.Error) as error:
        said = reason(error) if isinstance(error, SQLAlchemyError) else str(error)
        print(f"The database can't be read or written ({said}).", file=sys.stderr)
        return NO
    except OSError as error:
        print(f"{error.filename or arguments.file}: {error.strerror}.", file=sys.stderr)
        return NO
    return DONE


def save(database_url: str, file: Path) -> str:
    """Write the database to ``file``, which must be new; a sentence for whoever asked.

    Raises:
        BackupError: it did not work. A file that is not whole is taken away again.
    """
    if file.exists():
        raise BackupError(f"{file} is there already. Name a new file.")
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # numbers and texts are in it
    try:
        if database_url.startswith(_SQLITE):
            with closing(_connected(_file_of(database_url))) as source, closing(sqlite3.connect(file)) as target:
                source.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")  # one file is the whole backup
        else:
            _postgres("pg_dump", database_url, "--format=custom", f"--file={file}", "--no-owner", "--no-privileges")
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return f"Saved to {file}. It holds numbers and texts: keep it as safe as the database itself."


def restore(database_url: str, file: Path) -> str:
    """Put what ``save`` wrote in the place of the database; a sentence for whoever asked.

    Raises:
        BackupError: it did not work.
    """
    if not file.is_file():
        raise BackupError(f"{file} is not there.")
    kept = ""
    if database_url.startswith(_SQLITE):
        kept = _restore_file(database_url, file)
    else:
        _postgres("pg_restore", database_url, "--clean", "--if-exists", "--single-transaction", "--no-owner", str(file))
    engine = open_engine(database_url, wait_s=MIGRATION_WAIT_S)
    try:
        migrate(engine)
        held = hold_back(engine)
    finally:
        engine.dispose()
    waited = "1 waiting message was" if held == 1 else f"{held} waiting messages were"
    return (
        f"Restored from {file}.{kept} {waited} held back: the bot looks up at Sinch what became of it, "
        "and sends nothing of it by itself."
    )


def _restore_file(database_url: str, file: Path) -> str:
    """Beside the present file first, then in its place in one step: a copy that is cut off harms nothing."""
    if not first_on_file(database_url):
        raise BackupError("The bot is running on this file. Stop it first.")
    place = _file_of(database_url)
    fresh = place.with_name(f"{place.name}.restoring")
    shutil.copyfile(file, fresh)
    fresh.chmod(0o600)
    try:
        with closing(sqlite3.connect(fresh)) as copy:
            sound = copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            ours = copy.execute(
                "SELECT count(*) FROM sqlite_master WHERE name IN ('message', 'alembic_version')"
            ).fetchone()
    except sqlite3.Error:
        sound, ours = False, (0,)
    if not sound or ours != (2,):
        fresh.unlink()
        raise BackupError(f"{file} is not a whole backup of the bot's database. Nothing was changed.")
    said = ""
    if place.exists():
        kept = place.with_name(f"{place.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
        with closing(_connected(place)) as present, closing(sqlite3.connect(kept)) as target:
            present.backup(target)
        kept.chmod(0o600)
        said = f" What was there is in {kept}; delete it when you need it no more."
    fresh.replace(place)
    for log in ("-wal", "-shm"):  # they belong to the file that was there
        place.with_name(place.name + log).unlink(missing_ok=True)
    return said


def _file_of(database_url: str) -> Path:
    name = make_url(database_url).database
    if not name or name == ":memory:":
        raise BackupError("DATABASE_URL names no file.")
    return Path(name)


def _connected(file: Path) -> sqlite3.Connection:
    if not file.exists():
        raise BackupError(f"There is no database at {file}.")
    return sqlite3.connect(file)


def _postgres(program: str, database_url: str, *more: str) -> None:
    """Run one of PostgreSQL's own programs. The password goes by its environment, never by its arguments."""
    given = parameters(database_url)
    password = given.pop("password", "")
    address = " ".join(f"{keyword}='{_quoted(value)}'" for keyword, value in given.items())
    command = [program, *more, f"--dbname={address}"]
    try:
        done = subprocess.run(command, env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True)
    except FileNotFoundError:
        raise BackupError(f"{program} is not here: install PostgreSQL's client programs.") from None
    if done.returncode != 0:
        raise BackupError(f"{program} did not do it:\n{done.stderr.strip()}")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
