"""The main job, from the command to the phone and back, with the real bot as a process, in both modes."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from sandbox.sinch import Shape, Slow, Status
from sandbox.slack import Actor, Dialog, Message, Outcome, SubmitAnswer, payloads
from sandbox.slack.people import GENERAL, Channel
from sandbox.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

PICTURE = "https://pictures.example.com/parcel.png"
NUMBER = "+12015550123"
MAX_ACK_S = 1.0  # Slack allows 3 s; a busy machine that runs all tests is no place for the budget of 100 ms

NewWorld = Callable[..., World]
Send = Callable[..., Awaitable[SubmitAnswer]]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[False, True], ids=["http", "socket"])
async def world(request: pytest.FixtureRequest, new_world: NewWorld) -> AsyncIterator[World]:
    async with new_world(socket_mode=request.param) as started:
        yield started


def texts_of(world: World, number: str) -> list[str]:
    return [message.text for message in world.sinch.phones.of(number)]


def count(world: World, text: str) -> int:
    return sum(batch.request.text == text for batch in world.sinch.batches)


async def test_a_picture_reaches_the_phone_and_the_batch_id_is_told_privately(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text = mark()
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": "(201) 555-0131", "message": text, "media_url": PICTURE, "subject": "For you"})

    answer = await dialog.submit()

    assert answer.outcome is Outcome.CLOSED
    assert answer.elapsed_s < MAX_ACK_S
    message = await told(person, "MMS", "1 recipient", "not yet delivered")
    (arrived,) = [one for one in world.sinch.phones.of("+12015550131") if one.text == text]
    assert (arrived.kind, arrived.media_url, arrived.subject) == ("mms", PICTURE, "For you")
    assert arrived.batch_id in message.shown
    assert message.ephemeral_to == person.id
    assert message.route == "response_url"
    assert "delivered" not in message.shown.replace("not yet delivered", "")
    for other in ("ann", "ben", "ada", "sam", "eve"):
        assert all(arrived.batch_id not in seen.shown for seen in world.slack.person(other).messages)


async def test_a_text_to_several_is_one_batch_and_each_phone_gets_it_once(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    text = mark()

    await send(world, person, to="+1 201 555 0141, 201-555-0142;\n+12015550143\n+1 (201) 555-0141", message=text)

    await told(person, "SMS", "3 recipients", "batch ID")
    assert count(world, text) == 1
    for number in ("+12015550141", "+12015550142", "+12015550143"):
        assert texts_of(world, number).count(text) == 1
    assert all(m.kind == "sms" for m in world.sinch.phones.of("+12015550142"))


async def test_what_is_typed_after_the_command_fills_the_dialog_in(
    world: World, person: Actor, open_dialog: OpenDialog
) -> None:
    dialog = await open_dialog(world, person, f"+1 201 555 0123 Your parcel is here {PICTURE}")

    assert dialog.values == {
        "to": "+1 201 555 0123",
        "message": "Your parcel is here",
        "media_url": PICTURE,
        "subject": None,
    }
    await dialog.close()


async def test_a_text_that_begins_with_a_word_of_the_bot_is_a_text(
    world: World, person: Actor, open_dialog: OpenDialog
) -> None:
    dialog = await open_dialog(world, person, "help is on the way")

    assert dialog.values["message"] == "help is on the way"
    await dialog.close()


async def test_all_faults_stand_under_their_fields_and_what_was_typed_stays(
    world: World, person: Actor, open_dialog: OpenDialog, mark: Mark
) -> None:
    typed = {
        "to": "+1 201 555 0123, 201-555-HELP, 555-12",
        "message": f"{mark()} ${{name}}",
        "media_url": "https://pictures.example.com/page.html",
        "subject": "Hello",
    }
    dialog = await open_dialog(world, person)
    dialog.type_in(typed)

    answer = await dialog.submit()

    assert answer.outcome is Outcome.ERRORS
    assert set(answer.errors) == {"to", "message", "media_url"}
    assert "201-555-HELP" in answer.errors["to"]
    assert "3rd, '555-12', is too short for a US number" in answer.errors["to"]
    assert dialog.values == typed
    assert not any(typed["message"] == batch.request.text for batch in world.sinch.batches)
    dialog.type_in({"to": "+44 20 7946 0958", "message": "", "media_url": "", "subject": "Hello"})
    answer = await dialog.submit()
    assert set(answer.errors) == {"message", "subject"}
    dialog.type_in({"media_url": PICTURE})
    answer = await dialog.submit()
    assert set(answer.errors) == {"to"}
    assert "GB" in answer.errors["to"]
    await dialog.close()


async def test_a_corrected_form_is_taken(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text = mark()
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": "nobody", "message": text})
    assert (await dialog.submit()).outcome is Outcome.ERRORS
    dialog.type_in({"to": NUMBER})

    assert (await dialog.submit()).outcome is Outcome.CLOSED

    await told(person, "accepted")
    assert count(world, text) == 1


async def test_more_than_ten_recipients_are_shown_once_more_before_they_are_taken(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text = mark()
    numbers = [f"+120155501{number:02d}" for number in range(60, 71)]
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": ", ".join(numbers), "message": text})

    first = await dialog.submit()

    assert first.outcome is Outcome.UPDATED
    assert "11 recipients" in dialog.shown
    assert "SMS" in dialog.shown
    assert "US" in dialog.shown
    assert count(world, text) == 0
    assert dialog.values["message"] == text
    dialog.type_in({"to": ", ".join([*numbers, "+12015550171"])})
    assert (await dialog.submit()).outcome is Outcome.UPDATED
    assert "12 recipients" in dialog.shown
    assert count(world, text) == 0
    assert (await dialog.submit(times=2)).outcome is Outcome.CLOSED
    await told(person, "12 recipients")
    assert count(world, text) == 1
    assert all(texts_of(world, number).count(text) == 1 for number in numbers)


async def test_ten_recipients_need_no_review(world: World, person: Actor, send: Send, told: Told, mark: Mark) -> None:
    text = mark()

    answer = await send(world, person, to=", ".join(f"+120155501{n:02d}" for n in range(60, 70)), message=text)

    assert answer.outcome is Outcome.CLOSED
    await told(person, "10 recipients")


async def test_recent_and_status_show_the_callers_own_messages_only(
    world: World, person: Actor, crowd: Iterator[Actor], send: Send, told: Told, mark: Mark
) -> None:
    text, other = mark(), next(crowd)
    await send(world, person, message=text)
    await told(person, "accepted")
    (batch,) = [batch for batch in world.sinch.batches if batch.request.text == text]

    recent = await person.command("/mms", "recent")
    status = await person.command("/mms", f"status {batch.id}")
    others_recent = await other.command("/mms", "recent")
    others_status = await other.command("/mms", f"status {batch.id}")

    assert recent.message is not None
    assert batch.id in recent.message.shown
    assert "1 recipient" in recent.message.shown
    assert text not in recent.message.shown
    assert status.message is not None
    assert "accepted" in status.message.shown
    assert others_recent.message is not None
    assert batch.id not in others_recent.message.shown
    assert others_status.message is not None
    assert "no message of yours" in others_status.message.shown
    assert {m.message.ephemeral_to for m in (recent, status) if m.message} == {person.id}


async def test_a_refused_message_can_be_opened_again_filled_in_by_its_sender_alone(
    world: World, person: Actor, crowd: Iterator[Actor], send: Send, told: Told, mark: Mark
) -> None:
    text, other = mark(), next(crowd)
    world.sinch.faults.add("send", Status(401, Shape.EMPTY), text=text)
    await send(world, person, to="(201) 555-0133", message=text, media_url=PICTURE, subject="For you")
    refused = await told(person, "Nothing was sent", "SINCH-401")
    (action_id,) = refused.buttons()

    await person.click(refused, action_id)

    dialog = await person.dialog(callback_id="mms_compose")
    assert dialog.values == {"to": "(201) 555-0133", "message": text, "media_url": PICTURE, "subject": "For you"}
    assert (await dialog.submit()).outcome is Outcome.CLOSED
    await told(person, "accepted")
    assert count(world, text) == 1
    payload = _click_payload(world, other, refused, action_id)
    assert (await world.slack.send_interactive(payload)).status == 200
    await told(other, "only the person who sent")
    assert other.open_dialog() is None


def _click_payload(world: World, who: Actor, message: Message, action_id: str) -> dict[str, Any]:
    """A click by somebody who can't see the message: what an attacker would make up."""
    (block,) = [block for block in message.blocks if block["type"] == "actions"]
    (element,) = [one for one in block["elements"] if one["action_id"] == action_id]
    state = world.slack.state
    return payloads.click_in_message(
        world.slack.people.person(who.id),
        world.slack.people.channel(message.channel_id),
        message,
        payloads.action({**block, "block_id": "b0"}, element, chosen=None, action_ts=state.next_ts()),
        response_url=f"{world.slack.origin}/response/{state.new_response_url(who.id, message.channel_id)}",
        trigger_id=state.new_trigger(who.id),
    )


async def test_three_presses_at_once_are_one_message(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    text = mark()

    answer = await send(world, person, message=text, times=3)

    assert {one.outcome for one in (answer, *answer.others)} == {Outcome.CLOSED}
    await told(person, "accepted")
    assert count(world, text) == 1
    assert texts_of(world, NUMBER).count(text) == 1


async def test_the_same_dialog_with_other_content_changes_nothing_and_says_so(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text, changed = mark(), mark()
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": NUMBER, "message": text})
    view = world.slack.modals.find(dialog.id)
    assert view is not None
    first = payloads.view_submission(
        world.slack.people.person(person.id), view, trigger_id=world.slack.state.new_trigger(person.id)
    )
    await dialog.submit()
    await told(person, "accepted")
    second = copy.deepcopy(first)
    second["view"]["state"]["values"]["message"]["message"]["value"] = changed
    second["trigger_id"] = world.slack.state.new_trigger(person.id)

    ack = await world.slack.send_interactive(second)

    answer = json.loads(ack.body)
    assert answer["response_action"] == "errors"
    assert "already taken" in answer["errors"]["to"]
    assert "new dialog" in answer["errors"]["to"]
    assert count(world, text) == 1
    assert count(world, changed) == 0


async def test_equal_content_in_two_dialogs_is_two_batches(
    world: World, person: Actor, send: Send, told: Told, mark: Mark
) -> None:
    text = mark()

    await send(world, person, message=text)
    await send(world, person, message=text)

    await world.sinch.until(lambda sinch: sum(b.request.text == text for b in sinch.batches) == 2)
    await world.slack.state.changes.wait_for(
        lambda: True if len(person.messages) == 2 else None, timeout_s=5.0, what="two answers"
    )


async def test_a_delivery_that_slack_repeats_opens_one_dialog_and_sends_one_message(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text = mark()
    opened = len(world.slack.calls_of("views.open"))
    world.slack.repeat_next_delivery(2)
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": NUMBER, "message": text})
    world.slack.repeat_next_delivery(2)

    assert (await dialog.submit()).outcome is Outcome.CLOSED

    await told(person, "accepted")
    assert count(world, text) == 1
    assert len(world.slack.calls_of("views.open")) == opened + 1
    assert [call.outcome for call in world.slack.calls_of("views.open")[opened:]] == ["ok"]


async def test_fifty_messages_of_one_person_do_not_hold_up_another_while_sinch_is_slow(
    world: World, person: Actor, crowd: Iterator[Actor], open_dialog: OpenDialog, send: Send, told: Told, mark: Mark
) -> None:
    text, urgent, other = mark(), mark(), next(crowd)
    world.sinch.faults.add("send", Slow(2.5), None, text=text)
    dialogs = []
    for _ in range(50):
        dialogs.append(await open_dialog(world, person))
        dialogs[-1].type_in({"to": NUMBER, "message": text})

    answers = await asyncio.gather(*(dialog.submit() for dialog in dialogs))
    await send(world, other, message=urgent)
    await told(other, "accepted", within_s=5.0)

    order = [batch.request.text for batch in world.sinch.batches if batch.request.text in (text, urgent)]
    assert order[0] == urgent
    assert {answer.outcome for answer in answers} == {Outcome.CLOSED}
    assert max(answer.elapsed_s for answer in answers) < MAX_ACK_S
    await world.slack.state.changes.wait_for(
        lambda: True if sum("Sinch accepted" in m.shown for m in person.messages) == 50 else None,
        timeout_s=15.0,
        what="fifty results",
    )
    assert count(world, text) == 50
    assert sum(one.text == text for one in world.sinch.phones.of(NUMBER)) == 50
    assert len({b.client_reference for b in world.sinch.batches if b.request.text == text}) == 50


async def test_the_word_payload_in_the_text_and_in_the_channels_name_does_no_harm(
    world: World, person: Actor, open_dialog: OpenDialog, send: Send, told: Told
) -> None:
    general = world.slack.people.channel(GENERAL)
    world.slack.people.add_channel(Channel("C0PAYLOAD", "payload-team", "public", general.members))

    dialog = await open_dialog(world, person, "payload=the payload has landed&payload=%7B%7D", channel="payload-team")

    assert dialog.values["message"] == "payload=the payload has landed&payload=%7B%7D"
    dialog.type_in({"to": NUMBER})
    assert (await dialog.submit()).outcome is Outcome.CLOSED
    assert re.search("accepted", (await told(person, "accepted")).shown)


async def test_payloads_that_the_bot_does_not_know_are_acked_empty(world: World, person: Actor) -> None:
    slack = world.slack
    shortcut = {"type": "shortcut", "callback_id": "elsewhere", "team": {"id": slack.team_id}, "trigger_id": "1.2.a"}
    closed = {"type": "view_closed", "view": {"id": "V1", "callback_id": "other"}, "team": {"id": slack.team_id}}
    odd = {"type": "something_new", "team": {"id": slack.team_id}, "user": {"id": person.id}}

    acks = [
        await slack.send_event({"type": "channel_renamed_twice", "user": person.id}),
        await person.open_home(),
        *[await slack.send_interactive(payload) for payload in (shortcut, closed, odd)],
    ]

    assert [(ack.status, ack.body) for ack in acks] == [(200, b"")] * len(acks)
    assert world.bot.events("payload_unknown")


async def test_slack_can_verify_the_address(world: World) -> None:
    if world.slack.sockets.is_on:
        assert await world.bot.get("/slack/events") == 404
        return

    ack = await world.slack.verify_url("a challenge")

    assert ack.status == 200
    assert "a challenge" in ack.body.decode()


async def test_an_escaped_text_reaches_the_phone_as_it_was_typed(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text = mark()
    dialog = await open_dialog(world, person, f"+12015550123 {text}: 1 < 2 & <3 ask @ann in #general")
    assert (await dialog.submit()).outcome is Outcome.CLOSED

    await told(person, "accepted")

    assert f"{text}: 1 < 2 & <3 ask @ann in #general" in texts_of(world, NUMBER)


async def test_health_is_served_in_both_modes(world: World) -> None:
    assert await world.bot.get("/healthz") == 200
    assert await world.bot.get("/readyz") == 200
    assert await world.bot.get("/nowhere") == 404
