"""``POST /sinch/callbacks/{key}``: what the carrier tells by itself. Key, size, signature, then the one commit.

2xx only after the commit. A fault of ours is a 5xx, so that the carrier repeats; what is wrong with the request a 4xx,
so that it does not.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response

from bot.clock import Clock
from bot.delivery.callbacks import CallbackRefusedError, Inbound, ReadCallback, Reported, Summarised
from bot.reports import Took
from bot.store import ReportStore, StoreUnavailableError
from bot.telemetry import Telemetry, Turned
from bot.web import CALLBACKS_PATH, turned_away, whole_body

COMMIT_LIMIT_S = 5.0  # Sinch does not say how long it waits; what is committed later is no harm

_log = structlog.get_logger(__name__)


class CallbackAddress:
    """Where the carrier calls back: the part that nobody can guess is read once, when it is needed first.

    Args:
        public_url: this server as the carrier sees it; None: it can't.
    """

    def __init__(self, reports: ReportStore, *, public_url: str | None) -> None:
        self._reports = reports
        self._public_url = public_url
        self._key: str | None = None

    async def key(self) -> str:
        """Raises ``StoreUnavailableError`` as long as it was never read."""
        if self._key is None:
            self._key = await self._reports.callback_key()
        return self._key

    async def url(self) -> str | None:
        """The whole address, if the carrier can reach it. Raises as ``key`` does."""
        return None if self._public_url is None else f"{self._public_url}{CALLBACKS_PATH}{await self.key()}"


class SinchCallbacks:
    """Takes delivery reports.

    Args:
        on_news: called when something was taken, to wake whoever tells people.
    """

    def __init__(
        self,
        *,
        address: CallbackAddress,
        read: ReadCallback,
        reports: ReportStore,
        clock: Clock,
        on_news: Callable[[], None],
        telemetry: Telemetry | None = None,
    ) -> None:
        self._address = address
        self._read = read
        self._reports = reports
        self._clock = clock
        self._on_news = on_news
        self._telemetry = telemetry or Telemetry()
        self.not_ours = 0

    async def handle(self, request: Request) -> Response:
        try:
            key = await self._address.key()
        except StoreUnavailableError:
            return Response(status_code=503)
        if not hmac.compare_digest(request.path_params["key"].encode("utf-8", "replace"), key.encode()):
            return Response(status_code=404)
        body = await whole_body(request)
        if isinstance(body, Turned):
            return turned_away(body, self._telemetry)
        now = self._clock.now()
        try:
            callback = self._read(request.headers, body, now=now)
        except CallbackRefusedError as refused:
            _log.warning("callback_refused", cause=refused.cause, bytes=len(body))
            return turned_away(Turned.UNREADABLE if refused.believed else Turned.SIGNATURE, self._telemetry)
        if isinstance(callback, Inbound):
            _log.info("inbound_dropped", kind=callback.kind)
            return Response(status_code=200)
        try:
            async with asyncio.timeout(COMMIT_LIMIT_S):
                took = await self._take(callback)
        except (StoreUnavailableError, TimeoutError):
            _log.warning("store_unavailable", during="callback")
            return Response(status_code=503)
        if took is Took.NOT_OURS:
            self._count_not_ours()
        else:
            _log.info("reported", batch_id=callback.batch_id, took=took, kind=type(callback).__name__.lower())
        if took is Took.APPLIED:
            self._on_news()
        return Response(status_code=200)

    async def _take(self, callback: Reported | Summarised) -> Took:
        about = {"batch_id": callback.batch_id, "client_reference": callback.client_reference}
        if isinstance(callback, Summarised):
            return await self._reports.poll_soon(**about, now=self._clock.now())
        return await self._reports.take(**about, reports=callback.reports, now=self._clock.now())

    def _count_not_ours(self) -> None:
        """Told now and then, not each time: another program on the same plan may send thousands."""
        self.not_ours += 1
        if str(self.not_ours).strip("0") == "1":
            _log.warning("reports_not_ours", count=self.not_ours)
