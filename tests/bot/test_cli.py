"""The command line: exit statuses, and sentences instead of tracebacks."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from bot.cli import LOG_LINES, main
from bot.store.engine import open_engine
from bot.store.migrate import HEAD
from tests.bot.databases import Database, PostgresDatabase
from tests.postgres import Postgres

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-0000-0000-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
    "SINCH_SERVICE_PLAN_ID": "sandboxplan",
    "SINCH_API_TOKEN": "sandbox-api-token",
    "SINCH_NUMBER": "+12015550100",
}


@pytest.fixture
def settings(no_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return no_environment


@pytest.mark.parametrize("command", ["run", "migrate", "access list", "access allow U0ANN", "access export"])
def test_wrong_settings_are_status_2_with_every_variable_on_standard_error(
    no_environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SINCH_API_TOKEN", "a secret with blanks")
    assert main(command.split()) == 2
    assert list(no_environment.iterdir()) == []
    out, err = capsys.readouterr()
    assert out == ""
    for name in GOOD:
        assert name in err
    assert "a secret with blanks" not in err
    assert "Traceback" not in err


def test_the_environment_wins_over_the_file(
    no_environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (no_environment / ".env").write_text("".join(f"{name}={value}\n" for name, value in GOOD.items()))
    monkeypatch.setenv("SINCH_NUMBER", "?")
    assert main(["migrate"]) == 2
    err = capsys.readouterr().err
    assert "SINCH_NUMBER" in err
    assert "SINCH_API_TOKEN" not in err
    assert "SINCH_API_TOKEN" not in os.environ


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "run --nonsense",
        "run --port",
        "access",
        "access nonsense",
        "access allow",
        "access allow --admin",
        "access remove",
        "access remove --admin",
        "access log --limit 0",
        "access log --limit -1",
        "access log --limit many",
        "access log --limit 99999999999999999999",
    ],
)
@pytest.mark.usefixtures("settings")
def test_wrong_use_is_status_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--port", "many"], ["--port", "70000"]])
@pytest.mark.usefixtures("settings")
def test_an_option_is_checked_like_its_variable(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *option]) == 2
    assert "PORT" in capsys.readouterr().err


@pytest.mark.usefixtures("settings")
def test_a_variable_that_an_option_hides_is_checked_all_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "many")
    assert main(["run", "--port", "0"]) == 2
    assert "PORT" in capsys.readouterr().err


def test_help_is_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "run" in capsys.readouterr().out


def test_migrate_makes_the_database_and_says_so(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert "up to date" in capsys.readouterr().out
    with closing(sqlite3.connect(settings / "mms-bot.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    assert main(["migrate"]) == 0


@pytest.mark.usefixtures("settings")
def test_migrate_makes_the_tables_of_a_postgresql_database(
    postgres: Postgres, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = postgres.create()
    monkeypatch.setenv("DATABASE_URL", postgres.url(name))
    assert [main(["migrate"]), main(["migrate"])] == [0, 0]
    assert capsys.readouterr() == ("The database is up to date.\n" * 2, "")
    with psycopg.connect(postgres.url(name)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    postgres.drop(name)


COMMANDS = [("migrate", 1), ("run", 2), ("access list", 1), ("access remove U0ANN", 1)]


@pytest.mark.parametrize(("command", "status"), COMMANDS)
@pytest.mark.parametrize("broken", ["away", "no_database", "newer", "password"])
@pytest.mark.usefixtures("settings")
def test_a_postgresql_server_that_cant_be_used_is_a_sentence_without_the_password(
    postgres_database: PostgresDatabase,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    status: int,
    broken: str,
) -> None:
    server, name = postgres_database.server, postgres_database.name
    folder = "/nowhere/at/all" if broken == "away" else server.socket_folder
    name = "missing" if broken == "no_database" else name
    monkeypatch.setenv("DATABASE_URL", f"postgres://postgres:h%40u%2Fsh@/{name}?host={folder}")
    if broken == "newer":
        postgres_database.altered = True
        with psycopg.connect(postgres_database.url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
    if broken == "password":
        server.execute("CREATE ROLE somebody LOGIN PASSWORD 'right'")
        monkeypatch.setenv("DATABASE_URL", f"postgres://somebody:h%40u%2Fsh@/{name}?host={folder}")
    with server.asking_for_passwords() if broken == "password" else nullcontext():
        assert main(command.split()) == status
    if broken == "password":
        server.execute("DROP ROLE somebody")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("DATABASE_URL: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert not re.search("h@u|u/sh|%40", err)


@pytest.mark.parametrize(("command", "status"), COMMANDS)
@pytest.mark.parametrize("broken", ["folder", "no_database", "newer"])
def test_a_database_that_cant_be_used_is_a_sentence(
    settings: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    status: int,
    broken: str,
) -> None:
    path = settings / "db" / "mms-bot.db" if broken == "folder" else settings / "mms-bot.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    if broken == "no_database":
        path.write_text("this is no database, but a text that is long enough to be looked at" * 20)
    if broken == "newer":
        assert main(["migrate"]) == 0
        engine = open_engine(f"sqlite:///{path}")
        with engine.connect() as connection, connection.begin():
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        engine.dispose()
        capsys.readouterr()
    assert main(command.split()) == status
    err = capsys.readouterr().err
    assert err.startswith("DATABASE_URL")
    assert "Traceback" not in err


# -- access

Shell = Callable[..., tuple[str, str]]
HINT = "There is no admin. Name one: mms-bot access allow --admin ID. /mms whoami tells people their ID.\n"


@pytest.fixture
def access(
    settings: Path, database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """``access("allow U0ANN", status=0)`` runs it: standard output and standard error. ``root`` is who runs it."""
    monkeypatch.chdir(settings)
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setenv("SLACK_ALLOWED_USERS", "U0FIX")
    monkeypatch.setenv("SLACK_ADMIN_USERS", "U0BOSS")

    def run(line: str, status: int = 0) -> tuple[str, str]:
        assert main(["access", *line.split()]) == status
        return capsys.readouterr()

    return run


def on_the_list(access: Shell) -> list[tuple[str, str]]:
    """(role, ID) of those who were added."""
    rows = [line.split() for line in access("list")[0].splitlines()]
    return [(row[0], row[1]) for row in rows if row[2] == "added"]


def test_a_list_of_nobody_says_how_to_name_an_admin(
    settings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["access", "list"]) == 0
    assert capsys.readouterr() == (f"Nobody may send yet.\n{HINT}", "")
    monkeypatch.setenv("SLACK_COMMAND", "/picture")
    assert main(["access", "list"]) == 0
    assert "/picture whoami" in capsys.readouterr().out


def test_allow_adds_people_and_groups_once_and_says_who_was_there(access: Shell) -> None:
    assert access("allow U0ANN S0TEAM U0ANN") == ("Added as sender: U0ANN, S0TEAM.\n", "")
    assert access("allow U0BEN U0ANN U0FIX U0BOSS") == (
        "Added as sender: U0BEN.\nListed already: U0ANN, U0FIX, U0BOSS.\n",
        "",
    )
    assert access("allow U0ANN") == ("Listed already: U0ANN.\nNothing was changed.\n", "")
    assert on_the_list(access) == [("sender", "S0TEAM"), ("sender", "U0ANN"), ("sender", "U0BEN")]


def test_allow_with_admin_adds_admins(access: Shell) -> None:
    assert access("allow --admin U0ADA U0FIX")[0] == "Added as admin: U0ADA, U0FIX.\n"
    assert access("allow U0ADA U0BOSS --admin")[0] == (
        "Listed as admin already: U0ADA, U0BOSS.\nNothing was changed.\n"
    )
    assert on_the_list(access) == [("admin", "U0ADA"), ("admin", "U0FIX")]


def test_the_list_names_who_added_somebody_when_and_by_which_door(access: Shell) -> None:
    access("allow U0ANN")
    lines = access("list")[0].splitlines()
    assert lines[0].split() == ["role", "id", "from", "by", "at", "door"]
    assert lines[1].split() == ["admin", "U0BOSS", "settings", "-", "-", "-"]
    assert lines[2].split() == ["sender", "U0FIX", "settings", "-", "-", "-"]
    assert re.fullmatch(r"sender +U0ANN +added +shell:root +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +shell", lines[3])


@pytest.mark.parametrize(
    "word", ["ann", "@ann", "u0ann", "<@U0ANN>", "C0GENERAL", "U", "U0ANN,U0BEN", "UÄNN", "U0ANN\n"]
)
@pytest.mark.parametrize("command", ["allow", "remove"])
def test_a_word_that_is_no_id_is_named_and_nothing_is_changed(
    access: Shell, capsys: pytest.CaptureFixture[str], command: str, word: str
) -> None:
    access("allow U0BEN U0EVE")
    with pytest.raises(SystemExit) as caught:
        main(["access", command, "U0EVE", "U0SAM", word])
    assert caught.value.code == 2
    assert repr(word) in capsys.readouterr().err
    assert on_the_list(access) == [("sender", "U0BEN"), ("sender", "U0EVE")]


def test_remove_takes_people_away_in_every_role_and_speaks_of_what_is_queued(access: Shell) -> None:
    access("allow U0ANN U0BEN")
    access("allow --admin U0ANN")
    assert access("remove U0ANN U0ANN") == (
        "Taken off the list: U0ANN.\nMessages that they had queued before still go out.\n",
        "",
    )
    assert on_the_list(access) == [("sender", "U0BEN")]


def test_remove_says_who_may_still_send_by_the_settings_or_by_a_group(
    access: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    access("allow --admin U0FIX S0LEADS")
    access("allow S0TEAM U0ADA")
    monkeypatch.setenv("SLACK_ALLOWED_USERS", "U0FIX, S0BASE")
    monkeypatch.setenv("SLACK_ADMIN_USERS", "U0BOSS, U0ADA")
    assert access("remove U0FIX S0TEAM U0ADA")[0].splitlines()[2:] == [
        "Named in the settings too, and so still allowed: U0FIX, U0ADA.",
        "Members of these user groups are still allowed: S0BASE, S0LEADS.",
    ]


def test_what_cant_be_removed_is_status_1_and_nothing_is_changed(
    access: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    access("allow U0ANN")
    access("allow --admin U0ADA S0LEADS")
    before = on_the_list(access)

    out, err = access("remove U0ANN U0FIX U0BOSS", status=1)
    assert (out, err[:14], err[-21:]) == ("", "U0BOSS, U0FIX:", "Nothing was changed.\n")
    assert "settings" in err
    assert access("remove U0ANN U0SAM", status=1) == ("", "U0SAM: not on the list. Nothing was changed.\n")
    monkeypatch.delenv("SLACK_ADMIN_USERS")
    out, err = access("remove U0ADA", status=1)
    assert out == ""
    assert "mms-bot access allow --admin ID. Nothing was changed." in err

    assert on_the_list(access) == before


def test_the_log_shows_the_newest_changes_first(access: Shell) -> None:
    assert access("log") == ("The list was never changed.\n", "")
    for number in range(LOG_LINES + 2):
        access(f"allow U0P{number}")
    access("remove U0P1")
    rows = [line.split() for line in access("log")[0].splitlines()]
    assert rows[0] == ["at", "by", "door", "action", "role", "id"]
    assert len(rows) == 1 + LOG_LINES
    assert [row[3:] for row in rows[1:3]] == [["removed", "sender", "U0P1"], ["added", "sender", f"U0P{LOG_LINES + 1}"]]
    assert len(access("log --limit 2")[0].splitlines()) == 1 + 2
    assert len(access("log --limit 500")[0].splitlines()) == 1 + LOG_LINES + 3


def test_the_export_has_every_change_the_oldest_first(access: Shell) -> None:
    for number in range(LOG_LINES + 1):
        access(f"allow U0P{number}")
    access("remove U0P0")
    access("allow U0P1")  # changes nothing
    lines = access("export")[0].splitlines()
    assert lines[0] == "at,by,door,action,role,member_id,version"
    assert len(lines) == 1 + LOG_LINES + 2
    assert lines[1].endswith("Z,shell:root,shell,added,sender,U0P0,1")
    assert lines[-1].endswith(f"Z,shell:root,shell,removed,sender,U0P0,{LOG_LINES + 2}")


@pytest.mark.parametrize("line", ["allow U0BEN", "remove U0ANN"])
def test_a_locked_database_is_a_sentence_and_status_1(access: Shell, database: Database, line: str) -> None:
    access("allow U0ANN")
    with database.locked():
        out, err = access(line, status=1)
    assert out == ""
    assert err.startswith("DATABASE_URL: the database")
    assert "mms-bot access list" in err
    assert on_the_list(access) == [("sender", "U0ANN")]


def test_an_interruption_is_a_sentence_and_status_1(access: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.shell.allow", interrupted)
    out, err = access("allow U0ANN", status=1)
    assert out == ""
    assert err.startswith("Interrupted.")
    assert "mms-bot access list" in err
