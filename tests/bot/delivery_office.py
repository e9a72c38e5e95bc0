"""Messages that Sinch has, reports of them, and the notifier that tells their senders, driven step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.causes import Catalogue
from bot.domain import Submission
from bot.reports import DELIVERED, counts_word
from bot.slack.delivery_news import DeliveryNotifier
from bot.slack.gateway import SlackGateway
from bot.slack.payloads import RESPONSE_URL_LIVES
from bot.store.sql import SqlStore
from sandbox.slack import FakeSlack
from sandbox.slack.people import ANN, GENERAL
from sandbox.slack.state import Message
from tests.bot import report_steps

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock

NUMBERS = tuple(f"+1201555{number:04d}" for number in range(1000))


class DeliveryOffice:
    def __init__(
        self,
        store: SqlStore,
        gateway: SlackGateway,
        slack: FakeSlack,
        causes: Catalogue,
        clock: FakeClock,
        submission: Callable[..., Submission],
    ) -> None:
        self.store = store
        self.slack = slack
        self.clock = clock
        self._gateway = gateway
        self._causes = causes
        self._submission = submission
        self._batches = 0
        self.batch_of: dict[str, str] = {}
        self.notifier = self.new_notifier("n1")

    def new_notifier(self, owner: str) -> DeliveryNotifier:
        return DeliveryNotifier(
            store=self.store, slack=self._gateway, causes=self._causes, clock=self.clock, owner=owner
        )

    async def accepted(
        self, count: int = 3, *, user: str = ANN, by_url: bool = False, heard: bool = True, **content: str
    ) -> str:
        """A message that Sinch has, to so many.

        Args:
            by_url: the command's response_url is known, and lives.
            heard: its sender was told so.
        """
        self._batches += 1
        batch_id = f"B{self._batches}"
        token = self.slack.state.new_response_url(user, GENERAL) if by_url else None
        submission = self._submission(
            user=user,
            to=NUMBERS[:count],
            response_url=f"{self.slack.origin}/response/{token}" if token else None,
            expires_at=self.clock.now() + RESPONSE_URL_LIVES if token else None,
            **content,
        )
        reference = await report_steps.accepted(self.store, submission, batch_id, now=self.clock.now())
        self.batch_of[reference] = batch_id
        if heard:
            await self.hear()
        return reference

    async def hear(self) -> None:
        """Every answer is told."""
        now = self.clock.now()
        for answer in await self.store.claim_answers(owner="answers", limit=1000, now=now, lease_s=10):
            await self.store.answer_told(answer.answer_id, by_response_url=False, now=now)

    async def report(self, reference: str, *states: str | None, first: int = 0, code: int | None = None) -> None:
        """The recipients from number ``first`` on have these states now; None is left as it is."""
        reports = [
            report_steps.report(NUMBERS[first + place], state, code, self.clock.now())
            for place, state in enumerate(states)
            if state is not None
        ]
        await report_steps.take(
            self.store, *reports, batch_id=self.batch_of[reference], client_reference=reference, now=self.clock.now()
        )

    async def tick(self, seconds: float = 0.0, *, notifier: DeliveryNotifier | None = None) -> None:
        """Let so many seconds pass, and tell what is due then."""
        telling = notifier or self.notifier
        await self.clock.advance(seconds)
        await telling._deliver_due()
        async with asyncio.timeout(10):
            while telling._telling > self.clock.sleepers:  # noqa: ASYNC110  servers and threads that have no event
                await asyncio.sleep(0.0005)

    async def counted(self, reference: str) -> str:
        return counts_word((await self.store.reports.counts([reference]))[reference])

    def told(self, user: str = ANN) -> Sequence[Message]:
        """Everything that this person sees of the bot's."""
        return self.slack.person(user).messages

    def direct(self, user: str = ANN) -> list[Message]:
        return [message for message in self.told(user) if message.channel_id == self.slack.people.app_dm(user).id]

    async def past_the_url(self) -> None:
        await self.tick(RESPONSE_URL_LIVES / timedelta(seconds=1))


ALL_DELIVERED = (DELIVERED,) * 3
