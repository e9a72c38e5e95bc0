"""The real bot and its database: locked by somebody else, and shared by two processes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from urllib.parse import urlencode

from sandbox.sinch import Slow
from sandbox.slack import Dialog, Message, Outcome, payloads
from sandbox.world import World

NUMBER, TEXT = "+12015550123", "Your parcel is here"

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]


async def test_while_the_database_is_locked_nothing_is_claimed_and_a_second_press_sends_once(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told
) -> None:
    async with new_world() as world:
        ann = world.slack.person("ann")
        dialog = await open_dialog(world, ann)
        dialog.type_in({"to": NUMBER, "message": TEXT})
        with closing(sqlite3.connect(world.bot.folder / "mms-bot.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = await dialog.submit()
            assert await world.bot.get("/healthz") == 200
            other.execute("ROLLBACK")
        assert answer.outcome is Outcome.ERRORS
        assert set(answer.errors) == {"to"}
        assert "not saved yet" in answer.errors["to"]
        assert "Nothing was sent" not in answer.errors["to"]
        assert answer.elapsed_s < 3.0
        assert (await dialog.submit()).outcome is Outcome.CLOSED
        await told(ann, "Batch ID")
        assert (len(world.sinch.seen("send")), len(world.sinch.batches)) == (1, 1)


async def test_the_same_submit_at_two_processes_is_one_row_and_one_send(
    new_world: NewWorld, open_dialog: OpenDialog
) -> None:
    async with new_world() as world:
        ann, first = world.slack.person("ann"), world.bot.events_url
        second = world.new_bot(world.bot.folder)
        await second.start()
        try:
            for number in range(10):
                dialog = await open_dialog(world, ann)
                dialog.type_in({"to": NUMBER, "message": f"{TEXT} {number}"})
                view = world.slack.modals.find(dialog.id)
                assert view is not None
                payload = payloads.view_submission(
                    world.slack.people.person(ann.id), view, trigger_id=world.slack.state.new_trigger(ann.id)
                )
                body = urlencode({"payload": json.dumps(payload)}).encode()
                presses = []
                for address in (first, second.events_url):
                    world.slack.deliver_by_http(address)
                    presses.append(asyncio.create_task(world.slack.post_raw(body, world.slack.signed_headers(body))))
                    await asyncio.sleep(0)  # the address is read when the task begins
                assert {ack.status for ack in await asyncio.gather(*presses)} == {200}
                await dialog.close()
            await world.slack.state.changes.wait_for(
                lambda: True if sum("Batch ID" in message.shown for message in ann.messages) == 10 else None,
                timeout_s=15.0,
                what="ten results",
            )
            assert (len(world.sinch.seen("send")), len(world.sinch.phones.of(NUMBER))) == (10, 10)
        finally:
            await second.kill()


async def test_a_locked_database_does_not_hold_up_the_end(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told
) -> None:
    async with new_world() as world:
        ann = world.slack.person("ann")
        world.sinch.faults.add("send", Slow(1.5, accept_first=True), times=None)
        for number in range(5):
            dialog = await open_dialog(world, ann)
            dialog.type_in({"to": f"+1201555010{number}", "message": TEXT})
            assert (await dialog.submit()).outcome is Outcome.CLOSED
        await world.sinch.until(lambda sinch: len(sinch.batches) == 5)
        with closing(sqlite3.connect(world.bot.folder / "mms-bot.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await world.bot.stop(within_s=15) == 0
            other.execute("ROLLBACK")

        world.sinch.faults.clear()
        await world.start_bot()
        for batch in world.sinch.batches:
            await told(ann, batch.id)
        assert len(world.sinch.seen("send")) == 5
