"""Tells senders what became of their messages: one answer for each message, that grows.

While the ``response_url`` of the command lives, it is posted there, privately; a post of that kind can't be changed by
us, so it is made for a failure and for the end alone. After that it is one direct message, which is edited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.causes import Catalogue
from bot.clock import Clock
from bot.domain import Message
from bot.reports import Counts, DeliveryNews, counts_from, counts_of, counts_word
from bot.slack.blocks import Blocks
from bot.slack.delivery_messages import delivery_news
from bot.slack.gateway import TURN_WITHIN_S, NotYetError, SlackError, SlackGateway
from bot.slack.notify import response_url_of
from bot.slack.outbox import LEASE_S, TELLING_LIMIT_S, Outbox
from bot.store import Store

# The direct message can't be changed any more: it, or its conversation, is gone.
GONE = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "channel_not_found",
        "is_archived",
        "is_inactive",
    }
)
ACCEPTED_FIRST = timedelta(seconds=30)  # so long the news waits for the answer with the batch ID
_LOOK_AGAIN = timedelta(seconds=1)
_UNTOLD_LOOKED_AT = 50

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Told:
    """How it went. ``error`` None: Slack took it, or it did not have to be told.

    ``way`` is how it took it. ``put_off``: what was told before still counts as told, and the rest is due again a
    little later.
    """

    error: SlackError | None = None
    way: str | None = None
    channel_id: str | None = None
    ts: str | None = None
    url_used: bool = False
    put_off: bool = False


class DeliveryNotifier(Outbox[DeliveryNews]):
    """Tells the delivery news that is due. What is shown is made at the moment of sending."""

    def __init__(self, *, store: Store, slack: SlackGateway, causes: Catalogue, clock: Clock, owner: str) -> None:
        super().__init__(clock=clock, owner=owner, name="delivery_news")
        self._store = store
        self._reports = store.reports
        self._slack = slack
        self._causes = causes

    async def _resume(self, now: datetime) -> None:
        await self._reports.resume_news(now=now)

    async def _claim(self, limit: int, now: datetime) -> Sequence[DeliveryNews]:
        return await self._reports.claim_news(owner=self._owner, limit=limit, now=now, lease_s=LEASE_S)

    async def _deliver(self, row: DeliveryNews) -> bool:
        reference = row.client_reference
        if await self._accepted_is_untold(row):
            later = self._clock.now() + _LOOK_AGAIN
            await self._reports.news_failed(reference, next_at=later, response_url_used=False)
            return True
        message = await self._store.get(reference)
        reported = await self._reports.recipients(reference)
        counts = counts_of(reported)
        if message is None or not reported:
            await self._reports.news_failed(reference, next_at=None, response_url_used=False)
            return True
        news = delivery_news(message, reported, unfolded=row.unfolded, causes=self._causes)
        told = await self._tell(row, message, counts, news)
        now = self._clock.now()
        if told.error is None:
            await self._reports.news_told(
                reference,
                shown=row.shown if told.put_off and row.shown else counts_word(counts),
                channel_id=told.channel_id,
                ts=told.ts,
                by_response_url=told.url_used,
                now=now,
            )
            if told.way is not None:
                _log.info("delivery_news_told", client_reference=reference, way=told.way)
            return True
        next_at = self._next_try(since=row.since, tries=row.tries, error=told.error, now=now)
        await self._reports.news_failed(reference, next_at=next_at, response_url_used=told.url_used)
        if isinstance(told.error, NotYetError):
            return True
        _log.warning(
            "delivery_news_not_told",
            client_reference=reference,
            error=told.error.error,
            tries=row.tries + 1,
            given_up=next_at is None,
        )
        return True  # whatever came of it: more may have become of the message meanwhile

    async def _accepted_is_untold(self, row: DeliveryNews) -> bool:
        """The answer with the batch ID comes first, if it can be told at all."""
        if row.told_at is not None or self._clock.now() - row.since >= ACCEPTED_FIRST:
            return False
        untold = await self._store.untold(row.user_id, limit=_UNTOLD_LOOKED_AT)
        return any(answer.message.client_reference == row.client_reference for answer in untold)

    async def _tell(self, row: DeliveryNews, message: Message, counts: Counts, news: Blocks) -> _Told:
        url = response_url_of(message.reply, uses=message.response_url_uses, now=self._clock.now())
        try:
            async with asyncio.timeout(TELLING_LIMIT_S):
                if row.channel_id and row.ts:
                    return await self._edit(row, row.channel_id, row.ts, counts, news)
                if url is None:
                    return await self._post_directly(row, news)
                return await self._post_there(row, url, news) if _matters(counts, since=row.shown) else _Told()
        except TimeoutError:
            return _Told(SlackError("away", away=True), url_used=url is not None and row.ts is None)

    async def _edit(self, row: DeliveryNews, channel_id: str, ts: str, counts: Counts, news: Blocks) -> _Told:
        matters = _matters(counts, since=row.shown)
        only_goes_on = not matters and counts != counts_from(row.shown)
        try:
            within_s = 0.0 if only_goes_on else TURN_WITHIN_S
            await self._slack.update_message(channel_id, ts, news, within_s=within_s)
        except NotYetError as error:
            return _Told(put_off=True) if only_goes_on else _Told(error)
        except SlackError as error:
            if error.error not in GONE:
                return _Told(error)
            _log.info("delivery_news_gone", client_reference=row.client_reference, error=error.error)
            return await self._post_directly(row, news) if matters else _Told()
        return _Told(way="chat.update")

    async def _post_there(self, row: DeliveryNews, url: str, news: Blocks) -> _Told:
        try:
            await self._slack.respond(url, news)
        except SlackError as error:
            used = error.error != "away"
            if error.away:
                return _Told(error, url_used=used)
            return replace(await self._post_directly(row, news), url_used=used)
        return _Told(way="response_url", url_used=True)

    async def _post_directly(self, row: DeliveryNews, news: Blocks) -> _Told:
        try:
            posted = await self._slack.post_direct(user_id=row.user_id, message=news)
        except SlackError as error:
            return _Told(error)
        return _Told(way="chat.postMessage", channel_id=posted.channel_id or None, ts=posted.ts or None)


def _matters(counts: Counts, *, since: str | None) -> bool:
    """Is it more than that it goes on well: more have failed, or nothing more is expected?"""
    before = counts_from(since)
    return counts != before and (counts.settled or counts.failed > before.failed)
