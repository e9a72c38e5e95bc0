"""The one access check, in front of every door.

A door is one thing that somebody can do from Slack. It declares who may use it and returns a ``Reply``; it never sees a
payload of somebody who may not pass, and can't forget to ack.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import structlog

from bot.access import Allowed, Denied, Person, Policy, Reason, Role, Workspace, decide

_log = structlog.get_logger(__name__)

_Payload = TypeVar("_Payload")
_Other = TypeVar("_Other")


class DoorKind(StrEnum):
    WORD = "word"  # after the slash command
    SUBMIT = "submit"  # of a dialog, by callback_id
    CLICK = "click"  # on a button, by action_id


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to Slack at once, and what is done after that.

    ``ack`` None acks without content: it closes a dialog and says nothing to a command.
    """

    ack: Mapping[str, Any] | None = None
    after: Callable[[], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True, slots=True)
class Door(Generic[_Payload]):
    """``name`` is the word, callback_id or action_id; ``refused`` says no in this door's own way."""

    kind: DoorKind
    name: str
    needs: Role
    enter: Callable[[_Payload], Awaitable[Reply]]
    refused: Callable[[_Payload, Reason], Reply]


class AccessCheck:
    """Asks ``bot.access`` with what is known now."""

    def __init__(self, policy: Policy, *, members: Callable[[], Mapping[str, frozenset[str]]]) -> None:
        self.policy = policy
        self.workspace: Workspace | None = None
        self._members = members

    def __call__(self, person: Person, needs: Role) -> Allowed | Denied:
        return decide(self.policy, self._members(), self.workspace, person, needs)

    async def enter(self, door: Door[_Other], payload: _Other, person: Person) -> Reply:
        """Let the person through, or say no."""
        decision = self(person, door.needs)
        if isinstance(decision, Denied):
            _log.info("denied", door=door.name, user=person.user_id, reason=decision.reason)
            return door.refused(payload, decision.reason)
        return await door.enter(payload)
