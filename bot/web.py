"""The HTTP side: all routes, Slack's requests, the health of the process. Size, signature, then parsing; no rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from yarl import URL

from bot.clock import Clock
from bot.secret import Secret
from bot.slack.dispatch import Answer
from bot.slack.signature import is_from_slack
from bot.telemetry import Telemetry, Turned

MAX_BODY_BYTES = 1_000_000  # far above anything that Slack sends: a view is 250 KB at most
BODY_LIMIT_S = 10.0  # Slack sends a body at once; nobody may hold a connection open by sending none
EVENTS_PATH = "/slack/events"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus, "Text-based format"
CALLBACKS_PATH = "/sinch/callbacks/"

_log = structlog.get_logger(__name__)

_STATUS = {
    Turned.CUT_OFF: 400,
    Turned.UNREADABLE: 400,
    Turned.SIGNATURE: 401,
    Turned.TOO_SLOW: 408,
    Turned.TOO_LARGE: 413,
}

Dispatch = Callable[[Mapping[str, Any]], Awaitable[Answer]]
Endpoint = Callable[[Request], Awaitable[Response]]
MetricsPage = Callable[[], Awaitable[bytes]]
Readiness = Callable[[], Awaitable[Mapping[str, Any]]]


class SlackEvents:
    """``POST /slack/events``: everything from Slack, in HTTP mode."""

    def __init__(self, *, secret: Secret, dispatch: Dispatch, clock: Clock, telemetry: Telemetry | None = None) -> None:
        self._secret = secret
        self._dispatch = dispatch
        self._clock = clock
        self._telemetry = telemetry or Telemetry()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: a request of Slack's."""
        response = await self._answer_to(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer_to(self, request: Request) -> Response:
        body = await whole_body(request)
        if isinstance(body, Turned):
            return turned_away(body, self._telemetry)
        genuine = is_from_slack(
            body,
            timestamp=request.headers.get("x-slack-request-timestamp"),
            signature=request.headers.get("x-slack-signature"),
            secret=self._secret,
            now=self._clock.now().timestamp(),
        )
        if not genuine:
            _log.info("bad_signature", bytes=len(body))
            return turned_away(Turned.SIGNATURE, self._telemetry)
        payload = parse(body, request.headers.get("content-type", ""))
        if payload is None:
            _log.info("unreadable_payload", bytes=len(body))
            return turned_away(Turned.UNREADABLE, self._telemetry)
        answer = await self._dispatch(payload)
        return Response(answer.body, status_code=answer.status, headers={"content-type": answer.content_type})


def parse(body: bytes, content_type: str) -> dict[str, Any] | None:
    """Slack's three ways to send a payload: JSON, a form, or JSON in the form field ``payload``. None: not readable."""
    try:
        if content_type.partition(";")[0].strip().lower() == "application/json":
            data = json.loads(body)
            return data if isinstance(data, dict) else None
        # A command's text may hold any word, "payload=" too: the fields are taken apart, never searched.
        # (yarl reads a dialog's five kilobytes in 8 µs, the standard library in 150.)
        fields = dict(URL.build(query_string=body.decode("utf-8"), encoded=True).query.items())
        if "payload" in fields and "command" not in fields:
            data = json.loads(fields["payload"])
            return data if isinstance(data, dict) else None
    except (ValueError, RecursionError):
        return None
    return dict(fields) or None


def turned_away(why: Turned, telemetry: Telemetry) -> Response:
    """The answer to a request of which nothing more is looked at."""
    telemetry.turned_away(why)
    return Response(status_code=_STATUS[why])


async def whole_body(request: Request) -> bytes | Turned:
    """The body as it was sent, or why there is none: too long, too slow or cut off."""
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            body = await _body(request)
    except ClientDisconnect:
        return Turned.CUT_OFF
    except TimeoutError:
        return Turned.TOO_SLOW
    return Turned.TOO_LARGE if body is None else body


async def _body(request: Request) -> bytes | None:
    """The whole body; None as soon as it is too long."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > 9 or int(announced) > MAX_BODY_BYTES):
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def web_app(
    *, events: SlackEvents | None, callbacks: Endpoint, readiness: Readiness, metrics: MetricsPage
) -> Starlette:
    """All routes. ``events`` None (Socket Mode): ``/slack/events`` is not there."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_: Request) -> Response:
        state = dict(await readiness())
        return JSONResponse(state, status_code=200 if state["ready"] else 503)

    async def metrics_page(_: Request) -> Response:
        return Response(await metrics(), headers={"content-type": METRICS_TYPE})

    # An ASGI application of its own, and the first that is looked at: Slack waits for it.
    slack = [] if events is None else [Route(EVENTS_PATH, events, methods=["POST"])]
    routes = [
        *slack,
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics_page, methods=["GET"]),
        Route(f"{CALLBACKS_PATH}{{key}}", callbacks, methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # a path is one of ours or it is not
    return app
