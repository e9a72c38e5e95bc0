"""People at the doors of access: what they do in the sandbox's Slack goes straight to a dispatcher."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.access import Policy, Role
from bot.access.changes import AccessList, ByDoor, Edit, Entry
from bot.slack import ids
from bot.slack.dispatch import Dispatcher
from bot.store import Changed, Store
from bot.store.tables import access_change
from sandbox.slack.delivery import JSON, Ack, Delivery
from sandbox.slack.dialog import Dialog
from sandbox.slack.sockets import SocketMode
from sandbox.slack.state import Message
from tests.bot.conftest import SOON_S, Doors

if TYPE_CHECKING:
    from bot.causes import Catalogue
    from bot.slack.gateway import SlackGateway
    from bot.store.sql import SqlStore
    from sandbox.slack import FakeSlack
    from tests.bot.conftest import FakeClock
    from tests.bot.databases import Database

UNCHANGED = "Nothing was changed"


class _StraightTo(Delivery):
    """Hands payloads over as JSON would have them."""

    def __init__(self, dispatcher: Dispatcher, sockets: SocketMode) -> None:
        super().__init__(sockets, signing_secret="", wall_clock=lambda: 0.0)
        self._dispatcher = dispatcher

    async def _send(
        self, kind: str, payload: Mapping[str, object], body: bytes, content_type: str, headers: Mapping[str, str]
    ) -> Ack:
        answer = await self._dispatcher.dispatch(json.loads(json.dumps(payload)))
        return Ack(answer.status, answer.body.encode(), JSON if answer.body else "", 0.0, None)


def sender(member_id: str) -> Entry:
    return Entry(member_id, Role.SENDER)


def admin(member_id: str) -> Entry:
    return Entry(member_id, Role.ADMIN)


class Desk:
    """One workspace and the doors of a bot; ``another`` makes the doors of a second process on the same database."""

    def __init__(
        self,
        doors: Doors,
        database: Database,
        slack: FakeSlack,
        gateway: SlackGateway,
        causes: Catalogue,
        clock: FakeClock,
    ) -> None:
        self.doors = doors
        self.database = database
        self.slack = slack
        self.clock = clock
        self._gateway = gateway
        self._causes = causes
        self._others: list[Doors] = []
        self._sockets = slack.sockets
        self.stand_at(doors)

    def another(self) -> Doors:
        doors = Doors(
            store=self.database.store(), slack=self._gateway, fake=self.slack, causes=self._causes, clock=self.clock
        )
        self._others.append(doors)
        return doors

    def stand_at(self, doors: Doors) -> None:
        """What people do goes to this process from now on."""
        self.slack._workspace.delivery = _StraightTo(doors.dispatcher, self._sockets)

    async def settle(self) -> None:
        """Everything is done that comes after the acks so far."""
        for doors in (self.doors, *self._others):
            await doors.dispatcher.drain(SOON_S)

    async def close(self) -> None:
        await self.settle()
        assert self.slack.refusals == []

    async def command(self, person: str, text: str, *, escape: bool = True) -> str:
        """Type ``/mms TEXT`` and read the answer, in the ack or after it; empty if there is none."""
        before = len(self.slack.person(person).messages)
        await self.slack.person(person).command("/mms", text, escape=escape)
        await self.settle()
        return "\n".join(message.shown for message in self.slack.person(person).messages[before:])

    def last(self, person: str) -> Message:
        return self.slack.person(person).messages[-1]

    # -- the list

    async def elsewhere(
        self, *add: Entry, remove: tuple[Entry, ...] = (), by: str = "U0ELSE", store: Store | None = None
    ) -> AccessList:
        """A change by another process; the doors here have not looked yet."""
        changed = await (store or self.doors.store).access.change(
            lambda _: Edit(frozenset(add), frozenset(remove)),
            by=by,
            door=ByDoor.SHELL,
            origin=None,
            now=self.clock.now(),
        )
        assert isinstance(changed, Changed)
        return changed.access

    async def only_added(self, *entries: Entry) -> None:
        """Nobody is in the settings; these are on the list, and the doors know it."""
        self.doors.access.base = Policy()
        self.doors.access.take(await self.elsewhere(*entries))

    async def entries(self) -> set[tuple[str, str]]:
        current = await self.doors.store.access.current()
        return {(entry.role.name.lower(), entry.member_id) for entry in current.entries}

    def log(self) -> list[tuple[str, str, str, str]]:
        """(who, did what, to whom, as what), oldest first."""
        return [
            (row["changed_by"], str(row["action"]), row["member_id"], row["role"])
            for row in self.database.rows(access_change)
        ]

    async def away(self) -> None:
        """The database does not answer this process any more."""
        store: Any = self.doors.store
        closing: SqlStore = store
        await closing.close()


async def opened(desk: Desk, person: str = "ada") -> Dialog:
    assert await desk.command(person, "admin") == ""
    return await desk.slack.person(person).dialog(callback_id=ids.ADMIN)


def version(shown: Dialog) -> object:
    return json.loads(shown.view["private_metadata"])["seen"]


async def saved_by_another(desk: Desk, *names: str) -> None:
    """Somebody else changes the list meanwhile."""
    await desk.elsewhere(*(sender(name) for name in names), store=desk.database.store())
