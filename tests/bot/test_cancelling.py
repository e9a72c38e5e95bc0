"""The Cancel button: its sender and admins stop what has not gone out, once, and read how far it had come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.causes import Catalogue
from bot.delivery.sender import CancelOutcome, Fate, SendError
from bot.domain import AnswerKind, Refused, State, Submission, TryAgain
from bot.slack import cancelling, ids
from bot.slack.dispatch import Answer
from bot.slack.gateway import SlackGateway
from bot.slack.notify import Notifier
from bot.slack.whose import NOT_YOURS
from bot.store import StoreUnavailableError
from sandbox.slack import FakeSlack
from sandbox.slack.people import ANN, BEN, EVE, GENERAL, SAM
from sandbox.slack.state import Message as Told
from tests.bot import report_steps as steps
from tests.bot.access_desk import Desk, sender
from tests.bot.slack_payloads import Body, pressed

if TYPE_CHECKING:
    from tests.bot.conftest import Doors, FakeClock
    from tests.bot.databases import Database

Submit = Callable[..., Submission]
Until = Callable[[Callable[[], object]], Awaitable[None]]


class CancelDesk(Desk):
    """ann and ben may send, ada is an admin; what is to be told is told by ``tell``."""

    notifier: Notifier
    submission: Submit

    async def tell(self) -> None:
        await self.notifier._deliver_due()
        await self.notifier._tasks.drain(5)

    async def state_of(self, reference: str) -> tuple[State, str | None]:
        message = await steps.found(self.doors.store, reference)
        return message.state, message.cause

    async def waits(self) -> str:
        """A message that waits here, and its sender was told so."""
        begun = await steps.sending(self.doors.store, self.submission(channel=GENERAL), now=self.clock.now())
        later = self.clock.now() + timedelta(hours=1)
        step = TryAgain("transport-dns", later, tell=AnswerKind.WAITING)
        store, reference = self.doors.store, begun.client_reference
        await store.record(reference, step, owner="w1", attempt=1, now=self.clock.now())
        await self.tell()
        return reference

    async def accepted(self, batch_id: str = "B1") -> str:
        """A message that Sinch has, and its sender was told so."""
        submission = self.submission(channel=GENERAL, to=steps.THREE)
        reference = await steps.accepted(self.doors.store, submission, batch_id, now=self.clock.now())
        await self.tell()
        return reference

    def pressing(self, reference: str, *, user_id: str = ANN) -> Body:
        """A press on a message that is not there any more."""
        trigger = self.slack.state.new_trigger(user_id)
        token = self.slack.state.new_response_url(user_id, GENERAL, message_ts="1.000000")
        url = f"{self.slack.origin}/response/{token}"
        return pressed(ids.CANCEL, reference, user_id=user_id, trigger_id=trigger, response_url=url)

    async def press(self, reference: str, *, person: str = "ann", user_id: str | None = None) -> str:
        """Press Cancel, wherever that may be from, and read what is said then."""
        before = len(self.slack.person(person).messages)
        body = self.pressing(reference, user_id=user_id or self.slack.person(person).id)
        assert await self.doors.dispatcher.dispatch(body) == Answer(200, "")
        await self.settle()
        return "\n".join(message.shown for message in self.slack.person(person).messages[before:])


@pytest.fixture
async def desk(
    doors: Doors,
    database: Database,
    slack: FakeSlack,
    gateway: SlackGateway,
    causes: Catalogue,
    clock: FakeClock,
    submission: Submit,
) -> AsyncIterator[CancelDesk]:
    desk = CancelDesk(doors, database, slack, gateway, causes, clock)
    desk.notifier = Notifier(store=doors.store, slack=gateway, causes=causes, clock=clock, owner="n1")
    desk.submission = submission
    doors.access.take(await desk.elsewhere(sender(BEN)))
    yield desk
    await desk.close()


def asks_first(told: Told) -> bool:
    [button] = [one for block in told.blocks for one in block.get("elements", ()) if one["action_id"] == ids.CANCEL]
    return bool(button["confirm"]["title"]["text"] == "Cancel this message?")


# -- what is stopped


async def test_what_waits_here_is_stopped_and_nothing_was_sent(desk: CancelDesk) -> None:
    reference = await desk.waits()
    waiting = desk.last("ann")
    assert asks_first(waiting)
    await desk.slack.person("ann").click(waiting, ids.CANCEL)
    await desk.settle()
    assert await desk.state_of(reference) == (State.CANCELLED, "own-cancelled")
    assert desk.doors.sender.cancelled == []
    replaced = desk.last("ann")
    assert (replaced.ts, replaced.buttons()) == (waiting.ts, {})
    assert "is cancelled" in replaced.shown
    assert desk.doors.answers == 1
    await desk.tell()
    assert "You cancelled it" in desk.last("ann").shown
    assert "Nothing was sent" in desk.last("ann").shown
    assert "MMS-CANCELLED" in desk.last("ann").shown


async def test_what_sinch_has_is_stopped_there_and_it_may_have_gone_out_to_some(desk: CancelDesk) -> None:
    reference = await desk.accepted()
    accepted = desk.last("ann")
    assert asks_first(accepted)
    await desk.slack.person("ann").click(accepted, ids.CANCEL)
    await desk.settle()
    assert [message.batch_id for message in desk.doors.sender.cancelled] == ["B1"]
    assert await desk.state_of(reference) == (State.CANCELLED, "own-cancelled-at-sinch")
    assert desk.last("ann").buttons() == {}
    assert "`B1`" in desk.last("ann").shown
    await desk.tell()
    said = desk.last("ann").shown
    assert "may have been sent" in said
    assert reference in said
    assert "Nothing was sent" not in said


@pytest.mark.parametrize(
    ("where", "cause"), [("here", "own-cancelled-by-admin"), ("sinch", "own-cancelled-at-sinch-by-admin")]
)
async def test_when_an_admin_stops_it_the_sender_is_told(desk: CancelDesk, where: str, cause: str) -> None:
    reference = await (desk.waits() if where == "here" else desk.accepted())
    said = await desk.command("ada", f"status {reference}")
    assert "+1 ••••" in said
    pressed = desk.last("ada")
    await desk.slack.person("ada").click(pressed, ids.CANCEL)
    await desk.settle()
    assert await desk.state_of(reference) == (State.CANCELLED, cause)
    assert f"of <@{desk.slack.person('ann').id}> is cancelled" in desk.last("ada").shown
    await desk.tell()
    assert "An admin of this bot cancelled it" in desk.last("ann").shown
    assert desk.last("ada").ts == pressed.ts, "the answer is for the sender alone"


async def test_the_ack_waits_for_nothing(desk: CancelDesk, until: Until) -> None:
    reference = await desk.accepted()
    entered = asyncio.Event()
    leave = asyncio.Event()

    async def slow(_: object) -> CancelOutcome:
        entered.set()
        await leave.wait()
        return CancelOutcome.CANCELLED

    sending: Any = desk.doors.sender
    sending.cancel = slow
    body = desk.pressing(reference)
    assert await desk.doors.dispatcher.dispatch(body) == Answer(200, "")
    await entered.wait()
    leave.set()
    await desk.settle()
    assert (await desk.state_of(reference))[0] is State.CANCELLED


# -- what is not


async def test_what_is_being_handed_over_can_be_pressed_again_in_a_moment(desk: CancelDesk) -> None:
    begun = await steps.sending(desk.doors.store, desk.submission(), now=desk.clock.now())
    said = await desk.press(begun.client_reference)
    assert "handing it to Sinch" in said
    assert "MMS-CANCEL-SENDING" in said
    assert begun.client_reference in said
    assert (await desk.state_of(begun.client_reference))[0] is State.SENDING


async def test_what_may_have_been_sent_cannot_be_stopped(desk: CancelDesk) -> None:
    reference = await steps.unknown(desk.doors.store, desk.submission(), now=desk.clock.now())
    said = await desk.press(reference)
    assert "may have been sent" in said
    assert "MMS-CANCEL-UNKNOWN" in said
    assert (await desk.state_of(reference))[0] is State.UNKNOWN
    assert desk.doors.sender.cancelled == []


async def test_what_was_refused_has_nothing_to_stop(desk: CancelDesk) -> None:
    begun = await steps.sending(desk.doors.store, desk.submission(), now=desk.clock.now())
    store, reference = desk.doors.store, begun.client_reference
    await store.record(reference, Refused("http-401"), owner="w1", attempt=1, now=desk.clock.now())
    assert "nothing to cancel" in await desk.press(reference)
    assert await desk.state_of(reference) == (State.REFUSED, "http-401")


NOT_STOPPED: list[tuple[CancelOutcome | SendError, str]] = [
    (CancelOutcome.TOO_LATE, "MMS-CANCEL-TOO-LATE"),
    (CancelOutcome.NOT_THERE, "MMS-CANCEL-NOT-TAKEN"),
    (SendError(Fate.LOST, "transport-timeout"), "MMS-CANCEL-LOST"),
    *((SendError(fate, "http-401"), "MMS-CANCEL-NOT-TAKEN") for fate in Fate if fate is not Fate.LOST),
]


@pytest.mark.parametrize(("outcome", "code"), NOT_STOPPED, ids=lambda one: str(getattr(one, "fate", one)))
async def test_what_sinch_does_not_stop_goes_on_and_the_sender_reads_why(
    desk: CancelDesk, outcome: CancelOutcome | SendError, code: str
) -> None:
    reference = await desk.accepted()
    desk.doors.sender.cancels = [outcome]
    accepted = desk.last("ann")
    await desk.slack.person("ann").click(accepted, ids.CANCEL)
    await desk.settle()
    assert code in desk.last("ann").shown
    assert reference in desk.last("ann").shown
    assert (await desk.state_of(reference))[0] is State.ACCEPTED
    assert ids.CANCEL in desk.slack.person("ann").messages[-2].buttons(), "it can be pressed again"
    await desk.slack.person("ann").click(accepted, ids.CANCEL)
    await desk.settle()
    assert (await desk.state_of(reference))[0] is State.CANCELLED


async def test_when_all_is_with_the_carriers_it_is_too_late_and_sinch_is_not_asked(desk: CancelDesk) -> None:
    reference = await desk.accepted()
    reports = [
        steps.report(number, state)
        for number, state in zip(steps.THREE, ("Delivered", "Dispatched", "Failed"), strict=True)
    ]
    await steps.take(desk.doors.store, *reports, now=desk.clock.now())
    assert "MMS-CANCEL-TOO-LATE" in await desk.press(reference)
    assert desk.doors.sender.cancelled == []
    assert (await desk.state_of(reference))[0] is State.ACCEPTED


async def test_what_still_waits_at_sinch_for_some_is_stopped_for_those(desk: CancelDesk) -> None:
    reference = await desk.accepted()
    await steps.take(desk.doors.store, steps.report(steps.ANN, "Delivered"), now=desk.clock.now())
    await desk.press(reference)
    assert (await desk.state_of(reference))[0] is State.CANCELLED


# -- once, and by nobody else


async def test_a_double_click_stops_it_once_and_tells_it_once(desk: CancelDesk) -> None:
    reference = await desk.accepted()
    accepted = desk.last("ann")
    await asyncio.gather(*(desk.slack.person("ann").click(accepted, ids.CANCEL) for _ in range(3)))
    await desk.settle()
    assert await desk.state_of(reference) == (State.CANCELLED, "own-cancelled-at-sinch")
    await desk.tell()
    await desk.tell()
    shown = [message.shown for message in desk.slack.person("ann").messages]
    assert sum("was cancelled" in one for one in shown) == 1
    assert len(shown) == 2


async def test_a_press_on_what_was_stopped_before_changes_nothing_and_keeps_whose_it_was(desk: CancelDesk) -> None:
    reference = await desk.waits()
    await desk.press(reference, person="ada")
    waiting = desk.last("ann")
    await desk.slack.person("ann").click(waiting, ids.CANCEL)
    await desk.settle()
    assert (desk.last("ann").buttons(), desk.doors.answers) == ({}, 1)
    assert await desk.state_of(reference) == (State.CANCELLED, "own-cancelled-by-admin")


async def test_a_captured_press_played_again_changes_nothing(desk: CancelDesk) -> None:
    reference = await desk.accepted()
    desk.doors.sender.cancels = [CancelOutcome.TOO_LATE]
    body = desk.pressing(reference)
    for _ in range(3):
        assert await desk.doors.dispatcher.dispatch(json.loads(json.dumps(body))) == Answer(200, "")
        await desk.settle()
    assert len(desk.doors.sender.cancelled) == 1
    assert (await desk.state_of(reference))[0] is State.ACCEPTED


@pytest.mark.parametrize("kind", ["waits", "accepted"])
async def test_nobody_else_stops_it_or_learns_that_it_is_there(desk: CancelDesk, kind: str) -> None:
    reference = await (desk.waits() if kind == "waits" else desk.accepted())
    before = await desk.state_of(reference)
    assert await desk.press(reference, person="ben") == NOT_YOURS
    assert await desk.press("mms-none", person="ben") == NOT_YOURS
    for person, user_id in (("sam", SAM), ("eve", EVE)):
        assert NOT_YOURS not in await desk.press(reference, person=person, user_id=user_id)
    assert await desk.state_of(reference) == before
    assert desk.doors.sender.cancelled == []


async def test_a_sender_who_was_taken_off_the_list_stops_nothing_any_more(desk: CancelDesk) -> None:
    reference = await steps.accepted(desk.doors.store, desk.submission(user=BEN), "B9", now=desk.clock.now())
    desk.doors.access.take(await desk.elsewhere(remove=(sender(BEN),)))
    assert "not on the list" in await desk.press(reference, person="ben")
    assert (await desk.state_of(reference))[0] is State.ACCEPTED


# -- races and a database that is away


async def test_what_begins_at_that_very_moment_is_told_as_being_handed_over(
    desk: CancelDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = await steps.queued(desk.doors.store, desk.submission(), now=desk.clock.now())
    store: Any = desk.doors.store
    cancel = store.cancel

    async def begins_first(*args: Any, **named: Any) -> int:
        await store.claim(owner="w1", limit=9, busy={}, per_person=9, now=desk.clock.now(), lease_s=9)
        await store.begin(reference, owner="w1", now=desk.clock.now(), lease_s=9)
        return int(await cancel(*args, **named))

    monkeypatch.setattr(store, "cancel", begins_first)
    assert "MMS-CANCEL-SENDING" in await desk.press(reference)
    assert (await desk.state_of(reference))[0] is State.SENDING


@pytest.mark.parametrize("times", [1, cancelling.NOTED_TRIES])
async def test_what_sinch_has_stopped_is_noted_though_the_database_is_away_for_a_moment(
    desk: CancelDesk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    reference = await desk.accepted()
    reports: Any = desk.doors.store.reports
    noted = reports.cancelled_at_sinch
    left = times

    async def fails_first(*args: Any, **named: Any) -> bool:
        nonlocal left
        left -= 1
        if left >= 0:
            raise StoreUnavailableError("away")
        return bool(await noted(*args, **named))

    monkeypatch.setattr(reports, "cancelled_at_sinch", fails_first)
    body = desk.pressing(reference)
    await desk.doors.dispatcher.dispatch(body)
    async with asyncio.timeout(5):
        while desk.doors.dispatcher._after._running:
            await clock.advance(cancelling.NOTED_PAUSE_S)
            await asyncio.sleep(0.001)
    given_up = times == cancelling.NOTED_TRIES
    assert ((await desk.state_of(reference))[0] is State.CANCELLED) is not given_up
    assert ("MMS-DATABASE-BUTTON" in desk.last("ann").shown) is given_up
    await desk.press(reference)
    assert (await desk.state_of(reference))[0] is State.CANCELLED


async def test_a_database_that_is_away_is_told_and_nothing_is_asked_of_sinch(desk: CancelDesk) -> None:
    reference = await desk.accepted()
    await desk.away()
    assert "MMS-DATABASE-BUTTON" in await desk.press(reference)
    assert desk.doors.sender.cancelled == []


# -- in the dialog about one message


async def test_in_the_dialog_the_answer_stands_below_the_button(desk: CancelDesk) -> None:
    reference = await desk.accepted()
    await desk.command("ann", f"status {reference}")
    await desk.slack.person("ann").click(desk.last("ann"), ids.DETAILS)
    await desk.settle()
    dialog = await desk.slack.person("ann").dialog(callback_id=ids.DETAILS)
    before = len(desk.slack.person("ann").messages)
    desk.doors.sender.cancels = [CancelOutcome.TOO_LATE] * 2
    for _ in range(2):
        await dialog.click(ids.CANCEL)
        await desk.settle()
        assert json.dumps(dialog.view).count("MMS-CANCEL-TOO-LATE") == 1
    await dialog.click(ids.CANCEL)
    await desk.settle()
    assert "MMS-CANCEL-TOO-LATE" not in json.dumps(dialog.view)
    assert "is cancelled" in json.dumps(dialog.view)
    assert ids.CANCEL not in json.dumps(dialog.view)
    assert ids.REFRESH in json.dumps(dialog.view)
    assert len(desk.slack.person("ann").messages) == before, "and nowhere else, but for the answer"
    assert (await desk.state_of(reference))[0] is State.CANCELLED


async def test_on_the_home_tab_what_was_not_stopped_is_told_directly(desk: CancelDesk) -> None:
    reference = await desk.accepted()
    await desk.slack.person("ann").open_home()
    await desk.settle()
    desk.doors.sender.cancels = [CancelOutcome.TOO_LATE]
    await desk.slack.person("ann").click_home(ids.CANCEL, value=reference)
    await desk.settle()
    assert "MMS-CANCEL-TOO-LATE" in desk.last("ann").shown
    assert desk.slack.calls_of("views.update") == []
    await desk.slack.person("ann").click_home(ids.CANCEL, value=reference)
    await desk.settle()
    assert (await desk.state_of(reference))[0] is State.CANCELLED
