"""Under the hood: what went over the wires, each line with a sentence, and every secret as stars."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.sinch.server import FakeSinch, RequestSeen
from sandbox.slack import FakeSlack
from sandbox.slack.state import Call

LINES = 60  # the newest ones; what is older is on nobody's mind
_LONGEST = 1500
_STARS = "•••"
_SECRET = frozenset({"trigger_id", "response_url", "token", "private_metadata", "hash", "app_token", "callback_url"})
# What the page's own log says of a request from Slack to the bot.
_SLACK_CALLS = {
    "auth.test": "The bot asks whose token it has.",
    "views.open": "The bot opens a dialog, with the trigger of what was just typed: it lives 3 seconds and works once.",
    "views.update": "The bot changes a dialog that is open.",
    "views.publish": "The bot draws somebody’s Home tab.",
    "chat.postEphemeral": "The bot says something that one person sees.",
    "chat.postMessage": "The bot writes a direct message.",
    "chat.update": "The bot changes a message of its own.",
    "response_url": "The bot answers through the one-time address that came with the command.",
    "usergroups.list": "The bot asks which user groups there are.",
    "usergroups.users.list": "The bot asks who is in a user group.",
    "users.info": "The bot asks who somebody is: a guest, a bot, deactivated?",
    "apps.connections.open": "The bot asks for a web socket.",
}
_SINCH_CALLS = {
    "send": "The bot gives Sinch a batch. It goes out once, whatever happens to the answer.",
    "list": "The bot looks whether Sinch has a batch with its reference: an answer was lost.",
    "get": "The bot looks a batch up.",
    "cancel": "The bot stops a batch.",
    "delivery_report": "The bot asks what became of each recipient.",
}
_STATES = {
    "queued": "waits here; nothing was sent",
    "scheduled": "waits for its time",
    "sending": "is on its way to Sinch at this moment",
    "accepted": "Sinch has it, and gave a batch ID",
    "refused": "was not taken; nothing was sent",
    "unknown": "the answer was lost; it is being looked up",
    "cancelled": "was stopped in time",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One exchange. ``at`` is seconds since 1970; ``who`` is ``Slack``, ``Sinch`` or ``You``."""

    at: float
    who: str
    what: str
    came_back: str
    meaning: str
    body: str


@dataclass(frozen=True, slots=True)
class Row:
    """One message in the bot's database."""

    client_reference: str
    state: str
    meaning: str
    attempts: int
    batch_id: str


def lines(slack: FakeSlack, sinch: FakeSinch, typed: list[Line]) -> list[Line]:
    """The newest exchanges, newest first."""
    found = [*map(_slack_line, slack.calls[-LINES:]), *map(_sinch_line, sinch.requests[-LINES:]), *typed[-LINES:]]
    return sorted(found, key=lambda one: one.at, reverse=True)[:LINES]


def rows(database: Path) -> list[Row]:
    """The newest messages in the bot's own database, newest first; none while it can't be read."""
    if not database.exists():
        return []
    query = "SELECT client_reference, state, attempts, batch_id FROM message ORDER BY created_at DESC LIMIT 12"
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0.05)) as connection:
            return [
                Row(one[0], one[1], _STATES.get(one[1], ""), one[2], one[3] or "") for one in connection.execute(query)
            ]
    except sqlite3.Error:
        return []


def _slack_line(call: Call) -> Line:
    meaning = _SLACK_CALLS.get(call.method, "The bot calls Slack’s Web API.")
    return Line(call.at, "Slack", call.method, call.outcome, meaning, _shown(call.arguments))


def _sinch_line(seen: RequestSeen) -> Line:
    came_back = "no answer" if seen.status is None else str(seen.status)
    meaning = _SINCH_CALLS.get(str(seen.operation), "The bot asks Sinch something.")
    path = "/".join(["", "xms", "v1", _STARS, *seen.path.split("/")[4:]])
    try:
        body = _shown(json.loads(seen.body)) if seen.body else ""
    except ValueError:
        body = ""
    return Line(seen.at.timestamp(), "Sinch", f"{seen.method} {path}", came_back, meaning, body)


def _shown(arguments: Any) -> str:
    text = json.dumps(starred(arguments), indent=1, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def starred(value: Any) -> Any:
    """The same with stars in the place of every secret, however deep."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return starred(json.loads(value))  # arguments of Slack's that are JSON in a string
        except ValueError:
            return value
    if isinstance(value, Mapping):
        return {key: _STARS if key in _SECRET else starred(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [starred(one) for one in value]
    return value
