"""Delivery reports, the news that follows from them, and what was sent before: see ``bot.store.ReportStore``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from bot.domain import Message
from bot.reports import Counts, DeliveryNews, RecipientState, Report, Took
from bot.store import Overview, StoreUnavailableError, history, news, recipients, taking
from bot.store.access import Read
from bot.store.rows import maybe_seconds
from bot.store.tables import callback_key
from bot.store.times import Time, Timed
from bot.store.writer import Writer

_T = TypeVar("_T")

KEY_BYTES = 32  # of chance


class SqlReportStore:
    """See ``bot.store.ReportStore``.

    Args:
        first_poll_s: how many seconds after Sinch took a batch it is asked for the report for the first time.
    """

    def __init__(self, writer: Writer, read: Read, time: Time, *, first_poll_s: float) -> None:
        self._writer = writer
        self._read = read
        self._time = time
        self._first_poll_s = first_poll_s

    # -- what Sinch reports

    async def take(
        self, *, batch_id: str | None, client_reference: str | None, reports: Sequence[Report], now: datetime
    ) -> Took:
        reference = await self._reference(batch_id, client_reference)
        if reference is None:
            return Took.NOT_OURS
        given = tuple(reports)
        work = partial(
            taking.take, reference=reference, batch_id=batch_id, reports=given, first_poll_s=self._first_poll_s
        )
        return await self._write(now, work, of=reference)

    async def poll_soon(self, *, batch_id: str | None, client_reference: str | None, now: datetime) -> Took:
        reference = await self._reference(batch_id, client_reference)
        if reference is None:
            return Took.NOT_OURS
        work = partial(taking.poll_soon, reference=reference, batch_id=batch_id, first_poll_s=self._first_poll_s)
        return await self._write(now, work, of=reference)

    async def recipients(self, client_reference: str) -> Sequence[RecipientState]:
        return await self._read(partial(recipients.load, client_reference=client_reference))

    async def counts(self, client_references: Sequence[str]) -> Mapping[str, Counts]:
        which = list(client_references)
        return await self._read(partial(recipients.counts, client_references=which)) if which else {}

    # -- asking for it

    async def claim_polls(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Message]:
        return await self._write(now, partial(taking.claim_polls, owner=owner, limit=limit, lease_s=lease_s))

    async def polled(self, client_reference: str, *, next_at: datetime | None, now: datetime) -> None:
        work = partial(taking.polled, reference=client_reference, next_at=maybe_seconds(next_at))
        await self._write(now, work, of=client_reference)

    async def cancelled_at_sinch(self, client_reference: str, *, cause: str, now: datetime) -> bool:
        work = partial(taking.cancelled, reference=client_reference, cause=cause)
        return await self._write(now, work, of=client_reference)

    async def callback_key(self) -> str:
        key = await self._read(_callback_key)
        if key is None:
            new = secrets.token_urlsafe(KEY_BYTES)
            try:
                key = await self._writer.run(partial(_make_callback_key, new=new))
            except StoreUnavailableError as error:
                if not isinstance(error.__cause__, IntegrityError):
                    raise
                # Another process made one between our look and our insert: it is there now.
                key = await self._writer.run(partial(_make_callback_key, new=new))
        return key

    # -- telling it

    async def claim_news(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[DeliveryNews]:
        return await self._write(now, partial(news.claim, owner=owner, limit=limit, lease_s=lease_s))

    async def news_told(
        self,
        client_reference: str,
        *,
        shown: str,
        channel_id: str | None,
        ts: str | None,
        by_response_url: bool,
        now: datetime,
    ) -> None:
        work = partial(
            news.mark_told,
            client_reference=client_reference,
            shown=shown,
            channel_id=channel_id,
            ts=ts,
            by_response_url=by_response_url,
        )
        await self._write(now, work, of=client_reference)

    async def news_failed(self, client_reference: str, *, next_at: datetime | None, response_url_used: bool) -> None:
        work = partial(
            news.mark_failed,
            client_reference=client_reference,
            next_at=maybe_seconds(next_at),
            response_url_used=response_url_used,
        )
        await self._writer.run(work, of=client_reference)

    async def resume_news(self, *, now: datetime) -> None:
        await self._write(now, news.resume)

    async def unfold(self, client_reference: str, *, unfolded: bool, now: datetime) -> DeliveryNews | None:
        work = partial(news.unfold, client_reference=client_reference, unfolded=unfolded)
        return await self._write(now, work, of=client_reference)

    # -- what was sent

    async def page(self, user_id: str | None, *, before: str | None, limit: int) -> Sequence[Message]:
        return await self._read(partial(history.page, user_id=user_id, before=before, limit=limit))

    async def find(self, batch_id: str) -> Message | None:
        return await self._read(partial(history.find, batch_id=batch_id))

    async def overview(self, *, now: datetime) -> Overview:
        def read(connection: Connection) -> Overview:
            with connection.begin():  # from here on the database's clock is known
                return history.overview(connection, at=self._time.at(connection, now))

        return await self._read(read)

    # -- plumbing

    async def _reference(self, batch_id: str | None, client_reference: str | None) -> str | None:
        """Looked for before the one writer is asked: what is not ours is dropped without it."""
        return await self._read(partial(taking.reference_of, batch_id=batch_id, client_reference=client_reference))

    async def _write(self, now: datetime, work: Timed[_T], *, of: str = "") -> _T:
        return await self._writer.run(lambda connection: work(connection, at=self._time.at(connection, now)), of=of)


def _callback_key(connection: Connection) -> str | None:
    key: str | None = connection.execute(select(callback_key.c.key)).scalar()
    return key


def _make_callback_key(connection: Connection, new: str) -> str:
    known = _callback_key(connection)
    if known is None:
        connection.execute(insert(callback_key).values(id=1, key=new))
    return known or new
