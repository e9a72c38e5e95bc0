"""What became of each recipient: by callback and by asking, early, forged, doubled, lost, and through a crash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.domain import State
from bot.reports import Counts, RecipientState
from bot.store.engine import open_engine
from bot.store.sql import SqlStore
from sandbox.bot_process import BotProcess
from sandbox.sinch import FakeSinch, Fate, Invisible, Reset, Slow, Travel
from sandbox.slack import Message, SubmitAnswer
from sandbox.world import World
from tests.postgres import Postgres
from tests.whole.relay import Relay
from tests.whole.test_whole_forget import bytes_in, forget

NewWorld = Callable[..., World]
Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]

ANN, OPTED_OUT, NO_PICTURE = "+12015550123", "+12015550257", "+12015550414"
SECRET = "an-invented-webhook-secret"
CRASHING = Path(__file__).with_name("crashing_bot.py")
WITHIN_S = 20.0
_LOOK_EVERY_S = 0.05


class Ledger:
    """What the bot's database says."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def of(self, world: World) -> tuple[State, list[tuple[str | None, str, int | None]]]:
        """State of the newest message that Sinch has, and of each of its recipients."""
        reference = world.sinch.batches[-1].client_reference
        assert reference is not None
        message = await self._store.get(reference)
        assert message is not None
        recipients = await self._store.reports.recipients(reference)
        return message.state, [(one.e164, one.state, one.code) for one in recipients]

    async def recipients(self, world: World) -> Sequence[RecipientState]:
        return await self._store.reports.recipients(world.sinch.batches[-1].client_reference or "")

    async def counts(self, world: World) -> Counts:
        reference = world.sinch.batches[-1].client_reference or ""
        return (await self._store.reports.counts([reference])).get(reference, Counts())

    async def until(self, world: World, expected: Counts, *, within_s: float = WITHIN_S) -> None:
        async with asyncio.timeout(within_s):
            while True:
                if await self.counts(world) == expected:
                    return
                await asyncio.sleep(_LOOK_EVERY_S)  # another process writes it: there is nothing to wait for but time

    async def close(self) -> None:
        await self._store.close()


@asynccontextmanager
async def ledger_of(bot: BotProcess) -> AsyncIterator[Ledger]:
    url = bot.settings.get("DATABASE_URL", f"sqlite:///{bot.folder / 'mms-bot.db'}")
    ledger = Ledger(SqlStore(open_engine(url)))
    yield ledger
    await ledger.close()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    async with Relay() as relay:
        yield relay


@asynccontextmanager
async def reporting(
    new_world: NewWorld, relay: Relay, *, signed: bool = True, **settings: str
) -> AsyncIterator[tuple[World, Ledger]]:
    """A world in which Sinch calls back, over the relay."""
    world = new_world(PUBLIC_URL=relay.origin, **settings)
    world.sinch.callbacks.secret = SECRET if signed else None
    async with world:
        relay.bots = lambda: [world.bot]
        async with ledger_of(world.bot) as ledger:
            yield world, ledger


def only(bot: BotProcess) -> Callable[[], list[BotProcess]]:
    return lambda: [bot]


def has_batches(count: int) -> Callable[[FakeSinch], bool]:
    return lambda sinch: len(sinch.batches) == count


def all_taken(sinch: FakeSinch) -> bool:
    return bool(sinch.callbacks.all) and all(one.fate is not Fate.WAITING for one in sinch.callbacks.all)


@pytest.mark.parametrize("socket_mode", [False, True])
@pytest.mark.parametrize("signed", [False, True])
async def test_sinch_calls_back_and_every_recipient_has_their_own_end(
    new_world: NewWorld, relay: Relay, send: Send, told: Told, mark: Mark, socket_mode: bool, signed: bool
) -> None:
    world = new_world(PUBLIC_URL=relay.origin, socket_mode=socket_mode)
    world.sinch.callbacks.secret = SECRET if signed else None
    async with world, ledger_of(world.bot) as ledger:
        relay.bots = lambda: [world.bot]
        ann = world.slack.person("ann")
        await send(world, ann, to=f"{ANN}, {OPTED_OUT}, {NO_PICTURE}", message=mark())
        await told(ann, "Batch ID")
        await ledger.until(world, Counts(delivered=1, failed=2))
        assert await ledger.of(world) == (
            State.ACCEPTED,
            [(ANN, "Delivered", 0), (OPTED_OUT, "Rejected", 257), (NO_PICTURE, "Aborted", 414)],
        )
        await world.sinch.until(all_taken)
        assert {one.fate for one in world.sinch.callbacks.all} == {Fate.TAKEN}
        assert world.sinch.seen("delivery_report") == [], "there is nothing to ask for"
        everybody = await ledger.recipients(world)
        assert all(one.final_at is not None for one in everybody)
        assert not [line for line in world.bot.lines if "2015550257" in line]


async def test_without_an_address_sinch_is_asked(new_world: NewWorld, send: Send, told: Told, mark: Mark) -> None:
    async with new_world() as world, ledger_of(world.bot) as ledger:
        ann = world.slack.person("ann")
        await send(world, ann, to=f"{ANN}, {OPTED_OUT}", message=mark())
        await told(ann, "Batch ID")
        await ledger.until(world, Counts(delivered=1, failed=1))
        assert world.sinch.callbacks.all == []
        assert len(world.sinch.seen("delivery_report")) == 1
        [asked] = world.sinch.seen("send")
        assert json.loads(asked.body)["delivery_report"] == "none", "asked for without an address, it is a 403"


async def test_callbacks_in_the_wrong_order_twice_and_lost_end_the_same(
    new_world: NewWorld, relay: Relay, send: Send, told: Told, mark: Mark
) -> None:
    async with reporting(new_world, relay) as (world, ledger):
        ann = world.slack.person("ann")
        world.sinch.callbacks.travel = Travel(newest_first=True, times=2, late_s=0.5)
        await send(world, ann, to=f"{ANN}, {OPTED_OUT}", message=mark())
        await told(ann, "Batch ID")
        await world.sinch.until(all_taken, timeout_s=WITHIN_S)
        assert await ledger.counts(world) == Counts(delivered=1, failed=1)
        assert {one.fate for one in world.sinch.callbacks.all} == {Fate.TAKEN}
        in_order = [(one.dispatched_at, one.final_at) for one in await ledger.recipients(world)]
        assert all(early is not None and late is not None and early <= late for early, late in in_order)


async def test_a_callback_that_comes_before_our_own_record_is_not_lost(
    new_world: NewWorld, relay: Relay, send: Send, told: Told, mark: Mark
) -> None:
    async with reporting(new_world, relay) as (world, ledger):
        ann = world.slack.person("ann")
        world.sinch.faults.add("send", Slow(3.0, accept_first=True))
        await send(world, ann, to=f"{ANN}, {OPTED_OUT}", message=mark())
        await world.sinch.until(has_batches(1))
        await ledger.until(world, Counts(delivered=1, failed=1), within_s=2.5)
        [asked] = world.sinch.seen("send")
        assert asked.status is None, "Sinch has not answered yet"
        await told(ann, "Batch ID", world.sinch.batches[0].id)
        await world.sinch.until(lambda sinch: asked.status is not None)
        assert (await ledger.of(world))[0] is State.ACCEPTED
        assert sum("Sinch accepted" in one.shown for one in ann.messages) == 1


async def test_a_report_settles_an_unknown(
    new_world: NewWorld, relay: Relay, send: Send, told: Told, mark: Mark
) -> None:
    async with reporting(new_world, relay) as (world, ledger):
        ann = world.slack.person("ann")
        world.sinch.faults.add("send", Reset(accept=True))
        world.sinch.faults.add("list", Invisible(look_ups=1000), times=None)
        world.sinch.callbacks.travel = Travel(late_s=2.0)
        await send(world, ann, to=ANN, message=mark())
        await told(ann, "Batch ID", within_s=WITHIN_S)
        await ledger.until(world, Counts(delivered=1))
        assert (await ledger.of(world))[0] is State.ACCEPTED
        assert len(world.sinch.batches) == len(world.sinch.seen("send")) == 1


async def test_what_is_forged_or_replayed_changes_nothing(
    new_world: NewWorld, relay: Relay, send: Send, told: Told, mark: Mark
) -> None:
    async with reporting(new_world, relay) as (world, ledger):
        ann = world.slack.person("ann")
        await send(world, ann, to=f"{ANN}, {OPTED_OUT}", message=mark())
        await told(ann, "Batch ID")
        await world.sinch.until(all_taken)
        before = await ledger.recipients(world)
        first = relay.passed[0]
        for again in relay.passed[:]:
            assert await relay.post(again.path, again.body, again.headers) == 200, "the same once more is harmless"
        lie = json.dumps({**json.loads(first.body), "status": "Delivered", "code": 0, "at": None}).encode()
        assert await relay.post(first.path, lie, first.headers) == 401
        assert await relay.post(first.path, lie, {}) == 401
        assert await relay.post(f"{first.path}x", first.body, first.headers) == 404
        assert await relay.post("/sinch/callbacks/", first.body, first.headers) == 404
        assert await relay.post(first.path, b" " * 1_000_001, first.headers) == 413
        assert await ledger.recipients(world) == before
        key = first.path.rpartition("/")[2]
        assert not [line for line in [*world.bot.lines, *world.bot.errors] if key in line]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_that_is_killed_while_it_takes_a_report_loses_none(
    new_world: NewWorld, relay: Relay, send: Send, told: Told, mark: Mark, when: str
) -> None:
    async with reporting(new_world, relay) as (world, ledger):
        ann = world.slack.person("ann")
        await world.bot.stop()
        crash = {"CRASH_AT": "take", "CRASH_WHEN": when}
        world.bot = BotProcess({**world.bot.settings, **crash}, folder=world.bot.folder, program=(str(CRASHING),))
        await world.start_bot()
        await send(world, ann, to=f"{ANN}, {OPTED_OUT}", message=mark())
        await world.bot.wait()
        world.bot = world.new_bot(world.bot.folder)
        await world.start_bot()
        await told(ann, "Batch ID", within_s=45.0)
        await ledger.until(world, Counts(delivered=1, failed=1))
        await world.sinch.until(all_taken, timeout_s=WITHIN_S)
        assert max(len(one.attempts) for one in world.sinch.callbacks.all) == 2
        assert len(world.sinch.batches) == 1


async def test_the_callback_may_land_on_the_process_that_did_not_send(
    new_world: NewWorld, relay: Relay, send: Send, mark: Mark, postgres: Postgres, tmp_path: Path
) -> None:
    name = postgres.create()
    async with reporting(new_world, relay, DATABASE_URL=postgres.url(name)) as (world, ledger):
        ann, other = world.slack.person("ann"), world.new_bot(tmp_path)
        try:
            await other.start()
            for number in range(8):
                # Whoever takes the submission sends it at once, and Sinch reaches only the other one.
                world.slack.deliver_by_http((world.bot, other)[number % 2].events_url)
                relay.bots = only((other, world.bot)[number % 2])
                await send(world, ann, to=f"{ANN}, {OPTED_OUT}", message=mark())
                await world.sinch.until(has_batches(number + 1))
                await ledger.until(world, Counts(delivered=1, failed=1))
            await world.sinch.until(all_taken)
            assert {one.fate for one in world.sinch.callbacks.all} == {Fate.TAKEN}
            for sender, receiver in ((world.bot, other), (other, world.bot)):
                sent = {line["batch_id"] for line in sender.events("attempt")}
                assert sent & {line["batch_id"] for line in receiver.events("reported")}
            relay.bots = lambda: [world.bot, other]
            world.sinch.callbacks.travel = Travel(newest_first=True, times=3)
            await send(world, ann, to=f"{ANN}, {OPTED_OUT}", message=mark())
            await world.sinch.until(has_batches(9))
            await ledger.until(world, Counts(delivered=1, failed=1))
        finally:
            await other.kill()
    postgres.drop(name)


async def test_when_a_number_is_forgotten_what_became_of_it_stays(
    new_world: NewWorld, relay: Relay, send: Send, told: Told, mark: Mark
) -> None:
    async with reporting(new_world, relay) as (world, ledger):
        ann = world.slack.person("ann")
        await send(world, ann, to=f"{ANN}, {OPTED_OUT}", message=mark())
        await told(ann, "Batch ID")
        await ledger.until(world, Counts(delivered=1, failed=1))
        assert b"2015550257" in await asyncio.to_thread(bytes_in, world.bot.folder)
        status, out, _ = await forget(world.bot.folder, OPTED_OUT, world.bot.settings)
        assert (status, out) == (0, "Erased: 1 message. Cancelled before they went out: 0.\n")
        assert (await ledger.of(world))[1] == [(None, "Delivered", 0), (None, "Rejected", 257)]
        for again in relay.passed[:]:
            assert await relay.post(again.path, again.body, again.headers) == 200
        assert (await ledger.of(world))[1] == [(None, "Delivered", 0), (None, "Rejected", 257)]
    kept = await asyncio.to_thread(bytes_in, world.bot.folder)
    assert not [word for word in (b"2015550123", b"2015550257") if word in kept]
