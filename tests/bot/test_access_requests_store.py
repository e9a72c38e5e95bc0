"""Requests for access and the notices about them: each is answered once, and whoever has to hear of it does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.access import Denied, Reason, Role
from bot.access.changes import AccessList, Action, ByDoor, Edit, Entry
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
from bot.store import Changed, Store
from bot.store.sql import SqlStore
from bot.store.tables import access_change, access_notice, access_request
from sandbox.slack.people import ADA, ANN, BEN, EVE
from tests.bot.conftest import anybody

if TYPE_CHECKING:
    from tests.bot.conftest import Database

T0 = datetime.fromisoformat("2026-01-02T12:00:00+00:00")
GROUP = "S0SUPPORT"
LEASE_S = 10.0
BEN_SENDS = Entry(BEN, Role.SENDER)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def open_notices(database: Database) -> list[dict[str, Any]]:
    """All but those that tell somebody that they asked, which they have read."""
    return [row for row in database.rows(access_notice) if row["kind"] != "asked"]


async def ask(store: Store, user_id: str = BEN, *, admins: Sequence[str] = (ADA, ANN), now: datetime = T0) -> Request:
    asked = await store.access.ask(user_id, admins=admins, now=now)
    assert isinstance(asked, Asked)
    await store.access.asker_told(asked.request.request_id, now=now)
    return asked.request


async def decide(
    store: Store, request: Request, *, allow: bool = True, by: str = ADA, now: datetime = T0
) -> Decided | DecidedBefore | NoSuchRequest | Denied:
    return await store.access.decide(request.request_id, allow=allow, may=anybody, by=by, now=now)


async def claim(store: Store, *, owner: str = "n1", limit: int = 100, now: datetime = T0) -> Sequence[Notice]:
    return await store.access.claim_notices(owner=owner, limit=limit, now=now, lease_s=LEASE_S)


async def tell(store: Store, notice: Notice, *, now: datetime = T0) -> None:
    """As if Slack had taken what the notice says."""
    await store.access.notice_told(
        notice.notice_id,
        shown=None if notice.request is None else notice.request.decision,
        channel_id=f"D-{notice.to_user_id}",
        ts="1767355200.000100",
        now=now,
    )


async def tell_all(store: Store, *, now: datetime = T0) -> None:
    for notice in await claim(store, now=now):
        await tell(store, notice, now=now)


async def change(store: Store, add: Sequence[Entry] = (), remove: Sequence[Entry] = (), *, by: str = ADA) -> Changed:
    edit = Edit(frozenset(add), frozenset(remove))
    changed = await store.access.change(lambda _: edit, by=by, door=ByDoor.COMMAND, origin=None, now=at(5))
    assert isinstance(changed, Changed)
    return changed


def whom(notices: Sequence[Notice]) -> list[tuple[str, NoticeKind]]:
    return [(notice.to_user_id, notice.kind) for notice in notices]


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


# -- notices


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
