"""Worlds for the tests of the whole, people for them, and the few things that every test does."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sandbox.sinch.lives import NO_LAST_WORD
from sandbox.slack import Actor, Dialog, Message, SubmitAnswer
from sandbox.slack.people import GENERAL, Person
from sandbox.world import SENDERS, World

CROWD = tuple(f"U0P{number:03d}" for number in range(160))  # each test takes the next one: nobody has two stories
PICTURE = "https://pictures.example.com/parcel.png"
NUMBER = "+12015550123"

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]


@pytest.fixture(scope="session")
def new_world(tmp_path_factory: pytest.TempPathFactory) -> NewWorld:
    """``new_world(socket_mode=…, SETTING=…)``: a world in a folder of its own, not started, whose crowd may send."""

    def make(
        folder: Path | None = None, *, kind: type[World] = World, socket_mode: bool = False, **settings: str
    ) -> World:
        allowed = ",".join([SENDERS, *CROWD])
        world = kind(
            folder or tmp_path_factory.mktemp("bot"),
            socket_mode=socket_mode,
            settings={"SLACK_ALLOWED_USERS": allowed, **settings},
        )
        people = world.slack.people
        for user_id in CROWD:
            people.add_person(Person(user_id, user_id.lower(), f"Paula Crowd {user_id}"))
        general = people.channel(GENERAL)
        people.add_channel(replace(general, members=general.members | set(CROWD)))
        return world

    return make


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(new_world: NewWorld) -> AsyncIterator[World]:
    """One world over HTTP for a whole module. No phone says that it got anything, so that nobody is told of that."""
    async with new_world() as started:
        started.sinch.phones.usual = NO_LAST_WORD
        yield started


@pytest.fixture(scope="module")
def crowd(world: World) -> Iterator[Actor]:
    """People of the module's world whom nobody has used yet."""
    return map(world.slack.person, CROWD)


@pytest.fixture
def person(crowd: Iterator[Actor]) -> Actor:
    """Somebody who may send and has done nothing so far."""
    return next(crowd)


@pytest.fixture(scope="session")
def mark() -> Callable[[], str]:
    """``mark()``: a text that no other message has."""
    numbers = itertools.count(1)
    return lambda: f"Parcel {next(numbers):05d} is here"


@pytest.fixture(autouse=True)
def _the_bot_made_no_mistake(request: pytest.FixtureRequest) -> Iterator[None]:
    """Slack had nothing to refuse, and the bot logged no fault of its own."""
    if "world" not in request.fixturenames:
        yield
        return
    world: World = request.getfixturevalue("world")
    before, absences = _mistakes(world), world.slack.absences
    yield
    # Should the bot ask Slack just while it is away, it is right to say so.
    no_mistake = {"slack_not_usable"} if world.slack.absences > absences else set()
    assert [mistake for mistake in _mistakes(world, no_mistake) if mistake not in before] == []


def _mistakes(world: World, no_mistake: Collection[str] = ()) -> list[Any]:
    faults = [
        line
        for line in map(_parsed, world.bot.lines)
        if line.get("level") in ("error", "critical") and line.get("event") not in no_mistake
    ]
    return [*world.bot.errors, *faults, *world.slack.refusals]  # log lines have a time: no two are equal


def _parsed(line: str) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError:
        return {"level": "error", "not a log line": line}
    return said


@pytest.fixture(scope="session")
def open_dialog() -> OpenDialog:
    """``open_dialog(world, person, text="", channel=…)``: types the command and waits for its dialog."""

    async def run(world: World, person: Actor, text: str = "", *, channel: str = "general") -> Dialog:
        before = person.open_dialog()
        answer = await person.command("/mms", text, channel=channel)
        assert answer.status == 200
        assert answer.error is None

        def look() -> Dialog | None:
            now = person.open_dialog()
            return now if now is not None and (before is None or now.id != before.id) else None

        return await world.slack.state.changes.wait_for(look, timeout_s=5.0, what=f"a new dialog for {person.name}")

    return run


@pytest.fixture(scope="session")
def send(open_dialog: OpenDialog) -> Send:
    """``send(world, person, message=…, to=…, media_url=…)``: the whole way from the command to the submit button."""

    async def run(
        world: World, person: Actor, *, channel: str = "general", times: int = 1, **fields: Any
    ) -> SubmitAnswer:
        dialog = await open_dialog(world, person, channel=channel)
        dialog.type_in({"to": NUMBER, **fields})
        return await dialog.submit(times=times)

    return run


@pytest.fixture(scope="session")
def told() -> Told:
    """``told(person, "accepted", …)``: waits for a message with all these words in it, in whatever case."""

    async def run(person: Actor, *words: str, within_s: float = 10.0) -> Message:
        try:
            return await person.wait_for_message(
                lambda message: all(word.lower() in message.shown.lower() for word in words), timeout_s=within_s
            )
        except TimeoutError:
            seen = "\n".join(f"- {message.shown}" for message in person.messages) or "nothing"
            raise AssertionError(
                f"{person.name} was not told {words} within {within_s:g} s, but read:\n{seen}"
            ) from None

    return run


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    """A server that nobody may ever contact; it counts who does."""
    one = Trap()
    await one.start()
    yield one
    await one.stop()


class Trap:
    """Takes connections on a loopback port, remembers the first line of each, and closes them."""

    def __init__(self) -> None:
        self.contacts: list[bytes] = []
        self.origin = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.origin = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.contacts.append(await reader.readline())
        writer.close()
