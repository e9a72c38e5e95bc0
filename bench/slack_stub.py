"""A Slack that says yes to everything and notes when a dialog was opened.

The strict fake of the sandbox takes longer for one call than the bot for a whole command: it would be what is measured.
What the bot calls is checked by the tests, with the strict one.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable
from typing import Any

_TRIGGER = re.compile(rb"123\.456\.(\d{10})")
_NOBODY: dict[str, Any] = {"ok": True}
_ANSWERS: dict[str, dict[str, Any]] = {
    "auth.test": {"ok": True, "team_id": "T0SANDBOX", "user_id": "U0MMSBOT", "team": "Sandbox", "user": "mms"},
    "usergroups.list": {"ok": True, "usergroups": []},
    "users.info": {
        "ok": True,
        "user": {"id": "U0ANN", "team_id": "T0SANDBOX", "name": "ann", "deleted": False, "is_bot": False},
    },
    "views.open": {"ok": True, "view": {"id": "V0OPENED", "hash": "1.abc", "type": "modal"}},
    "chat.postMessage": {"ok": True, "channel": "D0ANN", "ts": "1.1"},
    "chat.postEphemeral": {"ok": True, "message_ts": "1.1"},
}


class SlackStub:
    """Use as ``async with SlackStub() as slack``."""

    def __init__(self) -> None:
        self.opened_at: dict[int, float] = {}
        self._opened = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.origin = ""

    async def __aenter__(self) -> SlackStub:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=2048)
        self.origin = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def api_url(self) -> str:
        return f"{self.origin}/api/"

    async def until_opened(self, numbers: Iterable[int]) -> None:
        """Until there was a dialog for each of these commands."""
        missing = set(numbers)
        while missing := {number for number in missing if number not in self.opened_at}:
            self._opened.clear()
            await self._opened.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1])) if length else b""
                writer.write(self._answer(head, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, head: bytes, body: bytes) -> bytes:
        method = head.split(b" ", 2)[1].rpartition(b"/")[2].split(b"?")[0].decode()
        if method == "views.open" and (found := _TRIGGER.search(body)):
            self.opened_at[int(found[1])] = time.perf_counter()
            self._opened.set()
        said = json.dumps(_ANSWERS.get(method, _NOBODY)).encode()
        return (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said
        )
