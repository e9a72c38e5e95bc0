"""Every door × everybody who may knock. A door that is not in the table fails, and so does an entry without a door."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.access import Role
from bot.access.changes import ByDoor, Edit, Entry
from bot.access.requests import Asked
from bot.domain import Submission
from bot.slack import doors as slack_doors
from bot.slack import ids
from bot.slack.doors import DoorKind
from bot.store import Changed, Taken
from bot.store.tables import metadata
from sandbox.slack import FakeSlack
from sandbox.slack.faults import RESPONSE_URL
from sandbox.slack.people import ADA, ANN, BEN, DAN, EVE, GUS, NOBODY, ROBO, SAM, TEAM_ID
from tests.bot.conftest import HERE, SOON_S, anybody
from tests.bot.slack_payloads import Body, access_submit, click, command, said, submit, who
from tests.bot.test_dispatch import strangers_in

if TYPE_CHECKING:
    from bot.store.sql import SqlStore
    from tests.bot.conftest import Doors, FakeClock
    from tests.bot.databases import Database

ELSEWHERE = "T0ELSEWHERE"
ASKER = "U0ASKER"  # somebody whose request is open
Name = tuple[DoorKind, str]
Tables = dict[str, list[dict[str, Any]]]
Submit = Callable[..., Submission]


@dataclass(frozen=True)
class Visitor:
    """Who knocks: listed how, and what is known of them.

    Attributes:
        listed: the roles that the person is listed with by ID.
        group: the role of a listed user group that the person is in.
        met: Slack has said who that is.
        team: the person's workspace, as the payload says.
        ready: Slack has told whose bot this is.
    """

    user: str
    listed: tuple[Role, ...] = ()
    group: Role | None = None
    met: bool = True
    team: str = TEAM_ID
    ready: bool = True


VISITORS: Mapping[str, Visitor] = {
    "denied": Visitor(SAM),
    "sender": Visitor(SAM, (Role.SENDER,)),
    "admin": Visitor(SAM, (Role.ADMIN,)),
    "sender_of_whom_slack_is_silent": Visitor(SAM, (Role.SENDER,), met=False),
    "sender_by_a_group": Visitor(SAM, group=Role.SENDER),
    "admin_by_a_group": Visitor(SAM, group=Role.ADMIN),
    "deactivated": Visitor(DAN, (Role.ADMIN, Role.SENDER), group=Role.ADMIN),
    "foreign_by_payload": Visitor(SAM, (Role.ADMIN, Role.SENDER), team=ELSEWHERE),
    "foreign_by_profile": Visitor(EVE, (Role.ADMIN, Role.SENDER), group=Role.ADMIN),
    "bot": Visitor(ROBO, (Role.ADMIN, Role.SENDER), group=Role.ADMIN),
    "guest_by_a_group": Visitor(GUS, group=Role.ADMIN),
    "guest_by_id": Visitor(GUS, (Role.SENDER,)),
    "member_of_whom_slack_is_silent": Visitor(SAM, group=Role.ADMIN, met=False),
    "before_slack_was_asked": Visitor(SAM, (Role.ADMIN,), ready=False),
}
EVERYBODY = frozenset(VISITORS)
ADMINS = frozenset({"admin", "admin_by_a_group"})
SENDERS = ADMINS | {"sender", "sender_of_whom_slack_is_silent", "sender_by_a_group", "guest_by_id"}
ASKERS = frozenset({"denied", "guest_by_a_group"})  # those whom an admin can let in


class Scene:
    """A bot whose list has ``visitor`` on it as the column says; they sent one message, and somebody else has asked."""

    def __init__(self, doors: Doors, database: Database, slack: FakeSlack, visitor: Visitor) -> None:
        self.doors = doors
        self.database = database
        self.slack = slack
        self.visitor = visitor
        self.reference = ""
        self.request = ""
        self.answer: Body = {"response_type": "ephemeral", "text": "", "blocks": []}

    async def prepare(self, store: SqlStore, submission: Submit, clock: FakeClock) -> None:
        visitor = self.visitor
        entries = {Entry(BEN, Role.SENDER)} | {Entry(visitor.user, role) for role in visitor.listed}
        if visitor.group is not None:
            entries.add(Entry(NOBODY, visitor.group))
            self.doors.directory.members[NOBODY] = frozenset({visitor.user})
        edit, now = Edit(add=frozenset(entries)), clock.now()
        changed = await store.access.change(lambda _: edit, by=ADA, door=ByDoor.SHELL, origin=None, now=now)
        taken = await store.enqueue(submission("V-EARLIER", user=visitor.user), may=anybody, now=now)
        asked = await store.access.ask(ASKER, admins=[ADA], now=now)
        assert isinstance(changed, Changed)
        assert isinstance(taken, Taken)
        assert isinstance(asked, Asked)
        self.doors.access.take(changed.access)
        self.reference, self.request = taken.client_reference, str(asked.request.request_id)
        await self.doors.directory.learn([BEN, ADA, ANN, *([visitor.user] if visitor.met else [])], within_s=1)
        self.doors.access.workspace = HERE if visitor.ready else None

    def tables(self) -> Tables:
        return {table.name: self.database.rows(table) for table in metadata.sorted_tables}

    async def knock(self, body: Body) -> None:
        self.slack.state.messages.clear()
        self.slack.state.calls.clear()
        self.answer = said(await self.doors.dispatcher.dispatch(body))
        await self.doors.dispatcher.drain(SOON_S)

    # -- payloads

    def types(self, text: str) -> Body:
        return command(self.slack, text, user_id=self.visitor.user, team_id=self.visitor.team)

    def submits(self, body: Body) -> Body:
        return {**body, **who(self.visitor.user, home_team_id=self.visitor.team)}

    def presses(self, action_id: str, value: str) -> Body:
        body = click(self.slack, value, user_id=self.visitor.user, action_id=action_id)
        return {**body, **who(self.visitor.user, home_team_id=self.visitor.team)}

    def presses_in_a_dialog(self, action_id: str) -> Body:
        view = {"id": "V0OPEN", "type": "modal", "hash": "1.a", "app_installed_team_id": self.visitor.team}
        return {**self.presses(action_id, self.reference), "view": view}

    def comes_home(self) -> Body:
        event = {"type": "app_home_opened", "user": self.visitor.user, "tab": "home", "channel": "D1"}
        return {"type": "event_callback", "team_id": self.visitor.team, "event_id": "Ev1", "event": event}

    # -- effects

    def column(self, table: str, name: str) -> list[Any]:
        return [row[name] for row in self.tables()[table]]

    def says(self, *pieces: str) -> bool:
        assert self.answer["response_type"] == "ephemeral"
        return all(piece in self.answer["text"] for piece in pieces) and self.slack.calls == []

    def opens(self, callback_id: str) -> bool:
        calls = self.slack.calls_of("views.open")
        return self.answer == {} and [call.arguments["view"]["callback_id"] for call in calls] == [callback_id]

    def at_home(self) -> str:
        """What the visitor reads on the Home tab; empty if nothing was put there."""
        published = [call for call in self.slack.calls_of("views.publish") if call.outcome == "ok"]
        return json.dumps(published[-1].arguments["view"]) if published else ""

    def replaces(self) -> bool:
        """It tried to put something in the place of the message that was pressed."""
        return any(call.arguments.get("replace_original") for call in self.slack.calls_of(RESPONSE_URL))

    def listed(self) -> set[tuple[str, str]]:
        return {(row["role"], row["member_id"]) for row in self.tables()["access_member"]}


@dataclass(frozen=True)
class Row:
    """Who passes, what they send, and how to see that the door did its work."""

    passes: frozenset[str]
    body: Callable[[Scene], Body]
    reached: Callable[[Scene], bool]


def word(passes: frozenset[str], text: str | Callable[[Scene], str], reached: Callable[[Scene], bool]) -> Row:
    return Row(passes, lambda scene: scene.types(text if isinstance(text, str) else text(scene)), reached)


ABOUT_REQUESTS = (ids.ASK_ACCESS, ids.ALLOW_REQUEST, ids.DECLINE_REQUEST)


def button(passes: frozenset[str], action_id: str, reached: Callable[[Scene], bool]) -> Row:
    def body(scene: Scene) -> Body:
        return scene.presses(action_id, scene.request if action_id in ABOUT_REQUESTS else scene.reference)

    return Row(passes, body, reached)


WORD, SUBMIT, CLICK, EVENT = DoorKind.WORD, DoorKind.SUBMIT, DoorKind.CLICK, DoorKind.EVENT
TABLE: Mapping[Name, Row] = {
    (WORD, "help"): word(EVERYBODY, "help", lambda s: s.says("/mms help")),
    (WORD, "whoami"): word(EVERYBODY, "whoami", lambda s: s.says(s.visitor.user)),
    (WORD, "suggestion"): word(EVERYBODY, "recnet", lambda s: s.says("/mms recent")),
    (WORD, "compose"): word(SENDERS, "+12015550123 Hi", lambda s: s.opens(ids.COMPOSE)),
    (WORD, "recent"): word(SENDERS, "recent", lambda s: s.says("queued")),
    (WORD, "status"): word(SENDERS, lambda s: f"status {s.reference}", lambda s: s.says("queued")),
    (WORD, "admin"): word(ADMINS, "admin", lambda s: s.opens(ids.ADMIN)),
    (WORD, "access"): word(ADMINS, "access", lambda s: BEN in json.dumps(s.answer)),
    (WORD, "access log"): word(ADMINS, "access log", lambda s: BEN in json.dumps(s.answer)),
    (WORD, "allow"): word(ADMINS, "allow @ann as admin", lambda s: ("admin", ANN) in s.listed()),
    (WORD, "remove"): word(ADMINS, "remove @ben", lambda s: ("sender", BEN) not in s.listed()),
    (SUBMIT, ids.COMPOSE): Row(
        SENDERS, lambda s: s.submits(submit("V-NEW")), lambda s: "V-NEW" in s.column("message", "view_id")
    ),
    (SUBMIT, ids.ADMIN): Row(
        ADMINS,
        lambda s: s.submits(access_submit({ids.SENDERS: [ANN]}, user_id=s.visitor.user, metadata='{"seen": 1}')),
        lambda s: ("sender", ANN) in s.listed(),
    ),
    (CLICK, ids.OPEN_AGAIN): button(SENDERS, ids.OPEN_AGAIN, lambda s: s.opens(ids.COMPOSE)),
    (CLICK, ids.CANCEL): button(SENDERS, ids.CANCEL, lambda s: s.column("message", "state") == ["cancelled"]),
    (CLICK, ids.UNFOLD): button(SENDERS, ids.UNFOLD, lambda s: s.replaces()),
    (CLICK, ids.FOLD): button(SENDERS, ids.FOLD, lambda s: s.replaces()),
    (CLICK, ids.DETAILS): button(SENDERS, ids.DETAILS, lambda s: s.opens(ids.DETAILS)),
    (CLICK, ids.REFRESH): Row(
        SENDERS, lambda s: s.presses_in_a_dialog(ids.REFRESH), lambda s: s.slack.calls_of("views.update") != []
    ),
    (CLICK, ids.HOME_PAGE): button(SENDERS, ids.HOME_PAGE, lambda s: "older" in s.at_home()),
    (CLICK, ids.HOME_NEWER): button(SENDERS, ids.HOME_NEWER, lambda s: "older" in s.at_home()),
    (EVENT, ids.HOME_OPENED): Row(SENDERS, lambda s: s.comes_home(), lambda s: "nothing was sent yet" in s.at_home()),
    (CLICK, ids.ASK_ACCESS): button(
        ASKERS, ids.ASK_ACCESS, lambda s: s.visitor.user in s.column("access_request", "user_id")
    ),
    (CLICK, ids.ALLOW_REQUEST): button(
        ADMINS, ids.ALLOW_REQUEST, lambda s: s.column("access_request", "decision") == ["allowed"]
    ),
    (CLICK, ids.DECLINE_REQUEST): button(
        ADMINS, ids.DECLINE_REQUEST, lambda s: s.column("access_request", "decision") == ["declined"]
    ),
}


def registered(doors: slack_doors.Doors) -> set[Name]:
    tables = (doors.words, doors.submits, doors.clicks, doors.events)
    return {(door.kind, name) for table in tables for name, door in table.items()}


def without_an_entry(doors: slack_doors.Doors) -> set[Name]:
    """Doors that are not in the table, and entries of the table that are no doors."""
    return registered(doors) ^ set(TABLE)


Build = Callable[[str], Awaitable[Scene]]


@pytest.fixture
def build(
    doors: Doors, database: Database, slack: FakeSlack, store: SqlStore, submission: Submit, clock: FakeClock
) -> Build:
    async def made(column: str) -> Scene:
        scene = Scene(doors, database, slack, VISITORS[column])
        await scene.prepare(store, submission, clock)
        return scene

    return made


def test_every_door_is_in_the_table_and_bolt_listens_to_nothing_else(doors: Doors) -> None:
    assert without_an_entry(doors.all) == set()
    assert strangers_in(doors.dispatcher.app) == []


@pytest.mark.parametrize("kind", ["words", "submits", "clicks", "events"])
def test_a_new_door_and_one_that_is_gone_are_found_out(doors: Doors, kind: str) -> None:
    old = getattr(doors.all, kind)
    door = next(iter(old.values()))
    assert without_an_entry(replace(doors.all, **{kind: {**old, "new": replace(door, name="new")}})) == {
        (door.kind, "new")
    }
    fewer = {name: one for name, one in old.items() if one is not door}
    assert without_an_entry(replace(doors.all, **{kind: fewer})) == {(door.kind, door.name)}


@pytest.mark.parametrize("column", VISITORS)
async def test_who_may_not_changes_nothing_and_reads_why_in_private(build: Build, column: str) -> None:
    scene = await build(column)
    before = scene.tables()
    for kind, name in sorted(registered(scene.doors.all)):
        row = TABLE[kind, name]
        if column in row.passes:
            continue
        await scene.knock(row.body(scene))
        assert scene.tables() == before, f"{name} changed something"
        if kind is EVENT:  # the Home tab says no
            assert scene.answer == {}, name
            assert "Nothing was sent" in scene.at_home(), name
            assert scene.slack.state.messages == [], name
            continue
        assert [call.method for call in scene.slack.calls if call.method != RESPONSE_URL] == [], name
        messages = scene.slack.state.messages
        if kind is CLICK:
            assert scene.answer == {}, name
            assert [message.ephemeral_to for message in messages] == [scene.visitor.user], name
            assert messages[0].text, name
            continue
        assert messages == [], name
        if kind is WORD:
            assert scene.answer["response_type"] == "ephemeral", name
            assert "Nothing was" in scene.answer["text"], name
        elif scene.visitor.ready:
            assert scene.answer["response_action"] == "update", name
            assert "submit" not in scene.answer["view"], name
            assert scene.answer["view"]["blocks"], name
        else:  # what was picked or typed stays, to be submitted in a moment
            assert scene.answer["response_action"] == "errors", name
            assert all(scene.answer["errors"].values()), name
    assert scene.doors.queued == scene.doors.noticed == 0


CELLS = [(kind, name, column) for (kind, name), row in TABLE.items() for column in sorted(row.passes)]


@pytest.mark.parametrize(("kind", "name", "column"), CELLS)
async def test_who_may_reaches_what_is_behind_the_door(build: Build, kind: DoorKind, name: str, column: str) -> None:
    scene, row = await build(column), TABLE[kind, name]
    assert not row.reached(scene), "it is not so before"
    await scene.knock(row.body(scene))
    assert row.reached(scene)
