"""What takes its time: kill -9 between every two steps of a send, SIGTERM with sends under way, Sinch away or silent.

Every story has a world of its own, and all of them run at once: they wait for leases and look-ups most of the time.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sandbox.bot_process import BotDiedError, BotProcess
from sandbox.sinch import Fault, NoReferenceFilter, Reset, Slow, Stall, rate_limited
from sandbox.sinch.lives import NO_LAST_WORD
from sandbox.slack import Actor, Dialog, Message, Outcome, SubmitAnswer
from sandbox.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

NewWorld = Callable[..., World]
Send = Callable[..., Awaitable[SubmitAnswer]]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]

PROGRAM = Path(__file__).with_name("crashing_bot.py")
NUMBER, TEXT = "+12015550123", "Your parcel is here"
MAYBE = "may have been sent"
STARTS_AT_ONCE = 8  # more would only wait for the same processors, and miss what is measured
TAKEN_UP_WITHIN_S = 20.0  # design: after a crash, from the next start…
TOLD_WITHIN_S = 45.0  # …until the person knows
BUSY_STOP_S = 15.0
ATTEMPT_S = 20.0
TELL_WAITING_S = 5.0
PAUSE_S = 5.0  # the longest pause between tries while Sinch can't be reached
STEPS_OF_A_SEND = ("enqueue", "claim", "begin", "record", "claim_answers", "answer_told")


class CrashingWorld(World):
    """``crash`` (method, before or after) is how the bots made from now on end; None: not at all."""

    crash: tuple[str, str] | None = None

    def new_bot(self, folder: Path, settings: Mapping[str, str] | None = None) -> BotProcess:
        bot = super().new_bot(folder, settings)
        if self.crash is None:
            return bot
        at, when = self.crash
        crash = {"CRASH_AT": at, "CRASH_WHEN": when}
        return BotProcess({**bot.settings, **crash}, folder=folder, program=(str(PROGRAM),))

    async def start_again(self, crash: tuple[str, str] | None = None) -> float:
        """A new process on the same folder; when it was launched."""
        self.crash = crash
        self.bot = self.new_bot(self.bot.folder)
        launched = time.monotonic()
        await self.start_bot()
        return launched

    @property
    def posts(self) -> int:
        return len(self.sinch.seen("send"))

    @property
    def on_the_phone(self) -> int:
        return len(self.sinch.phones.of(NUMBER))


Story = Callable[["Stage"], Coroutine[Any, Any, None]]
STORIES: dict[str, Story] = {}


class Stage:
    """What a story needs."""

    def __init__(self, new_world: NewWorld, send: Send, open_dialog: OpenDialog, told: Told) -> None:
        self._new_world = new_world
        self.processors = asyncio.Semaphore(STARTS_AT_ONCE)
        self.send = send
        self.open_dialog = open_dialog
        self.told = told

    @asynccontextmanager
    async def starting(self, world: CrashingWorld) -> AsyncIterator[CrashingWorld]:
        """Like ``async with world``, with a turn for the start."""
        async with self.processors:
            await world.__aenter__()
        try:
            yield world
        finally:
            await world.__aexit__(None, None, None)

    async def start_again(self, world: CrashingWorld, crash: tuple[str, str] | None = None) -> float:
        async with self.processors:
            return await world.start_again(crash)

    def world(self, crash: tuple[str, str] | None = None, **settings: Any) -> CrashingWorld:
        world = self._new_world(kind=CrashingWorld, **settings)
        assert isinstance(world, CrashingWorld)
        world.crash = crash
        world.sinch.phones.usual = NO_LAST_WORD  # what becomes of a message after that is another story
        return world


def story(name: str) -> Callable[[Story], Story]:
    def add(play: Story) -> Story:
        assert name not in STORIES
        STORIES[name] = play
        return play

    return add


# -- kill -9 between every two steps


async def submitted(stage: Stage, world: CrashingWorld) -> tuple[Actor, SubmitAnswer]:
    """ann has pressed Send."""
    ann = world.slack.person("ann")
    return ann, await stage.send(world, ann, message=TEXT)


async def accepted_once(stage: Stage, world: CrashingWorld, person: Actor, since: float) -> None:
    """The person knows the batch ID in time; one request, one batch, one message on the phone."""
    message = await stage.told(person, "Batch ID", within_s=TOLD_WITHIN_S)
    assert time.monotonic() - since < TOLD_WITHIN_S
    assert (world.posts, len(world.sinch.batches), world.on_the_phone) == (1, 1, 1)
    assert world.sinch.batches[0].id in message.shown
    assert all(MAYBE not in seen.shown for seen in person.messages)
    assert world.slack.refusals == []


async def told_unknown(stage: Stage, world: CrashingWorld, person: Actor, since: float) -> None:
    """The person knows in time that it may have been sent, and it does not go out again."""
    message = await stage.told(person, MAYBE, "reference mms-", within_s=TOLD_WITHIN_S)
    assert time.monotonic() - since < TOLD_WITHIN_S
    assert message.buttons()
    assert world.posts <= 1
    assert world.sinch.batches == []
    assert world.slack.refusals == []


def crash_story(at: str, when: str) -> Story:
    async def play(stage: Stage) -> None:
        async with stage.starting(stage.world((at, when))) as world:
            ann, answer = await submitted(stage, world)
            assert await world.bot.wait(within_s=15.0) == -signal.SIGKILL
            since = await stage.start_again(world)
            assert answer.outcome is (Outcome.TROUBLE if at == "enqueue" else Outcome.CLOSED)
            if (at, when) == ("begin", "after"):
                await told_unknown(stage, world, ann, since)
                assert world.posts == 0
                return
            if (at, when) == ("enqueue", "before"):
                listed = await ann.command("/mms", "recent")
                assert listed.message is not None
                assert "nothing yet" in listed.message.shown
                assert world.posts == 0
                # No ack came, and the dialog is still there: she presses again, as Slack's client tells her to.
                assert (await (await ann.dialog()).submit()).outcome is Outcome.CLOSED
            await accepted_once(stage, world, ann, since)
            if (at, when) == ("enqueue", "after"):
                assert (await (await ann.dialog()).submit()).outcome is Outcome.CLOSED
                assert world.posts == 1
            if (at, when) == ("record", "before"):
                looked_up = world.sinch.seen("list")[0].at
                assert looked_up.timestamp() - time.time() + time.monotonic() - since < TAKEN_UP_WITHIN_S
            if (at, when) == ("answer_told", "after"):
                await stage.send(world, ann, message="Another one")
                await results(world, ann, 2)
                assert sum(world.sinch.batches[0].id in message.shown for message in ann.messages) == 1

    return play


async def results(world: CrashingWorld, person: Actor, count: int, *, within_s: float = 15.0) -> None:
    """Wait until the person has been told so many batch IDs."""
    await world.slack.state.changes.wait_for(
        lambda: True if sum("Sinch accepted" in message.shown for message in person.messages) == count else None,
        timeout_s=within_s,
        what=f"{count} results",
    )


for step in STEPS_OF_A_SEND:
    story(f"killed before {step}")(crash_story(step, "before"))
    story(f"killed after {step}")(crash_story(step, "after"))


def looking_up_story(at: str, when: str, *, accept: bool) -> Story:
    async def play(stage: Stage) -> None:
        async with stage.starting(stage.world((at, when))) as world:
            world.sinch.faults.add("send", Reset(accept=accept))
            ann, _ = await submitted(stage, world)
            assert await world.bot.wait() == -signal.SIGKILL
            since = await stage.start_again(world)
            await (accepted_once if accept else told_unknown)(stage, world, ann, since)

    return play


for step, moment, accept in (
    ("claim_lookups", "after", True),
    ("record_lookup", "before", True),
    ("record_lookup", "after", False),
):
    name = f"killed {moment} {step}, {'accepted' if accept else 'not accepted'}"
    story(name)(looking_up_story(step, moment, accept=accept))


@story("killed while Sinch is silent")
async def killed_in_silence(stage: Stage) -> None:
    async with stage.starting(stage.world()) as world:
        ann, ada = world.slack.person("ann"), world.slack.person("ada")
        for person, accept in ((ann, True), (ada, False)):
            world.sinch.faults.add("send", Stall(accept=accept), text=person.name)
            await stage.send(world, person, message=person.name)
        await world.sinch.until(lambda sinch: sum(seen.body_read for seen in sinch.seen("send")) == 2)
        await world.bot.kill()
        since = await stage.start_again(world)
        await stage.told(ann, "Batch ID", within_s=TOLD_WITHIN_S)
        unknown = await stage.told(ada, MAYBE, "reference mms-", within_s=TOLD_WITHIN_S)
        assert time.monotonic() - since < TOLD_WITHIN_S
        assert unknown.buttons()
        assert all(MAYBE not in message.shown for message in ann.messages)
        assert (world.posts, world.on_the_phone) == (2, 1)


@story("killed once more while the lost send is taken up")
async def killed_twice(stage: Stage) -> None:
    async with stage.starting(stage.world()) as world:
        world.sinch.faults.add("send", Stall(accept=True))
        ann, _ = await submitted(stage, world)
        await world.sinch.until(lambda sinch: any(seen.body_read for seen in sinch.seen("send")))
        await world.bot.kill()
        with suppress(BotDiedError):  # if the lease had ended by then, it dies before it is ready
            await stage.start_again(world, ("take_up_lost", "after"))
        assert await world.bot.wait() == -signal.SIGKILL
        await accepted_once(stage, world, ann, await stage.start_again(world))


# -- SIGTERM


@story("SIGTERM with sends under way")
async def stopped_busy(stage: Stage) -> None:
    async with stage.starting(stage.world()) as world:
        ann = world.slack.person("ann")
        faults: dict[str, Fault] = {
            "ends in time": Slow(2.0),
            "ends too late": Slow(30.0, accept_first=True),
            "never ends": Stall(),
            "has not begun": rate_limited(6),
        }
        for text, fault in faults.items():
            world.sinch.faults.add("send", fault, text=text)
            await stage.send(world, ann, message=text)
        await world.sinch.until(lambda sinch: len(sinch.seen("send")) == len(faults))
        started = time.monotonic()

        assert await world.bot.stop() == 0

        assert time.monotonic() - started < BUSY_STOP_S
        assert sum("Sinch accepted" in message.shown for message in ann.messages) == 1  # told on the way out
        await stage.start_again(world)
        await results(world, ann, 3, within_s=TOLD_WITHIN_S)
        await stage.told(ann, MAYBE, within_s=TOLD_WITHIN_S)
        assert sorted(batch.request.text for batch in world.sinch.batches) == sorted(set(faults) - {"never ends"})
        assert world.posts == len(faults) + 1  # the one after the 429
        assert world.slack.refusals == []


# -- Sinch is silent, or away


@story("Sinch is silent")
async def silent(stage: Stage) -> None:
    async with stage.starting(stage.world()) as world:
        ann, ada = world.slack.person("ann"), world.slack.person("ada")
        began = time.monotonic()
        for person, accept in ((ann, True), (ada, False)):
            world.sinch.faults.add("send", Stall(accept=accept), text=person.name)
            await stage.send(world, person, message=person.name)
        await stage.told(ann, "queued", within_s=6.0)
        await stage.told(ann, "Batch ID", within_s=TOLD_WITHIN_S)
        await stage.told(ada, MAYBE, "reference mms-", within_s=TOLD_WITHIN_S)
        assert time.monotonic() - began < TOLD_WITHIN_S
        assert all(MAYBE not in message.shown for message in ann.messages)
        assert (world.posts, world.on_the_phone) == (2, 1)
        assert [attempt["seconds"] < ATTEMPT_S for attempt in world.bot.events("attempt")] == [True, True]


@story("Sinch breaks off, and its list ignores the reference")
async def broken_off(stage: Stage) -> None:
    async with stage.starting(stage.world()) as world:
        ann, ben, ada = map(world.slack.person, ("ann", "ben", "ada"))
        world.sinch.faults.add("send", Reset(unread=True))
        world.sinch.faults.add("list", NoReferenceFilter(), None)
        await stage.send(world, ben, message="unread")
        await world.sinch.until(lambda sinch: len(sinch.seen("send")) == 1)
        for person, accept in ((ann, True), (ada, False)):
            world.sinch.faults.add("send", Reset(accept=accept), text=person.name)
            await stage.send(world, person, message=person.name)
        message = await stage.told(ann, "Batch ID", within_s=TOLD_WITHIN_S)
        await stage.told(ada, MAYBE, "reference mms-", within_s=TOLD_WITHIN_S)
        await stage.told(ben, MAYBE, "reference mms-", within_s=TOLD_WITHIN_S)
        (batch,) = world.sinch.batches
        assert batch.id in message.shown
        assert world.posts == 3


@story("Sinch is away for a moment, and then for a while")
async def away(stage: Stage) -> None:
    async with stage.starting(stage.world()) as world:
        ann, ada = world.slack.person("ann"), world.slack.person("ada")
        await world.sinch.go_away()
        await stage.send(world, ada, message="a moment")
        await stage.told(ada, "queued", within_s=5.0)
        await world.sinch.come_back()
        await stage.told(ada, "Batch ID", within_s=PAUSE_S + 5.0)
        assert all("waiting" not in message.shown for message in ada.messages)

        await world.sinch.go_away()
        began = time.monotonic()
        await stage.send(world, ann, message="a while")
        waiting = await stage.told(ann, "waiting", "nothing was sent yet", within_s=15.0)
        assert time.monotonic() - began >= TELL_WAITING_S
        assert waiting.buttons() == {"mms_cancel": "Cancel"}
        await world.sinch.come_back()
        await stage.told(ann, "Batch ID", within_s=PAUSE_S + 5.0)
        assert sum("waiting" in message.shown for message in ann.messages) == 1
        assert (world.posts, world.on_the_phone) == (2, 2)


@story("Sinch is away for too long, or asks for too much")
async def given_up(stage: Stage) -> None:
    async with stage.starting(stage.world(GIVE_UP_AFTER_S="3")) as world:
        ann, ada = world.slack.person("ann"), world.slack.person("ada")
        world.sinch.faults.add("send", rate_limited(5))
        await stage.send(world, ada, message="too much")
        await stage.told(ada, "Nothing was sent", "code", within_s=5.0)
        await world.sinch.go_away()
        await stage.send(world, ann, message="too long")
        message = await stage.told(ann, "Nothing was sent", "code MMS-", within_s=10.0)
        assert message.buttons()
        await world.sinch.come_back()
        await stage.send(world, ann, message="another one")
        await results(world, ann, 1)
        assert [batch.request.text for batch in world.sinch.batches] == ["another one"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def under_way(
    request: pytest.FixtureRequest, new_world: NewWorld, send: Send, open_dialog: OpenDialog, told: Told
) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """All stories that are asked for, started at once."""
    stage = Stage(new_world, send, open_dialog, told)
    specs: list[Any] = [getattr(item, "callspec", None) for item in request.session.items]
    names = [spec.params["name"] for spec in specs if spec and spec.params.get("name") in STORIES]
    # The longest ones stand last, and begin first.
    tasks = {name: asyncio.create_task(STORIES[name](stage)) for name in reversed(names)}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("name", STORIES)
async def test_every_submission_ends_as_one_batch_or_is_told_otherwise(
    under_way: dict[str, asyncio.Task[None]], name: str
) -> None:
    await under_way[name]
