"""Somebody who may not send asks to be let in, and an admin answers; whoever answers first decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from bot.access import Allowed, Denied, Person, Reason, Role
from bot.access.requests import Asked, Decided, DecidedBefore
from bot.slack import ids
from bot.slack.access import messages, views
from bot.slack.access.changing import AGAIN_LIMIT_S, Changing
from bot.slack.doors import Door, DoorKind, Doors, Reply
from bot.slack.gateway import SlackError, SlackGateway
from bot.slack.messages import Blocks, can_ask
from bot.slack.payloads import Click
from bot.slack.replies import Replies

_log = structlog.get_logger(__name__)


class AccessRequests:
    """Makes the doors of asking and answering.

    Args:
        put_home: shows a view on somebody's Home tab; False if Slack did not take it.
    """

    def __init__(
        self,
        *,
        changing: Changing,
        replies: Replies,
        slack: SlackGateway,
        put_home: Callable[[Person, Mapping[str, Any]], Awaitable[bool]],
        command: str,
    ) -> None:
        self._changing = changing
        self._replies = replies
        self._slack = slack
        self._put_home = put_home
        self._command = command

    def doors(self) -> Doors:
        clicks = {
            ids.ASK_ACCESS: (Role.MEMBER, self.ask),
            ids.ALLOW_REQUEST: (Role.ADMIN, self.allow),
            ids.DECLINE_REQUEST: (Role.ADMIN, self.decline),
        }
        return Doors(
            clicks={
                name: Door(DoorKind.CLICK, name, needs, enter, self._replies.refuse_click)
                for name, (needs, enter) in clicks.items()
            }
        )

    async def ask(self, click: Click) -> Reply:
        await self._changing.newest(within_s=AGAIN_LIMIT_S)  # an admin may have answered somewhere else just now
        decision = self._changing.access(click.person, Role.SENDER)
        if isinstance(decision, Allowed):
            return self._replies.say(click, messages.may_send_already(self._command))
        admins = self._replies.admins()
        if not can_ask(decision.reason, admins):
            return await self._replies.refuse_click(click, decision.reason)
        asked = await self._changing.in_time(
            self._changing.store.ask(click.person.user_id, admins=admins, now=self._changing.clock.now())
        )
        if asked is None:
            return self._replies.say(click, self._replies.own("database-button"))
        if not isinstance(asked, Asked):
            return self._answer(click, messages.asked_before(asked.request))
        _log.info("access_asked", user=click.person.user_id, request=asked.request.request_id)
        self._changing.on_notice()
        request_id = asked.request.request_id

        async def after() -> None:
            if await self._told(click, messages.asked(admins)):
                await self._changing.in_time(
                    self._changing.store.asker_told(request_id, now=self._changing.clock.now())
                )

        return Reply(after=after)

    def _answer(self, click: Click, message: Blocks) -> Reply:
        async def after() -> None:
            await self._told(click, message)

        return Reply(after=after)

    async def _told(self, click: Click, message: Blocks) -> bool:
        """Where the button stood, or else as a message; False if Slack took neither."""
        if await self._update(click, message):
            return True
        return await self._replies.tell(click.dialog, click.person.user_id, message)

    async def _update(self, click: Click, message: Blocks) -> bool:
        opened = click.view
        if opened is None:
            return False
        answered = views.with_answer(opened.view, message)
        if click.on_home:
            return await self._put_home(click.person, answered)
        try:
            await self._slack.update_view(view_id=opened.view_id, view=answered, view_hash=opened.view_hash)
        except SlackError as error:
            _log.info("dialog_not_updated", user=click.person.user_id, error=error.error)
            return False
        return True

    async def allow(self, click: Click) -> Reply:
        return await self._decide(click, allow=True)

    async def decline(self, click: Click) -> Reply:
        return await self._decide(click, allow=False)

    async def _decide(self, click: Click, *, allow: bool) -> Reply:
        if allow and (fault := await self._fault(_request_id(click.value))):
            return self._replies.say(click, messages.cannot_count(fault))
        outcome = await self._changing.in_time(
            self._changing.store.decide(
                _request_id(click.value),
                allow=allow,
                may=self._changing.access.still(click.person, Role.ADMIN),
                by=click.person.user_id,
                now=self._changing.clock.now(),
            )
        )
        match outcome:
            case None:
                return self._replies.say(click, self._replies.own("database-button"))
            case Decided():
                self._changing.access.take(outcome.access)
                self._changing.on_notice()
                _log.info("access_decided", request=click.value, by=click.person.user_id, allowed=allow)
                known = self._changing.directory.known()
                return self._replies.replace(
                    click, messages.request_notice(outcome.request, known, command=self._command)
                )
            case DecidedBefore():
                return self._replies.say(click, messages.decided_before(outcome.request))
            case Denied():
                return await self._replies.refuse_click(click, await self._changing.no_admin_any_more(outcome))
            case _:
                return self._replies.say(click, messages.no_such_request())

    async def _fault(self, request_id: int) -> Mapping[str, Reason]:
        """Why the person who asked can't be on the list; empty if they can, as far as is known."""
        request = await self._changing.read(self._changing.store.request(request_id), within_s=AGAIN_LIMIT_S)
        if request is None or request.decision is not None:
            return {}
        fault = self._changing.directory.known().fault(request.user_id)
        return {} if fault is None else {request.user_id: fault}


def _request_id(value: str) -> int:
    """-1, which is nobody's, for what none of our buttons says."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 18 else -1
