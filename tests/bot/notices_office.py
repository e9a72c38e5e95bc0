"""Requests and lost groups in a store, and the notifiers that tell about them, with a gate in front of Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from bot.access import Known
from bot.access.requests import Asked, Decided
from bot.slack.access.notices import AccessNotifier
from bot.slack.gateway import Posted, SlackError, SlackGateway
from bot.store.sql import SqlStore
from bot.store.tables import access_notice
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, ANN, BEN, SAM
from sandbox.slack.state import Message

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock
    from tests.bot.databases import Database

Until = Callable[[Callable[[], object]], Awaitable[None]]

_T = TypeVar("_T")


class Held:
    """Slack, reached through a gate; errors that a test puts into ``failures`` come first, in order."""

    def __init__(self, gateway: SlackGateway) -> None:
        self._gateway = gateway
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures: list[SlackError] = []
        self.always: SlackError | None = None
        self.tries = 0
        self.under_way = 0

    async def post_direct(self, *, user_id: str, message: Mapping[str, Any]) -> Posted:
        posted = self._gateway.post_direct(user_id=user_id, message=message)
        return await self._pass(posted)

    async def update_message(self, channel_id: str, ts: str, message: Mapping[str, Any]) -> None:
        await self._pass(self._gateway.update_message(channel_id=channel_id, ts=ts, message=message))

    async def _pass(self, call: Coroutine[Any, Any, _T]) -> _T:
        self.tries += 1
        self.under_way += 1
        try:
            await self.gate.wait()
            if error := self.failures.pop(0) if self.failures else self.always:
                raise error
            taken: _T = await call
            return taken
        finally:
            self.under_way -= 1
            call.close()


class Office:
    """Requests in a store, and notifiers that tell about them."""

    def __init__(self, store: SqlStore, gateway: SlackGateway, slack: FakeSlack, clock: FakeClock) -> None:
        self.store = store
        self.slack = slack
        self.held = Held(gateway)
        self.clock = clock
        self.known = Known({}, {})
        self.admins = [ADA, ANN, BEN]
        self.running: list[AccessNotifier] = []

    async def start(self, owner: str = "n1") -> AccessNotifier:
        async def who_is(_: str) -> Known:
            return self.known

        slack: Any = self.held
        notifier = AccessNotifier(
            store=self.store.access,
            slack=slack,
            who_is=who_is,
            admins=lambda: self.admins,
            command="/mms",
            clock=self.clock,
            owner=owner,
        )
        notifier.start()
        self.running.append(notifier)
        return notifier

    async def crash(self, notifier: AccessNotifier) -> None:
        self.running.remove(notifier)
        assert notifier._loop is not None
        tasks = [notifier._loop, *notifier._tasks._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self, notifier: AccessNotifier) -> None:
        self.running.remove(notifier)
        await notifier.stop(within_s=2)

    async def close(self) -> None:
        self.held.gate.set()
        for notifier in list(self.running):
            await self.stop(notifier)
        assert self.slack.refusals == []

    async def ask(self, *admins: str, user: str = SAM, heard: bool = True) -> int:
        """``heard``: the person has read where they asked that the admins are told."""
        asked = await self.store.access.ask(user, admins=admins or (ADA, BEN), now=self.clock.now())
        assert isinstance(asked, Asked)
        if heard:
            await self.store.access.asker_told(asked.request.request_id, now=self.clock.now())
        return asked.request.request_id

    async def decide(self, request_id: int, *, allow: bool = True, by: str = ADA) -> None:
        decided = await self.store.access.decide(
            request_id, allow=allow, may=lambda _: None, by=by, now=self.clock.now()
        )
        assert isinstance(decided, Decided)
        for notifier in self.running:
            notifier.wake()

    def told(self, user: str) -> list[Message]:
        return [m for m in self.slack.state.messages if m.channel_id == self.slack.people.app_dm(user).id]


def due(database: Database) -> list[float | None]:
    """When each notice is tried next; None: it is not."""
    return [row["due_at"] for row in database.rows(access_notice) if row["kind"] != "asked" or row["due_at"]]


async def all_done(database: Database, until: Until) -> None:
    await until(lambda: not any(due(database)))
