"""Requests for access in the store: each is asked once a day, and answered once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.access import Denied, Reason, Role
from bot.access.changes import AccessList, Action, ByDoor, Entry
from bot.access.requests import (
    ASK_AGAIN_AFTER,
    Asked,
    AskedBefore,
    Decided,
    DecidedBefore,
    Decision,
    NoSuchRequest,
    Notice,
    NoticeKind,
    Request,
)
from bot.store.sql import SqlStore
from bot.store.tables import access_change, access_notice, access_request
from sandbox.slack.people import ADA, ANN, BEN, EVE
from tests.bot.conftest import anybody
from tests.bot.request_rows import (
    BEN_SENDS,
    GROUP,
    T0,
    ask,
    at,
    change,
    claim,
    decide,
    open_notices,
    tell,
    tell_all,
    whom,
)

if TYPE_CHECKING:
    from tests.bot.databases import Database


# -- asking


async def test_a_request_is_a_notice_to_each_admin_once_in_their_order(store: SqlStore) -> None:
    moment = datetime(2026, 10, 25, 0, 30, 0, 654321, tzinfo=UTC)
    request = await ask(store, admins=[EVE, ADA, EVE, ANN], now=moment)
    assert (request.user_id, request.asked_at, request.decision, request.decided_by) == (BEN, moment, None, None)
    notices = await claim(store, now=moment)
    assert whom(notices) == [(EVE, NoticeKind.ASK), (ADA, NoticeKind.ASK), (ANN, NoticeKind.ASK)]
    first = notices[0]
    assert first == Notice(first.notice_id, NoticeKind.ASK, EVE, moment, tries=0, request=request)


async def test_a_request_is_kept_when_there_is_no_admin_to_tell(database: Database, store: SqlStore) -> None:
    await ask(store, admins=[])
    assert len(database.rows(access_request)) == 1
    assert await claim(store) == []


@pytest.mark.parametrize("answered", [None, True, False], ids=["open", "allowed", "declined"])
async def test_a_second_request_within_a_day_changes_nothing(
    database: Database, store: SqlStore, answered: bool | None
) -> None:
    request = await ask(store)
    if answered is not None:
        outcome = await decide(store, request, allow=answered)
        assert isinstance(outcome, Decided)
        request = outcome.request
    before = database.rows(access_request), database.rows(access_notice)
    late = T0 + ASK_AGAIN_AFTER - timedelta(microseconds=1)
    assert await store.access.ask(BEN, admins=[EVE], now=late) == AskedBefore(request)
    assert (database.rows(access_request), database.rows(access_notice)) == before


async def test_after_a_day_a_request_takes_the_place_of_one_that_nobody_answered(
    database: Database, store: SqlStore
) -> None:
    old = await ask(store, admins=[ADA])
    await tell_all(store)
    tomorrow = T0 + ASK_AGAIN_AFTER
    new = await ask(store, admins=[ADA], now=tomorrow)
    assert new.request_id != old.request_id
    assert [row["decision"] for row in database.rows(access_request)] == [Decision.REPLACED, None]
    notices = await claim(store, now=tomorrow)
    assert [(n.request and n.request.decision, n.ts is None) for n in notices] == [
        (Decision.REPLACED, False),
        (None, True),
    ]
    soon = tomorrow + timedelta(minutes=1)
    assert await store.access.ask(BEN, admins=[ADA], now=soon) == AskedBefore(new)
    assert isinstance(await decide(store, old), DecidedBefore)
    assert isinstance(await decide(store, new), Decided)


async def test_after_a_day_a_request_that_was_answered_stays_so(database: Database, store: SqlStore) -> None:
    await decide(store, await ask(store), allow=False)
    await ask(store, now=T0 + ASK_AGAIN_AFTER)
    assert [row["decision"] for row in database.rows(access_request)] == [Decision.DECLINED, None]


async def test_what_one_person_asks_is_nothing_to_another(store: SqlStore) -> None:
    await ask(store, BEN)
    assert (await ask(store, EVE)).user_id == EVE


async def test_one_person_who_asks_many_times_at_once_asks_once(database: Database) -> None:
    stores = [database.store(), database.store()]
    outcomes = await asyncio.gather(*(store.access.ask(BEN, admins=[ADA], now=T0) for store in stores * 10))
    assert sum(isinstance(outcome, Asked) for outcome in outcomes) == 1
    assert len({outcome.request for outcome in outcomes}) == 1
    assert [row["kind"] for row in database.rows(access_notice)] == ["ask", "asked"]


# -- deciding


async def test_who_is_allowed_is_on_the_list_as_a_sender(store: SqlStore) -> None:
    request = await ask(store)
    outcome = await decide(store, request, by=ANN, now=at(60))
    assert isinstance(outcome, Decided)
    assert (outcome.request.decision, outcome.request.decided_by) == (Decision.ALLOWED, ANN)
    assert outcome.access == await store.access.current()
    [added] = outcome.access.added
    assert (added.entry, added.by, added.at, added.door) == (BEN_SENDS, ANN, at(60), ByDoor.REQUEST)
    [row] = await store.access.log()
    assert (row.version, row.by, row.door, row.action, row.entry) == (1, ANN, ByDoor.REQUEST, Action.ADDED, BEN_SENDS)


async def test_who_is_declined_is_not_on_the_list(store: SqlStore) -> None:
    outcome = await decide(store, await ask(store), allow=False)
    assert isinstance(outcome, Decided)
    assert outcome.request.decision is Decision.DECLINED
    assert outcome.access == await store.access.current()
    assert (outcome.access.version, await store.access.log()) == (0, [])


@pytest.mark.parametrize("allow", [True, False])
async def test_the_person_hears_the_outcome_and_every_admin_who_decided(store: SqlStore, allow: bool) -> None:
    request = await ask(store)
    await tell_all(store)
    assert await claim(store, now=at(1)) == []
    outcome = await decide(store, request, allow=allow, now=at(2))
    assert isinstance(outcome, Decided)
    notices = await claim(store, now=at(2))
    assert whom(notices) == [(ADA, NoticeKind.ASK), (ANN, NoticeKind.ASK), (BEN, NoticeKind.OUTCOME)]
    assert {notice.request for notice in notices} == {outcome.request}
    assert [notice.channel_id for notice in notices] == [f"D-{ADA}", f"D-{ANN}", None]
    for notice in notices:
        await tell(store, notice, now=at(3))
    assert await claim(store, now=at(1000)) == []


async def test_whoever_answers_first_decides(database: Database) -> None:
    here, there = database.store(), database.store()
    request = await ask(here)
    outcomes = await asyncio.gather(
        decide(here, request, allow=True, by=ADA), decide(there, request, allow=False, by=ANN)
    )
    [first] = [outcome for outcome in outcomes if isinstance(outcome, Decided)]
    [second] = [outcome for outcome in outcomes if isinstance(outcome, DecidedBefore)]
    assert second.request == first.request
    allowed = first.request.decision is Decision.ALLOWED
    assert (await here.access.current()).entries == ({BEN_SENDS} if allowed else set())
    assert len(database.rows(access_change)) == int(allowed)
    assert [n.to_user_id for n in await claim(here) if n.kind is NoticeKind.OUTCOME] == [BEN]


async def test_who_may_not_decide_changes_nothing(database: Database, store: SqlStore) -> None:
    request = await ask(store)
    seen: list[AccessList] = []

    def may(access: AccessList) -> Denied:
        seen.append(access)
        return Denied(Reason.NOT_ADMIN)

    outcome = await store.access.decide(request.request_id, allow=True, may=may, by=EVE, now=T0)
    assert outcome == Denied(Reason.NOT_ADMIN)
    assert seen == [await store.access.current()]
    assert [row["decision"] for row in database.rows(access_request)] == [None]
    assert len(open_notices(database)) == 2
    assert database.rows(access_change) == []


async def test_a_request_that_never_was_can_not_be_decided(store: SqlStore) -> None:
    assert await store.access.decide(7, allow=True, may=anybody, by=ADA, now=T0) == NoSuchRequest()
    assert (await store.access.current()).added == ()


async def test_who_is_on_the_list_by_now_is_not_added_twice(store: SqlStore) -> None:
    before = (await change(store, [BEN_SENDS])).access
    outcome = await decide(store, await ask(store))
    assert isinstance(outcome, Decided)
    assert outcome.access == before
    assert len(await store.access.log()) == 1


@pytest.mark.parametrize("role", [Role.SENDER, Role.ADMIN])
async def test_a_change_that_adds_somebody_settles_what_they_asked(store: SqlStore, role: Role) -> None:
    request = await ask(store, admins=[ADA])
    others = await ask(store, EVE, admins=[ADA])
    await tell_all(store)
    await change(store, [Entry(BEN, role)], by="shell:root")
    settled = Request(request.request_id, BEN, T0, Decision.ALLOWED, "shell:root")
    notices = [notice for notice in await claim(store, now=at(5)) if notice.request == settled]
    assert whom(notices) == [(ADA, NoticeKind.ASK), (BEN, NoticeKind.OUTCOME)]
    assert await decide(store, request, allow=False) == DecidedBefore(settled)
    assert isinstance(await decide(store, others), Decided)


async def test_a_new_admin_is_asked_too_once_and_about_what_is_open(store: SqlStore) -> None:
    await decide(store, await ask(store, EVE, admins=[ADA]))
    await ask(store, admins=[ADA])
    await tell_all(store)
    await change(store, [Entry(ANN, Role.ADMIN), Entry(ADA, Role.ADMIN), Entry(GROUP, Role.ADMIN)])
    notices = await claim(store, now=at(5))
    assert whom(notices) == [(ANN, NoticeKind.ASK)]
    assert [notice.request.user_id for notice in notices if notice.request] == [BEN]
    await store.access.notice_told(notices[0].notice_id, shown=None, channel_id="D1", ts="1.1", now=at(5))
    await change(store, [], [Entry(ANN, Role.ADMIN)])
    await change(store, [Entry(ANN, Role.ADMIN)])
    assert await claim(store, now=at(30)) == []


async def test_other_changes_leave_requests_open(database: Database, store: SqlStore) -> None:
    await change(store, [BEN_SENDS, Entry(ANN, Role.ADMIN)])
    await ask(store)
    await change(store, [BEN_SENDS, Entry(EVE, Role.SENDER), Entry(GROUP, Role.SENDER)], [Entry(ANN, Role.ADMIN)])
    await change(store, [], [BEN_SENDS])
    assert [row["decision"] for row in database.rows(access_request)] == [None]
