"""The client: addresses, credentials, and what it opens and closes."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self

import httpx

from sinch import _calls
from sinch._batches import Batches
from sinch._clock import Clock, SystemClock
from sinch._delivery_reports import DeliveryReports
from sinch._groups import Groups
from sinch._inbounds import Inbounds
from sinch._pace import Pace
from sinch._retry import Backoff, RetryPolicy
from sinch._session import Session
from sinch._transport import TimeLimits, Transport

US_BASE_URL = "https://us.sms.api.sinch.com"  # Sinch SMS API reference, "Base URL"; the region that carries MMS
MAX_IN_FLIGHT = 256  # ours: above what one process needs, below the usual limit of 1024 open files

_VISIBLE_ASCII = re.compile(r"[!-~]+")  # what may stand in a header without being bent or broken


class Sinch:
    """Sinch's SMS API (XMS) for one service plan.

    Use it with ``async with``, or call ``aclose``. One object serves any number of tasks of one event loop.

    Args:
        service_plan_id: the plan, as the dashboard shows it.
        api_token: the plan's API token. It is in no ``repr`` and in no error.
        base_url: ``https://{region}.sms.api.sinch.com``, with or without a slash at its end; a path in it is kept.
        retry: when a failed call is tried again; None: ``Backoff()``, which repeats only what is safe. ``NoRetry()``
            never does.
        messages_per_second: what the plan has, one message for each recipient. Sends wait for their turn instead of
            running into 429. None: they don't wait.
        max_in_flight: requests under way at once; further ones wait, within their own time limit.
        time_limits: for the phases of one request.
        clock: for the pauses, the pace and the calls' time limits; None: the machine's.
        trust_env: take proxies and certificates from the environment (``HTTPS_PROXY``, ``SSL_CERT_FILE``…).

    Attributes:
        batches, delivery_reports, inbounds, groups: the calls.

    Raises:
        ValueError: an argument that could never work. The message does not quote it.
        OSError: ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` names what can't be read.
    """

    def __init__(
        self,
        *,
        service_plan_id: str,
        api_token: str,
        base_url: str = US_BASE_URL,
        retry: RetryPolicy | None = None,
        messages_per_second: float | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        time_limits: TimeLimits | None = None,
        clock: Clock | None = None,
        trust_env: bool = True,
    ) -> None:
        if not _VISIBLE_ASCII.fullmatch(api_token):
            raise ValueError("api_token has to be visible ASCII characters without blanks")
        if service_plan_id.strip() in ("", ".", ".."):
            raise ValueError("service_plan_id is empty")
        if max_in_flight < 1:
            raise ValueError("max_in_flight has to be 1 or more")
        plan_url = _calls.address(_checked_base(base_url), "xms", "v1", service_plan_id)
        ticking = clock or SystemClock()
        pace = None if messages_per_second is None else Pace(messages_per_second, ticking)
        self._transport = Transport(
            headers={
                "Authorization": f"Bearer {api_token}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # answers are small, and a packed one could grow past its cap
            },
            max_in_flight=max_in_flight,
            trust_env=trust_env,
            limits=time_limits or TimeLimits(),
        )
        session = Session(self._transport, plan_url=plan_url, retry=retry or Backoff(), pace=pace, clock=ticking)
        self.batches = Batches(session)
        self.delivery_reports = DeliveryReports(session)
        self.inbounds = Inbounds(session)
        self.groups = Groups(session)

    @property
    def in_flight(self) -> int:
        """Calls that are under way at this moment; at most ``max_in_flight``."""
        return sum(self._transport.load)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; may be called again. What is in flight ends as a lost answer."""
        await self._transport.aclose()


def _checked_base(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        raise ValueError("base_url is no address") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("base_url has to begin with https:// (or http:// for a server on this machine)")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must not hold a user, a query or a fragment")
    return str(url).rstrip("/")
