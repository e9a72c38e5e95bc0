"""The real bot on PostgreSQL: several processes, one of them killed, and the database gone for a while."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from sandbox.bot_process import BotProcess
from sandbox.sinch import Slow
from sandbox.slack import Actor, Dialog, Message, Outcome, SubmitAnswer
from sandbox.world import World
from tests.postgres import Postgres, running_postgres
from tests.whole.conftest import CROWD

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]

TOLD_AFTER_A_CRASH_S = 45.0  # after the start that follows; here the others are running already
NOTICED_WITHIN_S = 15.0


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@asynccontextmanager
async def neighbours(world: World, count: int) -> AsyncIterator[list[BotProcess]]:
    """More processes on the world's database, all of them started."""
    others = [world.new_bot(world.bot.folder) for _ in range(count)]
    try:
        await asyncio.gather(*(one.start() for one in others))
        yield others
    finally:
        for one in others:
            await one.kill()


def people(world: World) -> Iterator[Actor]:
    return map(world.slack.person, CROWD)


@pytest.mark.parametrize("socket_mode", [False, True], ids=["HTTP", "Socket Mode"])
async def test_any_process_takes_any_submission_and_each_goes_out_once(
    new_world: NewWorld, send: Send, told: Told, mark: Mark, url: str, socket_mode: bool
) -> None:
    async with new_world(DATABASE_URL=url, socket_mode=socket_mode) as world, neighbours(world, 2) as others:
        addresses = itertools.cycle([world.bot.events_url, *(one.events_url for one in others)])
        submitted: list[tuple[Actor, str]] = []
        for person in itertools.islice(people(world), 12):
            if not socket_mode:  # there, Slack itself picks one of the sockets
                world.slack.deliver_by_http(next(addresses))
            text = mark()
            assert (await send(world, person, message=text)).outcome is Outcome.CLOSED
            submitted.append((person, text))
        for person, text in submitted:
            await told(person, "Batch ID")
            assert sum(batch.request.text == text for batch in world.sinch.batches) == 1
        assert len(world.sinch.seen("send")) == len(submitted)


async def test_what_a_killed_process_had_under_way_is_ended_by_the_others(
    new_world: NewWorld, send: Send, told: Told, mark: Mark, url: str
) -> None:
    async with new_world(DATABASE_URL=url) as world, neighbours(world, 1) as [other]:
        world.sinch.faults.add("send", Slow(600, accept_first=True), times=None)
        submitted: list[tuple[Actor, str]] = []
        for person in itertools.islice(people(world), 8):
            text = mark()
            assert (await send(world, person, message=text)).outcome is Outcome.CLOSED
            submitted.append((person, text))
        await world.sinch.until(lambda sinch: len(sinch.batches) == len(submitted))
        world.sinch.faults.clear()
        await world.bot.kill()
        world.slack.deliver_by_http(other.events_url)
        for person, text in submitted:
            await told(person, "Batch ID", within_s=TOLD_AFTER_A_CRASH_S)
            assert sum(batch.request.text == text for batch in world.sinch.batches) == 1
        assert len(world.sinch.seen("send")) == len(submitted)


async def test_while_the_server_is_gone_the_dialog_stays_open_and_a_second_press_sends_once(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    with running_postgres() as server:
        name = server.create()
        async with new_world(DATABASE_URL=server.url(name)) as world:
            ann, text = world.slack.person("ann"), mark()
            dialog = await open_dialog(world, ann)
            dialog.type_in({"to": "+12015550123", "message": text})
            server.go_away()
            answer = await dialog.submit()
            assert answer.outcome is Outcome.ERRORS
            assert set(answer.errors) == {"to"}
            assert "not saved yet" in answer.errors["to"]
            assert "Nothing was sent" not in answer.errors["to"]
            assert answer.elapsed_s < 3.0
            await _until_readyz_says(world, 503)
            assert await world.bot.get("/healthz") == 200
            server.come_back()
            await _until_readyz_says(world, 200)
            assert (await dialog.submit(times=2)).outcome is Outcome.CLOSED
            await told(ann, "Batch ID")
            assert sum(batch.request.text == text for batch in world.sinch.batches) == 1


async def _until_readyz_says(world: World, status: int) -> None:
    async with asyncio.timeout(NOTICED_WITHIN_S):
        while True:
            if await world.bot.get("/readyz") == status:
                return
            await asyncio.sleep(0.1)  # it says the same for a second: there is nothing to wait for but time
