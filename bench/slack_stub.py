"""A Slack that says yes to everything and notes when a dialog was opened and when somebody was told.

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

from bench.http_stub import HttpStub

_TRIGGER = re.compile(rb"123\.456\.(\d{10})")
_BATCH = re.compile(rb"BENCH(\d{10})")
_POSTS = frozenset({"chat.postEphemeral", "chat.postMessage"})
_NOBODY: dict[str, Any] = {"ok": True}
_ANSWERS: dict[str, dict[str, Any]] = {
    "auth.test": {"ok": True, "team_id": "T0SANDBOX", "user_id": "U0MMSBOT", "team": "Sandbox", "user": "mms"},
    "usergroups.list": {"ok": True, "usergroups": []},
    "views.open": {"ok": True, "view": {"id": "V0OPENED", "hash": "1.abc", "type": "modal"}},
    "chat.postMessage": {"ok": True, "channel": "D0ANN", "ts": "1.1"},
    "chat.postEphemeral": {"ok": True, "message_ts": "1.1"},
}


class SlackStub(HttpStub):
    """Use as ``async with SlackStub() as slack``.

    Attributes:
        opened_at: when the dialog of the command with this number was opened (``time.perf_counter``).
        told_at: when somebody was told of the batch with this number.
        socket_url: what ``apps.connections.open`` gives.
    """

    def __init__(self, *, socket_url: str = "") -> None:
        super().__init__()
        self.opened_at: dict[int, float] = {}
        self.told_at: dict[int, float] = {}
        self._socket_url = socket_url
        self._noted = asyncio.Event()

    @property
    def api_url(self) -> str:
        return f"{self.origin}/api/"

    async def until_opened(self, numbers: Iterable[int]) -> None:
        """Until there was a dialog for each of these commands."""
        await self._until_all(numbers, self.opened_at)

    async def until_told(self, numbers: Iterable[int]) -> None:
        """Until somebody was told of each of these batches."""
        await self._until_all(numbers, self.told_at)

    async def _until_all(self, numbers: Iterable[int], noted: dict[int, float]) -> None:
        missing = set(numbers)
        while missing := {number for number in missing if number not in noted}:
            self._noted.clear()
            await self._noted.wait()

    async def answer(self, head: bytes, body: bytes) -> bytes:
        method = head.split(b" ", 2)[1].rpartition(b"/")[2].split(b"?")[0].decode()
        if method == "views.open" and (found := _TRIGGER.search(body)):
            self._note(self.opened_at, int(found[1]))
        if method in _POSTS and (found := _BATCH.search(body)):
            self._note(self.told_at, int(found[1]))
        if method == "apps.connections.open":
            return json.dumps({"ok": True, "url": self._socket_url}).encode()
        if method == "users.info":
            return json.dumps({"ok": True, "user": _person(head + body)}).encode()
        return json.dumps(_ANSWERS.get(method, _NOBODY)).encode()

    def _note(self, noted: dict[int, float], number: int) -> None:
        noted[number] = time.perf_counter()
        self._noted.set()


def _person(request: bytes) -> dict[str, Any]:
    found = re.search(rb"user=(U0[A-Z0-9]+)", request)
    user_id = found[1].decode() if found else "U0ANN"
    return {"id": user_id, "team_id": "T0SANDBOX", "name": user_id.lower(), "deleted": False, "is_bot": False}
