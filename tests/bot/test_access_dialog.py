"""The dialog with the whole list: what it shows, one save as one change, and nobody's change undone in silence."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from bot.access.changes import ByDoor
from bot.slack.access import changing, dialog
from bot.store import StoreUnavailableError
from bot.store.tables import access_change
from sandbox.slack.dialog import Outcome
from sandbox.slack.people import ADA, ANN, BEN, DAN, EVE, GUS, NOBODY, ROBO, SAM, SUPPORT
from tests.bot.access_desk import UNCHANGED, Desk, admin, opened, saved_by_another, sender, version

if TYPE_CHECKING:
    from tests.bot.conftest import Doors

ACK_LIMIT_S = 3.0  # Slack's


# -- opening


async def test_the_dialog_opens_with_the_newest_list_and_not_this_processs_copy(desk: Desk, doors: Doors) -> None:
    await desk.elsewhere(sender(SAM), admin(BEN), sender(NOBODY))
    assert doors.access.added.version == 0
    shown = await opened(desk)
    assert shown.values == {"senders": [SAM], "sender_groups": [NOBODY], "admins": [BEN], "admin_groups": []}
    assert version(shown) == 1
    for member in (ANN, SUPPORT, ADA):
        assert member in shown.shown, "fixed in the settings, and shown"


async def test_without_user_groups_the_dialog_has_people_only(
    desk: Desk, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors.directory, "user_groups", lambda: ())
    assert set((await opened(desk)).values) == {"senders", "admins"}


# -- saving


async def test_a_save_is_one_change_with_one_version(desk: Desk, doors: Doors) -> None:
    doors.access.take(await desk.elsewhere(sender(SAM), admin(GUS)))
    shown = await opened(desk)
    shown.type_in({"senders": [BEN], "admins": [SAM], "sender_groups": [NOBODY]})
    assert (await shown.submit()).outcome is Outcome.CLOSED
    await desk.settle()
    assert await desk.entries() == {("sender", BEN), ("admin", SAM), ("sender", NOBODY)}
    rows = desk.database.rows(access_change)[2:]
    assert {(row["version"], row["changed_by"], row["door"]) for row in rows} == {(2, ADA, ByDoor.DIALOG)}
    assert sorted((str(row["action"]), row["member_id"]) for row in rows) == [
        ("added", NOBODY),
        ("added", BEN),
        ("added", SAM),
        ("removed", GUS),
        ("removed", SAM),
    ]
    assert doors.access.added.version == 2, "it counts here at once"
    told = desk.last("ada")
    assert told.ephemeral_to == ADA
    for member in (BEN, SAM, GUS, NOBODY):
        assert member in told.shown
    assert "queued before still go" in told.shown


async def test_a_save_that_changes_nothing_says_so_and_leaves_no_row(desk: Desk) -> None:
    await saved_by_another(desk, SAM)
    shown = await opened(desk)
    before = desk.log()
    assert (await shown.submit()).outcome is Outcome.CLOSED
    await desk.settle()
    assert "nothing was changed" in desk.last("ada").shown.lower()
    assert desk.log() == before


async def test_a_field_that_the_dialog_does_not_have_stays_as_it_is(
    desk: Desk, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.elsewhere(sender(SAM), *(sender(f"U0MANY{n}") for n in range(100)), admin(BEN))
    monkeypatch.setattr(doors.directory, "user_groups", lambda: ())
    shown = await opened(desk)
    assert set(shown.values) == {"admins"}, "a hundred and one senders are more than a picker takes"
    workspace, doors.access.workspace = doors.access.workspace, None
    assert set((await shown.submit()).errors) == {"admins"}, "an error for senders finds another field to stand under"
    doors.access.workspace = workspace
    shown.type_in({"admins": [GUS]})
    assert (await shown.submit()).outcome is Outcome.CLOSED
    now = await desk.entries()
    assert {member for role, member in now if role == "admin"} == {GUS}
    assert len(now) == 102


async def test_an_emptied_field_takes_everybody_of_it_away_and_of_no_other(desk: Desk) -> None:
    await desk.elsewhere(sender(SAM), sender(NOBODY), admin(BEN))
    shown = await opened(desk)
    shown.type_in({"senders": []})
    await shown.submit()
    assert await desk.entries() == {("sender", NOBODY), ("admin", BEN)}


async def test_a_second_press_of_the_same_save_closes_quietly(desk: Desk) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    answer = await shown.submit(times=5)
    await desk.settle()
    assert {one.outcome for one in (answer, *answer.others)} == {Outcome.CLOSED}
    assert desk.log() == [(ADA, "added", SAM, "sender")]
    assert len(desk.slack.person("ada").messages) == 1


async def test_a_save_whose_ack_came_too_late_is_told_at_the_second_press(
    desk: Desk, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    store = doors.store.access
    change = store.change

    async def too_late(*args: Any, **kwargs: Any) -> object:
        await change(*args, **kwargs)
        raise StoreUnavailableError("the answer was lost")

    monkeypatch.setattr(store, "change", too_late)
    assert set((await shown.submit()).errors) == {"senders"}
    monkeypatch.setattr(store, "change", change)
    assert (await shown.submit()).outcome is Outcome.CLOSED
    await desk.settle()
    assert f"Saved: <@{SAM}>" in desk.last("ada").shown
    assert desk.log() == [(ADA, "added", SAM, "sender")]


async def test_who_may_send_now_is_told_if_they_had_asked(desk: Desk, doors: Doors) -> None:
    await doors.store.access.ask(SAM, admins=[ADA], now=desk.clock.now())
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    await shown.submit()
    notices = await doors.store.access.claim_notices(owner="n", limit=9, now=desk.clock.now(), lease_s=1)
    assert sorted(notice.to_user_id for notice in notices) == [ADA, SAM]
    assert doors.noticed == 1


# -- what can't be saved


@pytest.mark.parametrize("field", ["senders", "admins"])
@pytest.mark.parametrize(("user_id", "name"), [(ROBO, "robo"), (EVE, "eve"), (DAN, "dan")])
async def test_who_cannot_count_is_an_error_under_the_field_with_the_name(
    desk: Desk, field: str, user_id: str, name: str
) -> None:
    shown = await opened(desk)
    shown.type_in({field: [SAM, user_id]})
    answer = await shown.submit()
    assert answer.outcome is Outcome.ERRORS
    assert set(answer.errors) == {field}
    assert name in answer.errors[field]
    assert "sam" not in answer.errors[field]
    assert shown.values[field] == [SAM, user_id], "what was entered stays"
    assert desk.log() == []


async def test_somebody_listed_who_does_not_count_any_more_stops_no_other_change(desk: Desk, doors: Doors) -> None:
    doors.access.take(await desk.elsewhere(sender(DAN)))
    shown = await opened(desk)
    assert "deactivated" not in shown.shown
    shown.type_in({"senders": [DAN, SAM]})
    assert (await shown.submit()).outcome is Outcome.CLOSED
    assert await desk.entries() == {("sender", DAN), ("sender", SAM)}
    await desk.settle()
    await doors.directory.learn([DAN], within_s=1)
    shown = await opened(desk)
    assert "deactivated" in shown.shown, "but it is marked"


async def test_a_guest_may_be_picked(desk: Desk) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [GUS]})
    assert (await shown.submit()).outcome is Outcome.CLOSED
    assert await desk.entries() == {("sender", GUS)}


async def test_when_slack_does_not_say_who_somebody_is_they_are_saved_and_it_is_said(desk: Desk, doors: Doors) -> None:
    doors.directory.silent = True
    shown = await opened(desk)
    shown.type_in({"senders": [ROBO]})
    assert (await shown.submit()).outcome is Outcome.CLOSED
    await desk.settle()
    assert "Slack has not said" in desk.last("ada").shown
    assert await desk.entries() == {("sender", ROBO)}


ODD: list[tuple[str, dict[str, Any]]] = [
    ("senders", {"type": "multi_users_select", "selected_users": [SAM, SUPPORT]}),
    ("senders", {"type": "multi_users_select", "selected_users": ["nobody"]}),
    ("admins", {"type": "multi_users_select", "selected_users": [None]}),
    ("admins", {"type": "multi_users_select"}),
    ("admins", {"type": "multi_users_select", "selected_users": [f"U0MANY{n}" for n in range(101)]}),
    ("sender_groups", {"type": "multi_static_select", "selected_options": [{"value": SAM}]}),
    ("admin_groups", {"type": "multi_static_select", "selected_options": "S0SUPPORT"}),
]


@pytest.mark.parametrize(("field", "state"), ODD, ids=lambda value: str(value)[:60])
async def test_a_value_that_the_picker_never_gives_changes_nothing_at_all(
    desk: Desk, field: str, state: dict[str, Any]
) -> None:
    await desk.elsewhere(sender(SAM), admin(BEN))
    shown = await opened(desk)
    before = desk.log()
    shown.type_in({"senders": [GUS]} if field != "senders" else {"admins": [GUS]})
    shown._view.values[field][field] = state
    answer = await shown.submit()
    assert answer.outcome is Outcome.ERRORS
    assert set(answer.errors) == {field}
    assert UNCHANGED in answer.errors[field]
    assert desk.log() == before


async def test_a_group_that_the_workspace_does_not_have_is_an_error_under_its_field(desk: Desk, doors: Doors) -> None:
    doors.access.take(await desk.elsewhere(sender("S0GONE")))
    shown = await opened(desk)
    shown.type_in({"sender_groups": ["S0GONE", "S0NOBODY"]})
    assert (await shown.submit()).outcome is Outcome.CLOSED, "one that was listed before may stay"
    await desk.settle()
    shown = await opened(desk)
    shown.type_in({"sender_groups": ["S0NOBODY"]})
    view = desk.slack.modals.find(shown.id)
    assert view is not None
    strange = {"text": {"type": "plain_text", "text": "strange"}, "value": "S0STRANGE"}
    view.values["admin_groups"]["admin_groups"]["selected_options"] = [strange]
    answer = await shown.submit()
    assert set(answer.errors) == {"admin_groups"}
    assert "S0STRANGE" in answer.errors["admin_groups"]
    assert await desk.entries() == {("sender", "S0GONE"), ("sender", "S0NOBODY")}


async def test_the_last_admin_is_an_error_under_admins(desk: Desk) -> None:
    await desk.only_added(admin(ADA), admin(NOBODY), sender(SAM))
    shown = await opened(desk)
    shown.type_in({"admins": [], "senders": [BEN]})
    answer = await shown.submit()
    assert answer.outcome is Outcome.ERRORS
    assert set(answer.errors) == {"admins"}
    assert UNCHANGED in answer.errors["admins"]
    assert await desk.entries() == {("admin", ADA), ("admin", NOBODY), ("sender", SAM)}


async def test_an_admin_whom_another_process_removed_cannot_save(desk: Desk, doors: Doors) -> None:
    doors.access.take(await desk.elsewhere(admin(BEN)))
    shown = await opened(desk, "ben")
    shown.type_in({"senders": [SAM]})
    await desk.elsewhere(remove=(admin(BEN),), store=desk.database.store())
    before = desk.log()
    answer = await shown.submit()
    assert answer.outcome is Outcome.UPDATED
    assert not shown.can_submit
    assert "Nothing was" in shown.shown
    assert desk.log() == before


async def test_before_slack_has_said_whose_bot_this_is_nothing_is_saved_and_it_can_be_pressed_again(
    desk: Desk, doors: Doors
) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    workspace, doors.access.workspace = doors.access.workspace, None
    answer = await shown.submit()
    assert (answer.outcome, set(answer.errors)) == (Outcome.ERRORS, {"senders"})
    assert desk.log() == []
    doors.access.workspace = workspace
    assert (await shown.submit()).outcome is Outcome.CLOSED
    assert await desk.entries() == {("sender", SAM)}


# -- the database


async def test_a_database_that_is_away_is_told_under_senders_and_what_was_entered_stays(desk: Desk) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    await desk.away()
    answer = await shown.submit()
    assert (answer.outcome, set(answer.errors)) == (Outcome.ERRORS, {"senders"})
    assert "MMS-DATABASE" in answer.errors["senders"]
    assert UNCHANGED not in answer.errors["senders"]
    assert shown.values["senders"] == [SAM]


async def test_a_locked_database_is_told_in_time_and_the_save_can_be_pressed_again(desk: Desk) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    with desk.database.locked():
        started = time.monotonic()
        answer = await shown.submit()
        assert time.monotonic() - started < ACK_LIMIT_S
    assert set(answer.errors) == {"senders"}
    assert "MMS-DATABASE" in answer.errors["senders"]
    assert (await shown.submit()).outcome is Outcome.CLOSED
    assert desk.log() == [(ADA, "added", SAM, "sender")]


async def test_a_database_that_hangs_after_the_save_was_stale_is_told_too(
    desk: Desk, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    await saved_by_another(desk, BEN)

    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(dialog, "AGAIN_LIMIT_S", 0.02)
    monkeypatch.setattr(doors.store.access, "changes_after", never)
    answer = await shown.submit()
    assert set(answer.errors) == {"senders"}
    assert ("sender", SAM) not in await desk.entries()


def test_all_that_a_save_waits_for_leaves_time_for_the_ack() -> None:
    assert changing.LEARN_LIMIT_S + changing.COMMIT_LIMIT_S + changing.AGAIN_LIMIT_S < ACK_LIMIT_S
