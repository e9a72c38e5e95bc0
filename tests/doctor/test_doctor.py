"""Each finding of the doctor's, with that fault at the fakes: real sockets, and nothing sent."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.doctor import Finding, Mark, examine, report, send_test
from bot.doctor.command import doctor_for
from bot.doctor.examine import faults_of_settings
from bot.doctor.findings import FAULTS
from bot.settings import Settings, SettingsError
from bot.store.engine import open_engine
from bot.store.migrate import migrate
from sandbox.sinch import FakeSinch, Status
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, ANN, SUPPORT, Person

ROOT = Path(__file__).parents[2]
CLOSED = "http://127.0.0.1:9"  # the port "discard": nobody listens there


@dataclass
class Office:
    """A set-up that is right, and what a test makes wrong of it."""

    slack: FakeSlack
    sinch: FakeSinch
    folder: Path
    env: dict[str, str]
    elsewhere: tuple[str, ...] = ()

    async def findings(self) -> list[Finding]:
        try:
            checked = Settings.from_env(self.env)
        except SettingsError as error:
            return faults_of_settings(error.faults)
        return [one async for one in examine(doctor_for(checked, elsewhere=self.elsewhere))]

    async def wrong(self) -> list[str | None]:
        return [one.key for one in await self.findings() if one.mark is Mark.WRONG]


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    slack, sinch = FakeSlack(), FakeSinch()
    await slack.start()
    await sinch.start()
    env = {
        **slack.socket_settings(),
        **sinch.settings(),
        "SLACK_ADMIN_USERS": ADA,
        "SLACK_ALLOWED_USERS": f"{ANN},{SUPPORT}",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'mms.db'}",
        "HOST": "127.0.0.1",
        "PORT": "0",
    }
    yield Office(slack, sinch, tmp_path, env)
    await slack.stop()
    await sinch.stop()


async def test_where_all_is_well_nothing_is_wrong_and_nothing_is_sent_or_left(office: Office) -> None:
    found = await office.findings()

    assert [one for one in found if one.mark is Mark.WRONG] == []
    assert len(office.sinch.batches) == 0
    assert os.listdir(office.folder) == []
    tried = {one.check for one in found if one.mark is Mark.OK}
    assert tried >= {"Settings", "Database", "Slack bot token", "Slack scopes", "Clock", "Socket Mode", "People"}
    assert tried >= {"Sinch plan and token", "Sinch sender", "Sinch MMS"}


async def test_people_are_named(office: Office) -> None:
    said = [one.said for one in await office.findings() if one.check == "People"]

    assert any(f"({ADA}): an admin" in one for one in said)
    assert any(f"({ANN}): may send" in one for one in said)
    assert any(f"@support ({SUPPORT}): may send" in one for one in said)


# -- every fault, by the one thing that is made wrong


def _missing(office: Office) -> None:
    del office.env["SINCH_API_TOKEN"]


def _no_folder(office: Office) -> None:
    office.env["DATABASE_URL"] = f"sqlite:///{office.folder / 'absent' / 'mms.db'}"


def _not_ours(office: Office) -> None:
    place = office.folder / "mms.db"
    engine = open_engine(f"sqlite:///{place}")
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()


def _torn(office: Office) -> None:
    (office.folder / "mms.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4080)


def _slack_away(office: Office) -> None:
    office.slack.faults.add("auth.test", drop=True, times=None)


def _revoked(office: Office) -> None:
    office.slack.tokens.revoked.add(office.slack.bot_token)


def _no_scope(office: Office) -> None:
    office.slack.tokens.scopes.discard("users:read")


def _silent(office: Office) -> None:
    office.slack.tells_scopes = False


def _clock(office: Office) -> None:
    office.slack.clock_off_s = 300.0


def _app_token(office: Office) -> None:
    office.env["SLACK_APP_TOKEN"] = "xapp-1-other"


def _socket_off(office: Office) -> None:
    office.slack.faults.add("apps.connections.open", error="socket_mode_not_enabled", times=None)


def _socket_away(office: Office) -> None:
    office.slack.faults.add("apps.connections.open", status=500, times=None)


def _no_admin(office: Office) -> None:
    del office.env["SLACK_ADMIN_USERS"]


def _nobody(office: Office) -> None:
    office.env["SLACK_ALLOWED_USERS"] = "U0NOBODY"


def _unfit(office: Office) -> None:
    office.slack.people.add_person(Person("U0GONE", "gone", "Gone Person", deleted=True))
    office.env["SLACK_ALLOWED_USERS"] = "U0GONE"


def _no_group(office: Office) -> None:
    office.env["SLACK_ALLOWED_USERS"] = "S0NOGROUP"


def _sinch_away(office: Office) -> None:
    office.env["SINCH_API_BASE_URL"] = CLOSED


def _sinch_token(office: Office) -> None:
    office.env["SINCH_API_TOKEN"] = "another-0815"


def _sinch_plan(office: Office) -> None:
    office.sinch.faults.add("list", Status(404), times=None)


def _sinch_odd(office: Office) -> None:
    office.sinch.faults.add("list", Status(500), times=None)


def _sender(office: Office) -> None:
    office.sinch.faults.add("dry_run", Status(403, code="sender_not_allowed"), times=None)


def _mms(office: Office) -> None:
    office.sinch.readings = replace(office.sinch.readings, media_taken=False)


def _reports(office: Office) -> None:
    office.env["PUBLIC_URL"] = CLOSED
    office.sinch.faults.add("dry_run", Status(403, code="missing_callback_url"), times=None, text="asks for reports")


def _public(office: Office) -> None:
    office.env["PUBLIC_URL"] = CLOSED


BREAKS: dict[str, Callable[[Office], None]] = {
    "settings": _missing,
    "database-away": _no_folder,
    "database-newer": _not_ours,
    "slack-away": _slack_away,
    "slack-token": _revoked,
    "slack-scopes": _no_scope,
    "slack-scopes-unknown": _silent,
    "clock": _clock,
    "app-token": _app_token,
    "socket-off": _socket_off,
    "socket-away": _socket_away,
    "no-admin": _no_admin,
    "person-unknown": _nobody,
    "person-unfit": _unfit,
    "group-unknown": _no_group,
    "sinch-away": _sinch_away,
    "sinch-token": _sinch_token,
    "sinch-plan": _sinch_plan,
    "sinch-odd": _sinch_odd,
    "sender": _sender,
    "mms": _mms,
    "public-away": _public,
}
TRIED_BELOW = {"database-forgotten", "database-read-only", "sinch-region", "reports", "test"}


def test_every_fault_is_tried() -> None:
    assert set(BREAKS) | TRIED_BELOW == set(FAULTS)


@pytest.mark.parametrize("key", BREAKS)
async def test_each_fault_is_found_alone(office: Office, key: str) -> None:
    BREAKS[key](office)

    assert await office.wrong() == [key]


@pytest.mark.parametrize("key", FAULTS)
def test_each_fault_says_what_to_do_and_where(key: str) -> None:
    fault = FAULTS[key]

    assert fault.todo.endswith(".")
    assert fault.where
    assert fault.said.endswith((".", "}"))


async def test_an_address_for_reports_that_sinch_refuses_is_found(office: Office) -> None:
    _reports(office)

    assert await office.wrong() == ["reports", "public-away"]


async def test_a_file_that_is_no_database_is_found(office: Office) -> None:
    _torn(office)

    assert await office.wrong() == ["database-away"]


async def test_a_file_on_a_host_that_forgets_its_disk_is_found(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.env["K_SERVICE"] = "mms-bot"

    assert await office.wrong() == ["database-forgotten"]


async def test_a_database_that_can_only_be_read_is_found(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    place = office.folder / "mms.db"
    engine = open_engine(f"sqlite:///{place}")
    migrate(engine)
    with engine.connect() as holder:
        holder.exec_driver_sql("PRAGMA query_only")
        holder.rollback()
        writing = engine.execution_options(writes=True).connect()
        writing.exec_driver_sql("SELECT 1")  # holds the lock that every writer needs
        monkeypatch.setattr("bot.store.health._WAIT_S", 0.05)

        assert await office.wrong() == ["database-read-only"]

        writing.close()
    engine.dispose()


async def test_a_plan_in_another_region_is_found_there(office: Office) -> None:
    there = office.env["SINCH_API_BASE_URL"]
    async with _another_sinch() as here:
        office.env["SINCH_API_BASE_URL"] = here.settings()["SINCH_API_BASE_URL"]
        office.elsewhere = (CLOSED, there)

        (found,) = [one for one in await office.findings() if one.mark is Mark.WRONG]

    assert found.key == "sinch-region"
    assert f"SINCH_API_BASE_URL={there}" in found.todo


async def test_what_depends_on_something_wrong_is_not_tried(office: Office) -> None:
    _revoked(office)
    _sinch_token(office)
    marks = {one.check: one.mark for one in await office.findings()}

    assert {marks[check] for check in ("Slack scopes", "Clock", "People")} == {Mark.NOT_TRIED}
    assert {marks[check] for check in ("Sinch sender", "Sinch MMS", "Sinch reports")} == {Mark.NOT_TRIED}


async def test_more_scopes_than_needed_are_named(office: Office) -> None:
    office.slack.tokens.scopes.add("channels:history")
    (said,) = [one.said for one in await office.findings() if one.check == "Slack scopes"]

    assert "more than it needs: channels:history" in said


async def test_an_address_that_leads_here_is_well_before_the_bot_runs(office: Office) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    office.env |= {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}

    assert await office.wrong() == []


async def test_an_address_where_somebody_else_answers_is_found(office: Office) -> None:
    office.env["PUBLIC_URL"] = office.slack.origin

    assert await office.wrong() == ["public-away"]


async def test_the_test_message_is_really_sent_and_its_batch_named(office: Office) -> None:
    doctor = doctor_for(Settings.from_env(office.env))

    found = await send_test(doctor, "+12015550123")

    (batch,) = office.sinch.batches
    assert found.mark is Mark.OK
    assert batch.id in found.said


async def test_a_test_message_that_is_refused_says_so(office: Office) -> None:
    office.sinch.faults.add("send", Status(403, code="forbidden"))

    found = await send_test(doctor_for(Settings.from_env(office.env)), "+12015550123")

    assert (found.key, len(office.sinch.batches)) == ("test", 0)
    assert "nothing was sent" in found.said


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.sampled_from(sorted(BREAKS)), unique=True, max_size=6))
def test_no_secret_is_ever_shown(keys: list[str]) -> None:
    shown, secrets = asyncio.run(_shown_with(keys))

    assert all(secret not in shown for secret in secrets)


async def _shown_with(keys: list[str]) -> tuple[str, list[str]]:
    slack, sinch = FakeSlack(), FakeSinch()
    await slack.start()
    await sinch.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "password-0815" / "mms.db"
            place.parent.mkdir()
            env = {**slack.socket_settings(), **sinch.settings(), "DATABASE_URL": f"sqlite:///{place}", "PORT": "0"}
            office = Office(slack, sinch, place.parent, {**env, "SLACK_ADMIN_USERS": ADA, "HOST": "127.0.0.1"})
            for key in keys:
                BREAKS[key](office)
            found = await office.findings()
    finally:
        await slack.stop()
        await sinch.stop()
    secrets = [value for name, value in office.env.items() if name.endswith(("TOKEN", "SECRET"))]
    return "".join(map(report.line, found)) + report.as_json(found), secrets


# -- the command


def run(*words: str, office: Office, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "bot", "doctor", *words],
        cwd=office.folder,
        env={"PATH": os.defpath, **office.env, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_ends_with_what_it_found(office: Office) -> None:
    well = await asyncio.to_thread(run, office=office)
    ill = await asyncio.to_thread(run, office=office, SINCH_API_TOKEN="another-0815")
    unset = await asyncio.to_thread(run, office=office, SINCH_API_TOKEN="")

    assert (well.returncode, ill.returncode, unset.returncode) == (0, 1, 1)
    assert "Nothing is wrong." in well.stdout
    assert "1 thing is wrong." in ill.stdout
    assert "SINCH_API_TOKEN is missing" in unset.stdout
    assert well.stderr == ill.stderr == unset.stderr == ""


async def test_for_programs_it_is_json_with_the_same(office: Office) -> None:
    done = await asyncio.to_thread(run, "--json", office=office, SINCH_API_TOKEN="another-0815")
    told: dict[str, Any] = json.loads(done.stdout)

    assert told["ok"] is False
    assert [one["key"] for one in told["findings"] if one["mark"] == "wrong"] == ["sinch-token"]
    assert all(set(one) == {"check", "mark", "key", "said", "todo", "where"} for one in told["findings"])


async def test_without_somebody_to_ask_no_test_message_is_sent(office: Office) -> None:
    refused = await asyncio.to_thread(run, "--send-test", "+12015550123", office=office)
    assert (refused.returncode, len(office.sinch.batches)) == (2, 0)
    assert "--yes" in refused.stderr

    sent = await asyncio.to_thread(run, "--send-test", "+12015550123", "--yes", office=office)
    assert (sent.returncode, len(office.sinch.batches)) == (0, 1)


async def test_a_test_message_needs_a_number(office: Office) -> None:
    done = await asyncio.to_thread(run, "--send-test", "somewhere", "--yes", office=office)

    assert done.returncode == 2
    assert "+12015550123" in done.stderr


def test_the_page_of_the_findings_is_what_the_doctor_knows() -> None:
    assert (ROOT / "docs/doctor.md").read_text() == report.page()


@asynccontextmanager
async def _another_sinch() -> AsyncIterator[FakeSinch]:
    """One that knows another plan and another token."""
    other = FakeSinch(service_plan_id="other-plan", api_token="other-token")
    await other.start()
    try:
        yield other
    finally:
        await other.stop()
