"""What the tests of the bot's parts share: time that stands still, a database of their own, a sender that obeys."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from bot.access import Known, Policy, Profile, Role, Workspace, everybody_with
from bot.causes import Catalogue
from bot.clock import Clock, SystemClock
from bot.delivery.sender import CancelOutcome, SendError
from bot.domain import Content, Message, Recipient, ReplyRoute, Submission
from bot.reports import Report
from bot.secret import Secret
from bot.slack.access.watch import AccessWatch
from bot.slack.directory import Directory
from bot.slack.dispatch import Dispatcher
from bot.slack.doors import AccessCheck
from bot.slack.every_door import Hooks, every_door
from bot.slack.gateway import SlackGateway, open_gateway
from bot.slack.home.screens import HomeScreens
from bot.slack.listeners import Rules
from bot.slack.pace import Pace
from bot.slack.profiles import UserGroup, profile_from
from bot.store import Store
from bot.store.engine import open_engine
from bot.store.migrate import migrate
from bot.store.sql import SqlStore
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, ANN, BOT_USER, SUPPORT, TEAM_ID
from sandbox.slack.web_api import user_payload
from tests.bot.databases import DATABASES, Database, NewDatabase, PostgresDatabase, Shelf, SqliteDatabase
from tests.postgres import Postgres

if TYPE_CHECKING:
    from tests.bot.access_desk import Desk

_T = TypeVar("_T")

START = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
HERE = Workspace(TEAM_ID, BOT_USER)
SOON_S = 5.0  # a bound on waiting for something that comes at once
_LOOK_EVERY_S = 0.002


class FakeClock:
    """Time that stands still until ``advance``; whoever sleeps is woken in order."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        entry = (self._elapsed + seconds, asyncio.get_running_loop().create_future())
        self._sleepers.append(entry)
        try:
            await entry[1]
        finally:
            self._sleepers.remove(entry)

    @property
    def sleepers(self) -> int:
        return len(self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass; whoever is due by then wakes up at the moment it asked for."""
        end = self._elapsed + seconds
        while due := sorted((at for at, future in self._sleepers if at <= end and not future.done()), key=float):
            self._elapsed = max(self._elapsed, due[0])
            for at, future in list(self._sleepers):
                if at <= self._elapsed and not future.done():
                    future.set_result(None)
            await asyncio.sleep(0)
        self._elapsed = end
        await asyncio.sleep(0)

    def jump(self, seconds: float) -> None:
        """Let time pass without waking anybody: the process was away."""
        self._elapsed += seconds


class ScriptedSender:
    """A carrier that does as told. ``outcomes`` are used up in order; after them every send is accepted."""

    def __init__(self) -> None:
        self.outcomes: list[str | SendError] = []
        self.found: dict[str, str | SendError] = {}
        self.reported: dict[str, Sequence[Report] | SendError] = {}  # by batch ID
        self.cancels: list[CancelOutcome | SendError] = []
        self.sent: list[Message] = []
        self.looked_up: list[Message] = []
        self.asked: list[Message] = []
        self.cancelled: list[Message] = []
        self.under_way = 0
        self.most_under_way = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._count = itertools.count(1)

    async def send(self, message: Message) -> str:
        self.sent.append(message)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        return _given(self.outcomes.pop(0) if self.outcomes else f"batch-{next(self._count)}")

    async def find(self, message: Message, *, since: datetime) -> str | None:
        self.looked_up.append(message)
        assert since < (message.first_attempt_at or message.created_at), "the look-up starts before the attempt"
        found = self.found.get(message.client_reference)
        return None if found is None else _given(found)

    async def reports(self, message: Message) -> Sequence[Report]:
        self.asked.append(message)
        assert message.batch_id is not None, "only what Sinch has can have a report"
        return _given(self.reported.get(message.batch_id, ()))

    async def cancel(self, message: Message) -> CancelOutcome:
        self.cancelled.append(message)
        return _given(self.cancels.pop(0) if self.cancels else CancelOutcome.CANCELLED)


def _given(outcome: _T | SendError) -> _T:
    if isinstance(outcome, SendError):
        raise outcome
    return outcome


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def shelf(postgres: Postgres) -> Shelf:
    return Shelf(postgres)


@pytest.fixture(params=DATABASES)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    """``new_database()``: one more, of each kind that the bot supports; whoever makes it closes it."""
    if request.param == "postgresql":
        shelf: Shelf = request.getfixturevalue("shelf")
        return lambda: PostgresDatabase(shelf)
    template: Path = request.getfixturevalue("sqlite_template")
    numbers = itertools.count(1)

    def make() -> Database:
        folder = tmp_path / f"database-{next(numbers)}"
        folder.mkdir()
        return SqliteDatabase(Path(shutil.copy(template, folder / "mms-bot.db")))

    return make


@pytest.fixture
async def database(new_database: NewDatabase) -> AsyncIterator[Database]:
    database = new_database()
    yield database
    await database.close()


@pytest.fixture
async def postgres_database(shelf: Shelf) -> AsyncIterator[PostgresDatabase]:
    """For what is not the same on SQLite."""
    database = PostgresDatabase(shelf)
    yield database
    await database.close()


@pytest.fixture
def on_its_own(postgres_database: PostgresDatabase) -> Callable[[], SqlStore]:
    """``on_its_own()``: one more store as the product opens it, by the database's clock."""

    def make() -> SqlStore:
        store = SqlStore(postgres_database.engine())
        postgres_database.stores.append(store)
        return store

    return make


@pytest.fixture
def store(database: Database) -> SqlStore:
    return database.store()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sender() -> ScriptedSender:
    return ScriptedSender()


@pytest.fixture(scope="session")
def causes() -> Catalogue:
    return Catalogue.load()


def anybody(_: object) -> None:
    """For ``enqueue(…, may=anybody)``: whoever it is, and whatever the list says."""


def _content(
    text: str = "Hello",
    to: tuple[str, ...] = ("+12015550123",),
    media_url: str | None = None,
    subject: str | None = None,
) -> Content:
    return Content(tuple(Recipient(e164, "US") for e164 in to), text, media_url, subject, ", ".join(to))


@pytest.fixture
def submission() -> Callable[..., Submission]:
    """``submission("V1", user="U0ANN", text="Hello")``; without a view ID, each is a new one."""
    numbers = itertools.count(1)

    def make(
        view_id: str | None = None,
        *,
        user: str = ANN,
        channel: str | None = None,
        response_url: str | None = None,
        expires_at: datetime | None = None,
        **content: Any,
    ) -> Submission:
        route = ReplyRoute(user, channel, response_url, expires_at)
        return Submission(view_id or f"V{next(numbers):04d}", TEAM_ID, _content(**content), route)

    return make


Look = Callable[[], object]


@pytest.fixture
def until() -> Callable[[Look], Any]:
    """``await until(lambda: …)`` waits until it holds, and fails when it does not come to hold."""

    async def wait(holds: Look) -> None:
        async with asyncio.timeout(SOON_S):
            while not holds():  # noqa: ASYNC110  what is looked at lives in other threads and servers, without an event
                await asyncio.sleep(_LOOK_EVERY_S)

    return wait


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def gateway(slack: FakeSlack) -> AsyncIterator[SlackGateway]:
    hurried = Pace(SystemClock(), limits={})
    async with open_gateway(bot_token=Secret(slack.bot_token), base_url=slack.api_base_url, pace=hurried) as gateway:
        yield gateway


class StandInDirectory(Directory):
    """Learns at once who somebody in the sandbox's workspace is; ``silent``: Slack says nothing of new people."""

    def __init__(self, slack: FakeSlack) -> None:
        self.sandbox = slack.people
        self.members: dict[str, frozenset[str]] = {}
        self.profiles: dict[str, Profile] = {}
        self.silent = False
        self.woken = 0
        self.looked_up: list[str] = []

    def known(self) -> Known:
        return Known(dict(self.members), dict(self.profiles))

    def user_groups(self) -> tuple[UserGroup, ...]:
        return tuple(UserGroup(group.id, group.handle, group.name) for group in self.sandbox.groups())

    def wake(self) -> None:
        self.woken += 1

    def look_up(self, user_ids: Iterable[str]) -> None:
        self.looked_up.extend(user_ids)

    async def learn(self, user_ids: Iterable[str], *, within_s: float) -> None:
        for user_id in user_ids:
            person = self.sandbox.find_person(user_id)
            if person is not None and not self.silent:
                self.profiles[user_id] = profile_from(user_payload(person), HERE)


class Doors:
    """The doors of a bot whose workspace is known: ann and @support may send, ada is an admin; nothing sends."""

    def __init__(self, *, store: Store, slack: SlackGateway, fake: FakeSlack, causes: Catalogue, clock: Clock) -> None:
        self.directory = StandInDirectory(fake)
        self.queued = 0
        self.queued_by: list[str] = []
        self.noticed = 0
        self.answers = 0
        self.news = 0
        self.sender = ScriptedSender()
        self.store = store
        self.access = AccessCheck(
            Policy(senders=frozenset({ANN, SUPPORT}), admins=frozenset({ADA})),
            known=self.directory.known,
            look_up=lambda user_id: self.directory.look_up([user_id]),
            on_change=self.directory.wake,
            look=lambda: self.watch.look_now(),
        )
        self.watch = AccessWatch(store.access, take=self.access.take, clock=clock)
        self.access.workspace = HERE
        rules = Rules("/mms", "US", frozenset({"US", "CA"}))
        self.screens = HomeScreens(
            reports=store.reports,
            slack=slack,
            access=self.access,
            admins=lambda: everybody_with(self.access.policy, self.directory.known(), Role.ADMIN),
            causes=causes,
            command="/mms",
            clock=clock,
        )
        self.all = every_door(
            store=store,
            sender=self.sender,
            slack=slack,
            access=self.access,
            directory=self.directory,
            screens=self.screens,
            rules=rules,
            causes=causes,
            clock=clock,
            hooks=Hooks(
                queued=self._on_queued,
                changed=self.screens.changed,
                answer=self._on_answer,
                news=self._on_news,
                notice=self._on_notice,
            ),
        )
        self.dispatcher = Dispatcher(doors=self.all, access=self.access, rules=rules, causes=causes, clock=clock)

    def _on_queued(self, user_id: str) -> None:
        self.queued += 1
        self.queued_by.append(user_id)
        self.screens.changed(user_id)

    def _on_notice(self) -> None:
        self.noticed += 1

    def _on_answer(self) -> None:
        self.answers += 1

    def _on_news(self) -> None:
        self.news += 1


@pytest.fixture
async def doors(
    store: SqlStore, gateway: SlackGateway, slack: FakeSlack, causes: Catalogue, clock: FakeClock
) -> AsyncIterator[Doors]:
    doors = Doors(store=store, slack=gateway, fake=slack, causes=causes, clock=clock)
    yield doors
    await doors.dispatcher.drain(SOON_S)


@pytest.fixture
async def desk(
    doors: Doors, database: Database, slack: FakeSlack, gateway: SlackGateway, causes: Catalogue, clock: FakeClock
) -> AsyncIterator[Desk]:
    from tests.bot.access_desk import Desk  # it is made of what stands here

    desk = Desk(doors, database, slack, gateway, causes, clock)
    yield desk
    await desk.close()


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder, and none of the bot's settings in the environment."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "SINCH_", "DATABASE_", "PUBLIC_", "MMS_", "LOG_", "RETENTION_", "GIVE_UP_")) or (
            name in ("HOST", "PORT", "DYNO", "DEFAULT_REGION")
        ):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
