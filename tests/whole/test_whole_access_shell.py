"""The real ``mms-bot access …`` as processes: exit status, what goes where, and nothing but the database is touched."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

WITHIN_S = 30.0
GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-0000-0000-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
    "SINCH_SERVICE_PLAN_ID": "sandbox-plan",
    "SINCH_API_TOKEN": "sandbox-sinch-token",
    "SINCH_NUMBER": "+12015550100",
    "LOGNAME": "root",
}
MANY = 4000  # lines of an export that no pipe holds (64 KiB on Linux)

Ended = tuple[int, str, str]
Shell = Callable[..., Any]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """``await shell("access list", NAME=value)``: exit status, standard output, standard error; never a traceback."""

    async def run(line: str, *, stdout: int = asyncio.subprocess.PIPE, **settings: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "bot", *line.split()),
            cwd=tmp_path,
            env={"PATH": os.defpath, "HOME": str(tmp_path), **GOOD, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(WITHIN_S):
            out, err = await process.communicate()
        said = err.decode()
        assert "Traceback" not in said
        assert "Exception" not in said
        return await process.wait(), (out or b"").decode(), said

    return run


def fill_the_log(database: Path) -> None:
    """As many changes as an old installation may have."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "WITH RECURSIVE number(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < ?) "
            "INSERT INTO access_change (version, changed_at, changed_by, door, action, role, member_id) "
            "SELECT n, changed_at, changed_by, door, action, role, member_id FROM number, access_change",
            (MANY,),
        )


async def test_the_list_is_kept_changed_and_exported_from_the_shell(shell: Shell) -> None:
    status, out, err = await shell("access list")
    assert (status, err) == (0, "")
    assert out.startswith("Nobody may send yet.\n")

    assert await shell("access allow --admin U0ADA") == (0, "Added as admin: U0ADA.\n", "")
    assert await shell("access allow U0ANN S0TEAM") == (0, "Added as sender: U0ANN, S0TEAM.\n", "")
    status, out, err = await shell("access remove U0ANN")
    assert (status, err) == (0, "")
    assert "Messages that they had queued before still go out." in out

    status, out, err = await shell("access remove U0ADA")
    assert (status, out) == (1, "")
    assert err.endswith("Nothing was changed.\n")

    (_, listed, _), (_, log, _), (_, export, _) = await asyncio.gather(
        shell("access list"), shell("access log --limit 1"), shell("access export")
    )
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [
        ["admin", "U0ADA", "added"],
        ["sender", "S0TEAM", "added"],
    ]
    assert log.splitlines()[-1].split()[1:] == ["shell:root", "shell", "removed", "sender", "U0ANN"]
    assert [line.split(",", 1)[1] for line in export.splitlines()] == [
        "by,door,action,role,member_id,version",
        "shell:root,shell,added,admin,U0ADA,1",
        *sorted(f"shell:root,shell,added,sender,{member},2" for member in ("U0ANN", "S0TEAM")),
        "shell:root,shell,removed,sender,U0ANN,3",
    ]


async def test_slack_and_sinch_are_never_contacted(shell: Shell, trap: Any) -> None:
    away = {"SLACK_API_BASE_URL": f"{trap.origin}/api/", "SINCH_API_BASE_URL": trap.origin, "SLACK_APP_TOKEN": "xapp-1"}
    for line in ("access allow U0ANN", "access list", "access remove U0ANN", "access log", "access export"):
        assert (await shell(line, **away))[0] == 0
    assert trap.contacts == []


async def test_many_shells_at_once_lose_no_change(shell: Shell) -> None:
    members = [f"U0P{number}" for number in range(6)]
    ends = await asyncio.gather(*(shell(f"access allow {member}") for member in members))
    assert [status for status, _, _ in ends] == [0] * len(members)
    _, out, _ = await shell("access export")
    rows = [line.split(",") for line in out.splitlines()[1:]]
    assert sorted(row[5] for row in rows) == members
    assert [row[6] for row in rows] == [str(number + 1) for number in range(len(members))]


async def test_the_last_admin_stays_when_two_shells_take_the_last_two_away(shell: Shell) -> None:
    await shell("access allow --admin U0ADA U0EVE")
    ends = await asyncio.gather(shell("access remove U0ADA"), shell("access remove U0EVE"))
    assert sorted(status for status, _, _ in ends) == [0, 1]


async def test_wrong_use_and_wrong_settings_are_status_2(shell: Shell, tmp_path: Path) -> None:
    (status, out, err), (bad_status, bad_out, bad_err), (word_status, word_out, word_err) = await asyncio.gather(
        shell("access"), shell("access list", SLACK_ADMIN_USERS="ada", SINCH_NUMBER="?"), shell("access allow @ann")
    )
    assert (status, bad_status, word_status) == (2, 2, 2)
    assert (out, bad_out, word_out) == ("", "", "")
    assert err.startswith("usage: mms-bot access")
    assert "  SLACK_ADMIN_USERS " in bad_err
    assert "  SINCH_NUMBER " in bad_err
    assert "'@ann'" in word_err
    assert os.listdir(tmp_path) == []


async def test_a_database_that_is_away_or_locked_is_a_sentence_and_status_1(shell: Shell, tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path / 'missing' / 'mms-bot.db'}"
    status, out, err = await shell("access list", DATABASE_URL=missing)
    assert (status, out) == (1, "")
    assert err.startswith("DATABASE_URL: the database can't be opened")

    await shell("access allow U0ANN")
    with closing(sqlite3.connect(tmp_path / "mms-bot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, out, err = await shell("access allow U0BEN")
        reading_status, listed, _ = await shell("access list")
    assert (status, out) == (1, "")
    assert err.startswith("DATABASE_URL: the database did not answer in time")
    assert reading_status == 0
    assert "U0ANN" in listed
    assert "U0BEN" not in listed


async def test_a_reader_that_stops_early_is_no_fault(shell: Shell, tmp_path: Path) -> None:
    await shell("access allow U0ANN")
    fill_the_log(tmp_path / "mms-bot.db")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert await shell("access export", stdout=writing) == (0, "", "")
    finally:
        os.close(writing)
    _, out, _ = await shell("access export")
    assert len(out.splitlines()) == 1 + MANY


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
async def test_an_export_that_cant_be_written_is_status_1(shell: Shell) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        status, _, err = await shell("access export", stdout=full)
    finally:
        os.close(full)
    assert status == 1
    assert err.startswith("Standard output can't be written")


async def test_whoever_has_no_name_on_the_host_is_unknown_in_the_log(shell: Shell) -> None:
    await shell("access allow U0ANN", LOGNAME="=cmd|' /C calc'!A0 ada")
    await shell("access allow U0BEN", LOGNAME="<@!>")
    _, out, _ = await shell("access export")
    assert [line.split(",")[1] for line in out.splitlines()[1:]] == ["shell:cmdCcalcA0ada", "shell:unknown"]
