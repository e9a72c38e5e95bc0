"""A whole small world on loopback: the fake Slack, the fake Sinch and the real bot between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from sandbox.bot_process import BotProcess
from sandbox.sinch import FakeSinch
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, ANN, SUPPORT

SENDERS = f"{ANN},{SUPPORT}"
ADMINS = ADA


class World:
    """Start it with ``async with``. ann and the group @support may send, ada is an admin, sam is a stranger.

    Args:
        folder: an empty folder for the bot's database.
        socket_mode: Slack speaks over Socket Mode instead of signed HTTP.
        settings: more settings for the bot, or others.
        slack: another fake Slack than the usual one, not started.
        sinch: another fake Sinch, not started.
    """

    def __init__(
        self,
        folder: Path,
        *,
        socket_mode: bool = False,
        settings: Mapping[str, str] | None = None,
        slack: FakeSlack | None = None,
        sinch: FakeSinch | None = None,
    ) -> None:
        self.slack = slack or FakeSlack()
        self.sinch = sinch or FakeSinch()
        self._folder = folder
        self._socket_mode = socket_mode
        self._more = dict(settings or {})

    async def __aenter__(self) -> World:
        await self.slack.start()
        await self.sinch.start()
        self.bot = self.new_bot(self._folder)
        try:
            await self.start_bot()
        except BaseException:  # __aexit__ does not run when this fails: the servers would stay
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def new_bot(self, folder: Path, settings: Mapping[str, str] | None = None) -> BotProcess:
        """A bot with this world's accounts; not started."""
        slack = self.slack.socket_settings() if self._socket_mode else self.slack.http_settings()
        everything = {
            **slack,
            **self.sinch.settings(),
            "SLACK_ALLOWED_USERS": SENDERS,
            "SLACK_ADMIN_USERS": ADMINS,
            **self._more,
            **(settings or {}),
        }
        return BotProcess(everything, folder=folder)

    async def start_bot(self) -> None:
        await self.bot.start()
        if not self._socket_mode:
            self.slack.deliver_by_http(self.bot.events_url)

    async def _close(self) -> None:
        await self.bot.kill()
        await self.slack.stop()
        await self.sinch.stop()
