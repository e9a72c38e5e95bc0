"""The address that Sinch knows, in front of bots that come and go: each request goes on to one of them, as it came."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from sandbox.bot_process import BotProcess

_HEADERS_KEPT = ("content-type", "x-sinch-webhook-")


@dataclass(frozen=True, slots=True)
class Passed:
    """One request, and what it was answered with."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int


class Relay:
    """Takes requests on a loopback port; ``bots`` says who runs at the moment, and they take turns.

    A bot that is not there, or dies in the middle, is a 502.
    """

    def __init__(self) -> None:
        self.bots: Callable[[], list[BotProcess]] = list
        self.passed: list[Passed] = []
        self.origin = ""
        self._turns = itertools.count()
        self._web = web.Server(self._handle, access_log=None)

    async def __aenter__(self) -> Relay:
        self._session = aiohttp.ClientSession()
        self._server = await asyncio.get_running_loop().create_server(self._web, "127.0.0.1", 0)
        self.origin = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._web.shutdown(timeout=0.01)
        await self._server.wait_closed()
        await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower().startswith(_HEADERS_KEPT)}
        body, path = await request.read(), request.rel_url.raw_path
        status = await self.post(path, body, headers)
        self.passed.append(Passed(path, headers, body, status))
        return web.Response(status=status)

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send something to the bot whose turn it is; the status."""
        bots = self.bots()
        if not bots:
            return 502
        bot = bots[next(self._turns) % len(bots)]
        try:
            async with self._session.post(f"{bot.origin}{path}", data=body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError):
            return 502
