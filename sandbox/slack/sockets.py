"""Socket Mode as the bot sees it: single-use tickets, hello, envelopes and their acks, disconnect frames.

Source: docs.slack.dev, "Using Socket Mode".
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.slack.people import APP_ID
from sandbox.slack.state import JsonObject, State

MAX_CONNECTIONS = 10
CONNECTION_TIME_S = 18_060  # hello: approximate_connection_time
# Which kinds of envelope may be acked with a payload.
_ACCEPTS_PAYLOAD = {"slash_commands": True, "interactive": True, "events_api": False}


@dataclass(slots=True, eq=False)
class _Connection:
    socket: web.WebSocketResponse
    request: web.Request
    waiting: dict[str, list[asyncio.Future[Any]]] = field(default_factory=dict)
    retiring: bool = False  # it was told to disconnect: nothing new goes there


class SocketMode:
    """The open sockets of the bot. Every envelope goes to one of them, in turn."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._tickets: set[str] = set()
        self._connections: list[_Connection] = []
        self._turn = itertools.count()
        self._accepts: dict[str, bool] = {}
        self.is_on = False

    @property
    def count(self) -> int:
        """How many sockets can take an envelope now."""
        return len(self._ready())

    def new_ticket(self) -> str:
        """The query of a web socket address; works once. From now on nothing goes by HTTP."""
        self.is_on = True
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return f"ticket={ticket}&app_id={APP_ID}"

    async def wait_for(self, count: int = 1, *, timeout_s: float = 10.0) -> None:
        """Wait until ``count`` sockets are up.

        Raises:
            NothingSeenError: they are not, in time.
        """
        await self._state.changes.wait_for(
            lambda: True if self.count >= count else None, timeout_s=timeout_s, what=f"{count} socket(s)"
        )

    def envelope(self, kind: str, payload: Mapping[str, object]) -> JsonObject:
        envelope: JsonObject = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "accepts_response_payload": _ACCEPTS_PAYLOAD.get(kind, False),
            "payload": dict(payload),
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": 0, "retry_reason": ""}
        return envelope

    async def deliver(self, envelope: JsonObject) -> JsonObject | None:
        """Send an envelope to one socket and wait for its ack there; returns the ack's payload, if any.

        The caller sets the time limit.

        Raises:
            ConnectionError: no socket is up.
            TimeoutError: the socket went away before the ack.
        """
        ready = self._ready()
        if not ready:
            raise ConnectionError("no socket is up")
        connection = ready[next(self._turn) % len(ready)]
        envelope_id = envelope["envelope_id"]
        ack: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.waiting.setdefault(envelope_id, []).append(ack)
        self._accepts[envelope_id] = envelope["accepts_response_payload"]
        try:
            await connection.socket.send_str(json.dumps(envelope))
        except ConnectionResetError as gone:
            ack.cancel()
            raise TimeoutError from gone
        answer: JsonObject | None = await ack
        return answer

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Send a disconnect frame to every socket: ``warning``, ``refresh_requested`` or ``link_disabled``.

        After ``warning`` the sockets go on working; after the others they get nothing new, and the bot closes them.
        """
        frame = json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}})
        for connection in self._ready():
            connection.retiring = reason != "warning"
            with contextlib.suppress(ConnectionResetError):
                await connection.socket.send_str(frame)

    def drop(self) -> None:
        """Cut every socket without a word, as a lost network does."""
        for connection in list(self._connections):
            if connection.request.transport is not None:
                connection.request.transport.abort()
            self._forget(connection)

    async def close(self) -> None:
        """Close every socket properly."""
        for connection in list(self._connections):
            await connection.socket.close()
            self._forget(connection)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The web socket route."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=404, text="unknown or used ticket")
        self._tickets.discard(ticket)
        if len(self._connections) >= MAX_CONNECTIONS:
            return web.Response(status=429, text="too_many_websockets")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = _Connection(socket, request)
        hello = {
            "type": "hello",
            "num_connections": len(self._connections) + 1,
            "debug_info": {
                "host": "applink-sandbox",
                "build_number": 1,
                "approximate_connection_time": CONNECTION_TIME_S,
            },
            "connection_info": {"app_id": APP_ID},
        }
        await socket.send_str(json.dumps(hello))
        self._connections.append(connection)
        self._state.changes.notify()
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._take_ack(connection, message.data)
        finally:
            self._forget(connection)
        return socket

    def _ready(self) -> list[_Connection]:
        return [c for c in self._connections if not c.retiring and not c.socket.closed]

    def _forget(self, connection: _Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
        for futures in connection.waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(TimeoutError("the socket went away before the ack"))
        self._state.changes.notify()

    def _take_ack(self, connection: _Connection, text: str) -> None:
        try:
            frame = json.loads(text)
            envelope_id = frame["envelope_id"]
        except (ValueError, KeyError, TypeError):
            self._state.refuse("socket", "a frame that is no ack")
            return
        futures = connection.waiting.get(envelope_id, [])
        if not futures:
            self._state.refuse("socket", "an ack for an envelope that is not open on this socket")
            return
        payload = frame.get("payload")
        if payload and not self._accepts.get(envelope_id):
            self._state.refuse("socket", "a payload in the ack of an envelope that takes none")
        future = futures.pop(0)
        if not future.done():
            future.set_result(payload or None)
