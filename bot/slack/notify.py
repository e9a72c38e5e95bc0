"""Tells people privately: by response_url while it lives, else in the channel, else by direct message.

Answers are rows. One that Slack does not take is tried again with growing pauses; a crash loses none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.causes import Catalogue
from bot.clock import Clock
from bot.domain import Answer, ReplyRoute
from bot.slack import messages
from bot.slack.gateway import SlackError, SlackGateway
from bot.store import Store, StoreUnavailableError
from bot.tasks import Tasks

RESPONSE_URL_USES = 5  # Slack, "Handling user interaction": posts for one response_url
TRIED_FOR = timedelta(days=7)
TRIED_AFTER_START_S = 3600.0  # whatever its age, an answer has this long after each start
FIRST_HOUR_PAUSE_S = 60.0
LATER_PAUSE_S = 600.0
TELLING_LIMIT_S = 12.0  # all ways of one answer together
LEASE_S = 15.0  # longer than that, and short enough that a crash delays an answer only a little
POLL_S = 0.5
MAX_TELLING = 100

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """How it went: ``error`` None means that Slack took it. ``url_used``: the response_url has one use less."""

    error: SlackError | None
    url_used: bool


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
    expires_at = route.response_url_expires_at
    if route.response_url and url_uses < RESPONSE_URL_USES and expires_at is not None and now < expires_at:
        try:
            await slack.respond(route.response_url, message)
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


class Notifier:
    """Delivers the answers that are due."""

    def __init__(self, *, store: Store, slack: SlackGateway, causes: Catalogue, clock: Clock, owner: str) -> None:
        self._store = store
        self._slack = slack
        self._causes = causes
        self._clock = clock
        self._owner = owner
        self._started = clock.monotonic()
        self._wake = asyncio.Event()
        self._tasks = Tasks()
        self._telling = 0
        self._resumed = False  # what earlier processes could not tell is tried again at once
        self._loop: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """There is something to tell."""
        self._wake.set()

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="notifier")

    async def stop(self, *, within_s: float) -> None:
        if self._loop is not None:
            await self._deliver_due_quietly()  # the last results, told in the time that is left
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        await self._tasks.drain(within_s)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            await self._deliver_due_quietly()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()

    async def _deliver_due_quietly(self) -> None:
        try:
            await self._deliver_due()
        except StoreUnavailableError:
            _log.warning("store_unavailable", during="notify")
        except Exception as error:  # the loop has to outlive any fault of ours: answers wait for it
            _log.error("notifier_fault", error=type(error).__name__, exc_info=error)

    async def _deliver_due(self) -> None:
        now = self._clock.now()
        if not self._resumed:
            await self._store.resume_answers(now=now)
            self._resumed = True
        await self._store.promote_progress(now=now)
        free = MAX_TELLING - self._telling
        if free <= 0:
            return
        for answer in await self._store.claim_answers(owner=self._owner, limit=free, now=now, lease_s=LEASE_S):
            self._telling += 1
            self._tasks.start(self._deliver(answer))

    async def _deliver(self, answer: Answer) -> None:
        reference = answer.message.client_reference
        try:
            told = await self._tell(answer)
            now = self._clock.now()
            if told.error is None:
                await self._store.answer_told(answer.answer_id, by_response_url=told.url_used, now=now)
                _log.info("told", client_reference=reference, answer=answer.kind)
                return
            next_at = self._next_try(answer, told.error, now)
            await self._store.answer_failed(answer.answer_id, next_at=next_at, response_url_used=told.url_used)
            _log.warning(
                "not_told",
                client_reference=reference,
                answer=answer.kind,
                error=told.error.error,
                tries=answer.tries + 1,
                given_up=next_at is None,
            )
        except StoreUnavailableError:
            _log.warning("store_unavailable", during="notify", client_reference=reference)
        finally:
            self._telling -= 1
            self.wake()

    async def _tell(self, answer: Answer) -> Told:
        try:
            async with asyncio.timeout(TELLING_LIMIT_S):
                return await tell(
                    self._slack,
                    answer.message.reply,
                    messages.answer(answer, causes=self._causes),
                    now=self._clock.now(),
                    url_uses=answer.message.response_url_uses,
                    patient=answer.tries == 0,
                )
        except TimeoutError:
            return Told(SlackError("away", away=True), url_used=True)

    def _next_try(self, answer: Answer, error: SlackError, now: datetime) -> datetime | None:
        age = now - answer.created_at
        running_s = self._clock.monotonic() - self._started
        if age >= TRIED_FOR and running_s >= TRIED_AFTER_START_S:
            return None
        longest = FIRST_HOUR_PAUSE_S if age < timedelta(hours=1) else LATER_PAUSE_S
        pause = max(min(longest, 2.0 ** min(answer.tries, 10)), error.retry_after_s or 0.0)
        return now + timedelta(seconds=pause)
