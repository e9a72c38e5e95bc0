"""When there is news of a delivery to tell, and what comes of telling it. On every kind of database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.domain import Submission
from bot.store.sql import SqlStore
from bot.store.tables import delivery_news
from tests.bot.conftest import START
from tests.bot.databases import Database
from tests.bot.report_steps import (
    ANN,
    BEN,
    CAT,
    LEASE_S,
    THREE,
    accepted,
    claim_news,
    due_news,
    found,
    report,
    take,
    tell,
)

Submit = Callable[..., Submission]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


async def test_there_is_no_news_while_all_goes_well_until_the_end(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=THREE, user="U0BEN"), "B1")
    await take(store, report(ANN, "Delivered"), report(BEN, "Dispatched"), now=at(1))
    assert await due_news(store, now=at(9999)) == []
    await take(store, report(BEN, "Delivered"), report(CAT, "Delivered"), now=at(2))
    [news] = await claim_news(store, now=at(2))
    assert (news.client_reference, news.user_id, news.since, news.tries) == (reference, "U0BEN", at(2), 0)
    assert (news.told_at, news.shown, news.channel_id, news.ts, news.unfolded) == (None, None, None, None, False)


async def test_a_failure_is_due_at_once_and_the_next_within_a_minute_with_it(
    store: SqlStore, submission: Submit
) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Rejected", 257), now=at(1))
    assert await due_news(store, now=at(1)) == [reference]
    await tell(store, reference, now=at(2))
    await take(store, report(BEN, "Rejected", 257), now=at(5))
    assert await due_news(store, now=at(61.9)) == []
    assert await due_news(store, now=at(62)) == [reference]


async def test_what_is_told_is_due_no_more_until_something_else_happens(
    database: Database, store: SqlStore, submission: Submit
) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Rejected", 257), now=at(1))
    shown = await tell(store, reference, now=at(2))
    [row] = database.rows(delivery_news)
    assert (row["due_at"], row["shown"], row["channel_id"], row["ts"]) == (None, shown, "D1", "1.1")
    await take(store, report(ANN, "Rejected", 257), now=at(3))
    assert await due_news(store, now=at(9999)) == []
    await take(store, report(BEN, "Delivered"), now=at(4))
    assert await due_news(store, now=at(17)) == [reference]


async def test_what_happens_while_it_is_told_is_due_afterwards(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Rejected", 257), now=at(1))
    assert await due_news(store, now=at(1)) == [reference]
    await take(store, report(BEN, "Delivered"), report(CAT, "Delivered"), now=at(2))
    await tell(store, reference, shown="0/1/2/0", now=at(3))
    assert await due_news(store, now=at(3)) == [reference], "all is known by now: the last state always arrives"
    await tell(store, reference, now=at(4))
    assert await due_news(store, now=at(9999)) == []


async def test_two_processes_do_not_tell_the_same_at_once(database: Database, submission: Submit) -> None:
    here, there = database.store(), database.store()
    reference = await accepted(here, submission(), "B1")
    await take(here, report(ANN, "Delivered"), now=at(1))
    assert await due_news(here, now=at(1)) == [reference]
    assert await due_news(there, now=at(1), owner="w2") == []
    assert await due_news(there, now=at(1 + LEASE_S), owner="w2") == [reference]


async def test_what_slack_did_not_take_waits_and_is_due_after_a_start(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Rejected", 257), now=at(1))
    await due_news(store, now=at(1))
    await store.reports.news_failed(reference, next_at=at(100), response_url_used=True)
    assert (await found(store, reference)).response_url_uses == 1
    await take(store, report(BEN, "Rejected", 257), now=at(2))
    assert await due_news(store, now=at(99)) == [], "what is new does not hurry it"
    await store.reports.resume_news(now=at(50))
    [news] = await claim_news(store, now=at(50))
    assert (news.tries, news.since) == (1, at(1))


async def test_a_start_does_not_hurry_what_waits_for_its_minute(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Rejected", 257), now=at(1))
    await tell(store, reference, now=at(2))
    await take(store, report(BEN, "Rejected", 257), now=at(3))
    await store.reports.resume_news(now=at(4))
    assert await due_news(store, now=at(61)) == []


async def test_what_was_given_up_is_tried_again_when_something_new_happens(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Rejected", 257), now=at(1))
    await due_news(store, now=at(1))
    await store.reports.news_failed(reference, next_at=None, response_url_used=False)
    assert await due_news(store, now=at(9999)) == []
    await take(store, report(BEN, "Rejected", 257), now=at(10_000))
    [news] = await claim_news(store, now=at(10_000))
    assert (news.tries, news.since) == (0, at(10_000))


async def test_a_use_of_the_response_url_is_counted_when_it_is_told(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(), "B1")
    await take(store, report(ANN, "Delivered"), now=at(1))
    await store.reports.news_told(reference, shown="1/0/0/0", channel_id=None, ts=None, by_response_url=True, now=at(2))
    assert (await found(store, reference)).response_url_uses == 1
    assert await due_news(store, now=at(9999)) == []


async def test_a_report_that_takes_a_change_back_leaves_nothing_to_tell(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Rejected", 257), now=at(1))
    await tell(store, reference, shown="1/0/2/0", now=at(2))
    await take(store, report(ANN, "Delivered"), now=at(3))
    assert await due_news(store, now=at(9999)) == []


async def test_who_has_no_final_word_after_three_days_is_told(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(), "B1")
    await store.reports.polled(reference, next_at=None, now=at(9))
    assert await due_news(store, now=at(9)) == [reference]


async def test_whoever_cancelled_is_not_told_that_it_was_cancelled_but_that_it_arrived(
    store: SqlStore, submission: Submit
) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await store.reports.cancelled_at_sinch(reference, cause="own-forgotten", now=at(1))
    await take(store, report(ANN, "Cancelled", 407), report(BEN, "Cancelled", 407), now=at(2))
    assert await due_news(store, now=at(9999)) == []
    await take(store, report(CAT, "Delivered"), now=at(10_000))
    assert await due_news(store, now=at(10_000)) == [reference]


async def test_unfolding_is_kept_and_a_direct_message_is_due_to_be_edited(store: SqlStore, submission: Submit) -> None:
    assert await store.reports.unfold("mms-none", unfolded=True, now=at(1)) is None
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Rejected", 257), now=at(1))
    await store.reports.news_told(reference, shown="0/1/2/0", channel_id=None, ts=None, by_response_url=True, now=at(2))
    unfolded = await store.reports.unfold(reference, unfolded=True, now=at(3))
    assert unfolded is not None
    assert unfolded.unfolded
    assert await due_news(store, now=at(9999)) == [], "nobody but the click can replace it"
    await tell(store, reference, now=at(9999))
    assert await store.reports.unfold(reference, unfolded=True, now=at(10_000)) is not None
    assert await due_news(store, now=at(10_000)) == [], "it was unfolded already"
    await store.reports.unfold(reference, unfolded=False, now=at(10_001))
    [news] = await claim_news(store, now=at(10_001))
    assert not news.unfolded
