"""The Home tab from the outside: who sees what when it is opened, its pages, its buttons, and the dialog about one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

from bot.causes import Catalogue
from bot.domain import Submission
from bot.slack import ids
from bot.slack.dispatch import Answer
from bot.slack.gateway import SlackGateway
from bot.slack.home.pages import PAGE
from bot.slack.whose import NOT_YOURS
from sandbox.slack import CannotTypeError, FakeSlack, payloads
from sandbox.slack.block_kit import elements_of
from sandbox.slack.dialog import Dialog
from sandbox.slack.people import ADA, ANN, BEN, EVE, ROBO, SAM, TEAM_ID
from tests.bot import report_steps as steps
from tests.bot.access_desk import Desk, admin, sender
from tests.bot.slack_payloads import click, pressed

if TYPE_CHECKING:
    from tests.bot.conftest import Doors, FakeClock
    from tests.bot.databases import Database

Submit = Callable[..., Submission]
TEXT = "Between us two"


@pytest.fixture
async def desk(
    doors: Doors, database: Database, slack: FakeSlack, gateway: SlackGateway, causes: Catalogue, clock: FakeClock
) -> AsyncIterator[Desk]:
    """ann and ben may send, ada is an admin."""
    desk = Desk(doors, database, slack, gateway, causes, clock)
    doors.access.take(await desk.elsewhere(sender(BEN)))
    yield desk
    await desk.close()


async def home(desk: Desk, name: str) -> str:
    """Open the Home tab, and read what stands there then."""
    ack = await desk.slack.person(name).open_home()
    assert (ack.status, ack.body) == (200, b"")
    await desk.settle()
    return desk.slack.person(name).home_shown


async def details(desk: Desk, name: str, reference: str) -> Dialog:
    await desk.slack.person(name).click_home(ids.DETAILS, value=reference)
    await desk.settle()
    return await desk.slack.person(name).dialog(callback_id=ids.DETAILS)


def published(desk: Desk) -> int:
    return len(desk.slack.calls_of("views.publish"))


def on_home(desk: Desk, name: str, action_id: str, value: str) -> dict[str, Any]:
    """A click on somebody's Home tab, on a button that need not be there."""
    actor = desk.slack.person(name)
    view = desk.slack.modals.home(actor.id)
    assert view is not None
    action = {"type": "button", "action_id": action_id, "block_id": "b", "value": value}
    trigger_id = desk.slack.state.new_trigger(actor.id)
    return payloads.click_in_view(desk.slack.people.person(name), view, action, trigger_id=trigger_id)


# -- opening it


async def test_who_sends_sees_their_messages_and_nobody_elses(desk: Desk, submission: Submit) -> None:
    mine = await steps.accepted(desk.doors.store, submission(user=ANN, text=TEXT, to=steps.THREE), "B-ANN")
    other = await steps.accepted(desk.doors.store, submission(user=BEN), "B-BEN")
    await steps.take(desk.doors.store, steps.report(steps.ANN, "Delivered", 0), batch_id="B-ANN")
    shown = await home(desk, "ann")
    assert "Text message (SMS) to 3 recipients" in shown
    assert "1 delivered and 2 on their way" in shown
    said = json.dumps(desk.slack.person("ann").home)
    assert mine in said
    assert other not in said
    assert TEXT not in said
    assert "For admins" not in shown


async def test_an_admin_sees_how_things_stand_and_only_their_own_messages_one_by_one(
    desk: Desk, submission: Submit
) -> None:
    await steps.accepted(desk.doors.store, submission(user=ANN), "B-ANN")
    shown = await home(desk, "ada")
    assert "You have sent nothing yet" in shown
    assert "For admins" in shown
    assert f"<@{ANN}>: 1 message" in shown


async def test_a_stranger_sees_how_to_ask_and_nothing_else(desk: Desk, submission: Submit) -> None:
    await steps.accepted(desk.doors.store, submission(user=ANN), "B-ANN")
    shown = await home(desk, "sam")
    assert "You are not on the list" in shown
    assert f"<@{ADA}>" in shown
    assert shown.endswith("Ask for access")
    assert "message (SMS)" not in shown


async def test_who_may_no_longer_send_does_not_see_what_they_sent(desk: Desk, submission: Submit) -> None:
    reference = await steps.accepted(desk.doors.store, submission(user=SAM), "B-SAM")
    await home(desk, "sam")
    assert reference not in json.dumps(desk.slack.person("sam").home)
    await desk.doors.dispatcher.dispatch(on_home(desk, "sam", ids.DETAILS, reference))
    await desk.settle()
    assert desk.slack.person("sam").open_dialog() is None


async def test_before_slack_has_said_whose_bot_it_is_nobody_sees_anything(desk: Desk, submission: Submit) -> None:
    reference = await steps.accepted(desk.doors.store, submission(user=ANN), "B-ANN")
    workspace, desk.doors.access.workspace = desk.doors.access.workspace, None
    assert "still connecting" in await home(desk, "ann")
    assert reference not in json.dumps(desk.slack.person("ann").home)
    desk.doors.access.workspace = workspace


@pytest.mark.parametrize(("user_id", "team_id"), [(EVE, TEAM_ID), (ROBO, TEAM_ID), (ANN, "T9"), ("", TEAM_ID)])
async def test_nobody_else_gets_anybodys_messages(desk: Desk, submission: Submit, user_id: str, team_id: str) -> None:
    reference = await steps.accepted(desk.doors.store, submission(user=ANN), "B-ANN")
    body = payloads.event(
        {"type": "app_home_opened", "user": user_id, "tab": "home"}, event_id="Ev1", event_time=1_700_000_000
    )
    assert await desk.doors.dispatcher.dispatch({**body, "team_id": team_id}) == Answer(200, "")
    await desk.settle()
    assert len(desk.slack.calls) == (1 if user_id else 0)
    for call in desk.slack.calls:
        assert reference not in json.dumps(call.arguments)
        assert "SMS" not in json.dumps(call.arguments)


async def test_the_other_tab_is_not_ours(desk: Desk) -> None:
    ack = await desk.slack.person("ann").open_home(tab="messages")
    assert (ack.status, ack.body) == (200, b"")
    await desk.settle()
    assert desk.slack.calls == []


async def test_an_event_that_slack_repeats_is_drawn_once(desk: Desk) -> None:
    inner = {"type": "app_home_opened", "user": ANN, "channel": "D1", "tab": "home"}
    for retry in range(3):
        await desk.slack.send_event(inner, retry_num=retry, event_id="Ev0REPEATED")
    await desk.settle()
    assert published(desk) == 1


async def test_the_ack_waits_for_nothing_of_it(desk: Desk) -> None:
    gate = asyncio.Event()
    store: Any = desk.doors.store
    page = store.reports.page

    async def slow(*args: Any, **more: Any) -> Any:
        await gate.wait()
        return await page(*args, **more)

    store.reports.page = slow
    async with asyncio.timeout(1):
        await desk.slack.person("ann").open_home()
    assert desk.slack.calls == []
    gate.set()
    await desk.settle()
    assert published(desk) == 1


async def test_while_the_database_is_away_the_tab_says_so(desk: Desk) -> None:
    await desk.away()
    shown = await home(desk, "ann")
    assert "can't be read just now" in shown
    assert "MMS-DATABASE-READ" in shown


async def test_where_the_home_tab_is_off_nothing_breaks(desk: Desk) -> None:
    desk.slack.home_tab_enabled = False
    assert await home(desk, "ann") == ""


# -- pages


async def test_pages_are_turned_there_and_back(desk: Desk, submission: Submit) -> None:
    references = []
    for user in [ANN, BEN] * (2 * PAGE + 5):
        desk.clock.jump(1)
        references.append(await steps.queued(desk.doors.store, submission(user=user), now=desk.clock.now()))
    mine = references[::2][::-1]
    ann = desk.slack.person("ann")
    await home(desk, "ann")

    def listed() -> list[str]:
        elements = [element for _, element in elements_of((ann.home or {})["blocks"])]
        return [element["value"] for element in elements if element["action_id"] == ids.DETAILS]

    assert listed() == mine[:PAGE]
    for start in (PAGE, 2 * PAGE):
        await ann.click_home(ids.HOME_PAGE)
        await desk.settle()
        assert listed() == mine[start : start + PAGE]
    assert "Older" not in ann.home_shown
    for start in (PAGE, 0):
        await ann.click_home(ids.HOME_NEWER)
        await desk.settle()
        assert listed() == mine[start : start + PAGE]
    assert "Newer" not in ann.home_shown
    await ann.click_home(ids.HOME_PAGE)
    await desk.settle()
    await home(desk, "ann")
    assert listed() == mine[:PAGE], "whoever comes back begins with the newest"


async def test_another_process_turns_the_page_just_as_well(desk: Desk, submission: Submit) -> None:
    for _ in range(PAGE + 1):
        desk.clock.jump(1)
        await steps.queued(desk.doors.store, submission(user=ANN), now=desk.clock.now())
    await home(desk, "ann")
    other = desk.another()
    desk.stand_at(other)
    ann = desk.slack.person("ann")
    await ann.click_home(ids.HOME_PAGE)
    await desk.settle()
    assert "Newer" in ann.home_shown
    desk.stand_at(desk.doors)
    await ann.click_home(ids.HOME_NEWER)
    await desk.settle()
    assert "Older" in ann.home_shown


@pytest.mark.parametrize("cursor", ["", "mms-none", "x" * 2000, ids.NEWEST])
async def test_a_page_that_is_none_shows_nobodys_messages(desk: Desk, submission: Submit, cursor: str) -> None:
    other = await steps.queued(desk.doors.store, submission(user=BEN))
    await home(desk, "ann")
    for value in (cursor, other):
        await desk.doors.dispatcher.dispatch(on_home(desk, "ann", ids.HOME_PAGE, value))
        await desk.settle()
        blocks = json.dumps((desk.slack.person("ann").home or {})["blocks"])
        assert other not in blocks
        assert "SMS" not in blocks


async def test_a_click_that_is_played_again_turns_no_page(desk: Desk) -> None:
    await home(desk, "ann")
    body = on_home(desk, "ann", ids.HOME_PAGE, ids.NEWEST)
    for _ in range(3):
        assert await desk.doors.dispatcher.dispatch(body) == Answer(200, "")
    await desk.settle()
    assert published(desk) == 2


async def test_who_was_taken_off_the_list_meanwhile_turns_no_page(desk: Desk, submission: Submit) -> None:
    desk.doors.access.take(await desk.elsewhere(sender(SAM)))
    reference = await steps.queued(desk.doors.store, submission(user=SAM))
    await home(desk, "sam")
    assert reference in json.dumps(desk.slack.person("sam").home)
    desk.doors.access.take(await desk.elsewhere(remove=(sender(SAM),)))
    await desk.doors.dispatcher.dispatch(on_home(desk, "sam", ids.HOME_PAGE, ids.NEWEST))
    await desk.settle()
    assert "You are not on the list" in desk.slack.person("sam").home_shown
    assert reference not in json.dumps(desk.slack.person("sam").home)
    assert desk.slack.person("sam").messages == ()


# -- the dialog about one message


async def test_its_sender_opens_the_dialog_about_it(desk: Desk, submission: Submit) -> None:
    reference = await steps.accepted(desk.doors.store, submission(user=ANN, text=TEXT, to=steps.THREE), "B-ANN")
    reports = [steps.report(steps.ANN, "Delivered", 0), steps.report(steps.BEN, "Failed", 414)]
    await steps.take(desk.doors.store, *reports, batch_id="B-ANN")
    await home(desk, "ann")
    dialog = await details(desk, "ann", reference)
    for words in (TEXT, "`B-ANN`", *steps.THREE, "1 delivered, 1 failed and 1 on its way", "DELIVERY-414"):
        assert words in dialog.shown
    assert desk.slack.calls_of("views.open")[-1].outcome == "ok"


async def test_an_admin_opens_what_is_stuck_and_sees_no_number_and_no_text(desk: Desk, submission: Submit) -> None:
    reference = await steps.queued(desk.doors.store, submission(user=ANN, text=TEXT))
    desk.clock.jump(600)
    await home(desk, "ada")
    dialog = await details(desk, "ada", reference)
    assert f"<@{ANN}>" in dialog.shown
    assert "+1 •••• 23" in dialog.shown
    assert TEXT not in json.dumps(dialog.view)
    assert "2015550123" not in json.dumps(dialog.view)


async def test_nobody_else_learns_even_that_it_is_there(desk: Desk, submission: Submit) -> None:
    reference = await steps.queued(desk.doors.store, submission(user=ANN, text=TEXT))
    shown = []
    for value in (reference, "mms-none", "", "x" * 2000):
        await desk.doors.dispatcher.dispatch(click(desk.slack, value, user_id=BEN, action_id=ids.DETAILS))
        await desk.settle()
        shown.append((await desk.slack.person("ben").dialog()).shown)
    assert len(set(shown)) == 1
    assert NOT_YOURS in shown[0]


async def test_who_is_denied_opens_nothing_and_reads_why(desk: Desk, submission: Submit) -> None:
    reference = await steps.queued(desk.doors.store, submission(user=ANN))
    for action_id in (ids.DETAILS, ids.REFRESH, ids.HOME_PAGE, ids.HOME_NEWER):
        body = pressed(action_id, reference, user_id=SAM, trigger_id=desk.slack.state.new_trigger(SAM))
        assert await desk.doors.dispatcher.dispatch(body) == Answer(200, "")
        await desk.settle()
        assert "You are not on the list" in desk.last("sam").shown
    assert desk.slack.calls_of("views.open") == []


async def test_an_admin_no_more_sees_it_no_more(desk: Desk, submission: Submit) -> None:
    reference = await steps.queued(desk.doors.store, submission(user=ANN, text=TEXT))
    desk.doors.access.take(await desk.elsewhere(admin(BEN)))
    desk.clock.jump(600)
    await home(desk, "ben")
    body = on_home(desk, "ben", ids.DETAILS, reference)
    desk.doors.access.take(await desk.elsewhere(remove=(admin(BEN),)))
    await desk.doors.dispatcher.dispatch(body)
    await desk.settle()
    assert NOT_YOURS in (await desk.slack.person("ben").dialog()).shown
    assert "For admins" not in await home(desk, "ben")


async def test_the_dialog_is_refreshed_in_its_place(desk: Desk, submission: Submit) -> None:
    reference = await steps.accepted(desk.doors.store, submission(user=ANN, to=(steps.ANN,)), "B-ANN")
    await home(desk, "ann")
    dialog = await details(desk, "ann", reference)
    assert "1 on its way" in dialog.shown
    await steps.take(desk.doors.store, steps.report(steps.ANN, "Delivered", 0), batch_id="B-ANN")
    await dialog.click(ids.REFRESH)
    await desk.settle()
    assert dialog.is_open
    assert "1 delivered" in dialog.shown
    assert len(desk.slack.calls_of("views.open")) == 1


async def test_a_dialog_that_was_closed_meanwhile_is_not_refreshed(desk: Desk, submission: Submit) -> None:
    reference = await steps.accepted(desk.doors.store, submission(user=ANN), "B-ANN")
    await home(desk, "ann")
    dialog = await details(desk, "ann", reference)
    body = payloads.click_in_view(
        desk.slack.people.person("ann"),
        dialog._view,
        {"type": "button", "action_id": ids.REFRESH, "block_id": "b", "value": reference},
        trigger_id=desk.slack.state.new_trigger(ANN),
    )
    await dialog.close()
    assert await desk.doors.dispatcher.dispatch(body) == Answer(200, "")
    await desk.settle()
    assert desk.slack.calls_of("views.update")[-1].outcome == "not_found"
    without_view = pressed(ids.REFRESH, reference, user_id=ANN, trigger_id=desk.slack.state.new_trigger(ANN))
    assert await desk.doors.dispatcher.dispatch(without_view) == Answer(200, "")


async def test_while_the_database_is_away_the_dialog_says_so(desk: Desk, submission: Submit) -> None:
    reference = await steps.queued(desk.doors.store, submission(user=ANN))
    await home(desk, "ann")
    await desk.away()
    dialog = await details(desk, "ann", reference)
    assert "can't be read just now" in dialog.shown


async def test_what_was_purged_is_told_and_its_states_stay(desk: Desk, submission: Submit) -> None:
    reference = await steps.accepted(desk.doors.store, submission(user=ANN, text=TEXT), "B-ANN")
    await steps.take(desk.doors.store, steps.report(steps.ANN, "Failed", 414), batch_id="B-ANN")
    assert await desk.doors.store.erase([reference]) == 1
    assert "1 failed" in await home(desk, "ann")
    dialog = await details(desk, "ann", reference)
    assert "no longer kept" in dialog.shown
    assert "DELIVERY-414" in dialog.shown
    assert TEXT not in dialog.shown
    assert "2015550123" not in json.dumps(dialog.view)


# -- asking for access there


async def test_whoever_asks_on_the_home_tab_is_answered_there_and_let_in_sees_their_own(desk: Desk) -> None:
    sam = desk.slack.person("sam")
    await home(desk, "sam")
    await sam.click_home(ids.ASK_ACCESS)
    await desk.settle()
    assert "You asked for access" in sam.home_shown
    with pytest.raises(CannotTypeError):
        await sam.click_home(ids.ASK_ACCESS)
    assert sam.messages == ()
    desk.clock.jump(60)
    await desk.doors.screens.redraw_due()
    assert "You asked for access" in sam.home_shown, "nothing has changed, so the answer stays"
    desk.doors.access.take(await desk.elsewhere(sender(SAM)))
    desk.clock.jump(60)
    await desk.doors.screens.redraw_due()
    assert "You have sent nothing yet" in sam.home_shown


async def test_an_answer_that_the_home_tab_does_not_take_comes_as_a_message(desk: Desk) -> None:
    sam = desk.slack.person("sam")
    await home(desk, "sam")
    desk.slack.faults.add("views.publish", error="internal_error")
    await sam.click_home(ids.ASK_ACCESS)
    await desk.settle()
    assert "You asked for access" in desk.last("sam").shown
