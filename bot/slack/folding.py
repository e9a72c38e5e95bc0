"""The buttons under delivery news that show whom a message did not reach, and hide them again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.access import Role
from bot.causes import Catalogue
from bot.clock import Clock
from bot.reports import counts_of, counts_word
from bot.slack import ids, messages
from bot.slack.delivery_messages import delivery_news
from bot.slack.doors import AccessCheck, Door, DoorKind, Doors, Reply
from bot.slack.gateway import SlackError, SlackGateway
from bot.slack.payloads import Click
from bot.slack.replies import Replies
from bot.slack.whose import Sight, may_see
from bot.store import Store, StoreUnavailableError

LIMIT_S = 3.0  # for the database, after the ack

_log = structlog.get_logger(__name__)


class Folding:
    """The doors. ``on_news``: a direct message is due to be edited."""

    def __init__(
        self,
        *,
        store: Store,
        slack: SlackGateway,
        replies: Replies,
        access: AccessCheck,
        causes: Catalogue,
        clock: Clock,
        on_news: Callable[[], None],
    ) -> None:
        self._store = store
        self._slack = slack
        self._replies = replies
        self._access = access
        self._causes = causes
        self._clock = clock
        self._on_news = on_news

    def doors(self) -> Doors:
        clicks = {ids.UNFOLD: self.unfold, ids.FOLD: self.fold}
        return Doors(
            clicks={
                name: Door(DoorKind.CLICK, name, Role.SENDER, enter, self._replies.refuse_click)
                for name, enter in clicks.items()
            }
        )

    async def unfold(self, click: Click) -> Reply:
        return self._reply(click, unfolded=True)

    async def fold(self, click: Click) -> Reply:
        return self._reply(click, unfolded=False)

    def _reply(self, click: Click, *, unfolded: bool) -> Reply:
        async def after() -> None:
            try:
                async with asyncio.timeout(LIMIT_S):
                    told = await self._fold(click, unfolded=unfolded)
            except (StoreUnavailableError, TimeoutError):
                told = self._replies.own("database-read")
            if told is not None:
                await self._replies.tell(click.dialog, click.person.user_id, told)

        return Reply(after=after)

    async def _fold(self, click: Click, *, unfolded: bool) -> messages.Blocks | None:
        """Put the news as it is now in the place of what was pressed; or what to say instead."""
        message = await self._store.get(click.value)
        sight = may_see(message, click.person, self._access(click.person, Role.SENDER)) if message else None
        if message is None or sight is not Sight.WHOLE:
            return messages.not_yours()
        reported = await self._store.reports.recipients(click.value)
        news = await self._store.reports.unfold(click.value, unfolded=unfolded, now=self._clock.now())
        shown = delivery_news(message, reported, unfolded=unfolded, causes=self._causes)
        if not await self._replaced(click, shown):
            self._on_news()
        elif news is not None and news.ts in (None, click.message_ts):
            # What stood there was the newest that was told, and so is this: it need not be told once more.
            await self._store.reports.news_told(
                click.value,
                shown=counts_word(counts_of(reported)),
                channel_id=None,
                ts=None,
                by_response_url=False,
                now=self._clock.now(),
            )
        return None

    async def _replaced(self, click: Click, shown: messages.Blocks) -> bool:
        if click.dialog.response_url is None:
            return False
        try:
            await self._slack.respond(click.dialog.response_url, shown, replace=True)
        except SlackError as error:
            _log.info("message_not_replaced", user=click.person.user_id, error=error.error)
            return False
        return True
