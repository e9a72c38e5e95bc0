"""Slack's bodies → a dict, or None; whatever bytes come, and if none come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from bot import web
from bot.clock import SystemClock
from bot.secret import Secret
from bot.slack.dispatch import Answer
from bot.web import parse

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=8))
def test_a_commands_fields_come_as_they_were_sent(fields: dict[str, str]) -> None:
    fields["command"] = "/mms"
    assert parse(urlencode(fields).encode(), FORM) == fields


@pytest.mark.parametrize("text", ["payload", "payload={}", "payload=%7B%7D&x", "the payload=1 & more", ""])
def test_the_word_payload_in_a_command_is_a_word(text: str) -> None:
    fields = {"command": "/mms", "text": text, "channel_name": "payload-team"}
    assert parse(urlencode(fields).encode(), FORM) == fields
    fields["payload"] = "{}"
    assert parse(urlencode(fields).encode(), FORM) == fields


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=10), json_values, max_size=5))
def test_json_comes_in_the_body_or_in_the_field_payload(payload: dict[str, object]) -> None:
    assert parse(json.dumps(payload).encode(), f"{JSON}; charset=utf-8") == payload
    assert parse(urlencode({"payload": json.dumps(payload)}).encode(), FORM) == payload


@pytest.mark.parametrize(
    "content_type", [JSON, "APPLICATION/JSON", "application/json;charset=utf-8", " application/json "]
)
def test_the_content_type_is_read_in_any_spelling(content_type: str) -> None:
    assert parse(b'{"type": "event_callback"}', content_type) == {"type": "event_callback"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"1", b"null", b'"x"', b"{", b"\xff\xfe", b"{}{}", b"nope", b"[" * 200_000]
)
def test_json_that_is_no_object_is_not_readable(body: bytes) -> None:
    assert parse(body, JSON) is None


@pytest.mark.parametrize("payload", ["zzz", "[]", "", "1", "null", "{", "[" * 100_000])
def test_a_payload_field_that_is_no_object_is_not_readable(payload: str) -> None:
    assert parse(urlencode({"payload": payload}).encode(), FORM) is None


@pytest.mark.parametrize("body", [b"a", b"=&=", b"a=1&b", b"\xff=1"])
def test_a_form_that_is_none_is_not_readable_or_harmless(body: bytes) -> None:
    assert parse(body, FORM) in (None, {"": ""}, {"a": ""}, {"a": "1", "b": ""})


@given(st.binary(max_size=400), st.sampled_from([FORM, JSON, "", "text/plain", "multipart/form-data", "é", ";"]))
def test_no_body_raises(body: bytes, content_type: str) -> None:
    assert isinstance(parse(body, content_type), dict | None)


@given(st.binary(max_size=100))
def test_no_payload_field_raises(body: bytes) -> None:
    assert isinstance(parse(b"payload=" + body, FORM), dict | None)


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "BODY_LIMIT_S", 0.05)

    async def never() -> dict[str, Any]:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody sends anything")

    sent: list[dict[str, Any]] = []

    async def send(event: Any) -> None:
        sent.append(event)

    async def dispatch(_: Mapping[str, Any]) -> Answer:
        raise AssertionError("nothing was received")

    async def readiness() -> Mapping[str, Any]:
        return {"ready": True}

    async def metrics() -> bytes:
        return b""

    async def nobody(_: object) -> Response:
        raise AssertionError("nobody calls back")

    events = web.SlackEvents(secret=Secret("s"), dispatch=dispatch, clock=SystemClock())
    scope = {"type": "http", "method": "POST", "path": "/slack/events", "headers": [], "query_string": b""}
    app = web.web_app(events=events, callbacks=nobody, readiness=readiness, metrics=metrics)
    await app(scope, never, send)
    assert sent[0]["status"] == 408
