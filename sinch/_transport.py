"""One request at a time through one of several small httpx clients.

One ``httpx.AsyncClient`` slows down with the square of the requests in flight: at each step its pool looks at every
request it has. So requests are spread over "lanes", clients with at most eight requests each. Lanes share one TLS
context, because making one takes over 20 ms.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from sinch._answers import Answer
from sinch._attempt import Attempt
from sinch._calls import Call

LANE_SIZE = 8  # measured: up to this many at once, a send through one client costs about 1 ms of CPU
KEEPALIVE_EXPIRY_S = 5.0  # ours, short: a request on a connection that the other side just closed is a lost answer
MAX_ANSWER_BYTES = 1024 * 1024  # ours: a page of 100 batches stays far below


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds for each phase of one request; the call's own ``timeout_s`` bounds all of them together.

    Ours: Sinch gives no advice, and its SDKs wait 10 to 30 s.

    Attributes:
        connect_s: the connection and TLS; one that takes longer will not come.
        write_s: handing over the next piece of the request.
        read_s: waiting for the next piece of the answer.
    """

    connect_s: float = 5.0
    write_s: float = 20.0
    read_s: float = 30.0


@dataclass(slots=True)
class _Lane:
    client: httpx.AsyncClient
    in_flight: int = 0


class Transport:
    """Carries calls, at most ``max_in_flight`` at once; the others wait their turn in order of arrival.

    Args:
        headers: sent with every request.
        max_in_flight: 1 or more.
        trust_env: take proxies and certificates from the environment, as httpx does.
    """

    def __init__(
        self,
        *,
        headers: Mapping[str, str],
        max_in_flight: int,
        trust_env: bool,
        limits: TimeLimits,
    ) -> None:
        self._headers = httpx.Headers(headers)  # prints the token as [secure]
        self._trust_env = trust_env
        # No limit on httpx's pool: waiting for a place is ours, and bounded by the call's time.
        self._timeout = httpx.Timeout(connect=limits.connect_s, write=limits.write_s, read=limits.read_s, pool=None)
        self._tls = httpx.create_ssl_context(trust_env=trust_env)
        # What Sinch asks for, even where the machine's settings allow less.
        self._tls.minimum_version = max(self._tls.minimum_version, ssl.TLSVersion.TLSv1_2)
        self._slots = asyncio.Semaphore(max_in_flight)
        self._lanes: list[_Lane] = []
        self._closed = False

    @property
    def load(self) -> tuple[int, ...]:
        """Requests in flight, lane by lane."""
        return tuple(lane.in_flight for lane in self._lanes)

    async def exchange(self, call: Call, *, timeout_s: float) -> Answer:
        """Send one request and read its answer, within ``timeout_s``.

        Raises:
            ConnectionFailed: the request never left.
            AnswerLost: it may have left, and no whole answer came.
        """
        attempt = Attempt(has_effect=not call.reads, outer=sys.exception())
        deadline = asyncio.get_running_loop().time() + timeout_s
        try:
            async with asyncio.timeout_at(deadline), self._slots:
                if asyncio.get_running_loop().time() >= deadline:  # a busy loop's timers come late
                    raise TimeoutError
                return await self._run(call, attempt)
        except Exception as failure:  # whatever it was, the caller must learn whether the request may have left
            answer = attempt.answer()
            if answer is None:
                raise attempt.error(failure) from failure
            return answer
        finally:
            if attempt.half_open is not None:
                # httpcore forgets a connection whose TLS handshake is cancelled, by a deadline for example.
                await attempt.half_open.aclose()

    async def aclose(self) -> None:
        """Close every connection. A request in flight ends as a lost answer; a later one fails before it leaves."""
        self._closed = True
        for lane in self._lanes:
            await lane.client.aclose()

    async def _run(self, call: Call, attempt: Attempt) -> Answer:
        lane = self._pick_lane()
        lane.in_flight += 1
        try:
            attempt.handed_over = True
            async with lane.client.stream(
                call.method,
                call.url,
                params=call.query or None,
                content=call.content,
                headers={"Content-Type": "application/json"} if call.content is not None else None,
                extensions={"trace": attempt.trace},
            ) as response:
                attempt.status, attempt.headers = response.status_code, response.headers
                async for chunk in response.aiter_bytes():
                    attempt.body += chunk
                    if len(attempt.body) > MAX_ANSWER_BYTES:
                        return attempt.end(truncated=True)
                return attempt.end(truncated=False)
        finally:
            lane.in_flight -= 1

    def _pick_lane(self) -> _Lane:
        if self._closed:
            raise RuntimeError("the client is closed")
        lane = min(self._lanes, key=lambda lane: lane.in_flight, default=None)
        if lane is None or lane.in_flight >= LANE_SIZE:
            lane = _Lane(self._new_client())
            self._lanes.append(lane)
        return lane

    def _new_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers=self._headers,
            # No state between requests: a gateway's cookies would pile up.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=self._tls,
            trust_env=self._trust_env,
            timeout=self._timeout,
            follow_redirects=False,
            # We bound the requests ourselves. A bound in httpx's pool too would let a connection that it lost track of,
            # as happens when a deadline passes in the wrong moment, block a place for ever.
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=LANE_SIZE, keepalive_expiry=KEEPALIVE_EXPIRY_S
            ),
        )
