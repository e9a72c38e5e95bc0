"""Whose bot this is: asked of Slack at start, and asked again until Slack has answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from bot.clock import Clock
from bot.slack.gateway import TOKEN_REFUSED, SlackError, Standing

WATCH_EVERY_S = 15.0  # auth.test allows hundreds a minute
LONGEST_PAUSE_S = 5.0  # back soon after Slack is back

_log = structlog.get_logger(__name__)


class TokenRefusedError(Exception):
    """Slack does not take a token; no waiting mends that. ``args`` are sentences: the variable, and what to do."""


class SlackWatch:
    """Asks Slack now and then whether it still answers, for ``/readyz``."""

    def __init__(self, ask: Callable[[], Awaitable[object]], *, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self.usable = True  # until the first time that it is not

    async def run(self) -> None:
        """Run until cancelled. A token that is refused while the bot runs is no reason to end: it may be mended."""
        while True:
            await self._clock.sleep(WATCH_EVERY_S if self.usable else LONGEST_PAUSE_S)
            try:
                await self._ask()
            except SlackError as error:
                if self.usable:
                    _log.error("slack_not_usable", error=error.error)
                self.usable = False
            else:
                if not self.usable:
                    _log.info("slack_usable_again")
                self.usable = True


async def find_out(ask: Callable[[], Awaitable[Standing]], *, clock: Clock) -> Standing:
    """Ask until Slack answers.

    Raises:
        TokenRefusedError: Slack refuses the bot token.
    """
    pause = 0.5
    while True:
        try:
            standing = await ask()
        except SlackError as error:
            if error.error in TOKEN_REFUSED:
                raise TokenRefusedError(
                    f"SLACK_BOT_TOKEN: Slack refuses it ({error.error}). Copy the Bot User OAuth Token again from your "
                    "app's Install App page; install the app anew if the page asks for it."
                ) from error
            _log.warning("slack_not_reached", error=error.error, again_in_s=pause)
            await clock.sleep(max(pause, error.retry_after_s or 0.0))
            pause = min(LONGEST_PAUSE_S, pause * 2)
        else:
            _log.info("slack_reached", team=standing.workspace.team_id, bot_user=standing.workspace.bot_user_id)
            return standing
