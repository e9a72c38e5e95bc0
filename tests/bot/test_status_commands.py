"""``recent`` and ``status``: what became of one's own messages; of anybody's for admins, with no text and no number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest

from bot.causes import Catalogue
from bot.domain import Submission
from bot.slack import ids
from bot.slack.gateway import SlackGateway
from sandbox.slack import FakeSlack
from sandbox.slack.people import BEN
from tests.bot import report_steps as steps
from tests.bot.access_desk import Desk, sender

if TYPE_CHECKING:
    from tests.bot.conftest import Doors, FakeClock
    from tests.bot.databases import Database

Submit = Callable[..., Submission]
NUMBERS = tuple(f"+1201555{number:04d}" for number in range(1000))
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


@pytest.fixture
async def reference(desk: Desk, submission: Submit) -> str:
    """ann's message to three: one has it, one opted out, one waits."""
    sent = submission(to=NUMBERS[:3], text=TEXT, media_url="https://host.example/a.png", subject="Psst")
    reference = await steps.accepted(desk.doors.store, sent, "B1", now=desk.clock.now())
    reports = [steps.report(NUMBERS[0], "Delivered", 0), steps.report(NUMBERS[1], "Failed", 257)]
    await steps.take(desk.doors.store, *reports, now=desk.clock.now())
    return reference


async def test_recent_has_the_counts(desk: Desk, reference: str) -> None:
    said = await desk.command("ann", "recent")
    assert "accepted by Sinch, batch ID `B1`: 1 delivered, 1 failed and 1 on its way" in said
    assert "+1201" not in said
    assert await desk.command("ben", "recent") == "You have sent nothing yet with this bot."
    assert reference not in await desk.command("ada", "recent")


async def test_recent_has_a_line_for_what_never_reached_sinch(desk: Desk, submission: Submit) -> None:
    await steps.queued(desk.doors.store, submission(), now=desk.clock.now())
    assert "queued, nothing was sent yet" in await desk.command("ann", "recent")


@pytest.mark.parametrize("by", ["batch", "reference"])
async def test_the_sender_reads_of_each_recipient_with_the_number_in_full(
    desk: Desk, reference: str, by: str, causes: Catalogue
) -> None:
    said = await desk.command("ann", f"status `{'B1' if by == 'batch' else reference}`")
    assert f"*1 failed*: {causes.get('carrier-257').words} (Code CARRIER-257)\n• {NUMBERS[1]}, " in said
    assert f"*1 delivered*\n• {NUMBERS[0]}, " in said
    assert f"• {NUMBERS[2]}" in said
    assert TEXT not in said
    assert set(desk.last("ann").buttons()) == {ids.DETAILS}


async def test_an_admin_reads_of_anybodys_with_masked_numbers_and_no_text(desk: Desk, reference: str) -> None:
    said = await desk.command("ada", "status B1")
    assert f"Sent by <@{desk.slack.person('ann').id}>" in said
    assert said.count("+1 ••••") == 3
    assert "1 delivered, 1 failed and 1 on its way" in said
    for hidden in (*NUMBERS[:3], TEXT, "host.example", "Psst", reference):
        assert hidden not in said


async def test_for_others_it_is_not_there(desk: Desk, reference: str) -> None:
    own = await desk.command("ben", "status B1")
    assert own == (await desk.command("ben", "status B2")).replace("B2", "B1")
    assert "There is no message of yours" in own
    assert await desk.command("ben", f"status {reference}") == own.replace("B1", reference)
    assert "not on the list" in await desk.command("sam", "status B1")


async def test_an_admin_who_mistypes_reads_that_there_is_none_at_all(desk: Desk) -> None:
    assert await desk.command("ada", "status B9") == "There is no message with the batch ID `B9`."


async def test_what_can_still_be_stopped_has_the_button(desk: Desk, submission: Submit) -> None:
    waiting = await steps.queued(desk.doors.store, submission(), now=desk.clock.now())
    await steps.accepted(desk.doors.store, submission(), "B2", now=desk.clock.now())
    for what, shown in ((waiting, "+12015550123"), ("B2", "+12015550123")):
        assert shown in await desk.command("ann", f"status {what}")
        assert ids.CANCEL in desk.last("ann").buttons()
    await steps.take(desk.doors.store, steps.report(steps.ANN, "Delivered"), batch_id="B2", now=desk.clock.now())
    await desk.command("ann", "status B2")
    assert ids.CANCEL not in desk.last("ann").buttons()


async def test_a_thousand_recipients_are_listed_as_far_as_slack_takes_them(desk: Desk, submission: Submit) -> None:
    await steps.accepted(desk.doors.store, submission(to=NUMBERS), "B3", now=desk.clock.now())
    reports = [steps.report(number, "Delivered", 0) for number in NUMBERS]
    await steps.take(desk.doors.store, *reports, batch_id="B3", now=desk.clock.now())
    said = await desk.command("ann", "status B3")
    listed = sum(number in said for number in NUMBERS)
    assert f"and {1000 - listed} more, see the details" in said
    assert listed > 200


async def test_what_was_purged_keeps_its_counts(desk: Desk, reference: str) -> None:
    await desk.doors.store.erase([reference])
    said = await desk.command("ann", "status B1")
    assert "1 delivered, 1 failed and 1 on its way" in said
    assert "CARRIER-257" in said
    assert "+1201" not in said


@pytest.mark.parametrize("text", ["recent", "status B1"])
async def test_a_database_that_is_away_is_a_sentence(desk: Desk, reference: str, text: str) -> None:
    await desk.away()
    assert "MMS-DATABASE-READ" in await desk.command("ann", text)
