"""Two admins at one moment: the second save changes nothing and is shown what was changed meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.slack import ids
from bot.slack.access import dialog
from sandbox.slack.dialog import Outcome
from sandbox.slack.people import ADA, BEN, GUS, SAM
from tests.bot.access_desk import UNCHANGED, Desk, admin, opened, saved_by_another, version

if TYPE_CHECKING:
    from tests.bot.conftest import Doors


async def test_a_stale_save_changes_nothing_and_a_fresh_list_comes_on_top(desk: Desk) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    await saved_by_another(desk, BEN)
    before = desk.log()
    assert (await shown.submit()).outcome is Outcome.PUSHED
    assert desk.log() == before
    fresh = await desk.slack.person("ada").dialog(callback_id=ids.ADMIN)
    assert fresh.id != shown.id
    assert fresh.values["senders"] == [BEN], "the newest list, and nothing of what was entered"
    assert version(fresh) == 1
    words = fresh.shown.splitlines()
    assert any(f"<@{BEN}>" in line and "U0ELSE" in line for line in words), "what changed, and by whom"
    assert any(f"<@{SAM}>" in line and "would have" in line for line in words), "what was not saved"


async def test_what_was_not_saved_is_what_the_person_did_and_not_the_others_change(desk: Desk) -> None:
    await saved_by_another(desk, GUS)
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    await saved_by_another(desk, BEN)
    await shown.submit()
    fresh = await desk.slack.person("ada").dialog(callback_id=ids.ADMIN)
    [unsaved] = [line for line in fresh.shown.splitlines() if "would have" in line]
    assert f"<@{SAM}>" in unsaved
    assert f"<@{GUS}>" in unsaved, "taken away by this person"
    assert f"<@{BEN}>" not in unsaved, "added by the other meanwhile: this person never saw it"


async def test_a_save_on_the_fresh_list_clears_the_outdated_one_below_it(desk: Desk) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    await saved_by_another(desk, BEN)
    await shown.submit()
    fresh = await desk.slack.person("ada").dialog(callback_id=ids.ADMIN)
    fresh.type_in({"senders": [BEN, SAM]})
    answer = await fresh.submit(times=2)
    assert {one.outcome for one in (answer, *answer.others)} <= {Outcome.CLEARED, Outcome.CLOSED}
    assert desk.slack.person("ada").open_dialog() is None
    assert await desk.entries() == {("sender", BEN), ("sender", SAM)}
    assert desk.log().count((ADA, "added", SAM, "sender")) == 1
    await desk.settle()
    assert len(desk.slack.person("ada").messages) == 1


async def test_a_third_stale_save_is_a_notice_for_slack_takes_no_more_on_top(desk: Desk) -> None:
    names = iter([BEN, GUS, "U0NEW"])
    outcomes = []
    top = await opened(desk)
    for _ in range(dialog.MAX_DEPTH):
        await saved_by_another(desk, next(names))
        top.type_in({"senders": [SAM]})
        outcomes.append((await top.submit()).outcome)
        top = await desk.slack.person("ada").dialog()
    assert outcomes == [Outcome.PUSHED, Outcome.PUSHED, Outcome.UPDATED]
    assert not top.can_submit
    assert UNCHANGED in top.shown
    assert ("sender", SAM) not in await desk.entries()


async def test_of_two_who_save_at_one_moment_one_wins_and_the_other_is_shown_it(desk: Desk, doors: Doors) -> None:
    doors.access.take(await desk.elsewhere(admin(BEN)))
    adas, bens = await opened(desk), await opened(desk, "ben")
    adas.type_in({"senders": [SAM]})
    bens.type_in({"senders": [GUS]})
    answers = await asyncio.gather(adas.submit(), bens.submit())
    assert sorted(answer.outcome for answer in answers) == [Outcome.CLOSED, Outcome.PUSHED]
    assert len([who for who, *_ in desk.log() if who in (ADA, BEN)]) == 1


async def test_two_who_save_the_same_agree(desk: Desk, doors: Doors) -> None:
    doors.access.take(await desk.elsewhere(admin(BEN)))
    adas, bens = await opened(desk), await opened(desk, "ben")
    for shown in (adas, bens):
        shown.type_in({"senders": [SAM]})
        assert (await shown.submit()).outcome is Outcome.CLOSED
    assert len([who for who, *_ in desk.log() if who in (ADA, BEN)]) == 1


@pytest.mark.parametrize("metadata", ["", "{}", '{"seen": "x"}', "[", '{"seen": -1}'])
async def test_a_dialog_that_does_not_say_what_it_was_made_from_counts_as_stale(desk: Desk, metadata: str) -> None:
    shown = await opened(desk)
    shown.type_in({"senders": [SAM]})
    shown._view.definition["private_metadata"] = metadata
    assert (await shown.submit()).outcome is Outcome.PUSHED
    assert desk.log() == []
