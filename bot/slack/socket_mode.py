"""Socket Mode: a web socket to Slack that is always there, and an ack for every envelope on the socket it came by.

Slack renews its sockets every few hours. The new one is opened before the old one is let go, so that nothing waits.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import structlog

from bot.clock import Clock
from bot.secret import Secret
from bot.slack.dispatch import Answer
from bot.slack.gateway import TOKEN_REFUSED, SlackError, SlackGateway
from bot.tasks import Tasks

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
RETIRED_AFTER_S = 5.0  # an old socket's last envelopes are answered long before: Slack waits 3 s
_LAST_ACKS_WITHIN_S = 1.0
SHORT_LIVED = "short_lived"
SHORT_LIVED_S = 10.0  # a socket that ends sooner was not worth much: wait before the next, longer each time

_log = structlog.get_logger(__name__)


class SocketMode:
    """Keeps one socket up and hands its envelopes to ``dispatch``."""

    def __init__(
        self,
        *,
        slack: SlackGateway,
        app_token: Secret,
        dispatch: Callable[[Mapping[str, Any]], Awaitable[Answer]],
        clock: Clock,
    ) -> None:
        self._slack = slack
        self._app_token = app_token
        self._dispatch = dispatch
        self._clock = clock
        self._open: set[aiohttp.ClientWebSocketResponse] = set()
        self._tasks = Tasks()
        self._was_up = False
        self._readers: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """A socket is up."""
        return any(not socket.closed for socket in self._open)

    async def run(self) -> None:
        """Connect, and connect again whenever the socket ends or Slack asks for it; runs until cancelled.

        Raises:
            SlackError: Slack refuses the app token at the start. Later it may be a mistake, or mended while we wait.
        """
        failures = 0
        try:
            while True:
                try:
                    lived_s = await self._serve_one()
                except SlackError as refused:
                    if refused.error in TOKEN_REFUSED and not self._was_up:
                        raise
                    error, wait_s = refused.error, refused.retry_after_s or 0.0
                else:
                    if lived_s >= SHORT_LIVED_S:
                        failures = 0
                        continue
                    error, wait_s = SHORT_LIVED, 0.0
                failures += 1
                if error == SHORT_LIVED and failures == 1:
                    continue  # dropped or renewed soon after it opened, once: no reason to keep people waiting
                pause = max(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 8)), wait_s)
                _log.warning("socket_not_up", reason=error, again_in_s=round(pause, 1))
                await self._clock.sleep(pause)
        finally:
            await self._close()

    async def _serve_one(self) -> float:
        """Open a socket and return as soon as another one is needed: how long it was the newest one, in seconds.

        The one before it is still read for a moment, and then closed.
        """
        socket = await self._slack.connect_socket(await self._slack.socket_url(self._app_token))
        opened_at = self._clock.monotonic()
        for old in self._open:
            self._tasks.start(self._retire(old))
        self._open.add(socket)
        self._was_up = True
        _log.info("socket_connected")
        renew = asyncio.Event()
        reader = asyncio.create_task(self._read(socket, renew), name="socket-mode")
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        await renew.wait()
        return self._clock.monotonic() - opened_at

    async def _retire(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Close a socket whose successor is up, once its last envelopes have been acked."""
        await self._clock.sleep(RETIRED_AFTER_S)
        await socket.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, renew: asyncio.Event) -> None:
        """Read one socket to its end; ``renew`` is set as soon as another one is needed."""
        try:
            async for frame in socket:
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    continue
                with suppress(ValueError):
                    envelope = json.loads(frame.data)
                    if isinstance(envelope, dict):
                        if envelope.get("type") == "disconnect":
                            _log.info("socket_to_be_renewed", reason=str(envelope.get("reason"))[:40])
                            renew.set()
                        elif isinstance(envelope.get("envelope_id"), str):
                            self._tasks.start(self._handle(socket, envelope))
        finally:
            self._open.discard(socket)
            renew.set()
            await socket.close()

    async def _handle(self, socket: aiohttp.ClientWebSocketResponse, envelope: dict[str, Any]) -> None:
        payload = envelope.get("payload")
        answer = await self._dispatch(payload if isinstance(payload, dict) else {})
        ack: dict[str, Any] = {"envelope_id": envelope["envelope_id"]}
        if answer.body and envelope.get("accepts_response_payload", True):
            try:
                ack["payload"] = json.loads(answer.body)
            except ValueError:
                ack["payload"] = {"text": answer.body}
        try:
            await socket.send_str(json.dumps(ack))
        except (aiohttp.ClientError, ConnectionError, RuntimeError):
            # Slack shows a time-out, and the person presses again: the same view is the same row.
            _log.warning("ack_not_sent", type=str(envelope.get("type"))[:40])

    async def _close(self) -> None:
        await self._tasks.drain(_LAST_ACKS_WITHIN_S)  # what came in last is still acked, on its own socket
        for reader in list(self._readers):
            reader.cancel()
        for socket in list(self._open):
            with suppress(Exception):  # it is being thrown away; whatever it says no longer matters
                await asyncio.wait_for(socket.close(), 1.0)
