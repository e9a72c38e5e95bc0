"""Two processes on one database, and what people see and do there, for the state machine of access."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from bot.causes import Catalogue
from bot.slack import ids
from bot.slack.access.watch import AccessWatch
from bot.slack.gateway import Posted, SlackGateway
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, ANN, BEN, DAN, EVE, GENERAL, GUS, NOBODY, ROBO, SAM, SUPPORT, TEAM_ID
from tests.bot.access_model import Field, Model, is_group
from tests.bot.conftest import SOON_S, Doors, FakeClock
from tests.bot.databases import NewDatabase
from tests.bot.slack_payloads import Body, said

_T = TypeVar("_T")
CAUSES = Catalogue.load()
KINDS = {ADA: "member", ANN: "member", BEN: "member", SAM: "member"} | {
    GUS: "guest",
    EVE: "foreign",
    ROBO: "bot",
    DAN: "deactivated",
}
GROUPS = {SUPPORT: frozenset({BEN, GUS}), NOBODY: frozenset({SAM})}

NEW: list[NewDatabase] = []
FIELDS: dict[str, Field] = {
    ids.SENDERS: ("sender", False),
    ids.SENDER_GROUPS: ("sender", True),
    ids.ADMINS: ("admin", False),
    ids.ADMIN_GROUPS: ("admin", True),
}


class Screen(SlackGateway):
    """What Slack was given: dialogs, and private messages to one person each."""

    def __init__(self) -> None:
        self.views: list[Mapping[str, Any]] = []
        self.said: list[str] = []

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        self.views.append(view)

    async def post_ephemeral(self, *, channel_id: str, user_id: str, message: Mapping[str, Any]) -> None:
        self.said.append(message["text"])

    async def post_direct(self, *, user_id: str, message: Mapping[str, Any]) -> Posted:
        self.said.append(message["text"])
        return Posted("D1", "1.1")


@dataclass(frozen=True)
class OpenDialog:
    """An access dialog that is open in front of ``user``, made from the list at ``seen``."""

    user: str
    seen: int
    depth: int
    metadata: str
    picked: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Typed:
    """A command that changes the list."""

    user: str
    word: str
    members: tuple[str, ...]
    role: str
    trigger_id: str

    def body(self) -> Body:
        named = " ".join(f"<!subteam^{one}>" if is_group(one) else f"<@{one}>" for one in self.members)
        ending = " as admin" if self.role == "admin" else ""
        return {
            "command": "/mms",
            "text": f"{self.word} {named}{ending}",
            "user_id": self.user,
            "team_id": TEAM_ID,
            "channel_id": GENERAL,
            "trigger_id": self.trigger_id,
        }


def picked_in(view: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """What an access dialog shows when it opens."""
    elements = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert set(elements) == set(FIELDS)
    return {
        name: frozenset(
            [option["value"] for option in element.get("initial_options", ())]
            if FIELDS[name][1]
            else element.get("initial_users", ())
        )
        for name, element in elements.items()
    }


class Processes(RuleBasedStateMachine):
    """Two bots and the shell, on a database of their own."""

    model: Model

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = NEW[0]()
        self.looking = self.database.engine()  # one of its own: to look at the list must not refresh anybody's copy
        self.clock = FakeClock()
        self.screen = Screen()
        self.slack = FakeSlack()
        self.numbers = 0
        self.do(self._open())

    async def _open(self) -> None:
        self.shell = self.database.store().access
        self.bots = [
            Doors(store=self.database.store(), slack=self.screen, fake=self.slack, causes=CAUSES, clock=self.clock)
            for _ in range(2)
        ]
        self.watches = [AccessWatch(bot.store.access, take=bot.access.take, clock=self.clock) for bot in self.bots]
        self.bots[1].directory.profiles = self.bots[0].directory.profiles  # both are told the same by Slack
        for bot in self.bots:
            bot.directory.members = dict(GROUPS)

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.do(self.database.close())
        self.runner.close()

    def new(self) -> str:
        self.numbers += 1
        return f"{self.numbers}.1.a"

    def dispatch(self, process: int, body: Body) -> Body:
        """What is in the ack; everything after it has happened."""
        self.catch_up(process)

        async def both() -> Body:
            dispatcher = self.bots[process].dispatcher
            answer = said(await dispatcher.dispatch(body))
            await dispatcher.drain(SOON_S)
            return answer

        self.screen.said.clear()
        self.screen.views.clear()
        return self.do(both())

    def catch_up(self, process: int) -> None:
        """A process may hear of a change before it has to: whoever has the newest list goes by it."""
        if self.bots[process].access.added.version == self.model.version:
            self.model.copies[process] = self.model.rows
