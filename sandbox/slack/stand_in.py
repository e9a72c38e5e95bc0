"""A tiny bot without rules of its own, to try the fake Slack out: it records what comes and answers what it is told.

It serves both modes. It checks no signature on arrival: what came is kept, and the tests look at it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from sandbox.slack.server import FakeSlack
from sandbox.slack.state import Changes, JsonObject


@dataclass(frozen=True, slots=True)
class Received:
    """``kind`` is the envelope's type, or what it would be; ``envelope_id`` is empty over HTTP."""

    kind: str
    payload: JsonObject
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    envelope_id: str = ""
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is text, or something for JSON; None is empty. ``status`` None means that no answer comes, ever."""

    body: object = None
    status: int | None = 200
    content_type: str | None = None


async def empty(_received: Received) -> Reply:
    return Reply()


class StandInBot:
    """``answer`` is asked for every payload, after ``received`` has it."""

    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack
        self._session = aiohttp.ClientSession(trust_env=False)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._answering: set[asyncio.Task[None]] = set()
        self._changes = Changes()
        self.sockets: list[aiohttp.ClientWebSocketResponse] = []
        self.received: list[Received] = []
        self.disconnects: list[str] = []
        self.answer: Callable[[Received], Awaitable[Reply]] = empty

    async def listen(self) -> None:
        """HTTP mode on a free port; the fake delivers here from now on."""
        app = web.Application()
        app.add_routes([web.post("/slack/events", self._on_http)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._slack.deliver_by_http(f"http://127.0.0.1:{self._runner.addresses[0][1]}/slack/events")

    async def connect(self) -> JsonObject:
        """One more socket; returns its hello."""
        opened = await self.call("apps.connections.open", token=self._slack.app_token)
        socket = await self._session.ws_connect(opened["url"])
        hello: JsonObject = await socket.receive_json()
        self.sockets.append(socket)
        self._tasks.append(asyncio.create_task(self._serve(socket, len(self.sockets) - 1)))
        await self._slack.sockets.wait_for(1)
        return hello

    async def stop(self) -> None:
        for task in (*self._tasks, *self._answering):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._answering, return_exceptions=True)
        for socket in self.sockets:
            await socket.close()
        await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def got(self, count: int, *, timeout_s: float = 5.0) -> None:
        """Wait until ``count`` payloads have come. Raises ``NothingSeenError``."""
        await self._changes.wait_for(
            lambda: True if len(self.received) >= count else None, timeout_s=timeout_s, what=f"{count} payloads"
        )

    async def told_to_disconnect(self, times: int, *, timeout_s: float = 5.0) -> None:
        """Wait until ``times`` disconnect frames have come. Raises ``NothingSeenError``."""
        await self._changes.wait_for(
            lambda: True if len(self.disconnects) >= times else None, timeout_s=timeout_s, what="a disconnect frame"
        )

    async def call(self, method: str, *, token: str | None = None, **arguments: Any) -> JsonObject:
        """Call the Web API with JSON, as the bot unless another token is given."""
        headers = {"Authorization": f"Bearer {token or self._slack.bot_token}"}
        url = self._slack.api_base_url + method
        async with self._session.post(url, json=arguments, headers=headers) as answer:
            result: JsonObject = await answer.json()
            return result

    async def respond(self, response_url: str, body: object) -> tuple[int, JsonObject]:
        """Use a ``response_url``; returns status and answer."""
        async with self._session.post(response_url, json=body) as answer:
            return answer.status, await answer.json()

    async def _on_http(self, request: web.Request) -> web.Response:
        body = await request.read()
        reply = await self._asked(_received(body, request.content_type, dict(request.headers)))
        if isinstance(reply.body, (dict, list)):
            kind = reply.content_type or "application/json"
            return web.Response(status=reply.status or 200, body=json.dumps(reply.body).encode(), content_type=kind)
        return web.Response(
            status=reply.status or 200, text=str(reply.body or ""), content_type=reply.content_type or "text/plain"
        )

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse, number: int) -> None:
        async for frame in socket:
            envelope = frame.json()
            if envelope["type"] == "disconnect":
                self.disconnects.append(envelope["reason"])
                self._changes.notify()
                continue
            task = asyncio.create_task(self._ack(socket, envelope, number))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _ack(self, socket: aiohttp.ClientWebSocketResponse, envelope: JsonObject, number: int) -> None:
        received = Received(
            envelope["type"], envelope["payload"], envelope_id=envelope["envelope_id"], connection=number
        )
        reply = await self._asked(received)
        ack: JsonObject = {"envelope_id": envelope["envelope_id"]}
        if reply.body is not None:
            ack["payload"] = {"text": reply.body} if isinstance(reply.body, str) else reply.body
        await socket.send_str(json.dumps(ack))

    async def _asked(self, received: Received) -> Reply:
        self.received.append(received)
        self._changes.notify()
        reply = await self.answer(received)
        if reply.status is None:
            await asyncio.Event().wait()
        return reply


def _received(body: bytes, content_type: str, headers: Mapping[str, str]) -> Received:
    if content_type == "application/json":
        return Received("events_api", json.loads(body), body, headers)
    form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    if "payload" in form:
        return Received("interactive", json.loads(form["payload"]), body, headers)
    return Received("slash_commands", form, body, headers)
