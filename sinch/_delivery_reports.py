"""What became of the messages of a batch: one method per call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sinch import _calls, _paging
from sinch._models import BatchDeliveryReport, RecipientDeliveryReport
from sinch._numbers import digits
from sinch._paging import PAGE_SIZE
from sinch._session import READ_TIMEOUT_S, Session


class DeliveryReports:
    """Ask for delivery reports. Works whatever ``delivery_report`` the batch was sent with.

    Every method may raise any SinchError but Malformed and CallbackRefused; ``timeout_s`` bounds the whole call.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(
        self,
        batch_id: str,
        *,
        full: bool = False,
        status: Sequence[str] = (),
        code: Sequence[int] = (),
        timeout_s: float = READ_TIMEOUT_S,
    ) -> BatchDeliveryReport:
        """How many messages of a batch are in which state.

        Args:
            full: with the recipients in each state.
            status, code: only these states, only these codes.

        Raises:
            NotFound: this plan has no such batch.

        Source: Sinch SMS API reference, "Retrieve a delivery report".
        """
        query = {
            "type": "full" if full else "summary",
            "status": _calls.commas(status, "status"),
            "code": _calls.commas(code, "code"),
        }
        call = _calls.read(self._session.url("batches", batch_id, "delivery_report"), query)
        return await self._session.read(call, BatchDeliveryReport.from_json, deadline=self._session.deadline(timeout_s))

    async def get_for_recipient(
        self, batch_id: str, recipient: str, *, timeout_s: float = READ_TIMEOUT_S
    ) -> RecipientDeliveryReport:
        """The state of one recipient's message, intermediate ones included.

        Args:
            recipient: a number, however written.

        Raises:
            NotFound: this plan has no such batch, or the recipient is not in it.

        Source: Sinch SMS API reference, "Retrieve a recipient delivery report".
        """
        call = _calls.read(self._session.url("batches", batch_id, "delivery_report", digits(recipient)))
        return await self._session.read(
            call, RecipientDeliveryReport.from_json, deadline=self._session.deadline(timeout_s)
        )

    async def list(
        self,
        *,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        status: Sequence[str] = (),
        code: Sequence[int] = (),
        client_reference: str | None = None,
        page_size: int = PAGE_SIZE,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> AsyncIterator[RecipientDeliveryReport]:
        """The reports of single recipients over all batches, page by page.

        Args:
            start_date: aware, inclusive; Sinch's default is 24 hours ago.
            end_date: aware, exclusive; Sinch's default is now.
            status, code, client_reference: only with these.
            page_size: 1…100.
            timeout_s: for each page.

        Source: Sinch SMS API reference, "Retrieve a list of delivery reports".
        """
        query = {
            **_calls.between(start_date, end_date),
            "status": _calls.commas(status, "status"),
            "code": _calls.commas(code, "code"),
            "client_reference": client_reference,
        }
        pages = _paging.pages(
            self._session,
            self._session.url("delivery_reports"),
            "delivery_reports",
            RecipientDeliveryReport.from_json,
            query=query,
            page_size=page_size,
            deadline=lambda: self._session.deadline(timeout_s),
        )
        async for report in _paging.entries(
            pages, lambda report: (report.batch_id, report.recipient, report.status, report.code, report.at)
        ):
            yield report
