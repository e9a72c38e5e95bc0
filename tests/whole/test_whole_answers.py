"""The answer reaches the sender, and nobody else, whatever becomes of Slack's ways to take it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from sandbox.sinch import Slow
from sandbox.slack import Actor, Dialog, Message, Outcome, SubmitAnswer
from sandbox.slack.state import RESPONSE_URL_LIFE_S, RESPONSE_URL_USES
from sandbox.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

Send = Callable[..., Awaitable[SubmitAnswer]]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]

DEAD_URLS: dict[str, dict[str, Any]] = {
    "gone": {"status": 404},
    "expired": {"status": 404, "error": "expired_url"},
    "used": {"status": 404, "error": "used_url"},
    "forbidden": {"status": 403},
    "moved": {"status": 302},
}
TROUBLE: dict[str, dict[str, Any]] = {
    "fails": {"status": 500},
    "is out of service": {"status": 503},
    "is overloaded": {"status": 429, "retry_after": 1},
    "hangs up": {"drop": True},
}


def batch_of(world: World, text: str) -> str:
    (batch,) = [batch for batch in world.sinch.batches if batch.request.text == text]
    return batch.id


@pytest.mark.parametrize("fault", DEAD_URLS.values(), ids=DEAD_URLS)
async def test_with_a_dead_response_url_the_answer_comes_in_the_channel_for_the_sender_alone(
    world: World, person: Actor, send: Send, told: Told, mark: Mark, fault: dict[str, Any]
) -> None:
    text = mark()
    world.slack.faults.add("response_url", **fault)

    await send(world, person, message=text)

    message = await told(person, "accepted")
    assert (message.route, message.ephemeral_to) == ("chat.postEphemeral", person.id)
    assert batch_of(world, text) in message.shown
    assert len(person.messages) == 1


@pytest.mark.parametrize("channel", ["ops", "backroom"])
async def test_where_the_bot_is_no_member_a_dead_response_url_leaves_the_direct_message(
    world: World, send: Send, told: Told, mark: Mark, channel: str
) -> None:
    ada, text = world.slack.person("ada"), mark()
    world.slack.faults.add("response_url", status=404)

    await send(world, ada, message=text, channel=channel)
    await world.sinch.until(lambda sinch: any(b.request.text == text for b in sinch.batches))

    message = await told(ada, batch_of(world, text))
    assert message.route == "chat.postMessage"
    assert message.channel_id == world.slack.people.app_dm(ada.id).id
    for other in ("ann", "ben", "sam", "eve"):
        assert all(batch_of(world, text) not in seen.shown for seen in world.slack.person(other).messages)


async def test_a_form_left_open_for_too_long_is_answered_without_its_response_url(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": "+12015550123", "message": mark()})
    late = RESPONSE_URL_LIFE_S + 1
    world.slack.state.clock = lambda: time.time() + late
    try:
        assert (await dialog.submit()).outcome is Outcome.CLOSED
        message = await told(person, "accepted")
    finally:
        world.slack.state.clock = time.time

    assert message.route == "chat.postEphemeral"


async def test_one_response_url_is_used_five_times_at_most(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    dialog = await open_dialog(world, person)
    (url,) = [url for url in world.slack.state.response_urls.values() if url.user_id == person.id]
    text = mark()
    world.slack.faults.add("response_url", status=500, after=True, times=1)
    world.sinch.faults.add("send", Slow(2.6), text=text)
    dialog.type_in({"to": "+12015550123", "message": text})

    await dialog.submit()

    await told(person, "accepted")
    assert url.uses <= RESPONSE_URL_USES


@pytest.mark.parametrize("fault", TROUBLE.values(), ids=TROUBLE)
async def test_an_answer_that_slack_does_not_take_is_told_when_slack_takes_it(
    world: World, person: Actor, send: Send, told: Told, mark: Mark, fault: dict[str, Any]
) -> None:
    text = mark()
    world.slack.faults.add("response_url", **fault)

    await send(world, person, message=text)

    await told(person, "accepted", "Batch ID")
    assert sum(batch_of(world, text) in message.shown for message in person.messages) == 1
    assert len(world.slack.faults) == 0


async def test_when_slack_takes_it_by_no_way_it_is_tried_again_by_every_way(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    text = mark()
    world.slack.faults.add("response_url", status=500, times=2)
    world.slack.faults.add("chat.postEphemeral", status=500)
    world.slack.faults.add("chat.postMessage", error="internal_error")

    await send(world, person, message=text)

    await told(person, "accepted")
    assert sum(batch_of(world, text) in message.shown for message in person.messages) == 1
    assert len(world.slack.faults) == 0


async def test_an_answer_waits_while_slack_is_away(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text = mark()
    world.sinch.faults.add("send", Slow(0.5), text=text)
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": "+12015550123", "message": text})
    await dialog.submit()
    await world.slack.go_away()
    try:
        await world.sinch.until(lambda sinch: any(b.request.text == text for b in sinch.batches))
        failed = len(world.bot.events("not_told"))
        await _until_logged(world, "not_told", failed)
    finally:
        await world.slack.come_back()

    message = await told(person, "accepted", within_s=15.0)

    assert batch_of(world, text) in message.shown
    assert len(person.messages) == 1


async def test_an_answer_that_slack_refuses_for_good_is_told_at_the_next_command(
    world: World, person: Actor, send: Send, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text, before = mark(), len(world.bot.events("not_told"))
    world.slack.faults.add("response_url", status=404)
    world.slack.faults.add("chat.postEphemeral", error="user_not_in_channel")
    world.slack.faults.add("chat.postMessage", error="messages_tab_disabled")
    world.slack.faults.add("response_url", status=404)
    await send(world, person, message=text)
    await _until_logged(world, "not_told", before)
    world.slack.faults.clear()

    dialog = await open_dialog(world, person)

    message = await told(person, batch_of(world, text))
    assert message.ephemeral_to == person.id
    await dialog.close()


async def test_a_command_whose_trigger_has_expired_is_told_so(world: World, person: Actor, told: Told) -> None:
    world.slack.faults.add("views.open", error="expired_trigger_id")

    await person.command("/mms", "")

    message = await told(person, "Nothing was sent", "run the command again", "expired_trigger_id")
    assert message.ephemeral_to == person.id


async def test_a_quick_result_is_the_only_message(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    await send(world, person, message=mark())

    await told(person, "accepted")

    assert len(person.messages) == 1


async def test_channels_without_the_bot_get_the_answer_by_response_url_too(
    world: World, send: Send, told: Told, mark: Mark
) -> None:
    ann, people = world.slack.person("ann"), world.slack.people
    people.add_channel(replace(people.channel("backroom"), id="C0CELLAR", name="cellar"))

    await send(world, ann, message=mark(), channel="cellar")

    message = await told(ann, "accepted")
    assert (message.route, message.channel_id) == ("response_url", "C0CELLAR")


async def _until_logged(world: World, event: str, more_than: int) -> None:
    """Wait for one more line of the bot's log; nothing wakes for one, so its health check sets the pace."""
    deadline = time.monotonic() + 10.0
    while len(world.bot.events(event)) <= more_than:
        assert time.monotonic() < deadline, f"the bot logged no {event}"
        await world.bot.get("/healthz")
