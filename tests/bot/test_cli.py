"""The command line: exit statuses, and sentences instead of tracebacks."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.cli import main
from bot.store.engine import open_engine
from bot.store.migrate import HEAD

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


@pytest.mark.parametrize("command", ["run", "migrate"])
@pytest.mark.usefixtures("no_environment")
def test_wrong_settings_are_status_2_with_every_variable_on_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SINCH_API_TOKEN", "a secret with blanks")
    assert main([command]) == 2
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


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["run", "--nonsense"], ["run", "--port"]])
@pytest.mark.usefixtures("settings")
def test_wrong_use_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
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


@pytest.mark.parametrize(("command", "status"), [("migrate", 1), ("run", 2)])
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
    assert main([command]) == status
    err = capsys.readouterr().err
    assert err.startswith("DATABASE_URL")
    assert "Traceback" not in err
