"""The real bot and its database: locked by somebody else, and shared by two processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sandbox.sinch import Slow
from sandbox.slack import Dialog, Message, Outcome, payloads
from sandbox.world import World
from tests.locks import locked
from tests.postgres import Postgres

NUMBER, TEXT = "+12015550123", "Your parcel is here"

READY_WITHIN_S = 10.0

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]


async def ready(world: World, status: int = 200) -> None:
    """Wait for what ``/readyz`` says, which asks the database once a second."""
    async with asyncio.timeout(READY_WITHIN_S):
        while await world.bot.get("/readyz") != status:  # noqa: ASYNC110  another process, without an event
            await asyncio.sleep(0.05)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a database of each kind that the bot supports, with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'mms-bot.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


async def test_while_the_database_is_locked_nothing_is_claimed_and_a_second_press_sends_once(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told, address: str
) -> None:
    async with new_world(DATABASE_URL=address) as world:
        ann = world.slack.person("ann")
        dialog = await open_dialog(world, ann)
        dialog.type_in({"to": NUMBER, "message": TEXT})
        with locked(address):
            answer = await dialog.submit()
            assert await world.bot.get("/healthz") == 200
            await ready(world, 503)
        await ready(world)
        assert answer.outcome is Outcome.ERRORS
        assert set(answer.errors) == {"to"}
        assert "not saved yet" in answer.errors["to"]
        assert "Nothing was sent" not in answer.errors["to"]
        assert answer.elapsed_s < 3.0
        assert (await dialog.submit()).outcome is Outcome.CLOSED
        await told(ann, "Batch ID")
        assert (len(world.sinch.seen("send")), len(world.sinch.batches)) == (1, 1)


async def test_the_same_submit_at_two_processes_is_one_row_and_one_send(
    new_world: NewWorld, open_dialog: OpenDialog, address: str
) -> None:
    async with new_world(DATABASE_URL=address) as world:
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
                lambda: True if sum("Sinch accepted" in message.shown for message in ann.messages) == 10 else None,
                timeout_s=15.0,
                what="ten results",
            )
            assert (len(world.sinch.seen("send")), len(world.sinch.phones.of(NUMBER))) == (10, 10)
        finally:
            await second.kill()


async def test_a_locked_database_does_not_hold_up_the_end(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told, address: str
) -> None:
    async with new_world(DATABASE_URL=address) as world:
        ann = world.slack.person("ann")
        world.sinch.faults.add("send", Slow(1.5, accept_first=True), times=None)
        for number in range(5):
            dialog = await open_dialog(world, ann)
            dialog.type_in({"to": f"+1201555010{number}", "message": TEXT})
            assert (await dialog.submit()).outcome is Outcome.CLOSED
        await world.sinch.until(lambda sinch: len(sinch.batches) == 5)
        with locked(address):
            assert await world.bot.stop(within_s=15) == 0

        world.sinch.faults.clear()
        await world.start_bot()
        for batch in world.sinch.batches:
            await told(ann, batch.id)
        assert len(world.sinch.seen("send")) == 5
