"""The requests that are fired: payloads as the strict fake Slack makes them, each with an ID of its own, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from bot.compose import Fields
from bot.slack import views
from bot.slack.payloads import Dialog
from sandbox.slack import payloads
from sandbox.slack.modals import OpenView, filled_in
from sandbox.slack.people import Channel, Person

SECRET = "bench-signing-secret"
PATH = "/slack/events"
_MARK = "XXNUMBERXX"
_ANN = Person("U0ANN", "ann", "Ann Adams")
_GENERAL = Channel("C0GENERAL", "general", "public", frozenset({"U0ANN"}))
_last = [0]


@dataclass(frozen=True, slots=True)
class Shot:
    """A form body with a mark where the number goes that makes it unlike all others."""

    body: str

    def many(self, count: int) -> list[bytes]:
        """Whole HTTP requests, signed now: Slack's signature is good for five minutes."""
        return [self._one(_next()) for _ in range(count)]

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


def _next() -> int:
    _last[0] += 1
    return _last[0]


def command() -> Shot:
    """``/mms`` with a number and a text."""
    return Shot(urlencode(_command()))


def command_payload(number: int) -> dict[str, str]:
    """The same as a payload, for Socket Mode."""
    return {name: value.replace(_MARK, f"{number:010d}") for name, value in _command().items()}


def submit(recipients: int = 1) -> Shot:
    """The compose dialog, filled in, as it comes back when Send is pressed."""
    return Shot(urlencode({"payload": json.dumps(_submission(recipients))}))


def _command() -> dict[str, str]:
    return payloads.command(
        _ANN,
        _GENERAL,
        command="/mms",
        text="+12015550123 Your parcel is here",
        response_url=f"http://127.0.0.1:9/commands/{_MARK}",
        trigger_id=f"123.456.{_MARK}",
    )


def _submission(recipients: int) -> dict[str, object]:
    to = ", ".join(f"+1 201 555 {number:04d}" for number in range(100, 100 + recipients))
    fields = Fields(to=to, message="Your parcel is here", media_url="https://pictures.example.com/parcel.png")
    definition = filled_in(views.compose(fields, dialog=Dialog(channel_id=_GENERAL.id), default_region="US"))
    typed = {"to": to, "message": fields.message, "media_url": fields.media_url, "subject": None}
    values = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in typed.items()}
    view = OpenView(f"V{_MARK}", _ANN.id, f"V{_MARK}", None, definition, "1.abc", values)
    return payloads.view_submission(_ANN, view, trigger_id=f"123.789.{_MARK}")
