"""A Sinch that takes every batch after a pause, however many wait: the strict fake would be what is measured."""

from __future__ import annotations

import asyncio
import json
import re

from bench.http_stub import HttpStub
from bench.shots import NUMBERED

PLAN = "bench"
_NUMBER = re.compile(NUMBERED.encode() + rb" (\d{10})")
_CREATED_AT = "2026-01-02T12:00:00.000Z"


class SinchStub(HttpStub):
    """Use as ``async with SinchStub(0.3) as stub``.

    Args:
        pause_s: how long each batch takes.

    Attributes:
        held: batches that wait for their answer.
    """

    def __init__(self, pause_s: float = 0.0) -> None:
        super().__init__()
        self.pause_s = pause_s
        self.held = 0

    async def answer(self, head: bytes, body: bytes) -> bytes:
        if not head.startswith(b"POST"):
            return json.dumps({"count": 0, "page": 0, "page_size": 100, "batches": []}).encode()
        found = _NUMBER.search(body)
        number = int(found[1]) if found else 0
        self.held += 1
        try:
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
        finally:
            self.held -= 1
        sent = json.loads(body)
        return json.dumps(
            {
                **{name: sent[name] for name in ("to", "from", "type", "body", "client_reference") if name in sent},
                "id": f"BENCH{number:010d}",
                "canceled": False,
                "created_at": _CREATED_AT,
                "modified_at": _CREATED_AT,
                "delivery_report": sent.get("delivery_report", "none"),
            }
        ).encode()
