"""Direct messages about access: to each admin once, changed in place once decided; and to the person who asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from bot.access import Known, Profile
from bot.access.requests import ASK_AGAIN_AFTER, ASKED_TOLD_WITHIN
from bot.slack import ids
from bot.slack.gateway import Posted, SlackGateway
from bot.store.sql import SqlStore
from bot.store.tables import access_notice
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, BEN, SAM, SUPPORT
from tests.bot.notices_office import Office, Until, all_done

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock
    from tests.bot.databases import Database


@pytest.fixture
async def office(store: SqlStore, gateway: SlackGateway, slack: FakeSlack, clock: FakeClock) -> AsyncIterator[Office]:
    office = Office(store, gateway, slack, clock)
    yield office
    await office.close()


# -- a request


async def test_each_admin_is_told_once_with_both_buttons(
    office: Office, database: Database, until: Until, slack: FakeSlack
) -> None:
    await office.ask(ADA, BEN)
    first, second = await office.start("n1"), await office.start("n2")
    await all_done(database, until)
    for notifier in (first, second):
        await notifier._deliver_due()
        assert notifier._telling == 0, "nothing is left to tell"
    for admin in (ADA, BEN):
        [message] = office.told(admin)
        assert set(message.buttons()) == {ids.ALLOW_REQUEST, ids.DECLINE_REQUEST}
        assert f"<@{SAM}>" in message.shown
    assert len(slack.state.messages) == 2


async def test_who_is_no_admin_any_more_is_not_asked(office: Office, database: Database, until: Until) -> None:
    office.admins = [ADA]
    request = await office.ask(ADA, BEN)
    await office.start()
    await all_done(database, until)
    assert [len(office.told(admin)) for admin in (ADA, BEN)] == [1, 0]
    await office.decide(request, allow=True, by=ADA)
    await all_done(database, until)
    assert [len(office.told(person)) for person in (ADA, BEN, SAM)] == [1, 0, 1]


async def test_who_did_not_read_where_they_asked_that_the_admins_are_told_is_told_once_by_direct_message(
    office: Office, database: Database, until: Until
) -> None:
    notifier = await office.start()
    await until(lambda: notifier._resumed)
    await office.ask(ADA, heard=False)
    await until(lambda: office.told(ADA))
    assert office.told(SAM) == []
    office.clock.jump(ASKED_TOLD_WITHIN.total_seconds())
    await all_done(database, until)
    [told] = office.told(SAM)
    assert f"<@{ADA}>" in told.shown
    assert told.buttons() == {}


async def test_a_start_tells_at_once_who_did_not_read_it_before_the_end_of_the_last_process(
    office: Office, database: Database, until: Until
) -> None:
    await office.ask(ADA, heard=False)
    await office.start()
    await all_done(database, until)
    assert len(office.told(SAM)) == 1


async def test_the_decision_makes_that_they_asked_no_news_any_more(
    office: Office, database: Database, until: Until
) -> None:
    request = await office.ask(ADA, heard=False)
    await office.decide(request, allow=True)
    office.clock.jump(ASKED_TOLD_WITHIN.total_seconds())
    await office.start()
    await all_done(database, until)
    assert ["may send now" in told.shown for told in office.told(SAM)] == [True]


async def test_the_admin_sees_that_it_is_a_guest_who_asks(office: Office, database: Database, until: Until) -> None:
    office.known = Known({}, {SAM: Profile("sam", guest=True)})
    await office.ask(ADA)
    await office.start()
    await all_done(database, until)
    assert "guest" in office.told(ADA)[0].shown


@pytest.mark.parametrize("allow", [True, False])
async def test_once_decided_every_admins_message_says_by_whom_and_the_person_is_told(
    office: Office, database: Database, until: Until, allow: bool
) -> None:
    request = await office.ask(ADA, BEN)
    await office.start()
    await all_done(database, until)
    posted = [office.told(admin)[0].ts for admin in (ADA, BEN)]
    await office.decide(request, allow=allow, by=BEN)
    await all_done(database, until)
    for admin, ts in zip((ADA, BEN), posted, strict=True):
        [message] = office.told(admin)
        assert (message.ts, message.edits) == (ts, 1), "changed in place"
        assert message.buttons() == {}
        assert f"<@{BEN}>" in message.shown
    [told] = office.told(SAM)
    assert f"<@{BEN}>" in told.shown
    assert ("may send now" in told.shown) is allow


async def test_who_was_being_asked_while_it_was_decided_is_brought_up_to_date(
    office: Office, database: Database, until: Until
) -> None:
    office.held.gate.clear()
    request = await office.ask(ADA)
    await office.start()
    await until(lambda: office.held.under_way == 1)
    await office.decide(request, by=BEN)
    office.held.gate.set()
    await all_done(database, until)
    [message] = office.told(ADA)
    assert (message.edits, message.buttons()) == (1, {})
    assert f"<@{BEN}>" in message.shown


async def test_who_was_not_asked_before_it_was_decided_is_not_troubled(
    office: Office, database: Database, until: Until
) -> None:
    await office.decide(await office.ask(ADA, BEN))
    await office.start()
    await all_done(database, until)
    assert office.told(ADA) == office.told(BEN) == []
    assert len(office.told(SAM)) == 1


async def test_a_request_that_was_replaced_points_to_the_newer_one(
    office: Office, database: Database, until: Until, clock: FakeClock
) -> None:
    await office.ask(ADA)
    notifier = await office.start()
    await all_done(database, until)
    clock.jump(ASK_AGAIN_AFTER.total_seconds())
    await office.ask(ADA)
    notifier.wake()
    await all_done(database, until)
    old, new = office.told(ADA)
    assert (old.edits, old.buttons()) == (1, {})
    assert set(new.buttons()) == {ids.ALLOW_REQUEST, ids.DECLINE_REQUEST}
    assert office.told(SAM) == [], "nothing was decided"


async def test_a_message_whose_address_slack_did_not_say_is_told_and_not_changed(
    office: Office, database: Database, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = office.held.post_direct

    async def without_address(*, user_id: str, message: Mapping[str, Any]) -> Posted:
        await post(user_id=user_id, message=message)
        return Posted("", "")

    monkeypatch.setattr(office.held, "post_direct", without_address)
    request = await office.ask(ADA)
    await office.start()
    await all_done(database, until)
    await office.decide(request)
    await all_done(database, until)
    assert [message.edits for message in office.told(ADA)] == [0]


# -- a user group that can't be read


async def test_a_lost_group_is_told_to_each_admin_once_until_it_was_found(
    office: Office, database: Database, until: Until, clock: FakeClock
) -> None:
    access = office.store.access
    notifier = await office.start()
    for _ in range(3):
        await access.group_lost(SUPPORT, admins=[ADA, BEN], now=clock.now())
        notifier.wake()
        await all_done(database, until)
        clock.jump(3600)
    for admin in (ADA, BEN):
        [message] = office.told(admin)
        assert SUPPORT in message.shown
        assert message.buttons() == {}
    await access.group_found(SUPPORT)
    await access.group_lost(SUPPORT, admins=[ADA, BEN], now=clock.now())
    notifier.wake()
    await until(lambda: len(office.told(ADA)) == len(office.told(BEN)) == 2)


async def test_a_group_that_was_found_before_it_was_told_is_no_news(
    office: Office, database: Database, until: Until, clock: FakeClock
) -> None:
    await office.store.access.group_lost(SUPPORT, admins=[ADA], now=clock.now())
    await office.store.access.group_found(SUPPORT)
    await office.ask(BEN)
    await office.start()
    await all_done(database, until)
    assert office.told(ADA) == []
    assert len(office.told(BEN)) == 1


async def test_a_group_found_while_it_was_being_told_leaves_nothing_to_do(
    office: Office, database: Database, until: Until, clock: FakeClock
) -> None:
    office.held.gate.clear()
    await office.store.access.group_lost(SUPPORT, admins=[ADA], now=clock.now())
    notifier = await office.start()
    await until(lambda: office.held.under_way == 1)
    await office.store.access.group_found(SUPPORT)
    office.held.gate.set()
    await until(lambda: notifier._telling == 0)
    assert database.rows(access_notice) == []
