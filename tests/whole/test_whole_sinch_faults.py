"""Every way in which Sinch can fail a send: what the person reads, and that nothing goes out twice.

All stories run at once, each with a person of its own, because most of their time is waiting for look-ups.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from sandbox.sinch import (
    CutAnswer,
    Fault,
    Invisible,
    OddAnswer,
    OddBody,
    Reset,
    Shape,
    Slow,
    Status,
    gateway_trouble,
    out_of_service,
    rate_limited,
)
from sandbox.slack import Actor, Message, SubmitAnswer
from sandbox.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]

NOTHING, MAYBE = "Nothing was sent", "may have been sent"
REFERENCE = re.compile(r"mms-[0-9a-f]{32}")
UNKNOWN_TOLD_WITHIN_S = 45.0
HOSTILE = "<!channel> <@U0ADA> *now* <https://evil.example|bank> & " + "long " * 200

# Statuses that refuse: facts 9.3. A gateway's or a framework's body must not change what is said.
REFUSALS = {
    f"{status}-{shape}": Status(status, shape)
    for status in (400, 401, 403, 404, 405, 409, 413, 415, 422)
    for shape in (Shape.SINCH, Shape.EMPTY, Shape.HTML)
}
SHAPES = {f"400-{shape}": Status(400, shape, code="syntax_constraint_violation") for shape in Shape}
WORDS = {
    code: Status(status, code=code)
    for status, code in (
        (400, "syntax_invalid_json"),
        (400, "syntax_invalid_parameter_format"),
        (400, "syntax_constraint_violation"),
        (403, "unknown_group"),
        (403, "unknown_campaign"),
        (403, "missing_callback_url"),
        (403, "illegal_number_type"),
        (403, "blocked_account"),
        (403, "batch_already_dispatched"),
        (409, "conflict_send_at"),
    )
}
# What loses the answer without the batch: nothing is found, and the person reads so.
LOST: dict[str, Fault] = {
    "reset": Reset(),
    **{f"{s}-{shape}": Status(s, shape) for s in (500, 501, 502, 504) for shape in (Shape.SINCH, Shape.HTML)},
    "503-gateway": gateway_trouble(),
    "503-empty": Status(503, Shape.EMPTY),
    "503-framework": Status(503, Shape.FRAMEWORK),
    "408": Status(408, Shape.EMPTY),
}
# What loses the answer after Sinch took the batch: found by its reference.
TAKEN: dict[str, Fault] = {
    "reset": Reset(accept=True),
    "cut body": CutAnswer(),
    "cut headers": CutAnswer(in_headers=True),
    **{f"odd-{body}": OddAnswer(body) for body in OddBody},
    "500": Status(500, accept=True),
    "502": gateway_trouble(502, accept=True),
    "503": gateway_trouble(503, accept=True),
    "504": gateway_trouble(504, accept=True),
}


@dataclass(frozen=True, slots=True)
class Story:
    """One message that met a fault: whose, with which text, and what Sinch saw of it."""

    world: World
    person: Actor
    text: str

    @property
    def batches(self) -> int:
        return sum(batch.request.text == self.text for batch in self.world.sinch.batches)

    @property
    def on_the_phone(self) -> int:
        return sum(one.text == self.text for one in self.world.sinch.phones.of("+12015550123"))

    def attempts(self, reference: str) -> list[datetime]:
        return [seen.at for seen in self.world.sinch.seen("send") if seen.client_reference == reference]

    @property
    def reference(self) -> str:
        """From the row: not every story tells it to the person."""
        with closing(sqlite3.connect(self.world.bot.folder / "mms-bot.db")) as database:
            rows = database.execute("SELECT client_reference FROM message WHERE user_id = ?", [self.person.id])
            return str(rows.fetchone()[0])


Tell = Callable[[Story, Told], Awaitable[None]]
STORIES: dict[str, tuple[list[tuple[str, Fault]], Tell]] = {}


def story(name: str, *faults: Fault, look_up: Fault | None = None) -> Callable[[Tell], Tell]:
    def add(tell: Tell) -> Tell:
        assert name not in STORIES
        STORIES[name] = ([("send", fault) for fault in faults] + ([("list", look_up)] if look_up else []), tell)
        return tell

    return add


def refused_with(code: str) -> Tell:
    async def tell(story: Story, told: Told) -> None:
        message = await told(story.person, NOTHING, "code")
        assert re.search(rf"code {re.escape(code)}", message.shown, re.IGNORECASE)
        assert MAYBE not in message.shown
        assert message.buttons()
        assert (story.batches, len(story.attempts(story.reference))) == (0, 1)

    return tell


async def unknown(story: Story, told: Told) -> None:
    message = await told(story.person, MAYBE, "code", within_s=UNKNOWN_TOLD_WITHIN_S)
    assert NOTHING not in message.shown
    assert REFERENCE.search(message.shown)
    assert message.buttons()
    assert len(story.attempts(story.reference)) == 1
    looked_up = [seen for seen in story.world.sinch.seen("list") if seen.client_reference == story.reference]
    assert len(looked_up) >= 3
    assert story.batches == 0


async def found(story: Story, told: Told) -> None:
    message = await told(story.person, "accepted", "Batch ID", within_s=UNKNOWN_TOLD_WITHIN_S)
    assert story.world.sinch.batches
    assert (story.batches, story.on_the_phone, len(story.attempts(story.reference))) == (1, 1, 1)
    assert all(MAYBE not in seen.shown for seen in story.person.messages)
    assert message.ephemeral_to == story.person.id


for name, fault in REFUSALS.items():
    code = f"SINCH-{fault.status}" + (", sandbox_fault" if fault.shape is Shape.SINCH else "")
    story(f"refused: {name}", fault)(refused_with(code))
for name, fault in WORDS.items():
    story(f"word: {name}", fault)(refused_with(name))
for name, fault in SHAPES.items():
    story(f"shape: {name}", fault)(refused_with(""))
for name, other in LOST.items():
    story(f"lost: {name}", other)(unknown)
for name, other in TAKEN.items():
    story(f"taken: {name}", other)(found)
story("taken, and the first look-up fails", Reset(accept=True), look_up=Status(500, Shape.HTML))(found)
story("taken, and the first look-up is refused", Reset(accept=True), look_up=Status(401, Shape.EMPTY))(found)


@story("redirected", Status(302, Shape.EMPTY))
async def redirected(story: Story, told: Told) -> None:
    await told(story.person, NOTHING, "SINCH-302")
    assert story.batches == 0


@story("found late", Reset(accept=True), look_up=Invisible(look_ups=3))
async def found_late(story: Story, told: Told) -> None:
    warned = await told(story.person, MAYBE, within_s=UNKNOWN_TOLD_WITHIN_S)
    assert story.reference in warned.shown
    message = await told(story.person, "has been found", "Batch ID", within_s=20.0)
    assert next(b.id for b in story.world.sinch.batches if b.request.text == story.text) in message.shown
    assert (story.batches, story.on_the_phone, len(story.attempts(story.reference))) == (1, 1, 1)


@story("hostile words of the vendor", Status(400, code="<!here>", text=HOSTILE))
async def hostile_words(story: Story, told: Told) -> None:
    message = await told(story.person, NOTHING, "SINCH-400")
    assert not re.search(r"<[!@h]", message.shown + message.text)
    assert len(message.shown) < 1000
    assert "long long" in message.shown


@story("slow", Slow(2.5))
async def slow(story: Story, told: Told) -> None:
    await told(story.person, "accepted")
    assert ["queued" in message.shown for message in story.person.messages] == [True, False]
    assert (story.batches, story.on_the_phone) == (1, 1)


@story("429 with seconds", rate_limited(2))
async def kept_seconds(story: Story, told: Told) -> None:
    await told(story.person, "accepted")
    first, second = story.attempts(story.reference)
    assert second - first >= timedelta(seconds=2)
    assert (story.batches, story.on_the_phone) == (1, 1)


@story("429 without a time", rate_limited())
async def backs_off(story: Story, told: Told) -> None:
    await told(story.person, "accepted")
    first, second = story.attempts(story.reference)
    assert timedelta(seconds=1) <= second - first <= timedelta(seconds=4)
    assert story.batches == 1


@story("429 four times", *[rate_limited()] * 4)
async def fourth_is_told(story: Story, told: Told) -> None:
    message = await told(story.person, "nothing was sent yet", "SINCH-429", within_s=20.0)
    assert "<!date^" in message.shown
    assert len(story.attempts(story.reference)) == 4
    assert story.batches == 0


@story("429 for 40 seconds", rate_limited(40))
async def long_wait_is_told(story: Story, told: Told) -> None:
    message = await told(story.person, "nothing was sent yet", "tried again")
    (again_at,) = re.findall(r"<!date\^(\d+)\^", message.shown)
    wait = datetime.fromtimestamp(int(again_at), UTC) - datetime.now(UTC)
    assert timedelta(seconds=30) < wait < timedelta(seconds=42)
    assert story.batches == 0


@story("429 beyond the end", rate_limited(4000))
async def too_long_is_refused(story: Story, told: Told) -> None:
    message = await told(story.person, NOTHING, "code")
    assert "sent yet" not in message.shown
    assert message.buttons()
    assert story.batches == 0


@story("503 of Sinch's own, once", out_of_service())
async def repeated_once(story: Story, told: Told) -> None:
    await told(story.person, "accepted")
    first, second = story.attempts(story.reference)
    assert second - first >= timedelta(seconds=1)
    assert (story.batches, story.on_the_phone) == (1, 1)


@story("503 of Sinch's own, twice", out_of_service(), out_of_service())
async def repeated_once_only(story: Story, told: Told) -> None:
    message = await told(story.person, MAYBE, within_s=UNKNOWN_TOLD_WITHIN_S)
    assert REFERENCE.search(message.shown)
    assert (story.batches, len(story.attempts(story.reference))) == (0, 2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def under_way(
    request: pytest.FixtureRequest, world: World, crowd: Iterator[Actor], send: Send, told: Told, mark: Mark
) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """All stories that are asked for, started at once."""

    async def play(name: str, person: Actor, text: str) -> None:
        faults, tell = STORIES[name]
        for operation, fault in faults:
            world.sinch.faults.add(operation, fault, text=text)
        await send(world, person, message=text)
        await tell(Story(world, person, text), told)

    asked_for: list[Any] = [getattr(item, "callspec", None) for item in request.session.items]
    names = [spec.params["name"] for spec in asked_for if spec and spec.params.get("name") in STORIES]
    tasks = {name: asyncio.create_task(play(name, next(crowd), mark())) for name in names}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("name", STORIES)
async def test_a_failed_send_is_told_as_it_is_and_goes_out_once_at_most(
    under_way: dict[str, asyncio.Task[None]], name: str
) -> None:
    await under_way[name]


async def test_a_word_that_nobody_knows_is_logged_once_as_new(
    world: World, crowd: Iterator[Actor], send: Send, told: Told, mark: Mark
) -> None:
    for _ in range(2):
        person, text = next(crowd), mark()
        world.sinch.faults.add("send", Status(403, code="word_of_tomorrow"), text=text)
        await send(world, person, message=text)
        await told(person, NOTHING, "SINCH-403, word_of_tomorrow")
    [line] = [line for line in world.bot.events("new_code") if line["code"] == "word_of_tomorrow"]
    assert line["kind"] == "word code"
