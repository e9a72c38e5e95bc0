"""What people wrote to the plan's numbers: one method per call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sinch import _calls, _paging
from sinch._models import Inbound, read_inbound
from sinch._paging import PAGE_SIZE
from sinch._session import READ_TIMEOUT_S, Session


class Inbounds:
    """Read inbound messages. Sinch keeps 14 days.

    Every method may raise any SinchError but Malformed and CallbackRefused; ``timeout_s`` bounds the whole call.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(
        self,
        *,
        to: Sequence[str] = (),
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        client_reference: str | None = None,
        page_size: int = PAGE_SIZE,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> AsyncIterator[Inbound]:
        """Each inbound message once, newest first, page by page.

        Args:
            to: only to these of the plan's numbers.
            start_date: aware, inclusive; Sinch's default is 24 hours ago.
            end_date: aware, exclusive; Sinch's default is now.
            client_reference: only replies to batches with this reference.
            page_size: 1…100.
            timeout_s: for each page.

        Source: Sinch SMS API reference, "List incoming messages".
        """
        query = {
            "to": _calls.commas(to, "to"),
            **_calls.between(start_date, end_date),
            "client_reference": client_reference,
        }
        pages = _paging.pages(
            self._session,
            self._session.url("inbounds"),
            "inbounds",
            read_inbound,
            query=query,
            page_size=page_size,
            deadline=lambda: self._session.deadline(timeout_s),
        )
        async for inbound in _paging.entries(pages, lambda inbound: inbound.id):
            yield inbound

    async def get(self, inbound_id: str, *, timeout_s: float = READ_TIMEOUT_S) -> Inbound:
        """Read one inbound message.

        Raises:
            NotFound: this plan has no such message.

        Source: Sinch SMS API reference, "Retrieve inbound message".
        """
        call = _calls.read(self._session.url("inbounds", inbound_id))
        return await self._session.read(call, read_inbound, deadline=self._session.deadline(timeout_s))
