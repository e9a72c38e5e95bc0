"""Who is in which user group: read at start and kept fresh, never on the path to ack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.clock import Clock
from bot.slack.gateway import SlackError

FRESH_FOR_S = 300.0
KEPT_FOR_S = 3600.0  # the last known members, while Slack can't be asked; then nobody
RETRY_S = 15.0  # after a failure

_log = structlog.get_logger(__name__)


class Groups:
    """The members of the listed user groups, as far as they are known."""

    def __init__(
        self, group_ids: frozenset[str], *, read: Callable[[str], Awaitable[frozenset[str]]], clock: Clock
    ) -> None:
        self._ids = sorted(group_ids)
        self._read = read
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self.tried = False  # every group was asked for at least once, with or without success

    def members(self) -> Mapping[str, frozenset[str]]:
        """Group ID → user IDs. A group that was never read, or not for an hour, is left out."""
        oldest = self._clock.monotonic() - KEPT_FOR_S
        return {group: users for group, (read_at, users) in self._known.items() if read_at >= oldest}

    async def refresh(self) -> bool:
        """Read every group once; True if all could be read."""
        complete = True
        for group in self._ids:
            try:
                users = await self._read(group)
            except SlackError as error:
                complete = False
                _log.warning("group_not_read", group=group, error=error.error)
            else:
                self._known[group] = (self._clock.monotonic(), users)
        self.tried = True
        return complete

    async def keep_fresh(self) -> None:
        """Run until cancelled."""
        self.tried = not self._ids
        while self._ids:
            complete = await self.refresh()
            await self._clock.sleep(FRESH_FOR_S if complete else RETRY_S)
