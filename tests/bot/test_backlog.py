"""When much waits: what is looked at in one go has a bound, and nobody's turn is lost behind it. On every database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from bot.domain import Lost, Submission
from bot.store import Page, Place, Store, Taken, answers, turns
from bot.store.sql import SqlStore
from tests.bot.conftest import anybody
from tests.bot.databases import Database, PostgresDatabase
from tests.bot.postgres_steps import Gate, claim_and_hold

T0 = datetime.fromisoformat("2026-01-02T12:00:00+00:00")
LEASE_S = 10.0
Submit = Callable[..., Submission]


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


async def queued(store: Store, *submissions: Submission, now: datetime = T0) -> list[str]:
    taken = [await store.enqueue(one, may=anybody, now=now) for one in submissions]
    return [one.client_reference for one in taken if isinstance(one, Taken)]


async def claimed(
    store: Store, *, busy: dict[str, int] | None = None, limit: int = 100, per_person: int = 4, now: datetime = T0
) -> list[str]:
    found = await store.claim(owner="w1", limit=limit, busy=busy or {}, per_person=per_person, now=now, lease_s=LEASE_S)
    return [one.reply.user_id for one in found]


# -- messages


async def test_whoever_stands_behind_more_messages_than_are_looked_at_gets_a_turn(
    store: Store, submission: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LOOKED_AT", 10)
    await queued(store, *(submission(user="U0ANN") for _ in range(30)))
    await queued(store, submission(user="U0BEN"), now=at(1))
    assert await claimed(store, now=at(2)) == ["U0ANN"] * 4
    assert await claimed(store, busy={"U0ANN": 4}, now=at(2)) == ["U0BEN"]


async def test_those_that_wait_longest_are_looked_at(
    store: Store, submission: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LOOKED_AT", 3)
    for number in (3, 1, 2, 0, 4):
        await queued(store, submission(user=f"U{number}"), now=at(number))
    assert await claimed(store, now=at(10)) == ["U0", "U1", "U2"]


@pytest.fixture
def here_and_there(postgres_database: PostgresDatabase) -> Sequence[SqlStore]:
    return postgres_database.store(), postgres_database.store()


async def test_two_processes_that_reach_for_the_same_messages_both_get_some(
    here_and_there: Sequence[SqlStore], submission: Submit
) -> None:
    here, there = here_and_there
    references = await queued(here, *(submission(user=f"U{number}") for number in range(4)))
    still_open = Gate()
    first = claim_and_hold(here, still_open, owner="w2", limit=2, now=T0)
    await still_open.reached()
    assert await claimed(there, limit=2) == ["U2", "U3"]
    assert await claimed(there, limit=2) == [], "all of them are somebody's"
    still_open.open()
    assert await first == references[:2]


# -- answers


async def with_two_answers(store: Store, submission: Submission) -> None:
    """An older one that Slack did not take, and a newer one that waits behind it."""
    [reference] = await queued(store, submission)
    await claimed(store)
    begun = await store.begin(reference, owner="w1", now=T0, lease_s=LEASE_S)
    assert begun is not None
    await store.record(reference, Lost("transport-reset"), owner="w1", attempt=begun.attempts, now=T0)
    await store.record_lookup(reference, batch_id=None, next_at=None, tell=True, now=T0)
    [unknown] = await store.claim_answers(owner="n1", limit=5, now=T0, lease_s=LEASE_S)
    await store.record_lookup(reference, batch_id="B1", next_at=None, tell=False, now=T0)
    await store.answer_failed(unknown.answer_id, next_at=at(60), response_url_used=False)


async def told(store: Store, *, limit: int, now: datetime) -> list[str]:
    found = await store.claim_answers(owner="n1", limit=limit, now=now, lease_s=LEASE_S)
    return [f"{one.message.reply.user_id} {one.kind}" for one in found]


async def test_answers_that_cannot_be_told_yet_do_not_stand_in_the_way_of_others(
    store: Store, submission: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "_PAGE", 2)
    for number in range(5):
        await with_two_answers(store, submission(user=f"U{number}"))
    [last] = await queued(store, submission(user="U0LATE"))
    await store.cancel([last], cause="own-forgotten", now=at(1))
    assert await told(store, limit=3, now=at(2)) == ["U0LATE result"]
    assert await told(store, limit=3, now=at(60)) == ["U0 unknown", "U1 unknown", "U0LATE result"]


async def test_a_claim_of_answers_ends_however_many_cannot_be_told_yet(
    store: Store, submission: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await with_two_answers(store, submission(user=f"U{number}"))
    [last] = await queued(store, submission(user="U0LATE"))
    monkeypatch.setattr(answers, "_PAGE", 2)
    monkeypatch.setattr(answers, "_PAGES", 2)
    await store.cancel([last], cause="own-forgotten", now=at(1))
    assert await told(store, limit=3, now=at(2)) == []


# -- a page after the other


async def test_pages_have_each_message_once_also_those_of_one_moment(database: Database, submission: Submit) -> None:
    store = database.store()
    references = await queued(store, *(submission() for _ in range(3)))
    references += await queued(store, *(submission() for _ in range(4)), now=at(0.000001))
    first = await store.kept(after=None, limit=2)
    seen, page = [one.client_reference for one in first.messages], first
    while page.after is not None:
        page = await store.kept(after=page.after, limit=2)
        seen += [one.client_reference for one in page.messages]
    assert seen == sorted(references[:3]) + sorted(references[3:])


async def test_the_last_page_says_so(store: Store, submission: Submit) -> None:
    assert await store.kept(after=None, limit=2) == Page([], None)
    [reference] = await queued(store, submission())
    page = await store.kept(after=None, limit=2)
    assert ([one.client_reference for one in page.messages], page.after) == ([reference], None)
    assert (await store.kept(after=Place(T0.timestamp(), reference), limit=2)).messages == []
