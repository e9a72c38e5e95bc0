"""Notices about access in the store: whoever has to hear of something is told, once, whatever comes between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.access.requests import (
    Decision,
    NoticeKind,
)
from bot.store.sql import SqlStore
from sandbox.slack.people import ADA, ANN, BEN, EVE
from tests.bot.request_rows import (
    GROUP,
    LEASE_S,
    T0,
    ask,
    at,
    claim,
    decide,
    open_notices,
    tell,
    tell_all,
    whom,
)

if TYPE_CHECKING:
    from tests.bot.databases import Database


async def test_a_claimed_notice_is_one_process_its_own_until_its_lease_ends(database: Database) -> None:
    here, there = database.store(), database.store()
    await ask(here)
    [mine] = await claim(here, owner="n1", limit=1)
    assert whom(await claim(there, owner="n2", limit=1)) == [(ANN, NoticeKind.ASK)]
    assert await claim(there, owner="n2", now=at(LEASE_S - 0.1)) == []
    assert mine.notice_id in [notice.notice_id for notice in await claim(there, owner="n2", now=at(LEASE_S))]


async def test_notices_that_are_due_longest_come_first(store: SqlStore) -> None:
    await ask(store, BEN, admins=[ADA], now=at(1))
    await ask(store, EVE, admins=[ANN], now=at(0))
    assert [notice.to_user_id for notice in await claim(store, limit=1, now=at(2))] == [ANN]
    assert [notice.to_user_id for notice in await claim(store, now=at(2))] == [ADA]


async def test_a_decision_while_the_question_goes_out_is_told_afterwards(store: SqlStore) -> None:
    request = await ask(store, admins=[ADA])
    [question] = await claim(store)
    await decide(store, request, by=ANN, now=at(1))
    [outcome] = await claim(store, owner="n2", now=at(1))
    assert outcome.kind is NoticeKind.OUTCOME, "the question is still on its way"
    await tell(store, outcome, now=at(1))
    await tell(store, question, now=at(2))
    [again] = await claim(store, now=at(2))
    assert (again.notice_id, again.ts, again.channel_id) == (question.notice_id, "1767355200.000100", f"D-{ADA}")
    assert again.request is not None
    assert again.request.decision is Decision.ALLOWED
    await store.access.notice_told(again.notice_id, shown=Decision.ALLOWED, channel_id=None, ts=None, now=at(3))
    assert await claim(store, now=at(1000)) == []


async def test_what_is_known_of_the_posted_message_is_kept(database: Database, store: SqlStore) -> None:
    request = await ask(store, admins=[ADA])
    await tell_all(store)
    await decide(store, request)
    for notice in await claim(store, now=at(1)):
        await store.access.notice_told(notice.notice_id, shown=Decision.ALLOWED, channel_id=None, ts=None, now=at(2))
    told = [(row["channel_id"], row["ts"], row["told_at"]) for row in open_notices(database)]
    assert told == [(f"D-{ADA}", "1767355200.000100", at(2).timestamp()), (None, None, at(2).timestamp())]


async def test_a_notice_that_slack_did_not_take_waits_for_its_next_try(store: SqlStore) -> None:
    await ask(store, admins=[ADA])
    [notice] = await claim(store)
    await store.access.notice_failed(notice.notice_id, next_at=at(30))
    assert await claim(store, now=at(29)) == []
    [again] = await claim(store, now=at(30))
    assert (again.notice_id, again.tries) == (notice.notice_id, 1)
    await store.access.notice_failed(notice.notice_id, next_at=None)
    await store.access.resume_notices(now=at(31))
    assert await claim(store, now=at(10**9)) == [], "given up"


async def test_news_for_a_notice_starts_its_tries_anew_even_when_it_was_given_up(store: SqlStore) -> None:
    request = await ask(store, admins=[ADA])
    [notice] = await claim(store)
    await store.access.notice_failed(notice.notice_id, next_at=None)
    await decide(store, request, now=at(1))
    assert [(n.to_user_id, n.tries) for n in await claim(store, now=at(1))] == [(ADA, 0), (BEN, 0)]


async def test_an_outcome_is_told_once_whatever_it_was_told_as(store: SqlStore) -> None:
    await decide(store, await ask(store, admins=[]))
    [outcome] = await claim(store)
    await store.access.notice_told(outcome.notice_id, shown=None, channel_id=None, ts=None, now=T0)
    assert await claim(store, now=at(1000)) == []


async def test_a_failure_that_comes_late_does_not_tell_it_again(store: SqlStore) -> None:
    await ask(store, admins=[ADA])
    [notice] = await claim(store)
    await tell(store, notice)
    await store.access.notice_failed(notice.notice_id, next_at=at(1))
    assert await claim(store, now=at(100)) == []


async def test_after_a_start_what_waits_is_due_at_once(store: SqlStore) -> None:
    await ask(store)
    first, second = await claim(store)
    await store.access.notice_failed(first.notice_id, next_at=at(3600))
    await tell(store, second)
    await store.access.resume_notices(now=at(1))
    assert [notice.notice_id for notice in await claim(store, now=at(1))] == [first.notice_id]


# -- groups that can't be read


async def test_that_a_group_is_lost_is_told_to_each_admin_once(store: SqlStore) -> None:
    await store.access.group_lost(GROUP, admins=[ADA, ANN, ADA], now=T0)
    notices = await claim(store)
    assert whom(notices) == [(ADA, NoticeKind.GROUP_LOST), (ANN, NoticeKind.GROUP_LOST)]
    assert {(notice.group_id, notice.request) for notice in notices} == {(GROUP, None)}
    for notice in notices:
        await tell(store, notice)
    await store.access.group_lost(GROUP, admins=[ADA, ANN, EVE], now=at(300))
    assert await claim(store, now=at(300)) == []


async def test_a_group_that_is_found_and_lost_again_is_told_again(store: SqlStore) -> None:
    await store.access.group_lost(GROUP, admins=[ADA], now=T0)
    await store.access.group_lost("S0OTHER", admins=[ADA], now=T0)
    [mine, _] = await claim(store, limit=2)
    await store.access.group_found(GROUP)
    await tell(store, mine, now=at(1))  # it went out all the same
    assert [notice.group_id for notice in await claim(store, now=at(60))] == ["S0OTHER"]
    await store.access.group_lost(GROUP, admins=[ADA], now=at(60))
    assert [notice.group_id for notice in await claim(store, now=at(60))] == [GROUP]


async def test_a_group_that_is_found_leaves_other_notices_alone(database: Database, store: SqlStore) -> None:
    await ask(store)
    await store.access.group_found(GROUP)
    assert len(open_notices(database)) == 2


async def test_two_processes_that_lose_a_group_at_once_tell_it_once(database: Database) -> None:
    stores = [database.store(), database.store()]
    await asyncio.gather(*(store.access.group_lost(GROUP, admins=[ADA, ANN], now=T0) for store in stores * 5))
    assert len(open_notices(database)) == 2
