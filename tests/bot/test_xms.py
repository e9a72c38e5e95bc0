"""What the Sinch client says, in the words of the bot: what became of the message, and why."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import sinch
from bot.causes import Catalogue, Sent
from bot.delivery.sender import NOT_KNOWN, CancelOutcome, Fate, SendError
from bot.delivery.xms import XmsSender
from bot.domain import Content, Kind, Message, Recipient, ReplyRoute, State
from bot.reports import Report
from bot.store import StoreUnavailableError
from sandbox.sinch import (
    FakeSinch,
    Fault,
    LateCancel,
    OddAnswer,
    OddBody,
    Readings,
    Reset,
    Script,
    Shape,
    Status,
    out_of_service,
    rate_limited,
)

NUMBER = "+12015550100"
ANN, BEN = "+12015550123", "+12015550124"
NOW = datetime.now(UTC)
CAUSES = Catalogue.load()


def message(*to: str, text: str = "Your parcel is here", media_url: str | None = None) -> Message:
    content = Content(tuple(Recipient(number, "US") for number in to), text, media_url, None, ", ".join(to))
    return Message(
        client_reference="mms-0123456789abcdef",
        view_id="V1",
        team_id="T1",
        state=State.SENDING,
        kind=content.kind,
        recipient_count=len(to),
        content=content,
        digest=content.digest(),
        reply=ReplyRoute("U1"),
        response_url_uses=0,
        created_at=NOW,
    )


@pytest.fixture
async def carrier() -> AsyncIterator[FakeSinch]:
    async with FakeSinch() as carrier:
        yield carrier


CALLBACK_URL = "https://bot.example/sinch/callbacks/key"


@asynccontextmanager
async def sender_to(carrier: FakeSinch, callback_url: Callable[[], Awaitable[str | None]]) -> AsyncIterator[XmsSender]:
    settings = carrier.settings()
    async with sinch.Sinch(
        service_plan_id=settings["SINCH_SERVICE_PLAN_ID"],
        api_token=settings["SINCH_API_TOKEN"],
        base_url=carrier.base_url,
        retry=sinch.NoRetry(),
        trust_env=False,
    ) as client:
        yield XmsSender(client, number=NUMBER, causes=CAUSES, callback_url=callback_url)


async def nowhere() -> str | None:
    return None


async def here() -> str | None:
    return CALLBACK_URL


@pytest.fixture
async def sender(carrier: FakeSinch) -> AsyncIterator[XmsSender]:
    async with sender_to(carrier, nowhere) as sender:
        yield sender


@pytest.mark.parametrize("media_url", [None, "https://host.example/a.png"])
async def test_a_message_goes_out_as_what_it_is(carrier: FakeSinch, sender: XmsSender, media_url: str | None) -> None:
    sent = message(ANN, BEN, media_url=media_url)
    batch_id = await sender.send(sent)
    for number in (ANN, BEN):
        [got] = carrier.phones.of(number)
        assert (got.kind, got.text, got.media_url, got.batch_id) == (
            sent.kind,
            sent.content and sent.content.text,
            media_url,
            batch_id,
        )
    assert sent.kind is (Kind.MMS if media_url else Kind.SMS)


@pytest.mark.parametrize(
    ("fault", "fate", "cause"),
    [
        (lambda: Status(401, Shape.EMPTY), Fate.REFUSED, "http-401"),
        (lambda: Status(400, Shape.SINCH, code="syntax_invalid_json"), Fate.REFUSED, "syntax_invalid_json"),
        (lambda: Status(500, Shape.EMPTY), Fate.LOST, "http-500"),
        (lambda: Status(408, Shape.EMPTY), Fate.LOST, "http-408"),
        (out_of_service, Fate.UNAVAILABLE, "http-503"),
        (lambda: Status(503, Shape.HTML), Fate.LOST, "http-503"),
        (lambda: rate_limited(7), Fate.RATE_LIMITED, "http-429"),
        (lambda: Reset(accept=False), Fate.LOST, "transport-reset"),
        (lambda: OddAnswer(OddBody.NO_ID), Fate.LOST, "transport-bad-answer"),
    ],
)
async def test_a_failure_says_what_became_of_the_message(
    carrier: FakeSinch, sender: XmsSender, fault: Callable[[], Fault], fate: Fate, cause: str
) -> None:
    carrier.faults.add("send", fault())
    with pytest.raises(SendError) as caught:
        await sender.send(message(ANN))
    assert (caught.value.fate, caught.value.cause) == (fate, cause)
    assert caught.value.retry_after_s == (7 if fate is Fate.RATE_LIMITED else None)


async def test_a_carrier_that_is_away_was_never_reached(carrier: FakeSinch, sender: XmsSender) -> None:
    await carrier.go_away()
    with pytest.raises(SendError) as caught:
        await sender.send(message(ANN))
    assert (caught.value.fate, caught.value.cause) == (Fate.NEVER_LEFT, "transport-refused")


async def test_a_message_whose_numbers_were_purged_is_not_sent(carrier: FakeSinch, sender: XmsSender) -> None:
    purged = message(ANN)
    object.__setattr__(purged, "content", None)
    with pytest.raises(SendError) as caught:
        await sender.send(purged)
    assert (caught.value.fate, carrier.requests) == (Fate.REFUSED, [])


def test_every_kind_of_connection_fault_has_an_entry_that_agrees_with_it() -> None:
    for kind in sinch.ConnectionFailedKind:
        error = XmsSender._send_error(_any_sender(), sinch.ConnectionFailed(kind))
        known = "not-connected" if kind is sinch.ConnectionFailedKind.OTHER else kind.replace("_", "-")
        assert error.cause == f"transport-{known}"
        assert CAUSES.get(error.cause).sent is Sent.NO
    for lost in sinch.AnswerLostKind:
        error = XmsSender._send_error(_any_sender(), sinch.AnswerLost(lost))
        assert CAUSES.get(error.cause).sent is Sent.MAYBE


def _any_sender() -> XmsSender:
    sender = XmsSender.__new__(XmsSender)
    sender._causes = CAUSES
    return sender


async def test_a_lost_message_is_found_by_its_reference(carrier: FakeSinch, sender: XmsSender) -> None:
    batch_id = await sender.send(message(ANN, BEN))
    assert await sender.find(message(BEN, ANN), since=NOW) == batch_id


async def test_a_batch_with_our_reference_and_other_recipients_is_not_ours(
    carrier: FakeSinch, sender: XmsSender
) -> None:
    await sender.send(message(ANN))
    assert await sender.find(message(BEN), since=NOW) is None


# -- what becomes of it


@pytest.mark.parametrize("media_url", [None, "https://host.example/a.png"])
async def test_with_an_address_sinch_is_asked_to_report_each_recipient_there_and_without_one_nothing(
    carrier: FakeSinch, media_url: str | None
) -> None:
    """Without an address anywhere, Sinch refuses the whole batch with 403."""
    for callback_url in (nowhere, here):
        async with sender_to(carrier, callback_url) as sender:
            await sender.send(message(ANN, media_url=media_url))
    without, with_address = [json.loads(one.body) for one in carrier.seen("send")]
    assert (without["delivery_report"], without.get("callback_url")) == ("none", None)
    assert (with_address["delivery_report"], with_address["callback_url"]) == ("per_recipient", CALLBACK_URL)


async def test_while_the_address_is_not_known_nothing_is_sent_and_it_is_tried_again(carrier: FakeSinch) -> None:
    async def away() -> str | None:
        raise StoreUnavailableError("away")

    async with sender_to(carrier, away) as sender:
        with pytest.raises(SendError) as caught:
            await sender.send(message(ANN))
    assert (caught.value.fate, carrier.requests) == (Fate.NEVER_LEFT, [])
    assert CAUSES.get(caught.value.cause).sent is Sent.NO


async def sent(sender: XmsSender, *to: str) -> Message:
    asked = message(*to)
    return replace(asked, batch_id=await sender.send(asked), state=State.ACCEPTED)


@pytest.mark.parametrize("readings", [Readings(), Readings(capital_statuses=True, plus_in_answers=True)])
async def test_the_report_says_what_became_of_each_recipient(
    carrier: FakeSinch, sender: XmsSender, readings: Readings
) -> None:
    carrier.readings = readings
    carrier.phones.script(BEN, Script(257))
    known = await sent(sender, ANN, BEN)
    assert sorted(await sender.reports(known), key=lambda one: one.recipient) == [
        Report("12015550123", "Delivered", 0, None),
        Report("12015550124", "Rejected", 257, None),
    ]


@pytest.mark.parametrize("aborted", [False, True])
async def test_a_cancelled_recipient_is_one_whatever_word_comes_with_the_code(
    carrier: FakeSinch, sender: XmsSender, aborted: bool
) -> None:
    carrier.readings = Readings(cancelled_is_aborted=aborted)
    carrier.phones.script(ANN, Script(dispatched_after_s=900))
    known = await sent(sender, ANN)
    assert await sender.cancel(known) is CancelOutcome.CANCELLED
    assert await sender.reports(known) == (Report("12015550123", "Cancelled", 407, None),)


async def test_a_batch_that_sinch_does_not_know_has_no_report_and_can_not_be_cancelled(
    carrier: FakeSinch, sender: XmsSender
) -> None:
    strange = replace(message(ANN), batch_id="01STRANGE")
    with pytest.raises(SendError) as caught:
        await sender.reports(strange)
    assert (caught.value.fate, caught.value.cause) == (Fate.REFUSED, NOT_KNOWN)
    assert await sender.cancel(strange) is CancelOutcome.NOT_THERE
    for ask in (sender.reports, sender.cancel):
        with pytest.raises(ValueError, match="only a message that Sinch has"):
            await ask(message(ANN))


@pytest.mark.parametrize("late", list(LateCancel))
async def test_a_cancel_that_comes_too_late_says_so_however_sinch_puts_it(
    carrier: FakeSinch, sender: XmsSender, late: LateCancel
) -> None:
    carrier.readings = Readings(late_cancel=late)
    for script in (Script(), Script(final_after_s=None), Script(257)):
        carrier.phones.script(ANN, script)
        assert await sender.cancel(await sent(sender, ANN)) is CancelOutcome.TOO_LATE


@pytest.mark.parametrize("late", list(LateCancel))
async def test_a_cancel_that_stops_only_some_is_one(carrier: FakeSinch, sender: XmsSender, late: LateCancel) -> None:
    carrier.readings = Readings(late_cancel=late)
    carrier.phones.script(BEN, Script(dispatched_after_s=900))
    known = await sent(sender, ANN, BEN)
    assert await sender.cancel(known) is CancelOutcome.CANCELLED
    assert await sender.cancel(known) is CancelOutcome.CANCELLED, "asking again is harmless"


async def test_a_cancel_counts_though_the_report_can_not_be_had(carrier: FakeSinch, sender: XmsSender) -> None:
    carrier.phones.script(ANN, Script(dispatched_after_s=900))
    known = await sent(sender, ANN)
    carrier.faults.add("delivery_report", Status(500, Shape.EMPTY))
    assert await sender.cancel(known) is CancelOutcome.CANCELLED


@pytest.mark.parametrize(
    ("fault", "fate"),
    [
        (lambda: Status(401, Shape.EMPTY), Fate.REFUSED),
        (lambda: Status(500, Shape.EMPTY), Fate.LOST),
        (out_of_service, Fate.UNAVAILABLE),
        (lambda: rate_limited(7), Fate.RATE_LIMITED),
        (lambda: Reset(accept=False), Fate.LOST),
    ],
)
async def test_who_can_not_ask_or_cancel_hears_what_can_be_done(
    carrier: FakeSinch, sender: XmsSender, fault: Callable[[], Fault], fate: Fate
) -> None:
    known = await sent(sender, ANN)
    for operation, ask in (("delivery_report", sender.reports), ("cancel", sender.cancel)):
        carrier.faults.add(operation, fault())
        with pytest.raises(SendError) as caught:
            await ask(known)
        assert (caught.value.fate, caught.value.retry_after_s) == (fate, 7 if fate is Fate.RATE_LIMITED else None)
