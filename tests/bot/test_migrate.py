"""The schema: one way to make it, known to the code, made once however many start at once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

import bot.store.migrate as module
from bot.store.engine import MIGRATION_WAIT_S, open_engine
from bot.store.migrate import HEAD, NewerSchemaError, migrate
from bot.store.tables import metadata
from tests.bot.databases import DATABASES
from tests.postgres import Postgres


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with nothing in it, of each kind that the bot supports."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


def migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).with_name("migrations")))
    return config


def upgrade_to(engine: Engine, revision: str) -> None:
    """A database as an older version of the bot left it."""
    config = migrations()
    with engine.execution_options(writes=True).connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def schema(engine: Engine) -> list[Any]:
    """Changes with every change of a table, even with one that changes nothing."""
    statement = (
        "PRAGMA schema_version"
        if engine.dialect.name == "sqlite"
        else ("SELECT oid, xmin::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid")
    )
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def rows(engine: Engine, table: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]  # noqa: S608


def test_the_newest_revision_in_the_code_is_the_newest_in_the_folder() -> None:
    assert ScriptDirectory.from_config(migrations()).get_heads() == [HEAD]


def test_the_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        in_database = inspect(connection)
        indexes = {
            (table.name, index["name"])
            for table in metadata.sorted_tables
            for index in in_database.get_indexes(table.name)
            if "duplicates_constraint" not in index
        }
        views = in_database.get_unique_constraints("message")
    engine.dispose()
    assert differences == []
    assert indexes == {(table.name, index.name) for table in metadata.sorted_tables for index in table.indexes}
    assert [unique["column_names"] for unique in views] == [["view_id"]]


def test_a_second_time_changes_nothing(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    before = schema(engine)
    migrate(engine)
    assert schema(engine) == before
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerSchemaError, match="9999"):
        migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()


@pytest.mark.parametrize("round_", range(3))
def test_many_that_start_at_once_make_the_schema_once(url: str, round_: int) -> None:
    faults: list[BaseException] = []
    together = threading.Barrier(6)

    def start() -> None:
        engine = open_engine(url, wait_s=MIGRATION_WAIT_S)
        try:
            together.wait(5)
            migrate(engine)
        except BaseException as fault:  # a thread keeps its faults to itself: the test has to see them
            faults.append(fault)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    engine = open_engine(url)
    with engine.connect() as connection:
        assert list(connection.execute(text("SELECT version_num FROM alembic_version")).scalars()) == [HEAD]
    engine.dispose()


def test_two_processes_that_start_at_once_make_the_schema_once(url: str) -> None:
    program = (
        "import sys\nfrom bot.store.engine import MIGRATION_WAIT_S, open_engine\n"
        "from bot.store.migrate import migrate\n"
        "engine = open_engine(sys.argv[1], wait_s=MIGRATION_WAIT_S)\nmigrate(engine)\nengine.dispose()\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(2)]
    assert [process.wait(30) for process in running] == [0, 0]


def test_a_migration_that_fails_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(url)
    upgrade = module._upgrade

    def half(connection: object) -> None:
        upgrade(connection)  # type: ignore[arg-type]  # handed on as it came
        raise OSError("the disk is full")

    monkeypatch.setattr(module, "_upgrade", half)
    with pytest.raises(OSError, match="full"):
        migrate(engine)
    monkeypatch.undo()
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    migrate(engine)
    engine.dispose()


REVISIONS = [script.revision for script in ScriptDirectory.from_config(migrations()).walk_revisions()]


@pytest.mark.parametrize("revision", [revision for revision in REVISIONS if revision != HEAD])
def test_an_older_process_can_go_on_with_the_newest_schema(url: str, revision: str) -> None:
    engine = open_engine(url)
    upgrade_to(engine, revision)
    older = columns(engine)
    migrate(engine)
    newest = columns(engine)
    engine.dispose()
    for table, known in older.items():
        assert known.items() <= newest[table].items(), "no column goes, and none is of another kind"
        for name in newest[table].keys() - known.keys():
            _, nullable, default = newest[table][name]
            assert nullable or default is not None, f"an older process leaves {table}.{name} out"


def columns(engine: Engine) -> dict[str, dict[str, tuple[str, bool, str | None]]]:
    """Table → column → its type, whether it may be null, its default."""
    in_database = inspect(engine)
    return {
        table: {
            column["name"]: (str(column["type"]), column["nullable"], column["default"])
            for column in in_database.get_columns(table)
        }
        for table in in_database.get_table_names()
    }


def test_a_change_of_a_table_in_use_waits_briefly_and_comes_again(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = postgres.create()
    engine = open_engine(postgres.url(name), wait_s=MIGRATION_WAIT_S)
    upgrade_to(engine, "0001")
    upgrade = module._upgrade
    tries: list[float] = []
    with psycopg.connect(postgres.url(name)) as somebody:
        somebody.execute("SELECT count(*) FROM message")  # as a backup does, for hours

        def with_a_column(connection: Connection) -> None:
            tries.append(time.monotonic())
            if len(tries) == 2:
                somebody.rollback()
            connection.execute(text("ALTER TABLE message ADD COLUMN more TEXT"))
            upgrade(connection)

        monkeypatch.setattr(module, "_upgrade", with_a_column)
        migrate(engine)
    engine.dispose()
    postgres.drop(name)
    assert len(tries) == 2
    assert tries[1] - tries[0] < 5, "whoever reads the table meanwhile queues behind it"


def test_postgresql_tidies_up_busy_tables_by_how_much_there_is_to_do_and_not_by_how_large_they_are(
    postgres: Postgres,
) -> None:
    name = postgres.create()
    engine = open_engine(postgres.url(name))
    migrate(engine)
    with engine.connect() as connection:
        options = connection.execute(
            text("SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL")
        ).all()
    engine.dispose()
    postgres.drop(name)
    tidy = {"autovacuum_vacuum_threshold=2000", "autovacuum_vacuum_scale_factor=0.002", "vacuum_index_cleanup=on"}
    assert {table: set(given) for table, given in options} == dict.fromkeys(
        ("message", "answer", "access_notice"), tidy
    )


OLD_ROWS = """
INSERT INTO message (client_reference, view_id, team_id, user_id, state, kind, recipient_count, content, digest,
                     created_at, due_at)
VALUES ('mms-old', 'V1', 'T1', 'U0ANN', 'queued', 'sms', 1, '{}', 'd1', 1767355200.25, 1767355200.25);
INSERT INTO answer (client_reference, user_id, kind, created_at, due_at)
VALUES ('mms-old', 'U0ANN', 'result', 1767355201.5, 1767355201.5)
"""


def test_the_rows_of_the_first_schema_come_through_unharmed(url: str) -> None:
    engine = open_engine(url)
    upgrade_to(engine, "0001")
    with engine.connect() as connection, connection.begin():
        for statement in OLD_ROWS.split(";"):
            connection.execute(text(statement))
    [old_message], [old_answer] = rows(engine, "message"), rows(engine, "answer")
    migrate(engine)
    assert rows(engine, "message") == [{**old_message, "poll_due_at": None, "polls": 0}]
    assert rows(engine, "answer") == [old_answer]
    assert rows(engine, "access_state") == [{"id": 1, "version": 0}]
    assert rows(engine, "access_member") == []
    engine.dispose()


GUARDS = {
    "sqlite": (
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'access_change'",
        "access_change_no_replace",
    ),
    "postgresql": (
        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'access_change'::regclass AND NOT tgisinternal",
        "access_change_no_truncate",
    ),
}


def test_the_newest_schema_still_guards_the_log_of_changes(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    statement, third = GUARDS[engine.dialect.name]
    with engine.connect() as connection:
        guards = set(connection.execute(text(statement)).scalars())
    assert guards == {"access_change_no_delete", "access_change_no_update", third}
    engine.dispose()
