"""Where Sinch's documents can be read in two ways, the bot does its work in either: one bot, every reading in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest

from sandbox.sinch import Readings, Reset
from sandbox.slack import Actor, Message, SubmitAnswer
from sandbox.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]

PICTURE = "https://pictures.example.com/parcel.png"
ALL = [Readings(), *Readings.alternatives()]
SHOWN_IN_A_LIST = ("plus_in_answers", "canceled_as_text", "reference_filter")


@pytest.fixture
def readings(request: pytest.FixtureRequest, world: World) -> Iterator[Readings]:
    usual = world.sinch.readings
    world.sinch.readings = request.param
    yield request.param
    world.sinch.readings = usual


def sent(world: World, text: str) -> int:
    return sum(batch.request.text == text for batch in world.sinch.batches)


@pytest.mark.parametrize("readings", ALL, ids=str, indirect=True)
async def test_a_picture_goes_out_and_its_sender_is_told(
    world: World, person: Actor, send: Send, told: Told, mark: Mark, readings: Readings
) -> None:
    text = mark()
    await send(world, person, message=text, media_url=PICTURE)
    if readings.media_taken:
        await told(person, "accepted", "Batch ID")
    else:
        message = await told(person, "Nothing was sent", "code")
        assert "may have been sent" not in message.shown
    assert sent(world, text) == readings.media_taken


@pytest.mark.parametrize(
    "readings", [one for one in ALL if str(one).startswith(SHOWN_IN_A_LIST)], ids=str, indirect=True
)
async def test_a_batch_whose_answer_was_lost_is_found(
    world: World, person: Actor, send: Send, told: Told, mark: Mark, readings: Readings
) -> None:
    text = mark()
    world.sinch.faults.add("send", Reset(accept=True), text=text)
    await send(world, person, message=text)
    await told(person, "accepted", "Batch ID", within_s=45.0)
    assert sent(world, text) == 1
