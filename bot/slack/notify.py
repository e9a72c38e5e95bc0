"""Tells people privately: by response_url while it lives, else in the channel, else by direct message."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from bot.causes import Catalogue
from bot.clock import Clock
from bot.domain import Answer, ReplyRoute
from bot.slack import messages
from bot.slack.gateway import SlackError, SlackGateway
from bot.slack.outbox import LEASE_S, TELLING_LIMIT_S, Outbox
from bot.store import Store
from bot.telemetry import Telemetry, Telling

RESPONSE_URL_USES = 5  # Slack, "Handling user interaction": posts for one response_url

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """How it went: ``error`` None means that Slack took it. ``url_used``: the response_url has one use less."""

    error: SlackError | None
    url_used: bool


def response_url_of(route: ReplyRoute, *, uses: int, now: datetime) -> str | None:
    """The ``response_url`` while Slack takes something there: it lives for half an hour, and for so many posts."""
    expires_at = route.response_url_expires_at
    alive = uses < RESPONSE_URL_USES and expires_at is not None and now < expires_at
    return route.response_url or None if alive else None


async def tell(
    slack: SlackGateway,
    route: ReplyRoute,
    message: Mapping[str, Any],
    *,
    now: datetime,
    url_uses: int = 0,
    patient: bool = True,
) -> Told:
    """Post ``message`` to one person by the first way that works.

    Args:
        patient: stop at a way that only failed for the moment, rather than go on to the next: a post whose answer was
            lost would show up twice.
    """
    url_used = False
    last: SlackError | None = None
    if (url := response_url_of(route, uses=url_uses, now=now)) is not None:
        try:
            await slack.respond(url, message)
        except SlackError as error:
            last = error
            url_used = error.error != "away"
            if error.away and patient:
                return Told(error, url_used)
        else:
            return Told(None, url_used=True)
    if route.channel_id:
        try:
            await slack.post_ephemeral(channel_id=route.channel_id, user_id=route.user_id, message=message)
        except SlackError as error:
            last = error
            if error.away and patient:
                return Told(error, url_used)
        else:
            return Told(None, url_used)
    try:
        await slack.post_direct(user_id=route.user_id, message=message)
    except SlackError as error:
        return Told(error if last is None or not last.away else last, url_used)
    return Told(None, url_used)


class Notifier(Outbox[Answer]):
    """Delivers the answers that are due."""

    def __init__(
        self,
        *,
        store: Store,
        slack: SlackGateway,
        causes: Catalogue,
        clock: Clock,
        owner: str,
        telemetry: Telemetry | None = None,
    ) -> None:
        super().__init__(clock=clock, owner=owner, name="notify")
        self._store = store
        self._slack = slack
        self._causes = causes
        self._telemetry = telemetry or Telemetry()

    async def _resume(self, now: datetime) -> None:
        await self._store.resume_answers(now=now)

    async def _claim(self, limit: int, now: datetime) -> Sequence[Answer]:
        return await self._store.claim_answers(owner=self._owner, limit=limit, now=now, lease_s=LEASE_S)

    async def _deliver(self, row: Answer) -> bool:
        reference = row.message.client_reference
        told = await self._tell(row)
        now = self._clock.now()
        if told.error is None:
            more = await self._store.answer_told(row.answer_id, by_response_url=told.url_used, now=now)
            self._telemetry.told(Telling.TOLD)
            _log.info("told", client_reference=reference, answer=row.kind)
            return more
        next_at = self._next_try(since=row.created_at, tries=row.tries, error=told.error, now=now)
        await self._store.answer_failed(row.answer_id, next_at=next_at, response_url_used=told.url_used)
        self._telemetry.told(Telling.GIVEN_UP if next_at is None else Telling.REPEATED)
        _log.warning(
            "not_told",
            client_reference=reference,
            answer=row.kind,
            error=told.error.error,
            tries=row.tries + 1,
            given_up=next_at is None,
        )
        return True

    async def _tell(self, row: Answer) -> Told:
        try:
            async with asyncio.timeout(TELLING_LIMIT_S):
                return await tell(
                    self._slack,
                    row.message.reply,
                    messages.answer(row, causes=self._causes),
                    now=self._clock.now(),
                    url_uses=row.message.response_url_uses,
                    patient=row.tries == 0,
                )
        except TimeoutError:
            return Told(SlackError("away", away=True), url_used=True)
