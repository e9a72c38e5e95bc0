"""The real bot while its PostgreSQL server is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sandbox.slack import Dialog, Message, Outcome
from sandbox.world import World
from tests.postgres import running_postgres

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]

NOTICED_WITHIN_S = 15.0


async def test_while_the_server_is_gone_the_dialog_stays_open_and_a_second_press_sends_once(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told, mark: Mark
) -> None:
    with running_postgres() as server:
        name = server.create()
        async with new_world(DATABASE_URL=server.url(name)) as world:
            ann, text = world.slack.person("ann"), mark()
            dialog = await open_dialog(world, ann)
            dialog.type_in({"to": "+12015550123", "message": text})
            server.go_away()
            answer = await dialog.submit()
            assert answer.outcome is Outcome.ERRORS
            assert set(answer.errors) == {"to"}
            assert "not saved yet" in answer.errors["to"]
            assert "Nothing was sent" not in answer.errors["to"]
            assert answer.elapsed_s < 3.0
            await _until_readyz_says(world, 503)
            assert await world.bot.get("/healthz") == 200
            server.come_back()
            await _until_readyz_says(world, 200)
            assert (await dialog.submit(times=2)).outcome is Outcome.CLOSED
            await told(ann, "Batch ID")
            assert sum(batch.request.text == text for batch in world.sinch.batches) == 1


async def _until_readyz_says(world: World, status: int) -> None:
    async with asyncio.timeout(NOTICED_WITHIN_S):
        while True:
            if await world.bot.get("/readyz") == status:
                return
            await asyncio.sleep(0.1)  # it says the same for a second: there is nothing to wait for but time
