"""Whoever may not, at every door of the real bot; and captured requests that are played again. Nothing changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from sandbox.sinch import Status
from sandbox.slack import Actor, Dialog, Message, Outcome, SubmitAnswer, payloads
from sandbox.slack.people import OTHER_TEAM_ID
from sandbox.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+12015550123"
MAX_BODY = 1_000_000
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

NewWorld = Callable[..., World]
Send = Callable[..., Awaitable[SubmitAnswer]]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]
State = tuple[int, int, int, int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(new_world: NewWorld) -> AsyncIterator[World]:
    """eve of the other workspace is listed by mistake: her team keeps her out all the same."""
    world = new_world()
    world._more["SLACK_ALLOWED_USERS"] += ",U0EVE"
    async with world as started:
        yield started


def state(world: World) -> State:
    """Everything that a request could have changed."""
    with closing(sqlite3.connect(world.bot.folder / "mms-bot.db")) as database:
        rows = int(database.execute("SELECT count(*) FROM message").fetchone()[0])
    return rows, len(world.sinch.requests), len(world.slack.calls), len(world.slack.state.messages)


def interactive(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def submission(world: World, person: Actor, dialog: Dialog) -> dict[str, Any]:
    view = world.slack.modals.find(dialog.id)
    assert view is not None
    trigger_id = world.slack.state.new_trigger(person.id)
    return payloads.view_submission(world.slack.people.person(person.id), view, trigger_id=trigger_id)


# -- replay: whoever captured a request can send it again for five minutes


async def test_a_captured_command_played_again_changes_nothing(
    world: World, person: Actor, open_dialog: OpenDialog
) -> None:
    body = world.slack.command_body(person.name, text="a parcel")
    headers = world.slack.signed_headers(body)
    await world.slack.post_raw(body, headers)
    dialog = await person.dialog()
    before = state(world)

    acks = [await world.slack.post_raw(body, headers) for _ in range(3)]
    await (await open_dialog(world, person)).close()  # whatever a replay had started would have come before this

    assert {ack.status for ack in acks} == {200}
    assert {ack.body for ack in acks} == {b""}
    assert state(world)[2:] == (before[2] + 1, before[3])
    await dialog.close()


async def test_a_captured_submit_played_again_changes_nothing(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    text = mark()
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": NUMBER, "message": text})
    body = interactive(submission(world, person, dialog))
    headers = world.slack.signed_headers(body)
    first = await world.slack.post_raw(body, headers)
    await told(person, "accepted")
    before = state(world)

    acks = [await world.slack.post_raw(body, headers) for _ in range(3)]

    assert {ack.status for ack in (first, *acks)} == {200}
    assert state(world) == before
    assert sum(batch.request.text == text for batch in world.sinch.batches) == 1


async def test_a_captured_click_played_again_changes_nothing(
    world: World, person: Actor, send: Send, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    body = interactive(await _click(world, person, person, send, told, mark()))
    headers = world.slack.signed_headers(body)
    await world.slack.post_raw(body, headers)
    await person.dialog(callback_id="mms_compose")
    before = state(world)

    acks = [await world.slack.post_raw(body, headers) for _ in range(3)]
    await open_dialog(world, person)

    assert {ack.status for ack in acks} == {200}
    assert state(world)[2:] == (before[2] + 1, before[3])


async def _click(world: World, sender: Actor, who: Actor, send: Send, told: Told, text: str) -> dict[str, Any]:
    """A click by ``who`` on the button under a refused message of ``sender``, as Slack would send it."""
    world.sinch.faults.add("send", Status(401), text=text)
    await send(world, sender, message=text)
    message = await told(sender, "Nothing was sent")
    block = {**message.blocks[-1], "block_id": "b0"}
    button = next(one for one in block["elements"] if "value" in one)
    slack = world.slack
    return payloads.click_in_message(
        slack.people.person(who.id),
        slack.people.channel(message.channel_id),
        message,
        payloads.action(block, button, chosen=None, action_ts=slack.state.next_ts()),
        response_url=f"{slack.origin}/response/{slack.state.new_response_url(who.id, message.channel_id)}",
        trigger_id=slack.state.new_trigger(who.id),
    )


# -- people who may not


@pytest.mark.parametrize("name", ["sam", "eve", "robo"])
@pytest.mark.parametrize("text", ["", f"{NUMBER} hello", "recent", "status 01ABC", "admin", "allow <@U0SAM>"])
async def test_the_denied_read_why_at_the_command_and_no_dialog_opens(world: World, name: str, text: str) -> None:
    who, before = world.slack.person(name), len(world.slack.calls)

    answer = await who.command("/mms", text)

    assert answer.message is not None
    assert answer.message.ephemeral_to == who.id
    assert "Nothing was" in answer.message.shown
    assert ("workspace" if name == "eve" else "<@U0ADA>") in answer.message.shown
    assert len(world.slack.calls) == before
    assert who.open_dialog() is None


async def test_a_sender_is_no_admin(world: World, person: Actor) -> None:
    answer = await person.command("/mms", "allow <@U0SAM>")

    assert answer.message is not None
    assert "Only an admin" in answer.message.shown


async def test_a_member_of_a_listed_group_may_send(world: World, open_dialog: OpenDialog) -> None:
    await (await open_dialog(world, world.slack.person("ben"))).close()


@pytest.mark.parametrize("name", ["sam", "eve", "robo"])
async def test_the_denied_at_the_submit_read_why_and_keep_what_they_typed(
    world: World, person: Actor, open_dialog: OpenDialog, told: Told, mark: Mark, name: str
) -> None:
    text, who = mark(), world.slack.person(name)
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": NUMBER, "message": text})
    payload = submission(world, who, dialog)
    before = state(world)

    ack = await world.slack.send_interactive(payload)

    answer = json.loads(ack.body)
    assert answer["response_action"] == "update"
    assert "submit" not in answer["view"]
    assert text in json.dumps(answer["view"])
    assert NUMBER in json.dumps(answer["view"])
    assert "Nothing was sent" in json.dumps(answer["view"])
    assert state(world) == before
    assert (await dialog.submit()).outcome is Outcome.CLOSED
    await told(person, "accepted")


@pytest.mark.parametrize("forged", ["team", "user", "both"])
async def test_a_listed_persons_id_from_another_team_is_nobodys(
    world: World, person: Actor, open_dialog: OpenDialog, mark: Mark, forged: str
) -> None:
    dialog = await open_dialog(world, person)
    dialog.type_in({"to": NUMBER, "message": mark()})
    payload = submission(world, person, dialog)
    if forged in ("team", "both"):
        payload["team"] = {"id": OTHER_TEAM_ID, "domain": "elsewhere"}
    if forged in ("user", "both"):
        payload["user"]["team_id"] = OTHER_TEAM_ID
    before = state(world)

    ack = await world.slack.send_interactive(payload)

    assert json.loads(ack.body)["response_action"] == "update"
    assert "workspace" in ack.body.decode()
    assert state(world) == before
    body = world.slack.command_body(person.name, team_id=OTHER_TEAM_ID)
    command = await world.slack.post_raw(body, world.slack.signed_headers(body))
    assert "workspace" in command.body.decode()
    await dialog.close()


@pytest.mark.parametrize("name", ["sam", "eve", "robo"])
async def test_the_denied_at_a_button_read_why(
    world: World, person: Actor, send: Send, told: Told, mark: Mark, name: str
) -> None:
    who = world.slack.person(name)
    payload = await _click(world, person, who, send, told, mark())
    seen, opened = len(who.messages), len(world.slack.calls_of("views.open"))

    ack = await world.slack.send_interactive(payload)

    assert (ack.status, ack.body) == (200, b"")
    await world.slack.state.changes.wait_for(
        lambda: True if len(who.messages) > seen else None, timeout_s=5.0, what="the reason"
    )
    assert "Nothing was sent" in who.messages[-1].shown
    assert who.messages[-1].ephemeral_to == who.id
    assert len(world.slack.calls_of("views.open")) == opened


@pytest.mark.parametrize("word", ["help", "HELP", " whoami ", "Whoami"])
@pytest.mark.parametrize("name", ["ann", "sam", "eve", "robo"])
async def test_help_and_whoami_answer_anybody(world: World, name: str, word: str) -> None:
    who = world.slack.person(name)

    answer = await who.command("/mms", word)

    assert answer.message is not None
    assert answer.message.ephemeral_to == who.id
    assert ("/mms recent" if "help" in word.lower() else who.id) in answer.message.shown


async def test_a_near_miss_gets_a_suggestion_and_no_dialog(world: World, person: Actor) -> None:
    opened = len(world.slack.calls_of("views.open"))

    answer = await person.command("/mms", "hlep")

    assert answer.message is not None
    assert "/mms help" in answer.message.shown
    await person.command("/mms", "help")
    assert len(world.slack.calls_of("views.open")) == opened


async def test_nobody_is_listed_means_that_nobody_may(new_world: NewWorld) -> None:
    async with new_world(SLACK_ALLOWED_USERS="", SLACK_ADMIN_USERS="") as empty:
        for name in ("ann", "ada", "sam"):
            answer = await empty.slack.person(name).command("/mms", "")
            assert answer.message is not None
            assert "Nothing was sent" in answer.message.shown
            assert "SLACK_ADMIN_USERS" in answer.message.shown
        assert await empty.bot.get("/readyz") == 200
        assert empty.slack.calls_of("views.open") == []
