"""The requests that are fired: payloads as the strict fake Slack makes them, each with an ID of its own, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from bot.compose import Fields, check, needs_review
from bot.domain import Content
from bot.slack import views
from bot.slack.payloads import Dialog
from sandbox.slack import payloads
from sandbox.slack.modals import OpenView, filled_in
from sandbox.slack.people import Channel, Person

SECRET = "bench-signing-secret"
PATH = "/slack/events"
_MARK = "XXNUMBERXX"
PEOPLE = ("U0ANN", "U0BEN")  # one person alone does not get every place that a process has for sending
NUMBERED = "Parcel"  # the text of a message, before its number
_GENERAL = Channel("C0GENERAL", "general", "public", frozenset(PEOPLE))
_last = [0]


@dataclass(frozen=True, slots=True)
class Shot:
    """A form body with a mark where the number goes that makes it unlike all others."""

    body: str

    def many(self, count: int) -> list[bytes]:
        """Whole HTTP requests, signed now: Slack's signature is good for five minutes."""
        return [self._one(take_number()) for _ in range(count)]

    def _one(self, number: int) -> bytes:
        body = self.body.replace(_MARK, f"{number:010d}").encode()
        now = str(int(time.time()))
        digest = hmac.new(SECRET.encode(), f"v0:{now}:".encode() + body, hashlib.sha256).hexdigest()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nX-Slack-Request-Timestamp: {now}\r\nX-Slack-Signature: v0={digest}\r\n\r\n"
        )
        return head.encode() + body


def next_number() -> int:
    """The number of the next request that is made."""
    return _last[0] + 1


def take_number() -> int:
    """A number for a request that is made elsewhere."""
    _last[0] += 1
    return _last[0]


def command() -> Shot:
    """``/mms`` with a number and a text."""
    return Shot(urlencode(_command()))


def submit(user_id: str = PEOPLE[0]) -> Shot:
    """The compose dialog, filled in, as it comes back when Send is pressed; each text has the request's number."""
    return Shot(urlencode({"payload": json.dumps(_submission(user_id, [_number(0)], f"{NUMBERED} {_MARK}"))}))


def submit_payload(number: int) -> dict[str, object]:
    """The same as a payload, for Socket Mode."""
    text = json.dumps(_submission(PEOPLE[0], [_number(0)], f"{NUMBERED} {_MARK}"))
    payload: dict[str, object] = json.loads(text.replace(_MARK, f"{number:010d}"))
    return payload


def large_submit(recipients: int) -> Shot:
    """The same with many recipients, after the review."""
    to = [_number(index) for index in range(recipients)]
    return Shot(urlencode({"payload": json.dumps(_submission(PEOPLE[0], to, "Your parcel is here"))}))


def _command() -> dict[str, str]:
    return payloads.command(
        _person(PEOPLE[0]),
        _GENERAL,
        command="/mms",
        text="+12015550123 Your parcel is here",
        response_url=f"http://127.0.0.1:9/commands/{_MARK}",
        trigger_id=f"123.456.{_MARK}",
    )


def _person(user_id: str) -> Person:
    return Person(user_id, user_id.lower(), user_id.title())


def _number(index: int) -> str:
    return f"+1201555{100 + index:04d}"


def _submission(user_id: str, recipients: Sequence[str], message: str) -> dict[str, object]:
    to = ",".join(recipients)
    fields = Fields(to=to, message=message, media_url="https://pictures.example.com/parcel.png")
    content = check(fields, default_region="US", mms_countries=frozenset({"US"}))
    reviewed = content.digest() if isinstance(content, Content) and needs_review(content) else None
    dialog = Dialog(channel_id=_GENERAL.id, reviewed=reviewed)
    definition = filled_in(views.compose(fields, dialog=dialog, default_region="US"))
    typed = {"to": to, "message": fields.message, "media_url": fields.media_url, "subject": None}
    values = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in typed.items()}
    view = OpenView(f"V{_MARK}", user_id, f"V{_MARK}", None, definition, "1.abc", values)
    return payloads.view_submission(_person(user_id), view, trigger_id=f"123.789.{_MARK}")
