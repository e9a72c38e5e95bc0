"""The batches of a service plan: one method per call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from sinch import _wire
from sinch._models import Batch
from sinch._transport import Transport
from sinch._wire import Answer, Call

SEND_TIMEOUT_S = 20.0  # ours; Sinch names no figure, its own SDKs wait 10 to 30 s
READ_TIMEOUT_S = 5.0  # ours
# Ours: only a deployment that ignores the reference makes us turn pages at all; 1 000 batches since the send.
MAX_PAGES = 10


class Batches:
    """Send batches and look them up.

    Every method may raise any SinchError; no method repeats a request by itself. ``timeout_s`` bounds the whole call:
    the wait for a free slot, the connection, the answer.
    """

    def __init__(self, transport: Transport, url: str, now: Callable[[], datetime]) -> None:
        self._transport = transport
        self._url = url
        self._now = now

    async def send_text(
        self,
        *,
        to: Sequence[str],
        from_: str,
        body: str,
        client_reference: str,
        delivery_report: str = "none",
        timeout_s: float = SEND_TIMEOUT_S,
    ) -> Batch:
        """Submit one SMS to each recipient (``mt_text``).

        Args:
            to: 1 to 1000 numbers in E.164, with the plus sign.
            from_: the sender: a number, a short code or a name.
            body: at most 2000 characters.
            client_reference: the caller's own reference, at most 128 characters. It is a label: Sinch sends a second
                batch with the same reference as well.
            delivery_report: ``none``, ``summary``, ``full``, ``per_recipient`` or ``per_recipient_final``; all but
                ``none`` need a callback address on the plan.
            timeout_s: seconds for the whole call.

        Returns:
            The batch as Sinch took it. Taken is neither sent nor delivered.

        Raises:
            ConnectionFailed, AnswerLost, StatusError, RateLimited, BadAnswer: read ``maybe_sent`` before sending again.
            TypeError: ``to`` is a bare string.

        Source: Sinch SMS API reference, "Send".
        """
        batch = _wire.text_batch(
            to=to, from_=from_, body=body, client_reference=client_reference, delivery_report=delivery_report
        )
        return await self._send(_wire.send_call(self._url, batch), timeout_s)

    async def send_media(
        self,
        *,
        to: Sequence[str],
        from_: str,
        url: str,
        message: str | None = None,
        subject: str | None = None,
        client_reference: str,
        delivery_report: str = "none",
        strict_validation: bool = False,
        timeout_s: float = SEND_TIMEOUT_S,
    ) -> Batch:
        """Submit one MMS to each recipient (``mt_media``).

        Args:
            url: public address of the one medium, at most 2048 characters. Sinch fetches it later; one that it can't
                fetch shows up in the delivery report only.
            message: the text, at most 2000 characters; an empty one is left out.
            subject: at most 80 characters; an empty one is left out.
            strict_validation: let Sinch check the medium against its best practices and refuse it.

        The other arguments, the result and the errors are those of ``send_text``.

        Source: Sinch SMS API reference, "MMS support".
        """
        batch = _wire.media_batch(
            to=to,
            from_=from_,
            url=url,
            message=message,
            subject=subject,
            client_reference=client_reference,
            delivery_report=delivery_report,
            strict_validation=strict_validation,
        )
        return await self._send(_wire.send_call(self._url, batch), timeout_s)

    async def get(self, batch_id: str, *, timeout_s: float = READ_TIMEOUT_S) -> Batch:
        """Read one batch. A batch that this plan does not have is a StatusError with status 404.

        Raises:
            ValueError: ``batch_id`` is empty or a dot segment.
        """
        answer = await self._exchange(_wire.get_call(self._url, batch_id), self._deadline(timeout_s))
        return _wire.read_batch(answer, now=self._now())

    async def find(
        self, *, client_reference: str, start_date: datetime, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[Batch, ...]:
        """Look for the batches with this very reference, made at or after ``start_date``.

        Nothing found proves nothing: how soon a new batch can be found is not documented. Sinch keeps 14 days.

        Args:
            client_reference: compared again on our side, since an older deployment may ignore the filter.
            start_date: aware; some minutes before the send, for clocks that differ.
            timeout_s: seconds for all pages together.

        Returns:
            The batches found, each once. Where the filter is ignored: those on the first page that has any, within
            the 1000 newest batches.

        Raises:
            ValueError: ``start_date`` has no time zone.

        Source: Sinch SMS API reference, "List batches".
        """
        deadline = self._deadline(timeout_s)
        found: dict[str, Batch] = {}
        read = 0
        for number in range(MAX_PAGES):
            call = _wire.list_call(self._url, client_reference=client_reference, start_date=start_date, page=number)
            page = _wire.read_page(await self._exchange(call, deadline), now=self._now())
            hits = [batch for batch in page.batches if batch.client_reference == client_reference]
            found.update((batch.id, batch) for batch in hits)
            read += page.entries
            # Sinch's `page_size` says how many entries the answer has, not how many fit: only these two end the list.
            at_the_end = page.entries == 0 or (page.count is not None and read >= page.count)
            filter_is_ignored = len(hits) < page.entries
            if at_the_end or (hits and filter_is_ignored):
                break
        return tuple(found.values())

    async def _send(self, call: Call, timeout_s: float) -> Batch:
        answer = await self._exchange(call, self._deadline(timeout_s))
        return _wire.read_batch(answer, now=self._now())

    async def _exchange(self, call: Call, deadline: float) -> Answer:
        return await self._transport.exchange(call, deadline=deadline)

    def _deadline(self, timeout_s: float) -> float:
        return asyncio.get_running_loop().time() + timeout_s
