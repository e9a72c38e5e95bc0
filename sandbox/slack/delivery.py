"""Payloads on their way to the bot, by signed HTTP or over a socket, and the bot's ack."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from sandbox.slack.sockets import SocketMode
from sandbox.slack.state import JsonObject

ACK_TIMEOUT_S = 3.0  # Slack: HTTP 200, or the ack of the envelope, within 3 s of sending
OPERATION_TIMEOUT = "operation_timeout"
DISPATCH_FAILED = "dispatch_failed"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Ack:
    """How the bot answered a payload.

    ``status`` is the HTTP status; 200 for an acked envelope; None when no answer came. ``error`` is the word that Slack
    shows to the person for a failed command, None when all went well.
    """

    status: int | None
    body: bytes
    content_type: str
    elapsed_s: float
    error: str | None

    @property
    def timed_out(self) -> bool:
        return self.error == OPERATION_TIMEOUT


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``X-Slack-Signature`` over the raw bytes. Source: docs.slack.dev, "Verifying requests from Slack"."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


class Delivery:
    """Sends payloads to wherever the bot listens. Once a socket was asked for, nothing goes by HTTP."""

    def __init__(self, sockets: SocketMode, *, signing_secret: str, wall_clock: Callable[[], float]) -> None:
        self._sockets = sockets
        self._signing_secret = signing_secret
        self._wall_clock = wall_clock
        self._session: aiohttp.ClientSession | None = None
        self._repeats = 0
        self._repeating: set[asyncio.Task[Ack]] = set()
        self.events_url: str | None = None
        self.ack_timeout_s = ACK_TIMEOUT_S

    async def stop(self) -> None:
        for task in self._repeating:
            task.cancel()
        await asyncio.gather(*self._repeating, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def repeat_next(self, times: int = 1) -> None:
        """The next delivery goes out ``1 + times`` times: the same envelope, or the same bytes."""
        self._repeats = times

    def signed_headers(
        self, body: bytes, *, timestamp: int | str | None = None, secret: str | None = None, content_type: str
    ) -> dict[str, str]:
        """Slack's headers for a body; a test may give a stale timestamp or a wrong secret."""
        stamp = str(int(self._wall_clock()) if timestamp is None else timestamp)
        return {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(secret or self._signing_secret, stamp, body),
        }

    async def slash_command(self, payload: dict[str, str]) -> Ack:
        return await self._send("slash_commands", payload, urlencode(payload).encode(), FORM, {})

    async def interactive(self, payload: JsonObject) -> Ack:
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return await self._send("interactive", payload, body, FORM, {})

    async def event(self, payload: JsonObject, *, retry_num: int = 0, retry_reason: str = "") -> Ack:
        """An event; ``retry_num`` 1 to 3 marks a repetition, as after a missed ack."""
        headers = (
            {"X-Slack-Retry-Num": str(retry_num), "X-Slack-Retry-Reason": retry_reason or "http_timeout"}
            if retry_num
            else {}
        )
        return await self._send("events_api", payload, json.dumps(payload).encode(), JSON, headers)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Ack:
        """Raw bytes to the events URL, whatever the mode: for hostile requests."""
        if self.events_url is None:
            raise RuntimeError("deliver_by_http was not called")
        return await self._post(self.events_url, body, headers)

    async def _send(
        self, kind: str, payload: Mapping[str, object], body: bytes, content_type: str, headers: Mapping[str, str]
    ) -> Ack:
        repeats, self._repeats = self._repeats, 0
        if self._sockets.is_on or self.events_url is None:
            envelope = self._sockets.envelope(kind, payload)

            async def once() -> Ack:
                return await self._over_socket(envelope)
        else:
            url = self.events_url
            signed = {**self.signed_headers(body, content_type=content_type), **headers}

            async def once() -> Ack:
                return await self._post(url, body, signed)

        for _ in range(repeats):
            task = asyncio.create_task(once())
            self._repeating.add(task)
            task.add_done_callback(self._repeating.discard)
        return await once()

    async def _over_socket(self, envelope: JsonObject) -> Ack:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.ack_timeout_s):
                answer = await self._sockets.deliver(envelope)
        except TimeoutError:
            return Ack(None, b"", "", time.perf_counter() - started, OPERATION_TIMEOUT)
        except ConnectionError:
            return Ack(None, b"", "", time.perf_counter() - started, DISPATCH_FAILED)
        body = b"" if answer is None else json.dumps(answer).encode()
        return Ack(200, body, JSON if body else "", time.perf_counter() - started, None)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Ack:
        if self._session is None:
            # Slack calls from many machines: a kept connection would be kinder than the truth.
            connector = aiohttp.TCPConnector(force_close=True, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        started = time.perf_counter()
        timeout = aiohttp.ClientTimeout(total=self.ack_timeout_s)
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                content = await answer.read()
                elapsed_s = time.perf_counter() - started
                error = None if answer.status == 200 else DISPATCH_FAILED
                return Ack(answer.status, content, answer.content_type if content else "", elapsed_s, error)
        except TimeoutError:
            return Ack(None, b"", "", time.perf_counter() - started, OPERATION_TIMEOUT)
        except aiohttp.ClientError:
            return Ack(None, b"", "", time.perf_counter() - started, DISPATCH_FAILED)
