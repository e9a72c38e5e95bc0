"""The doors of the Home tab: opening it, turning its pages, and the dialog about one message."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from bot.access import Reason, Role
from bot.causes import Catalogue
from bot.slack import ids
from bot.slack.doors import AccessCheck, Door, DoorKind, Doors, Reply
from bot.slack.gateway import SlackError, SlackGateway
from bot.slack.home.details import details, details_notice
from bot.slack.home.pages import trail_from, turn
from bot.slack.home.screens import HomeScreens
from bot.slack.payloads import Click, HomeOpened
from bot.slack.replies import Replies
from bot.slack.whose import NOT_YOURS, may_see
from bot.store import Store, StoreUnavailableError

READ_LIMIT_S = 1.0  # between the ack and the dialog: its trigger lives 3 s

_log = structlog.get_logger(__name__)


class HomeDoors:
    def __init__(
        self,
        *,
        screens: HomeScreens,
        store: Store,
        slack: SlackGateway,
        replies: Replies,
        access: AccessCheck,
        causes: Catalogue,
    ) -> None:
        self._screens = screens
        self._store = store
        self._slack = slack
        self._replies = replies
        self._access = access
        self._causes = causes

    def doors(self) -> Doors:
        clicks = {
            ids.HOME_PAGE: self.turn,
            ids.HOME_NEWER: self.turn,
            ids.DETAILS: self.details,
            ids.REFRESH: self.refresh,
        }
        return Doors(
            clicks={
                name: Door(DoorKind.CLICK, name, Role.SENDER, enter, self._refuse_click)
                for name, enter in clicks.items()
            },
            events={
                ids.HOME_OPENED: Door(DoorKind.EVENT, ids.HOME_OPENED, Role.SENDER, self.opened, self._refuse_opened)
            },
        )

    async def opened(self, opened: HomeOpened) -> Reply:
        async def after() -> None:
            await self._screens.show(opened.person)

        return Reply(after=after)

    async def turn(self, click: Click) -> Reply:
        trail = trail_from(click.view.view.get("private_metadata")) if click.view is not None else ()

        async def after() -> None:
            await self._screens.show(click.person, trail=turn(trail, click.value))

        return Reply(after=after)

    async def details(self, click: Click) -> Reply:
        async def after() -> None:
            await self._replies.open(click, await self._about(click))

        return Reply(after=after)

    async def refresh(self, click: Click) -> Reply:
        """The dialog about one message, as it is now, in the place of the one that was pressed."""

        async def after() -> None:
            if click.view is None:
                return
            view = await self._about(click)
            try:
                await self._slack.update_view(click.view.view_id, view, click.view.view_hash)
            except SlackError as error:
                _log.info("dialog_not_updated", user=click.person.user_id, error=error.error)

        return Reply(after=after)

    async def _about(self, click: Click) -> dict[str, Any]:
        """What this person may know of the message that the button is about."""
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                message = await self._store.get(click.value)
                reported = await self._store.reports.recipients(click.value) if message is not None else ()
        except (StoreUnavailableError, TimeoutError):
            return details_notice(self._causes.own("database-read"))
        sight = None
        if message is not None:
            sight = may_see(message, click.person, self._access(click.person, Role.SENDER))
        if message is None or sight is None:
            return details_notice(NOT_YOURS)
        return details(message, reported, sight=sight, causes=self._causes)

    # -- saying no

    async def _refuse_opened(self, opened: HomeOpened, _: Reason) -> Reply:
        return await self.opened(opened)  # what is drawn says no: the access is asked for again then

    async def _refuse_click(self, click: Click, reason: Reason) -> Reply:
        if not click.on_home:
            return await self._replies.refuse_click(click, reason)

        async def after() -> None:
            await self._screens.show(click.person)

        return Reply(after=after)
