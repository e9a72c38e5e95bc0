"""How the real ``mms-bot run`` starts, or says why it does not: exit status, standard error, secrets kept."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.bot_process import BotProcess
from sandbox.sinch import FakeSinch
from sandbox.slack import FakeSlack
from sandbox.world import World

WITHIN_S = 5.0
APP_TOKEN_WITHIN_S = 10.0
IDLE_STOP_S = 6.0
ASK_EVERY_S = 0.02
NewWorld = Callable[..., World]

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-0000-0000-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
    "SLACK_API_BASE_URL": "http://127.0.0.1:9/api/",
    "SINCH_SERVICE_PLAN_ID": "sandbox-plan",
    "SINCH_API_TOKEN": "sandbox-sinch-token",
    "SINCH_API_BASE_URL": "http://127.0.0.1:9",
    "SINCH_NUMBER": "+12015550100",
    "SLACK_ALLOWED_USERS": "U0ANN",
}
WRONG = {
    "SLACK_BOT_TOKEN": "xoxp-1111-2222-hush",
    "SLACK_SIGNING_SECRET": "hush hush",
    "SLACK_APP_TOKEN": "hush-app-token",
    "SLACK_ALLOWED_USERS": "ann, U0BEN",
    "SLACK_ADMIN_USERS": "@ada",
    "SLACK_COMMAND": "mms",
    "SLACK_API_BASE_URL": "http://slack.example.com/api/",
    "SINCH_SERVICE_PLAN_ID": "a plan/../hush",
    "SINCH_API_TOKEN": "hush token",
    "SINCH_NUMBER": "not a number at all",
    "SINCH_API_BASE_URL": "ftp://hush:hush@sinch.example.com",
    "SINCH_WEBHOOK_SECRET": "hush\x07hush",
    "DATABASE_URL": "mysql://user:hush@db.example.com/mms",
    "PUBLIC_URL": "http://bot.example.com",
    "DEFAULT_REGION": "Narnia",
    "GIVE_UP_AFTER_S": "soon",
    "RETENTION_DAYS": "0",
    "MMS_COUNTRIES": "US,XX",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
}


async def ended(folder: Path, settings: dict[str, str], *, within_s: float = WITHIN_S) -> tuple[int, str]:
    """Run it to its end: exit status and standard error. No traceback, nothing of it on standard output."""
    bot = BotProcess(settings, folder=folder)
    started = time.monotonic()
    await bot.launch()
    try:
        status = await bot.wait(within_s=within_s + 5.0)
        assert time.monotonic() - started < within_s
    finally:
        await bot.kill()
    said = "\n".join(bot.errors)
    assert "Traceback" not in said + "\n".join(bot.lines)
    return status, said


async def test_all_wrong_settings_are_named_at_once_and_no_secret_is_shown(tmp_path: Path) -> None:
    status, said = await ended(tmp_path, WRONG)

    assert status == 2
    for name in WRONG:
        assert f"  {name} " in said
    assert "hush" not in said
    assert "1111-2222" not in said


async def test_all_missing_settings_are_named_at_once_and_blank_is_missing(tmp_path: Path) -> None:
    required = [name for name in GOOD if not name.endswith(("BASE_URL", "USERS"))]

    (status, said), (blank_status, blank_said) = await asyncio.gather(
        ended(tmp_path, {}), ended(tmp_path, dict.fromkeys(required, " \r\n\t"))
    )

    assert (status, blank_status) == (2, 2)
    assert said == blank_said
    for name in required:
        assert f"  {name} is missing" in said


async def test_blanks_and_line_ends_around_values_do_no_harm(new_world: NewWorld) -> None:
    world = new_world()
    async with FakeSinch() as sinch:
        await world.slack.start()
        try:
            settings = {**world.slack.http_settings(), **sinch.settings(), "SLACK_ALLOWED_USERS": " U0ANN ,\n U0BEN "}
            bot = world.new_bot(world._folder, {name: f" {value}\r\n" for name, value in settings.items()})
            await bot.start()
            assert await bot.stop() == 0
        finally:
            await world.slack.stop()


async def test_a_host_that_forgets_its_disk_gets_no_sqlite(tmp_path: Path) -> None:
    named = {"DATABASE_URL": "sqlite:///mms-bot.db"}

    both = await asyncio.gather(*(ended(tmp_path, {**GOOD, "DYNO": "web.1", **given}) for given in ({}, named)))

    for status, said in both:
        assert status == 2
        assert "DATABASE_URL" in said
        assert "DYNO" in said


async def test_a_token_that_slack_refuses_ends_the_start_and_is_named(tmp_path: Path) -> None:
    slack = FakeSlack()
    await slack.start()
    folders = [tmp_path / name for name in ("bot", "app", "both")]
    for folder in folders:
        folder.mkdir()
    wrong_bot = {**GOOD, **slack.http_settings(), "SLACK_BOT_TOKEN": "xoxb-9999-wrong"}
    wrong_app = {**GOOD, **slack.socket_settings(), "SLACK_APP_TOKEN": "xapp-1-A0-9999-wrong"}
    try:
        (status, said), (app_status, app_said), (both_status, both_said) = await asyncio.gather(
            ended(folders[0], wrong_bot),
            ended(folders[1], wrong_app, within_s=APP_TOKEN_WITHIN_S),
            ended(folders[2], {**wrong_app, **wrong_bot}, within_s=APP_TOKEN_WITHIN_S),
        )
    finally:
        await slack.stop()

    assert (status, app_status, both_status) == (2, 2, 2)
    assert "SLACK_BOT_TOKEN" in both_said
    assert "SLACK_APP_TOKEN" in both_said
    assert "SLACK_BOT_TOKEN" in said
    assert "SLACK_APP_TOKEN" not in said
    assert "SLACK_APP_TOKEN" in app_said
    assert "SLACK_BOT_TOKEN" not in app_said
    assert "9999" not in said + app_said


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_slack_away_at_the_start_is_waited_for(new_world: NewWorld, socket_mode: bool) -> None:
    world = new_world(socket_mode=socket_mode)
    await world.slack.start()
    bot = world.new_bot(world._folder)
    await world.slack.go_away()
    try:
        starting = asyncio.create_task(bot.start())
        await answers(bot, 503)
        assert await bot.get("/healthz") == 200
        assert not starting.done()
        await world.slack.come_back()
        await starting
        assert bot.errors == []
        started = time.monotonic()
        assert await bot.stop() == 0
        assert time.monotonic() - started < IDLE_STOP_S
    finally:
        await bot.kill()
        await world.slack.stop()


async def test_a_socket_that_is_lost_is_shown_by_readyz_until_it_is_back(new_world: NewWorld) -> None:
    async with new_world(socket_mode=True) as world:
        ann = world.slack.person("ann")
        await world.slack.go_away()
        await answers(world.bot, 503)
        assert await world.bot.get("/healthz") == 200
        await world.slack.come_back()
        await answers(world.bot, 200)
        await ann.command("/mms", "")
        await ann.dialog(callback_id="mms_compose")
        await world.slack.sockets.disconnect("refresh_requested")
        await world.slack.sockets.wait_for(1)
        answer = await ann.command("/mms", "whoami")
        assert answer.message is not None
        assert world.slack.refusals == []


async def answers(bot: BotProcess, status: int) -> None:
    """Wait until ``/readyz`` answers so."""
    deadline = time.monotonic() + 15.0
    while await bot.get("/readyz") != status:
        assert time.monotonic() < deadline, f"/readyz is not {status}"
        await asyncio.sleep(ASK_EVERY_S)


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bot = BotProcess(GOOD, folder=tmp_path)
        bot._port = taken.getsockname()[1]
        await bot.launch()
        status = await bot.wait(within_s=WITHIN_S + 5.0)

    said = "\n".join(bot.errors)
    assert status == 2
    assert "PORT" in said
    assert str(taken) not in said
    assert "Traceback" not in said


async def test_a_database_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "text.db").write_text("not a database " * 100)
    (tmp_path / "folder.db").mkdir()
    addresses = ("missing/folder/mms-bot.db", "file/mms-bot.db", "text.db", "folder.db")

    ends = await asyncio.gather(
        *(ended(tmp_path, {**GOOD, "DATABASE_URL": f"sqlite:///{tmp_path / address}"}) for address in addresses)
    )

    for status, said in ends:
        assert status == 2
        assert said.startswith("DATABASE_URL")


async def test_two_processes_that_start_at_once_make_the_schema_once(new_world: NewWorld) -> None:
    world = new_world()
    await world.slack.start()
    bots = [world.new_bot(world._folder) for _ in range(2)]
    try:
        await asyncio.gather(*(bot.start() for bot in bots))
        assert all("Traceback" not in line for bot in bots for line in (*bot.errors, *bot.lines))
        assert sum("SQLite" in line for bot in bots for line in (*bot.errors, *bot.lines)) == 1  # the warning
        assert [await bot.stop() for bot in bots] == [0, 0]
    finally:
        for bot in bots:
            await bot.kill()
        await world.slack.stop()
