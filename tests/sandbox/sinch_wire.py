"""The fake Sinch with a clock that is moved by hand, and a plain HTTP client."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

import httpx

from sandbox.sinch import FakeSinch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loopback has no TLS; loading them takes longer than a test
ANN, BOB = "+12015550123", "+12015550124"


class Wire:
    """The fake, a moveable clock, and a plain HTTP client that knows nothing of our own one."""

    def __init__(self) -> None:
        self.now = NOON
        self.fake = FakeSinch(clock=lambda: self.now)
        self.http = httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES, timeout=5.0)

    @property
    def plan(self) -> str:
        return f"{self.fake.base_url}/xms/v1/{self.fake.service_plan_id}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.fake.settings()['SINCH_API_TOKEN']}"}

    async def send(self, *to: str, text: str = "Hi", reference: str = "m-00000001", **more: Any) -> httpx.Response:
        body = {"url": "https://pictures.example/a.jpg", "message": text}
        fields = {"type": "mt_media", "from": "+12015550100", "to": to or [ANN], "body": body}
        fields |= {"client_reference": reference} | more
        return await self.http.post(f"{self.plan}/batches", json=fields, headers=self.headers)

    async def look_up(self, reference: str = "m-00000001", **more: str | int) -> dict[str, Any]:
        query = {"client_reference": reference, **more}
        answer = await self.http.get(f"{self.plan}/batches", params=query, headers=self.headers)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, batch_id: str) -> httpx.Response:
        return await self.http.get(f"{self.plan}/batches/{batch_id}", headers=self.headers)
