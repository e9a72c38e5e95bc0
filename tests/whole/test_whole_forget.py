"""``mms-bot forget`` beside the running bot: what waits is cancelled, what is done is erased, and the bot works on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import pytest

from sandbox.slack import Message, SubmitAnswer
from sandbox.world import World
from tests.postgres import Postgres

NewWorld = Callable[..., World]
Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]

NUMBER, OTHER, TEXT = "+12015550123", "+12015550124", "Lantern-Walrus is here"
WITHIN_S = 60.0


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Settings that name one; none for the file."""
    if request.param == "sqlite":
        yield {}
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = postgres.create()
    yield {"DATABASE_URL": postgres.url(name)}
    postgres.drop(name)


async def forget(folder: Path, number: str, settings: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bot", "forget", number),
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), **settings},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        out, err = await process.communicate()
    return await process.wait(), out.decode(), err.decode()


def bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.name.startswith("mms-bot.db"))


async def test_a_number_is_erased_while_the_bot_runs_and_what_waits_for_it_is_cancelled(
    new_world: NewWorld, send: Send, told: Told, database: dict[str, str]
) -> None:
    async with new_world(**database) as world:
        ann = world.slack.person("ann")
        await send(world, ann, to=f"{NUMBER}, {OTHER}", message=TEXT)
        await told(ann, "Batch ID")
        await world.sinch.go_away()
        await send(world, ann, to=NUMBER, message=f"{TEXT} again")
        status, out, err = await forget(world.bot.folder, "(201) 555-0123", world.bot.settings)
        assert (status, err) == (0, "")
        assert out == "Erased: 2 messages. Cancelled before they went out: 1.\n"
        await told(ann, "was cancelled", "Nothing was sent", "MMS-FORGOTTEN")
        if not database:
            kept = await asyncio.to_thread(bytes_in, world.bot.folder)
            assert not [word for word in (b"2015550123", TEXT.encode()) if word in kept]
        await world.sinch.come_back()
        await send(world, ann, to=OTHER, message="Parcel for Ben")
        await world.sinch.until(lambda sinch: len(sinch.batches) == 2)
        assert [batch.request.text for batch in world.sinch.batches] == [TEXT, "Parcel for Ben"]
        recent = await ann.command("/mms", "recent")
        assert recent.message is not None
        assert "cancelled" in recent.message.shown
        again = await forget(world.bot.folder, NUMBER, world.bot.settings)
        assert again == (0, "Nothing is kept about this number.\n", "")


@pytest.mark.parametrize("number", ["nobody", "12", f"{NUMBER},{OTHER}", "U0ANN"])
async def test_what_is_no_number_is_wrong_use_and_makes_no_database(tmp_path: Path, number: str) -> None:
    settings = {
        "SLACK_BOT_TOKEN": "xoxb-0000-0000-sandbox",
        "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
        "SINCH_SERVICE_PLAN_ID": "sandbox-plan",
        "SINCH_API_TOKEN": "sandbox-sinch-token",
        "SINCH_NUMBER": "+12015550100",
    }
    status, out, err = await forget(tmp_path, number, settings)
    assert (status, out) == (2, "")
    assert "not a phone number" in err
    assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
