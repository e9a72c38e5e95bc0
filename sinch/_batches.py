"""The batches of a service plan: one method per call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sinch import _calls, _paging
from sinch._calls import Effect
from sinch._messages import Message, Update
from sinch._models import Batch, DryRun
from sinch._paging import PAGE_SIZE
from sinch._session import READ_TIMEOUT_S, SEND_TIMEOUT_S, Session

# Ours: only a deployment that ignores the reference makes us turn pages at all; 1 000 batches since the send.
MAX_FIND_PAGES = 10


class Batches:
    """Send batches, look them up, change them.

    Every method may raise any SinchError but Malformed and CallbackRefused. ``timeout_s`` bounds the whole call: its
    turn, the wait for a free place, every try and every pause between tries.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def send(self, message: Message, *, timeout_s: float = SEND_TIMEOUT_S) -> Batch:
        """Submit a message to each of its recipients.

        Returns:
            The batch as Sinch took it. Taken is neither sent nor delivered.

        Raises:
            SinchError: read ``maybe_sent`` before sending again.

        Source: Sinch SMS API reference, "Send" and "MMS support".
        """
        call = _calls.change("POST", self._session.url("batches"), message.to_json(), effect=Effect.EACH)
        deadline = self._session.deadline(timeout_s)
        return await self._session.read(call, Batch.from_json, deadline=deadline, messages=message.recipient_count)

    async def dry_run(
        self,
        message: Message,
        *,
        per_recipient: bool = False,
        number_of_recipients: int | None = None,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> DryRun:
        """What a message would come to: recipients and parts. Nothing is sent.

        Whether Sinch looks at the medium of an MMS is not documented: don't take it for a check of the picture.

        Args:
            per_recipient: with details for each recipient.
            number_of_recipients: for how many of them, 0…1000; Sinch's default is 100.

        Source: Sinch SMS API reference, "Dry run".
        """
        query = {
            "per_recipient": "true" if per_recipient else None,
            "number_of_recipients": None if number_of_recipients is None else str(number_of_recipients),
        }
        url = self._session.url("batches", "dry_run")
        call = _calls.change("POST", url, message.to_json(), effect=Effect.NONE, query=query)
        return await self._session.read(call, DryRun.from_json, deadline=self._session.deadline(timeout_s))

    async def list(
        self,
        *,
        from_: Sequence[str] = (),
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        client_reference: str | None = None,
        page_size: int = PAGE_SIZE,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> AsyncIterator[Batch]:
        """Each batch once, newest first, page by page.

        Args:
            from_: only of these senders.
            start_date: aware, inclusive; Sinch's default is 24 hours ago, and it keeps 14 days.
            end_date: aware, exclusive; Sinch's default is now.
            client_reference: only with this reference. An older deployment may ignore it: compare again, or ``find``.
            page_size: 1…100.
            timeout_s: for each page.

        Raises:
            ValueError: a date has no time zone, or ``page_size`` is out of range.

        Source: Sinch SMS API reference, "List batches".
        """
        query = {
            "from": _calls.commas(from_, "from_"),
            **_calls.between(start_date, end_date),
            "client_reference": client_reference,
        }
        pages = _paging.pages(
            self._session,
            self._session.url("batches"),
            "batches",
            Batch.from_json,
            query=query,
            page_size=page_size,
            deadline=lambda: self._session.deadline(timeout_s),
        )
        async for batch in _paging.entries(pages, lambda batch: batch.id):
            yield batch

    async def find(
        self, *, client_reference: str, start_date: datetime, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[Batch, ...]:
        """Look for the batches with this very reference, made at or after ``start_date``.

        Nothing found proves nothing: how soon a new batch can be found is not documented. Sinch keeps 14 days.

        Args:
            client_reference: compared again on our side, since an older deployment may ignore the filter.
            start_date: aware; some minutes before the send, for clocks that differ.
            timeout_s: for all pages together.

        Returns:
            The batches found, each once. Where the filter is ignored: those on the first page that has any, within
            the 1000 newest batches.

        Raises:
            ValueError: ``start_date`` has no time zone.

        Source: Sinch SMS API reference, "List batches".
        """
        deadline = self._session.deadline(timeout_s)
        query = {"start_date": _calls.moment(start_date, "start_date"), "client_reference": client_reference}
        pages = _paging.pages(
            self._session,
            self._session.url("batches"),
            "batches",
            Batch.from_json,
            query=query,
            page_size=PAGE_SIZE,
            deadline=lambda: deadline,
        )
        found: dict[str, Batch] = {}
        turned = 0
        async for page in pages:
            turned += 1
            hits = [batch for batch in page.items if batch.client_reference == client_reference]
            found.update((batch.id, batch) for batch in hits)
            filter_is_ignored = len(hits) < page.entries
            if turned == MAX_FIND_PAGES or (hits and filter_is_ignored):
                break
        return tuple(found.values())

    async def get(self, batch_id: str, *, timeout_s: float = READ_TIMEOUT_S) -> Batch:
        """Read one batch.

        Raises:
            NotFound: this plan has no such batch, or not yet: just after a send it may be missing for a moment.
            ValueError: ``batch_id`` is empty or a dot segment.

        Source: Sinch SMS API reference, "Get a batch".
        """
        call = _calls.read(self._session.url("batches", batch_id))
        return await self._session.read(call, Batch.from_json, deadline=self._session.deadline(timeout_s))

    async def update(self, batch_id: str, update: Update, *, timeout_s: float = SEND_TIMEOUT_S) -> Batch:
        """Change a batch that has not gone out yet; what is not named stays as it is.

        Raises:
            Refused: among others, 403 ``batch_already_dispatched``: it is too late.
            NotFound, Conflict

        Source: Sinch SMS API reference, "Update a batch".
        """
        url = self._session.url("batches", batch_id)
        call = _calls.change("POST", url, update.to_json(), effect=Effect.ONCE)
        return await self._session.read(call, Batch.from_json, deadline=self._session.deadline(timeout_s))

    async def replace(self, batch_id: str, message: Message, *, timeout_s: float = SEND_TIMEOUT_S) -> Batch:
        """Put a whole new message under the same ID; like a cancel and a send, and as little to be repeated as one.

        Source: Sinch SMS API reference, "Replace a batch".
        """
        url = self._session.url("batches", batch_id)
        call = _calls.change("PUT", url, message.to_json(), effect=Effect.EACH)
        deadline = self._session.deadline(timeout_s)
        return await self._session.read(call, Batch.from_json, deadline=deadline, messages=message.recipient_count)

    async def cancel(self, batch_id: str, *, timeout_s: float = SEND_TIMEOUT_S) -> Batch:
        """Stop what has not gone out yet. Messages in flight may still arrive.

        Returns:
            The batch, ``canceled``. The delivery report says which messages were stopped. For a batch of which
            everything has gone out, Sinch documents both this answer, which then changes nothing, and Conflict.

        Raises:
            NotFound, Conflict

        Source: Sinch SMS API reference, "Cancel a batch".
        """
        call = _calls.change("DELETE", self._session.url("batches", batch_id), effect=Effect.ONCE)
        return await self._session.read(call, Batch.from_json, deadline=self._session.deadline(timeout_s))

    async def send_delivery_feedback(
        self, batch_id: str, recipients: Sequence[str] = (), *, timeout_s: float = SEND_TIMEOUT_S
    ) -> None:
        """Tell Sinch that recipients did what the message was for. The batch needs ``feedback_enabled``.

        Args:
            recipients: numbers; none means all, but a batch to a group needs one at least.

        Source: Sinch SMS API reference, "Send delivery feedback for a message".
        """
        url = self._session.url("batches", batch_id, "delivery_feedback")
        body = {"recipients": _calls.several(recipients, "recipients")}
        call = _calls.change("POST", url, body, effect=Effect.EACH)
        await self._session.do(call, deadline=self._session.deadline(timeout_s))
