"""Strangers, forgers and garbage at the doors of the real bot: nothing changes, and never a 5xx."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.slack import Dialog, Message, SubmitAnswer
from sandbox.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+12015550123"
MAX_BODY = 1_000_000
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

NewWorld = Callable[..., World]
Send = Callable[..., Awaitable[SubmitAnswer]]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]
Mark = Callable[[], str]
State = tuple[int, int, int, int]


def state(world: World) -> State:
    """Everything that a request could have changed."""
    with closing(sqlite3.connect(world.bot.folder / "mms-bot.db")) as database:
        rows = int(database.execute("SELECT count(*) FROM message").fetchone()[0])
    return rows, len(world.sinch.requests), len(world.slack.calls), len(world.slack.state.messages)


async def raw(world: World, head: str, *parts: bytes) -> int:
    """Send bytes as they are; the status of the answer."""
    host, port = world.bot.origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"{head}\r\nHost: {host}\r\nConnection: close\r\n".encode())
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass  # answered and closed before all was sent: its right
        async with asyncio.timeout(5.0):
            return int((await reader.readline()).split(b" ")[1])
    finally:
        writer.close()


def interactive(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


# -- forgers


FORGED: dict[str, Callable[[World, bytes], dict[str, str]]] = {
    "unsigned": lambda world, body: {"Content-Type": FORM},
    "no signature": lambda world, body: _without(world.slack.signed_headers(body), "X-Slack-Signature"),
    "no time stamp": lambda world, body: _without(world.slack.signed_headers(body), "X-Slack-Request-Timestamp"),
    "wrong secret": lambda world, body: world.slack.signed_headers(body, secret="not-the-secret"),
    "stale": lambda world, body: world.slack.signed_headers(body, timestamp=int(time.time()) - 301),
    "from the future": lambda world, body: world.slack.signed_headers(body, timestamp=int(time.time()) + 302),
    "another body": lambda world, body: world.slack.signed_headers(body + b"&text=other"),
    "time stamp in words": lambda world, body: world.slack.signed_headers(body, timestamp="yesterday"),
    "time stamp with a sign": lambda world, body: world.slack.signed_headers(body, timestamp=f"-{int(time.time())}"),
    "time stamp with a fraction": lambda world, body: world.slack.signed_headers(body, timestamp=f"{time.time()}"),
    "endless time stamp": lambda world, body: world.slack.signed_headers(body, timestamp="9" * 5000),
    "time stamp in other digits": lambda world, body: world.slack.signed_headers(body, timestamp="१७६३९०००००"),
    "signature not ASCII": lambda world, body: world.slack.signed_headers(body) | {"X-Slack-Signature": "v0=ключ"},
    "signature of another version": lambda world, body: {
        **world.slack.signed_headers(body),
        "X-Slack-Signature": world.slack.signed_headers(body)["X-Slack-Signature"].replace("v0=", "v1="),
    },
    "signature cut": lambda world, body: {
        **world.slack.signed_headers(body),
        "X-Slack-Signature": world.slack.signed_headers(body)["X-Slack-Signature"][:-1],
    },
}


def _without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_forged_or_stale_request_gets_401_and_changes_nothing(
    world: World, forge: Callable[[World, bytes], dict[str, str]]
) -> None:
    body = world.slack.command_body(text="a parcel")
    before = state(world)

    ack = await world.slack.post_raw(body, forge(world, body))

    assert ack.status == 401
    assert state(world) == before


@pytest.mark.parametrize("age_s", [-290, 290])
async def test_a_clock_that_is_a_little_off_does_no_harm(world: World, age_s: int) -> None:
    body = world.slack.command_body(text="help")

    ack = await world.slack.post_raw(body, world.slack.signed_headers(body, timestamp=int(time.time()) - age_s))

    assert ack.status == 200


async def test_other_methods_get_405(world: World) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        assert await raw(world, f"{method} /slack/events HTTP/1.1", b"Content-Length: 0\r\n\r\n") == 405
    for path in ("/healthz", "/readyz"):
        assert await raw(world, f"POST {path} HTTP/1.1", b"Content-Length: 0\r\n\r\n") == 405


async def test_a_body_above_one_megabyte_gets_413_before_anything_is_checked(world: World) -> None:
    body = b"text=" + b"x" * (MAX_BODY - 4)

    ack = await world.slack.post_raw(body, world.slack.signed_headers(body))

    assert len(body) == MAX_BODY + 1
    assert ack.status == 413


async def test_a_body_without_a_length_is_cut_while_it_is_read(world: World) -> None:
    chunk = b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"

    status = await raw(
        world, "POST /slack/events HTTP/1.1", b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 16, b"0\r\n\r\n"
    )

    assert status == 413


@pytest.mark.parametrize("length", ["2000000", "999999999999999"])
async def test_an_announced_length_above_the_limit_is_believed(world: World, length: str) -> None:
    status = await raw(world, "POST /slack/events HTTP/1.1", f"Content-Length: {length}\r\n\r\n".encode())

    assert status == 413


async def test_a_signed_body_just_within_the_limit_is_read(world: World) -> None:
    body = b"command=%2Fmms&text=help&" + b"x=" + b"y" * (MAX_BODY - 27)

    ack = await world.slack.post_raw(body, world.slack.signed_headers(body))

    assert (len(body), ack.status) == (MAX_BODY, 200)


async def test_half_a_request_does_not_hold_the_others_up(world: World) -> None:
    host, port = world.bot.origin.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()

    assert await world.bot.get("/healthz") == 200

    writer.close()
    await writer.wait_closed()
    assert await world.bot.get("/healthz") == 200


# -- garbage, correctly signed


DEEP = "[" * 100_000
GARBAGE: dict[str, tuple[bytes, str]] = {
    "empty form": (b"", FORM),
    "empty JSON": (b"", JSON),
    "not JSON": (b"{oops", JSON),
    "JSON array": (b"[1, 2]", JSON),
    "JSON null": (b"null", JSON),
    "JSON number": (b"1e999", JSON),
    "JSON NaN": (b'{"type": NaN}', JSON),
    "JSON deep": (DEEP.encode(), JSON),
    "JSON deep object": (b'{"a":' * 50_000, JSON),
    "JSON not UTF-8": (b'{"type": "\xff\xfe"}', JSON),
    "JSON half a surrogate": (b'{"type": "event_callback", "event": {"type": "\\ud800"}}', JSON),
    "JSON half a surrogate as challenge": (b'{"type": "url_verification", "challenge": "\\ud800"}', JSON),
    "JSON huge number": (b'{"type": ' + b"9" * 5000 + b"}", JSON),
    "payload zzz": (b"payload=zzz", FORM),
    "payload empty": (b"payload=", FORM),
    "payload array": (b"payload=%5B%5D", FORM),
    "payload string": (b"payload=%22text%22", FORM),
    "payload twice": (b"payload=%7B%7D&payload=%5B%5D", FORM),
    "payload deep": (f"payload={quote(DEEP)}".encode(), FORM),
    "form not UTF-8": (b"command=/mms&text=\xff\xfe", FORM),
    "form percent not UTF-8": (b"command=/mms&text=%FF%FE&user_id=U0ANN", FORM),
    "form with NULs": (b"command=%2Fmms&text=a%00b&user_id=%00&team_id=%00&trigger_id=%00", FORM),
    "form without a team": (b"command=%2Fmms&text=hello&user_id=U0ANN", FORM),
    "form without anything": (b"command=%2Fmms", FORM),
    "another command": (b"command=%2Fother&text=hello&user_id=U0ANN&team_id=T0SANDBOX", FORM),
    "words": (b"hello", "text/plain"),
    "no content type": (b"payload=%7B%7D", ""),
    "odd charset": (b"command=/mms", FORM + "; charset=utf-16"),
    "multipart": (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_signed_garbage_is_answered_calmly_and_changes_nothing(world: World, name: str) -> None:
    body, content_type = GARBAGE[name]
    before = state(world)

    ack = await world.slack.post_raw(body, world.slack.signed_headers(body, content_type=content_type))

    assert ack.status in (200, 400)
    assert state(world)[:2] == before[:2]


WORDS = st.sampled_from(
    [
        "view_submission",
        "block_actions",
        "view_closed",
        "shortcut",
        "message_action",
        "event_callback",
        "U0ANN",
        "mms_compose",
        "mms_open_again",
        "T0SANDBOX",
        "to",
        "message",
        "media_url",
        "value",
        "block_suggestion",
        "url_verification",
        "function_executed",
        "dialog_submission",
        "interactive_message",
        "workflow_step_edit",
    ]
)
KEYS = st.sampled_from(
    [
        "type",
        "user",
        "team",
        "view",
        "id",
        "state",
        "values",
        "callback_id",
        "actions",
        "action_id",
        "channel",
        "event",
        "private_metadata",
        "trigger_id",
        "authorizations",
        "enterprise",
        "container",
        "message",
        "to",
        "is_enterprise_install",
        "command",
        "text",
        "user_id",
        "team_id",
        "response_url",
        "response_urls",
        "bot_id",
        "function_data",
        "inputs",
        "bot_access_token",
        "app_installed_team_id",
        "value",
        "block_id",
        "challenge",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS
THINGS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=15,
)
BROKEN_SUBMITS = st.fixed_dictionaries(
    {"type": st.just("view_submission"), "view": st.dictionaries(KEYS, THINGS, max_size=6)},
    optional={"user": THINGS, "team": THINGS, "enterprise": THINGS, "is_enterprise_install": THINGS},
)
BROKEN_OURS = st.fixed_dictionaries(
    {
        "type": st.just("view_submission"),
        "team": st.just({"id": "T0SANDBOX"}),
        "user": st.just({"id": "U0ANN"}),
        "view": st.fixed_dictionaries(
            {"callback_id": st.just("mms_compose")},
            optional={"id": THINGS, "state": THINGS, "private_metadata": THINGS},
        ),
    }
)
BROKEN_CLICKS = st.fixed_dictionaries(
    {
        "type": st.just("block_actions"),
        "actions": st.lists(
            st.fixed_dictionaries(
                {"action_id": st.just("mms_open_again") | THINGS}, optional={"value": THINGS, "block_id": THINGS}
            ),
            max_size=2,
        )
        | THINGS,
    },
    optional={"user": THINGS, "team": THINGS, "container": THINGS, "channel": THINGS, "view": THINGS},
)
BROKEN_EVENTS = st.fixed_dictionaries(
    {"type": st.just("event_callback"), "event": THINGS}, optional={"authorizations": THINGS, "team_id": THINGS}
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(payload=st.dictionaries(KEYS, THINGS, max_size=8) | BROKEN_SUBMITS | BROKEN_OURS | BROKEN_CLICKS | BROKEN_EVENTS)
async def test_no_signed_payload_of_whatever_shape_gives_a_5xx_or_sends_anything(
    world: World, payload: dict[str, Any]
) -> None:
    for body, content_type in ((json.dumps(payload).encode(), JSON), (interactive(payload), FORM)):
        ack = await world.slack.post_raw(body, world.slack.signed_headers(body, content_type=content_type))

        assert ack.status in (200, 400)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=st.dictionaries(KEYS, st.text(max_size=8) | WORDS, max_size=8))
async def test_no_signed_command_of_whatever_shape_gives_a_5xx(world: World, fields: dict[str, str]) -> None:
    body = urlencode({"command": "/mms", **fields}, errors="surrogatepass").encode()

    ack = await world.slack.post_raw(body, world.slack.signed_headers(body))

    assert ack.status in (200, 400)
