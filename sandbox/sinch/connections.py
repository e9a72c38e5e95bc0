"""The socket side of the fake: a port that is kept while nobody listens on it, and connections broken on purpose."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus

from aiohttp import web

from sandbox.sinch.refusals import Answer

_BACKLOG = 1024  # a benchmark opens many at once


class Door:
    """A listening port that can close and open again under the same number.

    A second socket stays bound without listening: meanwhile nobody else gets the port, and a client on the same machine
    that tries again and again can't be connected to itself. Both happen to free ports on loopback.
    """

    def __init__(self) -> None:
        self._keeper: socket.socket | None = None
        self._listener: asyncio.Server | None = None

    async def open(self, server: web.Server, host: str, port: int) -> int:
        """Listen; returns the port."""
        if self._keeper is None:
            self._keeper = _bound(host, port)
        port = int(self._keeper.getsockname()[1])
        listening = _bound(host, port)
        self._listener = await asyncio.get_running_loop().create_server(server, sock=listening, backlog=_BACKLOG)
        return port

    async def shut(self, server: web.Server) -> None:
        """Refuse connections from now on, and break those that are open."""
        if self._listener is not None:
            self._listener.close()
            await server.shutdown(timeout=0.01)
            await self._listener.wait_closed()
            self._listener = None

    def release(self) -> None:
        """Give the port back."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def reset(request: web.BaseRequest) -> None:
    """Break the connection with an RST, so that the caller reads "connection reset" and not an orderly end."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def send_cut(request: web.BaseRequest, answer: Answer, *, in_headers: bool) -> None:
    """Send the first part of an answer, then close in an orderly way."""
    transport = request.transport
    if transport is None:
        return
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n\r\n"
    ).encode()
    transport.write(head[: len(head) // 2] if in_headers else head + answer.body[: len(answer.body) // 2])
    transport.close()
