"""The button below delivery news: whom it did not reach and why, for its sender alone, and no news twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from bot.causes import Catalogue
from bot.domain import Submission
from bot.reports import DELIVERED
from bot.slack import ids
from bot.slack.gateway import SlackGateway
from bot.slack.whose import NOT_YOURS
from sandbox.slack import FakeSlack
from sandbox.slack.people import ANN, BEN
from sandbox.slack.state import Message
from tests.bot.access_desk import Desk, sender
from tests.bot.delivery_office import NUMBERS, DeliveryOffice
from tests.bot.slack_payloads import click

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock

Submit = Callable[..., Submission]


@pytest.fixture
def office(
    desk: Desk, gateway: SlackGateway, slack: FakeSlack, causes: Catalogue, clock: FakeClock, submission: Submit
) -> DeliveryOffice:
    store: Any = desk.doors.store
    return DeliveryOffice(store, gateway, slack, causes, clock, submission)


async def press(desk: Desk, message: Message, action_id: str) -> None:
    await desk.slack.person("ann").click(message, action_id)
    await desk.settle()


async def two_failed(office: DeliveryOffice, *, by_url: bool) -> str:
    reference = await office.accepted(5, by_url=by_url)
    await office.report(reference, "Failed", code=257)
    await office.report(reference, "Failed", code=416, first=1)
    await office.tick()
    return reference


@pytest.mark.parametrize("by_url", [True, False])
async def test_it_unfolds_and_folds_where_it_stands(desk: Desk, office: DeliveryOffice, by_url: bool) -> None:
    await two_failed(office, by_url=by_url)
    [told] = office.told()
    assert NUMBERS[0] not in told.shown
    await press(desk, told, ids.UNFOLD)
    [unfolded] = office.told()
    assert (unfolded.ts, unfolded.ephemeral_to) == (told.ts, told.ephemeral_to)
    assert NUMBERS[0] in unfolded.shown
    assert "CARRIER-257" in unfolded.shown
    await press(desk, unfolded, ids.FOLD)
    [folded] = office.told()
    assert folded.shown == told.shown
    await office.tick(9999)
    assert len(office.told()) == 1


async def test_what_is_shown_then_is_as_it_is_then_and_not_told_once_more(desk: Desk, office: DeliveryOffice) -> None:
    reference = await two_failed(office, by_url=True)
    [told] = office.told()
    await office.tick(30)
    await office.report(reference, "Failed", first=2)  # would be told within the minute
    await press(desk, told, ids.UNFOLD)
    [unfolded] = office.told()
    assert "3 failed and 2 on their way" in unfolded.shown
    await office.tick(600)
    assert len(office.told()) == 1
    await office.report(reference, DELIVERED, DELIVERED, first=3)
    await office.tick()
    assert "2 delivered and 3 failed." in office.told()[-1].shown
    assert NUMBERS[2] in office.told()[-1].shown, "and it stays unfolded"


async def test_a_press_on_an_old_message_does_not_keep_the_newest_from_being_edited(
    desk: Desk, office: DeliveryOffice
) -> None:
    reference = await two_failed(office, by_url=True)
    [old] = office.told()
    await office.past_the_url()
    await office.report(reference, "Failed", first=2)
    await office.tick()
    [newest] = office.direct()
    await office.report(reference, DELIVERED, first=3)
    await press(desk, old, ids.UNFOLD)
    await office.tick(60)
    [edited] = office.direct()
    assert edited.ts == newest.ts
    assert "1 delivered, 3 failed and 1 on its way" in edited.shown
    assert NUMBERS[2] in edited.shown


@pytest.mark.parametrize("by_url", [True, False])
async def test_where_slack_does_not_take_it_the_direct_message_is_edited_a_moment_later(
    desk: Desk, office: DeliveryOffice, by_url: bool
) -> None:
    await two_failed(office, by_url=by_url)
    [told] = office.told()
    office.slack.faults.add("response_url", status=500)
    await press(desk, told, ids.UNFOLD)
    assert desk.doors.news == 1
    await office.tick()
    [after] = office.told()
    assert (NUMBERS[0] in after.shown) is not by_url


async def test_nobody_else_unfolds_it_and_no_admin_either(desk: Desk, office: DeliveryOffice, slack: FakeSlack) -> None:
    reference = await two_failed(office, by_url=False)
    desk.doors.access.take(await desk.elsewhere(sender(BEN)))
    for name in ("ben", "ada"):
        user_id = slack.person(name).id
        await desk.doors.dispatcher.dispatch(click(slack, reference, user_id=user_id, action_id=ids.UNFOLD))
        await desk.settle()
        assert desk.last(name).shown == NOT_YOURS
    await desk.doors.dispatcher.dispatch(click(slack, reference, user_id="U0SAM", action_id=ids.UNFOLD))
    await desk.settle()
    assert "not on the list" in desk.last("sam").shown
    [news] = [m for m in office.told() if "failed" in m.shown]
    assert (news.edits, NUMBERS[0] in news.shown) == (0, False)


async def test_a_database_that_is_away_is_told(desk: Desk, office: DeliveryOffice) -> None:
    await two_failed(office, by_url=True)
    [told] = office.told()
    await desk.away()
    await press(desk, told, ids.UNFOLD)
    assert "MMS-DATABASE-READ" in office.told()[-1].shown
    assert office.told()[0].shown == told.shown


async def test_what_was_purged_meanwhile_unfolds_without_numbers(desk: Desk, office: DeliveryOffice) -> None:
    reference = await two_failed(office, by_url=True)
    [told] = office.told()
    await office.store.erase([reference])
    await press(desk, told, ids.UNFOLD)
    [unfolded] = office.told()
    assert "CARRIER-257" in unfolded.shown
    assert "+1201" not in unfolded.shown
    assert unfolded.ephemeral_to == ANN


@pytest.mark.parametrize("value", ["", "mms-none", "x" * 2000])
async def test_a_button_of_nothing_shows_nothing(desk: Desk, office: DeliveryOffice, value: str) -> None:
    await desk.doors.dispatcher.dispatch(click(office.slack, value, action_id=ids.UNFOLD))
    await desk.settle()
    assert desk.last("ann").shown == NOT_YOURS
