"""Answers to what somebody does in Slack: in the ack or after it, always private, and one way of saying no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from bot.access import Known, Reason, Role, everybody_with
from bot.causes import Catalogue
from bot.clock import Clock
from bot.slack import messages
from bot.slack.doors import AccessCheck, Reply
from bot.slack.gateway import SlackError, SlackGateway
from bot.slack.notify import tell
from bot.slack.payloads import Click, Command, Dialog

_log = structlog.get_logger(__name__)


def ephemeral(message: messages.Blocks) -> Reply:
    """A command's answer, in its ack."""
    return Reply({"response_type": "ephemeral", **message})


def errors(by_block: Mapping[str, str]) -> Reply:
    """Sentences under a dialog's fields."""
    return Reply({"response_action": "errors", "errors": dict(by_block)})


def update(view: Mapping[str, Any]) -> Reply:
    """Another view in the place of the submitted one."""
    return Reply({"response_action": "update", "view": view})


class Replies:
    """What all doors share: opening dialogs, telling somebody after the ack, saying no."""

    def __init__(
        self,
        *,
        slack: SlackGateway,
        access: AccessCheck,
        known: Callable[[], Known],
        causes: Catalogue,
        clock: Clock,
    ) -> None:
        self._slack = slack
        self._causes = causes
        self._access = access
        self._known = known
        self._clock = clock

    def admins(self) -> tuple[str, ...]:
        """The users who can be asked: those listed by ID first."""
        return everybody_with(self._access.policy, self._known(), Role.ADMIN)

    def own(self, key: str) -> messages.Blocks:
        """What to tell of a failure of the bot's own. ``key`` is what follows ``own-`` in the catalogue."""
        return messages.own(key, causes=self._causes)

    def own_text(self, key: str) -> str:
        """The same as plain text, for under a dialog's field."""
        return self._causes.own(key)

    async def open(self, visit: Command | Click, view: Mapping[str, Any], *, otherwise: str = "") -> bool:
        """Open a dialog for whoever ran the command or pressed the button; says so if that fails.

        Args:
            otherwise: what can be done without the dialog (mrkdwn).
        """
        try:
            await self._slack.open_view(visit.trigger_id, view)
        except SlackError as error:
            _log.warning("dialog_not_opened", error=error.error, user=visit.person.user_id)
            message = messages.not_opened(error.error, causes=self._causes, otherwise=otherwise)
            await self.tell(visit.dialog, visit.person.user_id, message)
            return False
        return True

    async def tell(self, dialog: Dialog, user_id: str, message: messages.Blocks) -> bool:
        """Tell one person, now and once; False if Slack did not take it."""
        told = await tell(self._slack, dialog.route(user_id), message, now=self._clock.now(), patient=False)
        if told.error is not None:
            _log.warning("not_told", user=user_id, error=told.error.error)
        return told.error is None

    def say(self, click: Click, message: messages.Blocks) -> Reply:
        """A click's answer: clicks have none in their ack."""

        async def after() -> None:
            await self.tell(click.dialog, click.person.user_id, message)

        return Reply(after=after)

    def replace(self, click: Click, message: messages.Blocks) -> Reply:
        """Put another message in the place of the one that was pressed; nothing if that is no more possible."""

        async def after() -> None:
            if click.dialog.response_url is None:
                return
            try:
                await self._slack.respond(click.dialog.response_url, message, replace=True)
            except SlackError as error:
                _log.info("message_not_replaced", user=click.person.user_id, error=error.error)

        return Reply(after=after)

    async def refuse_command(self, _: Command, reason: Reason) -> Reply:
        return ephemeral(self._denied(reason))

    async def refuse_click(self, click: Click, reason: Reason) -> Reply:
        return self.say(click, self._denied(reason))

    def _denied(self, reason: Reason) -> messages.Blocks:
        return messages.denied(reason, admins=self.admins(), may_ask=True)
