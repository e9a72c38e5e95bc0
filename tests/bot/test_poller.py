"""Asking for reports: when, how often, how many at once, and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from bot.delivery.poller import (
    FIRST_BACKOFF_S,
    LEASE_S,
    LOOK_EVERY_S,
    MANY_SENDS,
    MOST_AT_ONCE,
    POLLS_PER_S,
    POLLS_PER_S_BESIDE_SENDS,
    Poller,
)
from bot.delivery.sender import NOT_KNOWN, Fate, SendError
from bot.domain import Submission
from bot.reports import ASKED_FOR, FINAL_WITHIN, POLL_PAUSES_S, SAFETY_NET_PAUSES_S
from bot.store.sql import SqlStore
from bot.store.tables import message
from tests.bot.conftest import START, FakeClock, ScriptedSender
from tests.bot.databases import Database
from tests.bot.report_steps import ANN, THREE, accepted, due_news, found, report, states

Submit = Callable[..., Submission]
Until = Callable[[Callable[[], object]], Awaitable[None]]
FIRST_S = POLL_PAUSES_S[0]


class Desk:
    """One process that asks, with time moved by hand."""

    def __init__(self, database: Database, clock: FakeClock, sender: ScriptedSender, until: Until) -> None:
        self.database = database
        self.clock = clock
        self.sender = sender
        self.store = database.store()
        self.sends = 0
        self.news = 0
        self.until = until
        self.pollers: list[Poller] = []

    def start(self, *, callbacks: bool = False, owner: str = "p1", store: SqlStore | None = None) -> Poller:
        poller = Poller(
            store=store or self.store,
            sender=self.sender,
            clock=self.clock,
            owner=owner,
            callbacks=callbacks,
            sends=lambda: self.sends,
            on_news=self._on_news,
        )
        self.pollers.append(poller)
        poller.start()
        return poller

    def _on_news(self) -> None:
        self.news += 1

    async def looks(self) -> None:
        """Every process has looked at what is due and waits for its next look."""
        await self.until(lambda: self.clock.sleepers == len(self.pollers))

    async def passes(self, seconds: float) -> None:
        """Time passes, look by look, and everything that was asked is noted."""
        await self.looks()
        for _ in range(round(seconds / LOOK_EVERY_S)):
            await self.clock.advance(LOOK_EVERY_S)
            await self.looks()
            await self.settled()

    async def leaps(self, to: timedelta) -> None:
        """It is so long after the start, and they look."""
        await self.looks()
        self.clock.jump((START + to - self.clock.now()).total_seconds())
        await self.clock.advance(0)
        await self.looks()
        await self.settled()

    async def settled(self) -> None:
        await self.until(lambda: all(row["lease_until"] is None for row in self.database.rows(message)))

    @property
    def asked(self) -> int:
        return len(self.sender.asked)


@pytest.fixture
async def desk(database: Database, clock: FakeClock, sender: ScriptedSender, until: Until) -> AsyncIterator[Desk]:
    desk = Desk(database, clock, sender, until)
    yield desk
    for poller in desk.pollers:
        await poller.stop()


async def test_what_sinch_says_moves_the_recipients_on_and_wakes_whoever_tells(desk: Desk, submission: Submit) -> None:
    reference = await accepted(desk.store, submission(to=THREE), "B1")
    desk.sender.reported["B1"] = [report(e164, "Delivered", 0, None) for e164 in THREE]
    desk.start()
    await desk.passes(FIRST_S - LOOK_EVERY_S)
    assert (desk.asked, desk.news) == (0, 0)
    await desk.passes(2 * LOOK_EVERY_S)
    assert (desk.asked, desk.news) == (1, 1)
    assert await states(desk.store, reference) == ["Delivered"] * 3
    assert await due_news(desk.store, now=desk.clock.now()) == [reference]
    await desk.leaps(FINAL_WITHIN * 2)
    assert desk.asked == 1, "all is known"


async def test_the_pauses_grow(desk: Desk, submission: Submit) -> None:
    await accepted(desk.store, submission(), "B1")
    desk.start()
    due = timedelta(0)
    for number, pause in enumerate(POLL_PAUSES_S[:6], start=1):
        due += timedelta(seconds=pause + LOOK_EVERY_S)
        await desk.leaps(due - timedelta(seconds=2 * LOOK_EVERY_S))
        assert desk.asked == number - 1
        await desk.leaps(due)
        assert desk.asked == number


async def test_after_three_days_there_is_no_final_word(desk: Desk, submission: Submit) -> None:
    reference = await accepted(desk.store, submission(to=THREE), "B1")
    desk.sender.reported["B1"] = [report(ANN, "Dispatched", 401, None)]
    desk.start()
    await desk.leaps(timedelta(days=2))
    await desk.leaps(FINAL_WITHIN + timedelta(seconds=1))
    assert await states(desk.store, reference) == ["NoFinalWord"] * 3
    assert await due_news(desk.store, now=desk.clock.now()) == [reference]
    asked = desk.asked
    await desk.leaps(ASKED_FOR * 2)
    assert desk.asked == asked


async def test_while_sinch_is_away_that_is_no_final_word_before_the_fourth_day(desk: Desk, submission: Submit) -> None:
    reference = await accepted(desk.store, submission(), "B1")
    desk.sender.reported["B1"] = SendError(Fate.NEVER_LEFT, "transport-refused")
    desk.start()
    await desk.leaps(FINAL_WITHIN + timedelta(seconds=1))
    assert await states(desk.store, reference) == ["Queued"]
    desk.sender.reported["B1"] = [report(ANN, "Delivered", 0, None)]
    await desk.leaps(FINAL_WITHIN + timedelta(hours=2))
    assert await states(desk.store, reference) == ["Delivered"]


async def test_it_is_given_up_on_the_fourth_day(desk: Desk, submission: Submit) -> None:
    reference = await accepted(desk.store, submission(), "B1")
    desk.sender.reported["B1"] = SendError(Fate.NEVER_LEFT, "transport-refused")
    desk.start()
    await desk.leaps(ASKED_FOR + timedelta(seconds=1))
    assert await states(desk.store, reference) == ["NoFinalWord"]


async def test_a_batch_that_sinch_does_not_know_yet_is_asked_for_again(desk: Desk, submission: Submit) -> None:
    reference = await accepted(desk.store, submission(), "B1")
    desk.sender.reported["B1"] = SendError(Fate.REFUSED, NOT_KNOWN)
    desk.start()
    await desk.leaps(timedelta(seconds=FIRST_S))
    assert (desk.asked, await states(desk.store, reference)) == (1, ["Queued"])
    desk.sender.reported["B1"] = [report(ANN, "Delivered", 0, None)]
    await desk.leaps(timedelta(seconds=FIRST_S + POLL_PAUSES_S[1] + LOOK_EVERY_S))
    assert (desk.asked, await states(desk.store, reference)) == (2, ["Delivered"])


async def test_only_so_many_are_asked_for_in_a_second(desk: Desk, submission: Submit) -> None:
    for number in range(40):
        await accepted(desk.store, submission(), f"B{number}")
    desk.start()
    await desk.leaps(timedelta(minutes=1))
    assert desk.asked == MOST_AT_ONCE, "no burst, however long nobody asked"
    await desk.passes(4)
    assert desk.asked == MOST_AT_ONCE + 4 * POLLS_PER_S
    desk.sends = MANY_SENDS
    await desk.passes(4)
    assert desk.asked == MOST_AT_ONCE + 4 * POLLS_PER_S + 4 * POLLS_PER_S_BESIDE_SENDS, "sends go first"


async def test_when_sinch_asks_to_wait_nobody_is_asked_for_before(desk: Desk, submission: Submit) -> None:
    for number in range(3):
        await accepted(desk.store, submission(), f"B{number}")
        desk.sender.reported[f"B{number}"] = SendError(Fate.RATE_LIMITED, "http-429", retry_after_s=90)
    desk.start()
    await desk.leaps(timedelta(seconds=FIRST_S))
    asked = desk.asked
    assert 1 <= asked <= 3
    await accepted(desk.store, submission(), "B9", now=desk.clock.now() - timedelta(minutes=1))
    await desk.leaps(timedelta(seconds=FIRST_S + 89))
    assert desk.asked == asked, "not that message, and not another one either"
    await desk.leaps(timedelta(seconds=FIRST_S + 91))
    assert desk.asked > asked


async def test_without_a_time_to_wait_the_pauses_grow_until_it_answers(desk: Desk, submission: Submit) -> None:
    await accepted(desk.store, submission(), "B1")
    desk.sender.reported["B1"] = SendError(Fate.RATE_LIMITED, "http-429")
    poller = desk.start()
    assert [poller._hold(None).total_seconds() for _ in range(8)] == [
        FIRST_BACKOFF_S * 2**number if number < 6 else 60 for number in range(8)
    ]
    assert poller._hold(10.0**12) == ASKED_FOR, "Sinch may name any number"


async def test_two_processes_share_the_asking(desk: Desk, submission: Submit) -> None:
    for number in range(8):
        await accepted(desk.store, submission(), f"B{number}")
    desk.start(owner="p1")
    desk.start(owner="p2", store=desk.database.store())
    await desk.leaps(timedelta(minutes=1))
    await desk.passes(4)
    assert sorted(one.batch_id or "" for one in desk.sender.asked) == [f"B{number}" for number in range(8)]


async def test_what_a_process_that_died_was_asking_for_is_asked_for_by_another(desk: Desk, submission: Submit) -> None:
    await accepted(desk.store, submission(), "B1")
    dead = await desk.store.reports.claim_polls(
        owner="dead", limit=9, now=START + timedelta(seconds=FIRST_S), lease_s=LEASE_S
    )
    assert len(dead) == 1
    desk.start()
    await desk.looks()
    desk.clock.jump(FIRST_S + LEASE_S - 1)
    await desk.clock.advance(0)
    await desk.looks()
    assert desk.asked == 0
    desk.clock.jump(1)
    await desk.clock.advance(0)
    await desk.until(lambda: desk.asked == 1)


async def test_while_sinch_calls_back_it_is_asked_only_now_and_then(desk: Desk, submission: Submit) -> None:
    reference = await accepted(desk.store, submission(to=THREE), "B1")
    await desk.store.reports.polled(reference, next_at=START + timedelta(seconds=SAFETY_NET_PAUSES_S[0]), now=START)
    desk.start(callbacks=True)
    await desk.leaps(timedelta(seconds=SAFETY_NET_PAUSES_S[0] - 1))
    assert desk.asked == 0
    await desk.leaps(timedelta(seconds=SAFETY_NET_PAUSES_S[0]))
    assert desk.asked == 1
    await desk.leaps(timedelta(seconds=sum(SAFETY_NET_PAUSES_S[2:]) - 1))
    assert desk.asked == 1


async def test_the_first_question_waits_as_long_as_the_store_is_told(database: Database, submission: Submit) -> None:
    store = SqlStore(database.engine(), first_poll_s=SAFETY_NET_PAUSES_S[0])
    database.stores.append(store)
    await accepted(store, submission(), "B1")
    [row] = database.rows(message)
    assert row["poll_due_at"] == pytest.approx(row["finished_at"] + SAFETY_NET_PAUSES_S[0])


async def test_a_cancelled_message_of_which_nothing_went_out_is_done(desk: Desk, submission: Submit) -> None:
    reference = await accepted(desk.store, submission(to=THREE), "B1")
    await desk.store.reports.cancelled_at_sinch(reference, cause="own-forgotten", now=START)
    desk.start()
    await desk.leaps(timedelta(seconds=1))
    assert await states(desk.store, reference) == ["Cancelled"] * 3
    assert await due_news(desk.store, now=desk.clock.now()) == [], "whoever cancelled it knows"


async def test_a_message_whose_numbers_are_gone_is_not_asked_for_any_more(desk: Desk, submission: Submit) -> None:
    many = await accepted(desk.store, submission(to=THREE), "B1")
    one = await accepted(desk.store, submission(to=(ANN,)), "B2")
    desk.sender.reported["B1"] = desk.sender.reported["B2"] = [report(ANN, "Delivered", 0, None)]
    assert await desk.store.erase([many, one]) == 2
    desk.start()
    await desk.leaps(timedelta(seconds=FIRST_S))
    assert await states(desk.store, many) == ["NoFinalWord"] * 3
    assert await states(desk.store, one) == ["Delivered"], "there is only one whom it can be about"


async def test_a_fault_of_ours_does_not_end_the_asking(desk: Desk, submission: Submit) -> None:
    reference = await accepted(desk.store, submission(), "B1")
    desk.start()
    with desk.database.locked():
        await desk.looks()
        desk.clock.jump(FIRST_S)
        await desk.clock.advance(0)
        await desk.looks()
    desk.sender.reported["B1"] = [report(ANN, "Delivered", 0, None)]
    await desk.passes(LOOK_EVERY_S * 2)
    assert await states(desk.store, reference) == ["Delivered"]
    assert (await found(desk.store, reference)).polls == 1
