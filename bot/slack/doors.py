"""The one access check, in front of every door.

A door is one thing that somebody can do from Slack. It declares who may use it and returns a ``Reply``; it never sees a
payload of somebody who may not pass, and can't forget to ack.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

import structlog

from bot.access import Allowed, Denied, Known, Person, Policy, Reason, Role, Workspace, decide
from bot.access.changes import EMPTY, AccessList
from bot.slack.payloads import Click, Command, HomeOpened
from bot.store import May
from bot.telemetry import Telemetry

_BY_THE_LIST = frozenset({Reason.NOT_LISTED, Reason.NOT_ADMIN, Reason.GUEST, Reason.NOT_KNOWN})

_log = structlog.get_logger(__name__)

_Payload = TypeVar("_Payload")
_Other = TypeVar("_Other")


class DoorKind(StrEnum):
    WORD = "word"  # after the slash command
    SUBMIT = "submit"  # of a dialog, by callback_id
    CLICK = "click"  # on a button, by action_id
    EVENT = "event"  # by Slack's name of it


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to Slack at once, and what is done after that.

    ``ack`` None acks without content: it closes a dialog and says nothing to a command.
    """

    ack: Mapping[str, Any] | None = None
    after: Callable[[], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True, slots=True)
class Door(Generic[_Payload]):
    """``name`` is the word, callback_id, action_id or event; ``refused`` says no in this door's own way."""

    kind: DoorKind
    name: str
    needs: Role
    enter: Callable[[_Payload], Awaitable[Reply]]
    refused: Callable[[_Payload, Reason], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class DialogDoor(Door[_Payload]):
    """A dialog's submit; ``read`` makes its payload, each dialog having fields of its own."""

    read: Callable[[Mapping[str, Any]], _Payload]


@dataclass(frozen=True, slots=True)
class Doors:
    """All of them, by name."""

    words: Mapping[str, Door[Command]] = field(default_factory=dict)
    submits: Mapping[str, DialogDoor[Any]] = field(default_factory=dict)
    clicks: Mapping[str, Door[Click]] = field(default_factory=dict)
    events: Mapping[str, Door[HomeOpened]] = field(default_factory=dict)

    def __or__(self, other: Doors) -> Doors:
        return Doors(
            {**self.words, **other.words},
            {**self.submits, **other.submits},
            {**self.clicks, **other.clicks},
            {**self.events, **other.events},
        )


class AccessCheck:
    """Asks ``bot.access`` with what is known now.

    Args:
        base: the list in the settings; what admins add in Slack comes on top.
        known: what Slack has said of people and groups.
        look_up: somebody listed through a group knocked, of whom Slack has not said who that is.
        on_change: the list is another one now.
        look: brings the list up to date if it has changed. Asked before anybody is refused for not being on it: who was
            added at another process a moment ago gets in.
    """

    def __init__(
        self,
        base: Policy,
        *,
        known: Callable[[], Known],
        look_up: Callable[[str], None],
        on_change: Callable[[], None],
        look: Callable[[], Awaitable[None]],
        telemetry: Telemetry | None = None,
    ) -> None:
        self.base = base
        self.workspace: Workspace | None = None
        self._known = known
        self._look_up = look_up
        self._on_change = on_change
        self._look = look
        self._telemetry = telemetry or Telemetry()
        self._added = EMPTY
        self._policy = base

    @property
    def added(self) -> AccessList:
        return self._added

    @property
    def policy(self) -> Policy:
        """Everybody who is listed: in the settings or added."""
        return self._policy

    def take(self, added: AccessList) -> None:
        """Go by this list from now on; one that is older than the last is dropped."""
        if added.version > self._added.version:
            self._added = added
            self._policy = self.base | added.policy
            self._on_change()

    def __call__(self, person: Person, needs: Role) -> Allowed | Denied:
        decision = decide(self._policy, self._known(), self.workspace, person, needs)
        if isinstance(decision, Denied) and decision.reason is Reason.NOT_KNOWN:
            self._look_up(person.user_id)
        return decision

    def still(self, person: Person, needs: Role) -> May:
        """The same question for a transaction, to be answered by the list as it is there."""
        known, workspace = self._known(), self.workspace

        def may(added: AccessList) -> Denied | None:
            decision = decide(self.base | added.policy, known, workspace, person, needs)
            return decision if isinstance(decision, Denied) else None

        return may

    async def enter(self, door: Door[_Other], payload: _Other, person: Person) -> Reply:
        """Let the person through, or say no."""
        decision = self(person, door.needs)
        if isinstance(decision, Denied) and decision.reason in _BY_THE_LIST:
            await self._look()
            decision = self(person, door.needs)
        if isinstance(decision, Denied):
            self._telemetry.denied()
            _log.info("denied", door=door.name, user=person.user_id, reason=decision.reason)
            return await door.refused(payload, decision.reason)
        return await door.enter(payload)
