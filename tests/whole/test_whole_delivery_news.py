"""What became of a message, told by the real bot to its sender alone; and stopping what has not gone out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio

from sandbox.sinch import Script, rate_limited
from sandbox.slack import Actor, Message, Outcome, SubmitAnswer
from sandbox.slack.state import RESPONSE_URL_LIFE_S
from sandbox.world import World
from tests.whole.conftest import CROWD, NewWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")

Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]

TOLD_WITHIN_S = 30.0  # Sinch is asked for the first time after five seconds, then ever more seldom
OPTED_OUT = "+12015550257"  # the fake Sinch ends a message with the code that its number asks for
UNFOLD, FOLD, DETAILS, CANCEL = "mms_unfold", "mms_fold", "mms_details", "mms_cancel"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(new_world: NewWorld) -> AsyncIterator[World]:
    """One world over HTTP, in which phones say that they got something."""
    async with new_world() as started:
        yield started


@pytest.fixture(scope="module")
def crowd(world: World) -> Iterator[Actor]:
    return map(world.slack.person, CROWD)


def batch_of(world: World, text: str) -> str:
    (batch,) = [batch for batch in world.sinch.batches if batch.request.text == text]
    return batch.id


def news(person: Actor) -> list[Message]:
    return [message for message in person.messages if DETAILS in message.buttons()]


def must_be_private(world: World, person: Actor, secret: str) -> None:
    assert all(
        secret not in message.shown
        for name in ("ada", "ben", "sam", "eve")
        for message in world.slack.person(name).messages
    )
    for message in news(person):
        assert message.ephemeral_to == person.id or message.channel_id == world.slack.people.app_dm(person.id).id


async def test_one_that_arrived_is_told_once_after_it_was_told_as_accepted(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    text = mark()
    await send(world, person, message=text)
    message = await told(person, "was delivered to +12015550123", within_s=TOLD_WITHIN_S)
    assert message.route == "response_url"
    assert batch_of(world, text) in message.shown
    assert [batch_of(world, text) in one.shown for one in person.messages] == [True, True]
    assert "accepted" in person.messages[0].shown
    must_be_private(world, person, batch_of(world, text))


async def test_of_several_the_failed_one_unfolds_with_its_reason(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    await send(world, person, to=f"+12015550123, +12015550124, {OPTED_OUT}", message=mark())
    message = await told(person, "2 delivered and 1 failed", within_s=TOLD_WITHIN_S)
    assert OPTED_OUT not in message.shown
    await person.click(message, UNFOLD)
    unfolded = await told(person, OPTED_OUT, "CARRIER-257")
    assert unfolded.ts == message.ts
    await person.click(unfolded, FOLD)
    await world.slack.state.changes.wait_for(
        lambda: True if OPTED_OUT not in news(person)[0].shown else None, timeout_s=5, what="it folded again"
    )
    must_be_private(world, person, OPTED_OUT)


async def test_past_the_half_hour_it_is_one_direct_message_that_is_edited(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    slow = "+12015550125"
    world.sinch.phones.script(slow, Script(final_after_s=12.0))
    await send(world, person, to=f"{OPTED_OUT}, {slow}", message=mark())
    await told(person, "accepted")
    late = RESPONSE_URL_LIFE_S + 1
    world.slack.state.clock = lambda: time.time() + late
    try:
        first = await told(person, "1 failed and 1 on its way", within_s=TOLD_WITHIN_S)
        last = await told(person, "1 delivered and 1 failed.", within_s=TOLD_WITHIN_S)
    finally:
        world.slack.state.clock = time.time
    assert (first.route, last.ts, last.edits) == ("chat.postMessage", first.ts, 1)
    assert len(news(person)) == 1


async def test_a_kill_between_two_states_loses_none_of_them(
    new_world: NewWorld, send: Send, told: Told, mark: Mark
) -> None:
    async with new_world() as world:
        ann = world.slack.person("ann")
        world.slack.faults.add("response_url", status=404, times=None)
        slow = "+12015550125"
        world.sinch.phones.script(slow, Script(final_after_s=12.0))
        await send(world, ann, to=f"{OPTED_OUT}, {slow}", message=mark())
        await told(ann, "1 failed and 1 on its way", within_s=TOLD_WITHIN_S)
        async with asyncio.timeout(5):
            while not world.bot.events("delivery_news_told"):  # noqa: ASYNC110  the process's log has no event
                await asyncio.sleep(0.01)
        await world.bot.kill()
        await world.start_bot()
        last = await told(ann, "1 delivered and 1 failed.", within_s=TOLD_WITHIN_S + 15.0)
        assert last.edits == 1
        assert len([message for message in ann.messages if message.channel_id == last.channel_id]) == 1
        assert world.slack.refusals == []


async def test_many_direct_messages_to_one_person_keep_to_slacks_limits(
    new_world: NewWorld, send: Send, told: Told, mark: Mark
) -> None:
    async with new_world() as world:
        ann = world.slack.person("ann")
        world.slack.rate_limits.on = True
        world.slack.faults.add("response_url", status=404, times=None)
        texts = [mark() for _ in range(6)]
        for text in texts:
            await send(world, ann, channel="@mms", message=text)
        await world.slack.state.changes.wait_for(
            lambda: True if len(news(ann)) == 6 else None, timeout_s=60, what="six are told as delivered"
        )
        assert {batch_of(world, text) for text in texts} == {
            batch.id for batch in world.sinch.batches if any(batch.id in message.shown for message in news(ann))
        }
        assert all(call.outcome != "ratelimited" for call in world.slack.calls)
        assert world.slack.refusals == []


# -- stopping it


async def test_what_waits_is_stopped_and_never_goes_out(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    text = mark()
    world.sinch.faults.add("send", rate_limited(40), text=text)
    await send(world, person, message=text)
    waiting = await told(person, "slow down")
    await person.click(waiting, CANCEL)
    answer = await told(person, "was cancelled", "Nothing was sent", "MMS-CANCELLED")
    assert answer.ephemeral_to == person.id
    assert all(CANCEL not in message.buttons() for message in person.messages)
    assert [batch for batch in world.sinch.batches if batch.request.text == text] == []
    listed = await person.command("/mms", "recent")
    assert listed.message is not None
    assert "cancelled" in listed.message.shown


async def test_what_sinch_has_is_stopped_before_it_is_handed_over(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    text, number = mark(), "+12015550126"
    world.sinch.phones.script(number, Script(dispatched_after_s=600.0))
    await send(world, person, to=number, message=text)
    accepted = await told(person, "accepted")
    await person.click(accepted, CANCEL)
    await told(person, "was cancelled", "may have been sent", "MMS-CANCELLED-AT-SINCH")
    (batch,) = [batch for batch in world.sinch.batches if batch.request.text == text]
    assert batch.canceled
    assert world.sinch.phones.of(number) == []


async def test_what_has_arrived_cannot_be_stopped_any_more(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    await send(world, person, message=mark())
    await told(person, "was delivered to", within_s=TOLD_WITHIN_S)
    (accepted,) = [message for message in person.messages if CANCEL in message.buttons()]
    await person.click(accepted, CANCEL)
    await told(person, "too late", "MMS-CANCEL-TOO-LATE")


async def test_an_admin_stops_it_and_its_sender_is_told(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    ada, text = world.slack.person("ada"), mark()
    number = "+12015550126"
    world.sinch.phones.script(number, Script(dispatched_after_s=600.0))
    assert (await send(world, person, to=number, message=text)).outcome is Outcome.CLOSED
    await told(person, "accepted")
    answer = await ada.command("/mms", f"status {batch_of(world, text)}")
    assert answer.message is not None
    assert number not in answer.message.shown
    assert text not in answer.message.shown
    await ada.click(answer.message, CANCEL)
    await told(ada, f"of <@{person.id}> is cancelled")
    await told(person, "An admin of this bot cancelled it")


async def test_nobody_else_finds_it_by_its_batch_id(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    text = mark()
    await send(world, person, message=text)
    await told(person, "accepted")
    for name in ("ann", "ben"):
        answer = await world.slack.person(name).command("/mms", f"status {batch_of(world, text)}")
        assert answer.message is not None
        assert "There is no message of yours" in answer.message.shown
    own = await person.command("/mms", f"status {batch_of(world, text)}")
    assert own.message is not None
    assert "+12015550123" in own.message.shown
