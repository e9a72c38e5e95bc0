"""Several real bots on one PostgreSQL: requests land anywhere, one is killed, the clocks of their hosts differ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sandbox.bot_process import BotProcess
from sandbox.sinch import Slow
from sandbox.slack import Actor, Dialog, Outcome
from sandbox.world import World
from tests.postgres import Postgres

PROGRAM = Path(__file__).with_name("skewed_bot.py")
NUMBER = "+12015550123"
MAYBE = "may have been sent"
LEASE_S = 10.0

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]


@pytest.fixture
def address(postgres: Postgres) -> Iterator[str]:
    """Of a database with nothing in it: the first bot makes its tables."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@asynccontextmanager
async def running(*bots: BotProcess) -> AsyncIterator[None]:
    try:
        await asyncio.gather(*(bot.start() for bot in bots))
        yield
    finally:
        await asyncio.gather(*(bot.kill() for bot in bots))


async def all_told(world: World, person: Actor, count: int, *, within_s: float) -> None:
    def look() -> bool | None:
        return True if sum("Sinch accepted" in one.shown for one in person.messages) == count else None

    await world.slack.state.changes.wait_for(look, timeout_s=within_s, what=f"{count} results")


def sent_once_each(world: World, count: int) -> None:
    assert (len(world.sinch.seen("send")), len(world.sinch.batches)) == (count, count)
    assert len({batch.client_reference for batch in world.sinch.batches}) == count


async def test_an_http_and_a_socket_mode_process_share_the_work_and_one_takes_over_when_the_other_is_killed(
    new_world: NewWorld, open_dialog: OpenDialog, address: str, tmp_path: Path
) -> None:
    async with new_world(DATABASE_URL=address) as world:
        ann, slack = world.slack.person("ann"), world.slack
        other = world.new_bot(tmp_path, slack.socket_settings())
        async with running(other):
            world.sinch.faults.add("send", Slow(3.0, accept_first=True), times=None)
            for number in range(12):
                slack.sockets.is_on = number % 2 == 0
                dialog = await open_dialog(world, ann)
                dialog.type_in({"to": NUMBER, "message": f"Parcel {number}"})
                slack.sockets.is_on = number % 3 == 0  # the command and the submit land anywhere
                assert (await dialog.submit()).outcome is Outcome.CLOSED
            await world.sinch.until(lambda sinch: len(sinch.seen("send")) >= 8)
            await world.bot.kill()
            slack.sockets.is_on = True
            # Those that were under way are found by a look-up once their leases have ended.
            await all_told(world, ann, 12, within_s=LEASE_S + 20.0)
            sent_once_each(world, 12)
            assert 0 < len(other.events("attempt")) < 12, "both have sent"
            assert other.events("cut_off_sends_taken_up") != []


async def test_hosts_whose_clocks_are_an_hour_off_neither_steal_nor_give_up(
    new_world: NewWorld, open_dialog: OpenDialog, address: str, tmp_path: Path
) -> None:
    async with new_world(DATABASE_URL=address) as world:
        ann, slack = world.slack.person("ann"), world.slack
        off = []
        for skew_s in (3600, -3600):
            folder = tmp_path / str(skew_s)
            folder.mkdir()
            settings = world.new_bot(folder).settings
            off.append(BotProcess({**settings, "SKEW_S": str(skew_s)}, folder=folder, program=(str(PROGRAM),)))
        async with running(*off):
            world.sinch.faults.add("send", Slow(2.0, accept_first=True), times=None)
            bots = [world.bot, *off]
            for number in range(12):
                slack.deliver_by_http(bots[number % 3].events_url)
                dialog = await open_dialog(world, ann)
                slack.deliver_by_http(bots[number % 2].events_url)
                dialog.type_in({"to": NUMBER, "message": f"Parcel {number}"})
                assert (await dialog.submit()).outcome is Outcome.CLOSED
            await all_told(world, ann, 12, within_s=15.0)
            sent_once_each(world, 12)
            assert not any(MAYBE in one.shown for one in ann.messages)
            assert not any(bot.events("lease_lost") or bot.events("cut_off_sends_taken_up") for bot in bots)
            assert all(await asyncio.gather(*(bot.get("/readyz") for bot in bots)))


async def test_many_that_start_at_once_on_an_empty_database_make_it_once(
    new_world: NewWorld, address: str, tmp_path: Path
) -> None:
    world = new_world(DATABASE_URL=address)
    await world.slack.start()
    await world.sinch.start()
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    bots = [world.new_bot(folder) for folder in folders]
    try:
        async with running(*bots):
            assert [line for bot in bots for line in bot.errors] == [], "nobody is warned of neighbours"
            assert await asyncio.gather(*(bot.stop() for bot in bots)) == [0, 0, 0]
    finally:
        await world.slack.stop()
        await world.sinch.stop()
