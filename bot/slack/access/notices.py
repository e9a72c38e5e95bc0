"""Direct messages about access: to admins, that somebody asks; to who asked, what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog

from bot.access import Known
from bot.access.requests import Notice, NoticeKind
from bot.clock import Clock
from bot.slack.access import messages
from bot.slack.gateway import SlackError, SlackGateway
from bot.slack.outbox import LEASE_S, TELLING_LIMIT_S, Outbox
from bot.store import AccessStore

_FOR_ADMINS = frozenset({NoticeKind.ASK, NoticeKind.GROUP_LOST})

_log = structlog.get_logger(__name__)


class AccessNotifier(Outbox[Notice]):
    """Posts the notices that are due, and brings those up to date that tell something else by now.

    Args:
        who_is: what is known, once Slack was asked about this user: an admin sees if it is a guest who asks.
        admins: those who are admins now; nobody else is asked.
    """

    def __init__(
        self,
        *,
        store: AccessStore,
        slack: SlackGateway,
        who_is: Callable[[str], Awaitable[Known]],
        admins: Callable[[], Sequence[str]],
        command: str,
        clock: Clock,
        owner: str,
    ) -> None:
        super().__init__(clock=clock, owner=owner, name="access_notices")
        self._store = store
        self._slack = slack
        self._who_is = who_is
        self._admins = admins
        self._command = command

    async def _resume(self, now: datetime) -> None:
        await self._store.resume_notices(now=now)

    async def _claim(self, limit: int, now: datetime) -> Sequence[Notice]:
        return await self._store.claim_notices(owner=self._owner, limit=limit, now=now, lease_s=LEASE_S)

    async def _deliver(self, row: Notice) -> bool:
        try:
            async with asyncio.timeout(TELLING_LIMIT_S):
                channel_id, ts = await self._post(row)
        except TimeoutError:
            await self._failed(row, SlackError("away", away=True))
        except SlackError as error:
            await self._failed(row, error)
        else:
            shown = row.request.decision if row.request else None
            await self._store.notice_told(
                row.notice_id, shown=shown, channel_id=channel_id, ts=ts, now=self._clock.now()
            )
            _log.info("notice_told", notice=row.kind, to=row.to_user_id)
        return True  # it may be due again: there is a decision by now

    async def _post(self, row: Notice) -> tuple[str | None, str | None]:
        """Post it or change what was posted: channel and ts, None where there is nothing new."""
        if row.channel_id and row.ts:
            message = await self._message(row)
            await self._slack.update_message(channel_id=row.channel_id, ts=row.ts, message=message)
            return None, None
        if row.kind is NoticeKind.ASK and row.request is not None and row.request.decision is not None:
            return None, None  # decided before this admin was asked: nothing to see
        if row.kind in _FOR_ADMINS and row.to_user_id not in self._admins():
            return None, None  # no admin any more
        posted = await self._slack.post_direct(user_id=row.to_user_id, message=await self._message(row))
        return posted.channel_id, posted.ts

    async def _message(self, row: Notice) -> messages.Blocks:
        match row.kind:
            case NoticeKind.ASK if row.request is not None:
                known = await self._who_is(row.request.user_id)
                return messages.request_notice(row.request, known, command=self._command)
            case NoticeKind.ASKED:
                return messages.asked(self._admins())
            case NoticeKind.OUTCOME if row.request is not None:
                return messages.outcome(row.request, command=self._command)
            case _:
                return messages.group_lost(row.group_id or "")

    async def _failed(self, row: Notice, error: SlackError) -> None:
        now = self._clock.now()
        next_at = self._next_try(since=row.since, tries=row.tries, error=error, now=now)
        if row.ts and not error.away:
            next_at = None  # the message that was to be changed is gone
        await self._store.notice_failed(row.notice_id, next_at=next_at)
        _log.warning(
            "notice_not_told",
            notice=row.kind,
            to=row.to_user_id,
            error=error.error,
            tries=row.tries + 1,
            given_up=next_at is None,
        )
