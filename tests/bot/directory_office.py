"""A workspace of which a directory reads, whose answers a test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.access import Known, Policy, Profile, Workspace
from bot.slack.directory import RETRY_S, Directory
from bot.slack.gateway import SlackError
from bot.slack.profiles import UserGroup

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock

AWAY = SlackError("away", away=True)
OURS = Workspace("T1", "U0BOT")
SUPPORT = UserGroup("S1", "support", "Support")


class Slack:
    """A workspace whose answers a test decides."""

    def __init__(self) -> None:
        self.members = {"S1": frozenset({"U1"}), "S2": frozenset({"U2"})}
        self.profiles: dict[str, Profile] = {}  # all others are ordinary people
        self.faults: dict[str, Exception] = {}  # user ID, group ID or "all" → what comes instead
        self.reads: list[str] = []
        self.under_way = 0
        self.most_under_way = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def profile(self, user_id: str, workspace: Workspace) -> Profile:
        assert workspace == OURS
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self._answer(user_id)
        finally:
            self.under_way -= 1
        return self.profiles.get(user_id, Profile(user_id.lower()))

    async def user_groups(self) -> tuple[UserGroup, ...]:
        await self._answer("all")
        return (SUPPORT,)

    async def group_members(self, group_id: str) -> frozenset[str]:
        await self._answer(group_id)
        return self.members[group_id]

    async def _answer(self, what: str) -> None:
        self.reads.append(what)
        await self.gate.wait()
        if what in self.faults:
            raise self.faults[what]

    def took(self, *what: str) -> list[str]:
        """The reads since the last time, of these only if any are named."""
        taken, self.reads = self.reads, []
        return [read for read in taken if not what or read in what]


class Office:
    """A directory, whom it reads about, and whom it tells."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.slack = Slack()
        self.senders: set[str] = set()
        self.told: list[str] = []
        self.cannot_tell = False
        self.somebody_hears = True
        self.cannot_list = False
        self.workspace: Workspace | None = OURS
        self.directory = Directory(
            slack=self.slack,
            listed=self._listed,
            workspace=lambda: self.workspace,
            clock=clock,
            on_group_lost=lambda group: self._tell(f"lost {group}"),
            on_group_found=self._found,
        )

    def _listed(self) -> Policy:
        if self.cannot_list:
            raise RuntimeError("a fault of ours")
        return Policy(frozenset(self.senders), frozenset())

    async def _tell(self, what: str) -> bool:
        if self.cannot_tell:
            raise RuntimeError("the database is away")
        self.told.append(what)
        return self.somebody_hears

    async def _found(self, group: str) -> None:
        await self._tell(f"found {group}")

    @property
    def known(self) -> Known:
        return self.directory.known()

    @property
    def members(self) -> dict[str, frozenset[str]]:
        return dict(self.known.members)

    async def settle(self) -> None:
        """Let everything run that can, without time passing."""
        for _ in range(200):
            await asyncio.sleep(0)

    async def pass_time(self, seconds: float) -> None:
        """Time passes in steps, and everything runs that can."""
        while seconds > 0:
            step = min(seconds, RETRY_S / 2)
            await self.clock.advance(step)
            await self.settle()
            seconds -= step

    @asynccontextmanager
    async def open(self, *listed: str) -> AsyncIterator[None]:
        self.senders = set(listed)
        keeping = asyncio.create_task(self.directory.keep_fresh())
        try:
            await self.settle()
            yield
            assert not keeping.done(), "it goes on, whatever happens"
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
