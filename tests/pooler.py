"""A pooler in front of PostgreSQL that gives each transaction a session, and the next one another.

What PgBouncer does with ``pool_mode = transaction``, as far as clients notice: "PostgreSQL, Frontend/Backend Protocol",
with messages passed on as they are.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

SESSIONS = 3
_PROTOCOL_3 = 196608
_SOCKET = ".s.PGSQL.5432"
_SIMPLE_QUERY, _SYNC, _TERMINATE = b"Q", b"S", b"X"  # from clients
_PARAMETER, _READY, _IDLE = b"S", b"Z", b"I"  # from servers
_AUTHENTICATED = b"R" + struct.pack("!ii", 8, 0)
_NO_KEY = b"K" + struct.pack("!iii", 12, 0, 0)
_READY_IDLE = _READY + struct.pack("!i", 5) + _IDLE


class _Session:
    """One session of the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.greeting = b""  # the parameters that a client wants to know

    async def open(self, database: str) -> None:
        wanted = b"user\0postgres\0database\0" + database.encode() + b"\0\0"
        self.writer.write(struct.pack("!ii", len(wanted) + 8, _PROTOCOL_3) + wanted)
        while True:
            kind, message = await _message(self.reader)
            if kind == _PARAMETER:
                self.greeting += message
            if kind == _READY:
                return


class Pooler:
    """``transactions`` counts them; each was on the session that had waited longest."""

    def __init__(self, server: Path, database: str) -> None:
        self._server = server / _SOCKET
        self._database = database
        self._free: asyncio.Queue[_Session] = asyncio.Queue()
        self._sessions: list[_Session] = []
        self.transactions = 0

    async def start(self, folder: Path) -> None:
        for _ in range(SESSIONS):
            session = _Session(*await asyncio.open_unix_connection(str(self._server)))
            await session.open(self._database)
            self._sessions.append(session)
            self._free.put_nowait(session)
        self._listening = await asyncio.start_unix_server(self._serve, str(folder / _SOCKET))

    async def stop(self) -> None:
        self._listening.close()
        for session in self._sessions:
            session.writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            await reader.readexactly(length - 4)  # who the client is, and which database it wants
            writer.write(_AUTHENTICATED + self._sessions[0].greeting + _NO_KEY + _READY_IDLE)
            while True:
                kind, message = await _message(reader)
                if kind == _TERMINATE:
                    break
                session = await self._free.get()
                try:
                    await self._transaction(kind, message, session, reader, writer)
                finally:
                    self._free.put_nowait(session)
        writer.close()

    async def _transaction(
        self,
        kind: bytes,
        message: bytes,
        session: _Session,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Pass messages on until the server says that it is in no transaction any more."""
        self.transactions += 1
        while True:
            session.writer.write(message)
            if kind in (_SIMPLE_QUERY, _SYNC):
                answered = b""
                while answered != _READY:
                    answered, answer = await _message(session.reader)
                    writer.write(answer)
                if answer[-1:] == _IDLE:
                    return
            kind, message = await _message(reader)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Its kind, and all of it."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], head + await reader.readexactly(length - 4)


@asynccontextmanager
async def pooling(server: Path, database: str, folder: Path) -> AsyncIterator[Pooler]:
    """A pooler that listens in ``folder``."""
    pooler = Pooler(server, database)
    await pooler.start(folder)
    try:
        yield pooler
    finally:
        await pooler.stop()
