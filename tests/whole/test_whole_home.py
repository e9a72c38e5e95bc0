"""The Home tab of the real bot: opened, kept up to date while somebody looks, and never a word of others in it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.sinch import Slow
from sandbox.slack import Actor, Dialog, Outcome, SubmitAnswer
from sandbox.world import World
from tests.postgres import Postgres

TEXT = "Between us two"
REPORTED_WITHIN_S = 30.0  # Sinch is asked, and the tab drawn after that
SEEN_WITHIN_S = 15.0  # what another process did is looked for every few seconds

NewWorld = Callable[..., World]
Send = Callable[..., Awaitable[SubmitAnswer]]
OpenDialog = Callable[..., Awaitable[Dialog]]


@pytest.fixture
def address(postgres: Postgres) -> Iterator[str]:
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


async def opens(person: Actor) -> None:
    ack = await person.open_home()
    assert ack.status in (200, None), "an ack in Socket Mode has no status"
    await person.wait_for_home()


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_home_shows_what_becomes_of_a_message_while_its_sender_looks_and_nobody_else_sees_it(
    new_world: NewWorld, send: Send, socket_mode: bool
) -> None:
    async with new_world(socket_mode=socket_mode) as world:
        ann, ben, sam, ada = (world.slack.person(name) for name in ("ann", "ben", "sam", "ada"))
        for person in (ann, sam, ada):
            await opens(person)
        await ben.open_home()
        assert "You have sent nothing yet" in ann.home_shown
        assert "You are not on the list" in sam.home_shown

        world.sinch.faults.add("send", Slow(1.0))
        assert (await send(world, ann, message=TEXT)).outcome is Outcome.CLOSED
        await ann.wait_for_home(lambda words: "Text message (SMS) to 1 recipient" in words, timeout_s=SEEN_WITHIN_S)
        await ann.wait_for_home(
            lambda words: "Accepted by Sinch" in words or "1 on its way" in words, timeout_s=SEEN_WITHIN_S
        )
        await ada.wait_for_home(lambda words: f"<@{ann.id}>: 1 message" in words, timeout_s=SEEN_WITHIN_S)

        await ann.click_home("mms_details")
        dialog = await ann.dialog(callback_id="mms_details")
        for words in (TEXT, "+12015550123", world.sinch.batches[0].id):
            assert words in dialog.shown
        await ann.wait_for_home(lambda words: "1 delivered" in words, timeout_s=REPORTED_WITHIN_S)
        await dialog.click("mms_refresh")
        await dialog.wait_until(lambda shown: "1 delivered" in shown.shown)
        for other in (ben, sam, ada):
            said = json.dumps(other.home)
            assert TEXT not in said
            assert "2015550123" not in said
            assert "Text message" not in said
        assert world.slack.refusals == []


async def test_what_one_process_sent_is_seen_on_a_home_tab_that_another_drew(
    new_world: NewWorld, open_dialog: OpenDialog, address: str, tmp_path: Path
) -> None:
    async with new_world(DATABASE_URL=address) as world:
        ann, other = world.slack.person("ann"), world.new_bot(tmp_path)
        await other.start()
        try:
            world.slack.deliver_by_http(other.events_url)
            await opens(ann)
            world.slack.deliver_by_http(world.bot.events_url)
            dialog = await open_dialog(world, ann)
            dialog.type_in({"to": "+12015550123", "message": TEXT})
            assert (await dialog.submit()).outcome is Outcome.CLOSED
            await ann.wait_for_home(lambda words: "Text message (SMS)" in words, timeout_s=SEEN_WITHIN_S)
        finally:
            with suppress(ProcessLookupError):
                await other.kill()


async def test_where_the_home_tab_is_switched_off_everything_else_works(new_world: NewWorld, send: Send) -> None:
    async with new_world() as world:
        ann = world.slack.person("ann")
        world.slack.home_tab_enabled = False
        assert (await ann.open_home()).status == 200
        await world.slack.wait_for_call("views.publish")
        assert (await send(world, ann, message=TEXT)).outcome is Outcome.CLOSED
        await ann.wait_for_message(lambda message: "Batch ID" in message.shown)
        assert [call.outcome for call in world.slack.calls_of("views.publish")] == ["not_enabled"]
