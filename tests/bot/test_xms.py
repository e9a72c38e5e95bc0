"""What the Sinch client says, in the words of the bot: what became of the message, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

import sinch
from bot.causes import Catalogue, Sent
from bot.delivery.sender import Fate, SendError
from bot.delivery.xms import XmsSender
from bot.domain import Content, Kind, Message, Recipient, ReplyRoute, State
from sandbox.sinch import FakeSinch, Fault, OddAnswer, OddBody, Reset, Shape, Status, out_of_service, rate_limited

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


@pytest.fixture
async def sender(carrier: FakeSinch) -> AsyncIterator[XmsSender]:
    settings = carrier.settings()
    async with sinch.Sinch(
        service_plan_id=settings["SINCH_SERVICE_PLAN_ID"],
        api_token=settings["SINCH_API_TOKEN"],
        base_url=carrier.base_url,
        retry=sinch.NoRetry(),
        trust_env=False,
    ) as client:
        yield XmsSender(client, number=NUMBER, causes=CAUSES)


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
