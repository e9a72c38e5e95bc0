"""What the fake Slack remembers: calls, refusals, messages, one-shot handles; and a way to wait for a change."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

JsonObject = dict[str, Any]
Found = TypeVar("Found")

TRIGGER_LIFE_S = 3.0  # Slack: a trigger_id lives 3 seconds and works once
RESPONSE_URL_LIFE_S = 30 * 60.0  # Slack: a response_url may be used for 30 minutes…
RESPONSE_URL_USES = 5  # …and 5 times


class NothingSeenError(TimeoutError):
    """What was waited for did not come in time."""


class SlackError(Exception):
    """A refusal in Slack's words; ``messages`` are the details of ``response_metadata``."""

    def __init__(self, error: str, messages: tuple[str, ...] = (), **fields: str) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.messages = messages
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the bot at a Web API method, or at a ``response_url``.

    ``outcome`` is ``ok``, Slack's error word, or ``fault:…``; ``at`` is on the sandbox's clock.
    """

    method: str
    arguments: Mapping[str, Any]
    outcome: str
    at: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """A real mistake of the bot's: something that Slack would not take from anybody, at any time."""

    where: str
    problem: str
    detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A message, as it stands now; the bot's unless ``author`` names another user.

    ``route`` says how it came: ``ack``, ``response_url``, or the Web API method. ``ephemeral_to`` is the only user who
    sees it, None for everybody in the channel. ``edits`` counts how often it was replaced.
    """

    ts: str
    channel_id: str
    route: str
    text: str
    blocks: tuple[JsonObject, ...] = ()
    ephemeral_to: str | None = None
    thread_ts: str | None = None
    edits: int = 0
    author: str | None = None

    @property
    def shown(self) -> str:
        """What stands on the screen: the words of the blocks, or the text where there are none."""
        return words_of(self.blocks) if self.blocks else self.text

    def buttons(self) -> dict[str, str]:
        """action_id → label of every button."""
        actions = [element for block in self.blocks for element in _with_accessory(block)]
        return {e.get("action_id", ""): e["text"]["text"] for e in actions if e.get("type") == "button"}


def _with_accessory(block: JsonObject) -> Iterator[JsonObject]:
    yield from block.get("elements", []) if block.get("type") == "actions" else []
    if "accessory" in block:
        yield block["accessory"]


def words_of(blocks: object) -> str:
    """Every human-readable text inside blocks or a view, top to bottom, one line each."""

    def walk(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            if node.get("type") in ("plain_text", "mrkdwn", "markdown") and isinstance(node.get("text"), str):
                yield node["text"]
            else:
                for key, value in node.items():
                    if key == "alt_text" and isinstance(value, str):
                        yield value
                    else:
                        yield from walk(value)
        elif isinstance(node, (list, tuple)):
            for item in node:
                yield from walk(item)

    return "\n".join(walk(blocks))


@dataclass(slots=True)
class Trigger:
    """``view_id`` is the view it was born in, which is where views.push may push to."""

    id: str
    user_id: str
    made_at: float
    view_id: str | None
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """``message_ts`` is the message whose button was clicked; None for a command's."""

    token: str
    user_id: str
    channel_id: str
    made_at: float
    message_ts: str | None
    uses: int = 0


class Changes:
    """Wakes whoever waits for something to become visible."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def notify(self) -> None:
        for event in self._waiting:
            event.set()

    async def wait_for(self, look: Callable[[], Found | None], *, timeout_s: float, what: str) -> Found:
        """The first thing that ``look`` finds, now or after a change.

        Raises:
            NothingSeenError: nothing was found within ``timeout_s`` real seconds.
        """
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    event.clear()
                    if (found := look()) is not None:
                        return found
                    await event.wait()
        except TimeoutError:
            raise NothingSeenError(f"{what} did not come within {timeout_s:g} s") from None
        finally:
            self._waiting.discard(event)


@dataclass(slots=True)
class State:
    """Everything that happened so far in one sandbox workspace."""

    clock: Callable[[], float]
    calls: list[Call] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def next_id(self, prefix: str) -> str:
        """A new ID such as ``V0000000A1``: no two are alike, neither within a run nor between two sandboxes."""
        return f"{prefix}{next(self._count):04d}{secrets.token_hex(4).upper()}"

    def next_ts(self) -> str:
        """A message's ``ts``: seconds and a counter, unique."""
        return f"{int(self.clock())}.{next(self._count):06d}"

    def refuse(self, where: str, problem: str, *detail: str) -> None:
        """Put a real mistake on record."""
        self.refusals.append(Refusal(where, problem, detail))
        self.changes.notify()

    def new_trigger(self, user_id: str, *, view_id: str | None = None) -> str:
        number = next(self._count)
        trigger = Trigger(f"{number}.{number + 1}.{secrets.token_hex(16)}", user_id, self.clock(), view_id)
        self.triggers[trigger.id] = trigger
        return trigger.id

    def use_trigger(self, trigger_id: object) -> Trigger:
        """Spend a trigger.

        Raises:
            SlackError: invalid_trigger_id, expired_trigger_id or exchanged_trigger_id.
        """
        trigger = self.triggers.get(trigger_id) if isinstance(trigger_id, str) else None
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - trigger.made_at > TRIGGER_LIFE_S:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_response_url(self, user_id: str, channel_id: str, *, message_ts: str | None = None) -> str:
        """The token that ends the address."""
        token = f"{next(self._count)}/{secrets.token_urlsafe(18)}"
        self.response_urls[token] = ResponseUrl(token, user_id, channel_id, self.clock(), message_ts)
        return token

    def post(self, message: Message) -> None:
        self.messages.append(message)
        self.changes.notify()

    def find_message(self, ts: str) -> Message | None:
        return next((message for message in self.messages if message.ts == ts), None)

    def replace_message(self, old: Message, new: Message | None) -> None:
        """Put ``new`` in the place of ``old``, or take it away."""
        index = self.messages.index(old)
        self.messages[index : index + 1] = [] if new is None else [new]
        self.changes.notify()
