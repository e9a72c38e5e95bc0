"""What the tests of access do with the real bot again and again."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from sandbox.bot_process import BotProcess
from sandbox.slack import Actor, CommandAnswer, Dialog, Message
from sandbox.world import World

ASK, ALLOW, DECLINE = "mms_ask_access", "mms_allow_request", "mms_decline_request"
ACK_S = 2.9  # every door's ack: below Slack's 3 s and far below what Slack's Web API takes meanwhile
SAVE_ACK_S = 2.9  # of the access dialog, which waits a moment for Slack to say who somebody new is
SLACK_WAITS_S = 3.0
COUNTS_WITHIN_S = 5.0  # design: a change counts at every door within 1 s; the rest is for a busy machine
SHELL_S = 30.0
LOOK_EVERY_S = 0.02
NOTHING_SENT, NOTHING_CHANGED = "Nothing was sent", "Nothing was changed"

Story = Callable[..., Coroutine[Any, Any, None]]
Change = tuple[int, str, str, str, str, str]


@asynccontextmanager
async def flawless(world: World) -> AsyncIterator[World]:
    """Like ``async with world``; then Slack had nothing to refuse, and no bot logged a fault of its own."""
    async with world:
        yield world
        faults = [line for line in world.bot.lines if json.loads(line)["level"] in ("error", "critical")]
        mistakes = [*map(str, world.slack.refusals), *world.bot.errors, *faults]
        assert not mistakes, "\n".join(mistakes)


@asynccontextmanager
async def another_bot(world: World) -> AsyncIterator[BotProcess]:
    """A second process on the same database; nothing of Slack's goes there by itself."""
    other = world.new_bot(world.bot.folder)
    try:
        await other.start()
        yield other
        assert await other.stop() == 0
    finally:
        await other.kill()


def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    """What is committed in the database."""
    with closing(sqlite3.connect(world.bot.folder / "mms-bot.db")) as database:
        return database.execute(statement).fetchall()


def changes(world: World) -> list[Change]:
    """The log of the list, oldest first: version, by, door, action, role, member."""
    statement = "SELECT version, changed_by, door, action, role, member_id FROM access_change ORDER BY change_id"
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows(world, statement)]


def members(world: World) -> set[tuple[str, str]]:
    """What was added and is on the list now: role and member."""
    return {(role, member) for role, member in rows(world, "SELECT role, member_id FROM access_member")}


async def shell(world: World, line: str) -> tuple[int, str, str]:
    """``mms-bot LINE`` on the host of the bot: exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bot", *line.split()),
        cwd=world.bot.folder,
        env={
            "PATH": os.defpath,
            "HOME": str(world.bot.folder),
            "LOGNAME": "root",
            "DATABASE_URL": f"sqlite:///{world.bot.folder / 'mms-bot.db'}",
            **world.bot.settings,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SHELL_S):
        out, err = await process.communicate()
    return await process.wait(), out.decode(), err.decode()


async def page(bot: BotProcess, path: str) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of one of the bot's own pages."""
    host, port = bot.origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        said: dict[str, Any] = json.loads(body)
        return int(head.split(b" ")[1]), said
    finally:
        writer.close()


def read(answer: CommandAnswer) -> Message:
    """The private message that a command's ack showed."""
    assert answer.status == 200
    assert answer.message is not None
    assert answer.message.ephemeral_to
    return answer.message


async def may_send(person: Actor, *, channel: str = "@mms") -> bool:
    """Does a door for senders let this person in now?"""
    return NOTHING_SENT not in read(await person.command("/mms", "recent", channel=channel)).shown


async def until_may(person: Actor, may: bool = True, *, within_s: float = COUNTS_WITHIN_S) -> None:
    """Knock until the person is let in, or is not."""
    try:
        async with asyncio.timeout(within_s):
            while await may_send(person) is not may:
                pass
    except TimeoutError:
        state = "may not send" if may else "may send"
        raise AssertionError(f"{person.name} still {state} after {within_s:g} s") from None


async def seen(world: World, look: Callable[[], Any], what: str, *, within_s: float = 10.0) -> None:
    """Wait until ``look`` gives something true; it is asked whenever the workspace has changed."""
    await world.slack.state.changes.wait_for(lambda: look() or None, timeout_s=within_s, what=what)


async def committed(look: Callable[[], Any], what: str, *, within_s: float = 10.0) -> None:
    """Wait until ``look`` finds it in the database, which tells nobody when it changes."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                if look():
                    return
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise AssertionError(f"{what} did not come within {within_s:g} s") from None


async def admin_dialog(person: Actor) -> Dialog:
    """The access dialog, opened by its command."""
    assert person.open_dialog() is None
    answer = await person.command("/mms", "admin", channel="@mms")
    assert (answer.status, answer.message) == (200, None)
    return await person.dialog(callback_id="mms_admin")


async def ask(person: Actor) -> Message:
    """Be denied, and press the button below that."""
    denied = read(await person.command("/mms", "", channel="@mms"))
    assert ASK in denied.buttons()
    await person.click(denied, ASK)
    return denied


def requests(admin: Actor, of: str) -> list[Message]:
    """The direct messages to an admin in which somebody asks, decided or not."""
    return [
        message
        for message in admin.messages
        if message.route == "chat.postMessage" and f"<@{of}>" in message.shown and admin.id != of
    ]


def open_requests(admin: Actor, of: str) -> list[Message]:
    return [message for message in requests(admin, of) if ALLOW in message.buttons()]


def outcomes(person: Actor, word: str) -> list[Message]:
    """The direct messages to the person who asked that say what became of it."""
    return [m for m in person.messages if m.route == "chat.postMessage" and word in m.shown.lower()]


async def asked(world: World, admin: Actor, of: str, *, within_s: float = 10.0) -> Message:
    """Wait for the request; the newest one that is open."""
    await seen(world, lambda: open_requests(admin, of), f"the request of {of} to {admin.name}", within_s=within_s)
    return open_requests(admin, of)[-1]


def started(
    stories: Mapping[str, Story], request: pytest.FixtureRequest, *given: Any, at_once: int
) -> dict[str, asyncio.Task[None]]:
    """Start the stories that tests of this session ask for by ``name``; ``at_once`` go side by side."""
    specs: list[Any] = [getattr(item, "callspec", None) for item in request.session.items]
    names = {spec.params["name"] for spec in specs if spec and spec.params.get("name") in stories}
    turns = asyncio.Semaphore(at_once)

    async def play(story: Story) -> None:
        async with turns:
            await story(*given)

    return {name: asyncio.create_task(play(stories[name])) for name in stories if name in names}


async def ended(tasks: Mapping[str, asyncio.Task[None]]) -> None:
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
