"""Sends signed requests at a bot and looks at the clock: at a fixed rate whatever it takes, or as fast as it goes.

Raw HTTP over a few kept connections, prepared beforehand, so that the sender is not what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

ANSWER_WITHIN_S = 30.0
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


class BadAnswerError(Exception):
    """A contender answered with another status than 200: its times mean nothing."""


@dataclass(slots=True)
class Volley:
    """What came of one: seconds for each answer, in the order of sending, and how long all of it took.

    ``fired_at`` is when each was due to be sent, ``began_at`` when all of it began (``time.perf_counter``).
    """

    seconds: list[float] = field(default_factory=list)
    fired_at: list[float] = field(default_factory=list)
    began_at: float = 0.0
    took_s: float = 0.0


class _Connection(asyncio.Protocol):
    """One at a time; ``idle`` is where it goes when its answer is complete."""

    def __init__(self, gun: Gun) -> None:
        self._gun = gun
        self._transport: asyncio.WriteTransport | None = None
        self._received = b""
        self._fired_at = 0.0
        self._index = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is one, but is not derived from it
        self._gun.idle.append(self)

    def fire(self, index: int, request: bytes, fired_at: float) -> None:
        assert self._transport is not None  # noqa: S101  only idle connections are fired
        self._index, self._fired_at = index, fired_at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, body = self._received.partition(_END_OF_HEAD)
        if not mark:
            return
        lowered = head.lower()
        start = lowered.find(_LENGTH)
        length = int(lowered[start + len(_LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(body) < length:
            return
        self._received = b""
        if head[9:12] != b"200":
            self._gun.fail(BadAnswerError(head[:200].decode("latin-1") + body[:200].decode("utf-8", "replace")))
            return
        self._gun.done(self, self._index, time.perf_counter() - self._fired_at)

    def connection_lost(self, error: Exception | None) -> None:
        self._gun.fail(error or ConnectionError("a contender closed a connection"))


def get(path: str) -> bytes:
    """A request for ``path``."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


class Gun:
    """Connections to one contender. Use as ``async with Gun(host, port, 16) as gun``."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        self._address = host, port
        self._count = connections
        self.idle: deque[_Connection] = deque()  # each in turn: a server closes one that is idle for long
        self._waiting: deque[tuple[int, bytes, float]] = deque()
        self._transports: list[asyncio.BaseTransport] = []
        self._left = 0
        self._finished: asyncio.Future[None] | None = None
        self._volley = Volley()

    async def __aenter__(self) -> Gun:
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            transport, _protocol = await loop.create_connection(lambda: _Connection(self), *self._address)
            self._transports.append(transport)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._finished = None
        for transport in self._transports:
            transport.close()

    async def at_rate(self, requests: Sequence[bytes], per_second: float) -> Volley:
        """Each at its time. One that finds no idle connection waits for one, and its clock runs."""
        self._begin(len(requests))
        began = time.perf_counter()
        for index, request in enumerate(requests):
            pause = began + index / per_second - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            self._fire(index, request)
        return await self._end(began)

    async def flat_out(self, requests: Sequence[bytes]) -> Volley:
        """As many at once as there are connections."""
        self._begin(len(requests))
        began = time.perf_counter()
        for index, request in enumerate(requests):
            self._waiting.append((index, request, 0.0))
        while self.idle and self._waiting:
            index, request, _ = self._waiting.popleft()
            self.idle.popleft().fire(index, request, time.perf_counter())
        return await self._end(began)

    def done(self, connection: _Connection, index: int, seconds: float) -> None:
        """An answer is complete."""
        self._volley.seconds[index] = seconds
        self._left -= 1
        if self._waiting:
            following, request, fired_at = self._waiting.popleft()
            connection.fire(following, request, fired_at or time.perf_counter())
        else:
            self.idle.append(connection)
        if self._left == 0 and self._finished is not None and not self._finished.done():
            self._finished.set_result(None)

    def fail(self, error: Exception) -> None:
        if self._finished is not None and not self._finished.done():
            self._finished.set_exception(error)

    def _fire(self, index: int, request: bytes) -> None:
        now = time.perf_counter()
        self._volley.fired_at[index] = now
        if self.idle:
            self.idle.popleft().fire(index, request, now)
        else:
            self._waiting.append((index, request, now))

    def _begin(self, count: int) -> None:
        self._volley = Volley([0.0] * count, [0.0] * count)
        self._left = count
        self._finished = asyncio.get_running_loop().create_future()

    async def _end(self, began: float) -> Volley:
        assert self._finished is not None  # noqa: S101  set by _begin
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self._finished
        self._volley.began_at = began
        self._volley.took_s = time.perf_counter() - began
        return self._volley
