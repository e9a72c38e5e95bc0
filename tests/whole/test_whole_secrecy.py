"""Nothing private reaches a log, and nothing of the project's own runs reaches a real account."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.sinch import Reset, Slow, Status
from sandbox.slack import Dialog, Message, SubmitAnswer
from sandbox.world import World

PICTURE = "https://pictures.example.com/very-private-parcel.png"
SUBJECT, WORDS = "Unspeakable subject", "Quetzalcoatl"
NUMBERS = ("+1 (201) 555-0187", "201.555.0188")

NewWorld = Callable[..., World]
Send = Callable[..., Awaitable[SubmitAnswer]]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]


def spellings(national: str) -> list[str]:
    """A ten-digit number as anybody might write it."""
    area, middle, last = national[:3], national[3:6], national[6:]
    return [national, *(f"{area}{a}{middle}{b}{last}" for a in (") ", "-", ".", " ", ")") for b in ("-", ".", " "))]


def secrets_of(world: World) -> list[str]:
    slack, sinch = world.slack, world.sinch.settings()
    people = [(p.name, p.real_name) for p in map(slack.people.person, ("ann", "sam"))]
    return [
        slack.bot_token,
        slack.app_token,
        slack.signing_secret,
        sinch["SINCH_API_TOKEN"],
        sinch["SINCH_SERVICE_PLAN_ID"],
        *(number for digits in ("2015550187", "2015550188", "2015550100") for number in spellings(digits)),
        WORDS,
        SUBJECT,
        "very-private-parcel",
        "pictures.example.com",
        "vendor-words",
        *(f"/{url.token}" for url in slack.state.response_urls.values()),
        *slack.state.triggers,
        *(full for _, full in people),
        *(f'"{name}"' for name, _ in people),
        "hooks-channel-name",
        "v0=",
    ]


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_no_log_line_of_a_whole_job_at_debug_holds_anything_private(
    new_world: NewWorld, send: Send, open_dialog: OpenDialog, told: Told, socket_mode: bool
) -> None:
    async with new_world(socket_mode=socket_mode, LOG_LEVEL="DEBUG") as world:
        ann, sam = world.slack.person("ann"), world.slack.person("sam")
        form = {"to": ", ".join(NUMBERS), "message": f"{WORDS} 1", "media_url": PICTURE, "subject": SUBJECT}
        stories: list[Any] = [None, Status(400, text=f"vendor-words about {NUMBERS[0]}"), Reset(accept=True), Slow(2.2)]
        for number, fault in enumerate(stories):
            if fault is not None:
                world.sinch.faults.add("send", fault, text=f"{WORDS} {number}")
            world.slack.faults.add("response_url", status=(404, 500)[number % 2])
            world.slack.faults.add("chat.postEphemeral", error="channel_not_found")
            await send(world, ann, **{**form, "message": f"{WORDS} {number}"})
        await sam.command("/mms", f"{NUMBERS[0]} {WORDS}")
        await ann.command("/mms", f"{NUMBERS[0]} {WORDS} {PICTURE}")
        await (await ann.dialog()).close()
        await ann.command("/mms", "recent")
        await ann.command("/mms", f"status {WORDS}")
        await world.slack.send_event({"type": "message", "text": f"{WORDS} {NUMBERS[1]}", "user": sam.id})
        await world.slack.send_interactive(
            {"type": "something_new", "name": WORDS, "view": {"private_metadata": WORDS}}
        )
        if not socket_mode:
            body = world.slack.command_body("ann", text=f"{WORDS} {NUMBERS[0]}")
            await world.slack.post_raw(body, world.slack.signed_headers(body, secret="wrong"))
            broken = f"payload={WORDS}".encode()
            await world.slack.post_raw(broken, world.slack.signed_headers(broken))
        refused = await told(ann, "Nothing was sent", "vendor-words", within_s=15.0)
        await ann.click(refused, next(iter(refused.buttons())))
        await (await ann.dialog(callback_id="mms_compose")).close()
        await world.slack.state.changes.wait_for(
            lambda: True if sum("Sinch accepted" in message.shown for message in ann.messages) == 3 else None,
            timeout_s=20.0,
            what="three results",
        )
        await world.slack.go_away()
        await world.bot.stop()

        said = "\n".join([*world.bot.lines, *world.bot.errors])
        shown = [secret for secret in secrets_of(world) if secret in said]

    assert shown == []
    assert all(json.loads(line)["event"] for line in world.bot.lines)
    assert len(world.bot.lines) > 20
    assert "Traceback" not in said
    assert not re.search(r"xox[a-z]-|xapp-|https?://", said)


async def test_health_pages_hold_no_names_and_no_tokens(new_world: NewWorld) -> None:
    async with new_world() as world:
        pages = [await page(world, path) for path in ("/healthz", "/readyz")]

    for text in pages:
        assert not any(secret in text for secret in secrets_of(world))
        assert "U0ANN" not in text


async def page(world: World, path: str) -> str:
    host, port = world.bot.origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).decode()
    finally:
        writer.close()


def poison(trap: Any) -> dict[str, str]:
    """What a careless shell could hold: real-looking accounts, all at the trap."""
    return {
        "SLACK_BOT_TOKEN": "xoxb-real-and-dangerous",
        "SLACK_SIGNING_SECRET": "real-signing-secret",
        "SLACK_APP_TOKEN": "xapp-real-and-dangerous",
        "SLACK_API_BASE_URL": f"{trap.origin}/api/",
        "SLACK_ALLOWED_USERS": "U0SAM",
        "SLACK_ADMIN_USERS": "U0SAM",
        "SLACK_COMMAND": "/poisoned",
        "SINCH_SERVICE_PLAN_ID": "real-plan",
        "SINCH_API_TOKEN": "real-sinch-token",
        "SINCH_API_BASE_URL": trap.origin,
        "SINCH_NUMBER": "+12015550199",
        "DATABASE_URL": "sqlite:////nowhere/at/all/real.db",
        "PUBLIC_URL": "https://bot.example.com",
        "HOST": "192.0.2.1",
        "PORT": "1",
        "GIVE_UP_AFTER_S": "1",
        "MMS_COUNTRIES": "GB",
        "DEFAULT_REGION": "GB",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), trap.origin),
    }


def write_env(folder: Path, values: dict[str, str]) -> None:
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")


async def test_the_demo_in_a_poisoned_shell_contacts_no_real_account(tmp_path: Path, trap: Any) -> None:
    poisoned = poison(trap)
    write_env(tmp_path, poisoned)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "sandbox", "demo"),
        cwd=tmp_path,
        env={**os.environ, **poisoned},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60.0):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    said = told.decode()
    assert trap.contacts == []
    assert process.returncode == 0, said[-3000:]
    assert "Batch ID" in said
    assert not any(value in said for name, value in poisoned.items() if "TOKEN" in name or "SECRET" in name)


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_a_world_in_a_poisoned_shell_contacts_no_real_account(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trap: Any,
    new_world: NewWorld,
    send: Send,
    told: Told,
    socket_mode: bool,
) -> None:
    for name, value in poison(trap).items():
        monkeypatch.setenv(name, value)
    write_env(tmp_path, poison(trap))
    monkeypatch.chdir(tmp_path)

    async with new_world(socket_mode=socket_mode) as world:
        ann = world.slack.person("ann")
        await send(world, ann, message=WORDS, media_url=PICTURE)
        await told(ann, "accepted")
        assert len(world.sinch.batches) == 1

    assert trap.contacts == []


async def test_the_environment_wins_over_the_env_file_which_fills_the_rest(
    new_world: NewWorld, trap: Any, send: Send, told: Told
) -> None:
    world = new_world()
    await world.slack.start()
    await world.sinch.start()
    world.bot = world.new_bot(world._folder)  # refuses a folder with an .env: it is written afterwards
    proxies = {name for name in poison(trap) if "proxy" in name.lower()}
    filled_in = {"DEFAULT_REGION": "GB", "SLACK_COMMAND": "/pics"}
    given = {name: value for name, value in poison(trap).items() if name in world.bot.settings or name in proxies}
    write_env(world._folder, {**given, "DATABASE_URL": "mysql://poison", **filled_in})
    try:
        await world.start_bot()
        ann = world.slack.person("ann")
        answer = await ann.command("/pics", "help")
        assert answer.message is not None
        assert "/pics" in answer.message.shown
        await ann.command("/pics", "")
        dialog = await ann.dialog()
        assert "GB numbers" in dialog.shown
        dialog.type_in({"to": "+1 201 555 0123", "message": WORDS})
        await dialog.submit()
        await told(ann, "accepted")
        assert world.sinch.batches[0].sender == "12015550100"
        assert trap.contacts == []
    finally:
        await world.bot.kill()
        await world.slack.stop()
        await world.sinch.stop()
