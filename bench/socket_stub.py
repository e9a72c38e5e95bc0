"""Slack's end of a Socket Mode connection: it sends envelopes and notes when each was acked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from aiohttp import web

from bench.load import Volley

_HELLO = {
    "type": "hello",
    "num_connections": 1,
    "connection_info": {"app_id": "A0BENCH"},
    "debug_info": {"host": "bench", "approximate_connection_time": 18_060},
}
CONNECTED_WITHIN_S = 20.0
ACKED_WITHIN_S = 30.0


class SocketStub:
    """One client, one socket. Use as ``async with SocketStub() as stub``; ``url`` is where the client connects."""

    def __init__(self) -> None:
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._socket: asyncio.Future[web.WebSocketResponse] = asyncio.get_running_loop().create_future()
        self._waiting: dict[str, asyncio.Future[float]] = {}

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/link", self._serve)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"ws://{host}:{port}/link"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket.done():
            await self._socket.result().close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def connected(self) -> None:
        """Until the client is there."""
        async with asyncio.timeout(CONNECTED_WITHIN_S):
            await asyncio.shield(self._socket)

    async def at_rate(self, payloads: Sequence[Mapping[str, Any]], per_second: float) -> Volley:
        """Each as an envelope at its time; a volley as ``bench.load`` has it."""
        socket = await self._socket
        loop = asyncio.get_running_loop()
        volley = Volley()
        acks: list[asyncio.Future[float]] = []
        began = time.perf_counter()
        for index, payload in enumerate(payloads):
            pause = began + index / per_second - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            envelope_id = f"{began}-{index}"
            acks.append(loop.create_future())
            self._waiting[envelope_id] = acks[-1]
            kind = "slash_commands" if "command" in payload else "interactive"
            envelope = {
                "envelope_id": envelope_id,
                "type": kind,
                "payload": payload,
                "accepts_response_payload": True,
                "retry_attempt": 0,
                "retry_reason": "",
            }
            text = json.dumps(envelope)
            volley.fired_at.append(time.perf_counter())
            await socket.send_str(text)
        async with asyncio.timeout(ACKED_WITHIN_S):
            acked_at = await asyncio.gather(*acks)
        volley.seconds = [end - start for end, start in zip(acked_at, volley.fired_at, strict=True)]
        return volley

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps(_HELLO))
        if not self._socket.done():
            self._socket.set_result(socket)
        async for frame in socket:
            acked = self._waiting.pop(json.loads(frame.data)["envelope_id"], None)
            if acked is not None:
                acked.set_result(time.perf_counter())
        return socket
