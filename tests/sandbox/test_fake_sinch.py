"""The fake Sinch as a whole: phones, look-ups, faults on real sockets, coming and going."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sinch import (
    CutAnswer,
    FakeSinch,
    Fault,
    Invisible,
    NoReferenceFilter,
    OddAnswer,
    OddBody,
    Reset,
    Shape,
    Slow,
    Stall,
    Status,
    gateway_trouble,
    out_of_service,
    rate_limited,
)
from sandbox.sinch.refusals import RefusedError, shaped
from sandbox.sinch.rules import read_batch
from sandbox.sinch.server import SANDBOX_PLAN, SANDBOX_TOKEN
from tests.sandbox.sinch_wire import ANN, BOB, NOON, Wire


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    await made.fake.start()
    yield made
    await made.http.aclose()
    await made.fake.stop()


# Phones and batches


async def test_a_phone_receives_what_was_accepted(wire: Wire) -> None:
    answer = await wire.send(ANN, BOB, text="Your parcel is here")
    (message,) = wire.fake.phones.of(ANN)
    assert (message.kind, message.text, message.from_) == ("mms", "Your parcel is here", "+12015550100")
    assert message.media_url == "https://pictures.example/a.jpg"
    assert message.batch_id == answer.json()["id"] == wire.fake.batches[0].id
    assert wire.fake.phones.of("12015550124") == [message]
    assert wire.fake.phones.of("+12015550125") == []


async def test_a_text_arrives_as_sms(wire: Wire) -> None:
    await wire.send(type="mt_text", body="Only words")
    (message,) = wire.fake.phones.of(ANN)
    assert (message.kind, message.text, message.media_url) == ("sms", "Only words", None)


async def test_a_refused_batch_reaches_no_phone(wire: Wire) -> None:
    assert (await wire.send(ANN, "nobody")).status_code == 400
    assert wire.fake.phones.all() == {}
    assert wire.fake.batches == []


async def test_two_equal_sends_are_two_batches_with_ids_of_26_characters(wire: Wire) -> None:
    first, second = await wire.send(), await wire.send()
    assert first.json()["id"] != second.json()["id"]
    assert len(first.json()["id"]) == 26
    assert len(wire.fake.phones.of(ANN)) == 2
    assert [one["id"] for one in (await wire.look_up())["batches"]] == [second.json()["id"], first.json()["id"]]


async def test_a_number_that_stands_there_twice_gets_two_messages(wire: Wire) -> None:
    await wire.send(ANN, ANN.removeprefix("+"))
    assert len(wire.fake.phones.of(ANN)) == 2


async def test_blanks_in_the_text_are_filled_for_each_phone(wire: Wire) -> None:
    parameters = {"name": {ANN: "Ann", "default": "friend"}, "what": {"default": "hello"}}
    await wire.send(ANN, BOB, text="Dear ${name}, ${what}", parameters=parameters)
    assert wire.fake.batches[0].request.placeholders == ("name", "what")
    assert wire.fake.phones.of(ANN)[0].text == "Dear Ann, hello"
    assert wire.fake.phones.of(BOB)[0].text == "Dear friend, hello"


async def test_a_message_for_later_is_not_on_the_phone_before(wire: Wire) -> None:
    await wire.send(send_at="2026-03-01T13:00:00Z")
    assert wire.fake.phones.of(ANN) == []
    wire.now += timedelta(hours=1)
    assert len(wire.fake.phones.of(ANN)) == 1


async def test_a_batch_is_found_for_24_hours_by_default_and_never_after_14_days(wire: Wire) -> None:
    await wire.send()
    wire.now += timedelta(hours=25)
    assert (await wire.look_up())["count"] == 0
    assert (await wire.look_up(start_date="2026-03-01T00:00:00Z"))["count"] == 1
    wire.now += timedelta(days=14)
    assert (await wire.look_up(start_date="2026-03-01T00:00:00Z"))["count"] == 0


async def test_pages_hold_every_batch_once_and_the_newest_first(wire: Wire) -> None:
    ids = [(await wire.send()).json()["id"] for _ in range(5)]
    pages = [await wire.look_up(page=page, page_size=2) for page in range(4)]
    assert [one["id"] for page in pages for one in page["batches"]] == ids[::-1]
    assert [page["page_size"] for page in pages] == [2, 2, 1, 0]


async def test_a_batch_is_read_by_its_id(wire: Wire) -> None:
    sent = (await wire.send()).json()
    assert (await wire.get(sent["id"])).json() == sent


async def test_every_request_is_kept_with_what_was_answered(wire: Wire) -> None:
    await wire.send()
    await wire.look_up()
    kept = [(one.operation, one.status, one.client_reference, one.body_read, one.at) for one in wire.fake.requests]
    assert kept == [("send", 201, "m-00000001", True, NOON), ("list", 200, "m-00000001", False, NOON)]


async def test_a_body_above_the_limit_is_413_whether_announced_or_chunked(wire: Wire) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1100):
            yield b" " * 1024

    for content in (b" " * 1100 * 1024, chunks()):
        headers = {**wire.headers, "Content-Type": "application/json"}
        answer = await wire.http.post(f"{wire.plan}/batches", content=content, headers=headers)
        assert answer.status_code == 413


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_no_body_does_more_than_a_refusal(body: bytes | str) -> None:
    raw = body.encode() if isinstance(body, str) else body
    with pytest.raises(RefusedError) as refused:
        read_batch("application/json", raw, NOON)
    assert refused.value.status == 400


_KEYS = ["type", "to", "from", "body", "parameters", "send_at", "expire_at", "client_reference", "from_ton"]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([ANN, "mt_media", "mt_text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["url", "message"]), inner),
)


@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES))
def test_any_fields_are_accepted_or_refused_and_nothing_else(fields: dict[str, Any]) -> None:
    raw = json.dumps(fields).encode()
    try:
        accepted = read_batch("application/json", raw, NOON)
    except RefusedError as error:
        refused = error
    else:
        assert 1 <= len(accepted.to) <= 1000
        return
    assert refused.status in (400, 403)
    assert refused.code


# Faults


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("status", [400, 403, 418, 429, 500, 502, 503, 599])
async def test_any_status_comes_in_any_shape(wire: Wire, status: int, shape: Shape) -> None:
    wire.fake.faults.add("send", Status(status, shape, code="a_word", text="A sentence"))
    answer = await wire.send()
    assert answer.status_code == status
    match shape:
        case Shape.SINCH:
            assert answer.json() == {"code": "a_word", "text": "A sentence"}
        case Shape.DESCRIPTION:
            assert answer.json() == {"code": "a_word", "description": "A sentence"}
        case Shape.FRAMEWORK:
            assert set(answer.json()) == {"timestamp", "status", "error", "path"}
            assert answer.json()["path"].endswith("/batches")
        case Shape.ERROR_OBJECT:
            assert set(answer.json()["error"]) == {"code", "message", "status", "details"}
        case Shape.EMPTY:
            assert answer.content == b""
        case Shape.HTML:
            assert answer.headers["Content-Type"] == "text/html"
    assert wire.fake.batches == []
    assert (await wire.send()).status_code == 201


async def test_a_status_can_lie_about_a_batch_that_was_taken(wire: Wire) -> None:
    wire.fake.faults.add("send", gateway_trouble(502, accept=True))
    assert (await wire.send()).status_code == 502
    assert len(wire.fake.phones.of(ANN)) == 1
    assert (await wire.look_up())["count"] == 1


async def test_the_503_of_sinch_and_of_a_gateway_differ_in_the_body(wire: Wire) -> None:
    wire.fake.faults.add("send", out_of_service())
    wire.fake.faults.add("send", gateway_trouble())
    own, gateway = await wire.send(), await wire.send()
    assert own.status_code == gateway.status_code == 503
    assert set(own.json()) == {"code", "text"}
    assert gateway.text.startswith("<html>")


async def test_429_comes_with_seconds_with_a_date_or_with_nothing(wire: Wire) -> None:
    for given_wait in (7, NOON, None):
        wire.fake.faults.add("send", rate_limited(given_wait))
    seconds, date, nothing = await wire.send(), await wire.send(), await wire.send()
    assert [one.status_code for one in (seconds, date, nothing)] == [429] * 3
    assert seconds.headers["Retry-After"] == "7"
    assert parsedate_to_datetime(date.headers["Retry-After"]) == NOON
    assert "Retry-After" not in nothing.headers


@pytest.mark.parametrize(
    ("fault", "accepted", "read"),
    [(Reset(), 0, True), (Reset(unread=True), 0, False), (Reset(accept=True), 1, True)],
)
async def test_a_reset_connection_is_a_reset_and_leaves_no_answer(
    wire: Wire, fault: Fault, accepted: int, *, read: bool
) -> None:
    wire.fake.faults.add("send", fault)
    with pytest.raises(httpx.ReadError) as broken:
        await wire.send()
    cause: BaseException | None = broken.value
    while cause is not None and not isinstance(cause, ConnectionResetError):
        cause = cause.__cause__ or cause.__context__
    assert cause is not None, "an orderly end is no reset"
    (seen,) = wire.fake.requests
    assert (seen.status, seen.body_read, seen.fault) == (None, read, fault)
    assert len(wire.fake.phones.of(ANN)) == accepted


@pytest.mark.parametrize("in_headers", [False, True])
async def test_a_cut_answer_ends_early_and_the_batch_was_taken(wire: Wire, *, in_headers: bool) -> None:
    wire.fake.faults.add("send", CutAnswer(in_headers=in_headers))
    with pytest.raises(httpx.RemoteProtocolError):
        await wire.send()
    assert len(wire.fake.phones.of(ANN)) == 1
    assert (await wire.look_up())["count"] == 1


@pytest.mark.parametrize(
    ("body", "content"), [(OddBody.EMPTY, b""), (OddBody.NOT_JSON, b"accepted"), (OddBody.NO_ID, None)]
)
async def test_a_201_that_says_nothing_useful_took_the_batch(wire: Wire, body: OddBody, content: bytes | None) -> None:
    wire.fake.faults.add("send", OddAnswer(body))
    answer = await wire.send()
    assert answer.status_code == 201
    assert answer.content == content if content is not None else "id" not in answer.json()
    assert len(wire.fake.phones.of(ANN)) == 1


async def test_a_slow_answer_takes_the_batch_before_or_after_the_wait(wire: Wire) -> None:
    for accept_first in (True, False):
        wire.fake.faults.add("send", Slow(0.05, accept_first=accept_first))
        sending = asyncio.create_task(wire.send())
        before = len(wire.fake.batches)
        await wire.fake.until(lambda fake: fake.requests[-1].fault is not None if fake.requests else False)
        assert len(wire.fake.batches) - before == accept_first
        assert (await sending).status_code == 201
        assert len(wire.fake.batches) == before + 1
        wire.fake.requests.clear()


async def test_a_caller_that_hangs_up_does_not_stop_a_slow_send(wire: Wire) -> None:
    wire.fake.faults.add("send", Slow(0.1))
    sending = asyncio.create_task(wire.send())
    await wire.fake.until(lambda fake: any(one.fault for one in fake.requests))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert wire.fake.batches == []
    await wire.fake.until(lambda fake: len(fake.batches) == 1)


@pytest.mark.parametrize("accept", [False, True])
async def test_a_stalled_send_ends_when_the_fake_stops(wire: Wire, *, accept: bool) -> None:
    wire.fake.faults.add("send", Stall(accept=accept))
    sending = asyncio.create_task(wire.send())
    await wire.fake.until(lambda fake: any(one.fault for one in fake.requests))
    assert not sending.done()
    await wire.fake.stop()
    with pytest.raises(httpx.TransportError):
        await sending
    assert len(wire.fake.batches) == accept


async def test_a_fault_hits_only_the_messages_it_is_aimed_at(wire: Wire) -> None:
    wire.fake.faults.add("send", Status(500), to=BOB.removeprefix("+"))
    wire.fake.faults.add("send", Status(502), text="parcel")
    wire.fake.faults.add("send", Status(504), client_reference="m-aimed-at")
    assert (await wire.send(ANN)).status_code == 201
    assert (await wire.send(ANN, BOB)).status_code == 500
    assert (await wire.send(ANN, text="Your parcel")).status_code == 502
    assert (await wire.send(ANN, reference="m-aimed-at")).status_code == 504
    assert (await wire.send(ANN, BOB, text="Your parcel", reference="m-aimed-at")).status_code == 201


async def test_a_look_up_can_be_aimed_at_by_the_message_it_is_about(wire: Wire) -> None:
    wire.fake.faults.add("send", Reset(), to=BOB)
    with pytest.raises(httpx.ReadError):
        await wire.send(BOB, reference="m-to-bob")
    wire.fake.faults.add("list", Status(500), None, to=BOB)
    assert (await wire.look_up("m-another"))["count"] == 0
    with pytest.raises(httpx.HTTPStatusError, match="500"):
        await wire.look_up("m-to-bob")


async def test_a_fault_lasts_as_often_as_was_said_or_until_cleared(wire: Wire) -> None:
    wire.fake.faults.add("send", Status(500), times=2)
    assert [(await wire.send()).status_code for _ in range(3)] == [500, 500, 201]
    wire.fake.faults.add("send", Status(500), times=None)
    assert [(await wire.send()).status_code for _ in range(3)] == [500, 500, 500]
    wire.fake.faults.clear()
    assert (await wire.send()).status_code == 201


async def test_a_fault_never_hides_a_mistake_of_the_caller(wire: Wire) -> None:
    wire.fake.faults.add("send", Status(500))
    assert (await wire.send("nobody")).status_code == 400
    assert (await wire.send()).status_code == 500


async def test_a_batch_stays_invisible_for_some_look_ups(wire: Wire) -> None:
    wire.fake.faults.add("list", Invisible(look_ups=2))
    wire.fake.faults.add("get", Invisible(look_ups=1))
    batch_id = (await wire.send()).json()["id"]
    assert [(await wire.look_up())["count"] for _ in range(3)] == [0, 0, 1]
    assert [(await wire.get(batch_id)).status_code for _ in range(2)] == [404, 200]
    await wire.send(reference="m-another")
    assert (await wire.look_up("m-another"))["count"] == 1


async def test_a_batch_stays_invisible_for_some_seconds(wire: Wire) -> None:
    wire.fake.faults.add("list", Invisible(seconds=3), None)
    await wire.send()
    assert (await wire.look_up())["count"] == 0
    wire.now += timedelta(seconds=3)
    assert (await wire.look_up())["count"] == 1


async def test_the_reference_can_be_ignored_as_an_old_deployment_might(wire: Wire) -> None:
    await wire.send(reference="m-one-one")
    await wire.send(reference="m-two-two")
    wire.fake.faults.add("list", NoReferenceFilter())
    assert (await wire.look_up("m-one-one"))["count"] == 2
    assert (await wire.look_up("m-one-one"))["count"] == 1


@pytest.mark.parametrize(
    ("operation", "fault", "to"),
    [
        ("send", Invisible(seconds=1), None),
        ("get", NoReferenceFilter(), None),
        ("send", Reset(unread=True), ANN),
        ("create_group", Invisible(seconds=1), None),
        ("list_groups", NoReferenceFilter(), None),
        ("fetch", Stall(), None),
    ],
)
def test_a_fault_that_could_never_happen_is_refused(operation: str, fault: Fault, to: str | None) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FakeSinch().faults.add(operation, fault, to=to)


def test_every_status_has_a_reason_even_an_unassigned_one() -> None:
    page = shaped(599, Shape.HTML, code="", text="", path="/", at=NOON).body
    assert b"599 Unassigned" in page


# Coming and going


async def test_while_it_is_away_connections_are_refused_and_then_it_is_back_on_the_same_port(wire: Wire) -> None:
    await wire.send()
    port = wire.fake.base_url
    await wire.fake.go_away()
    for _ in range(50):  # a free port on loopback would connect a client to itself now and then
        with pytest.raises(httpx.ConnectError):
            await wire.send()
    await wire.fake.come_back()
    assert wire.fake.base_url == port
    assert (await wire.send()).status_code == 201
    assert len(wire.fake.batches) == 2


async def test_going_away_breaks_what_is_under_way(wire: Wire) -> None:
    wire.fake.faults.add("send", Slow(30))
    sending = asyncio.create_task(wire.send())
    await wire.fake.until(lambda fake: any(one.fault for one in fake.requests))
    await wire.fake.go_away()
    with pytest.raises(httpx.TransportError):
        await sending
    await wire.fake.come_back()
    assert (await wire.send()).status_code == 201


async def test_many_sends_at_once_are_all_taken(wire: Wire) -> None:
    answers = await asyncio.gather(*(wire.send(reference=f"m-{n:08}") for n in range(60)))
    assert {one.status_code for one in answers} == {201}
    assert len({batch.id for batch in wire.fake.batches}) == 60


async def test_the_settings_point_the_bot_at_this_fake(wire: Wire) -> None:
    settings = wire.fake.settings()
    assert settings["SINCH_API_BASE_URL"] == wire.fake.base_url
    assert settings["SINCH_API_BASE_URL"].startswith("http://127.0.0.1:")
    assert set(settings) == {"SINCH_SERVICE_PLAN_ID", "SINCH_API_TOKEN", "SINCH_API_BASE_URL", "SINCH_NUMBER"}


async def test_a_caller_that_dies_in_the_middle_of_its_request_leaves_no_batch_and_is_no_fault(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = wire.fake.base_url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /xms/v1/{SANDBOX_PLAN}/batches HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {SANDBOX_TOKEN}\r\n"
        'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"to": ['.encode()
    )
    await wire.fake.until(lambda fake: bool(fake.seen("send")))
    writer.transport.abort()
    await wire.send(ANN)

    died, sent = wire.fake.seen("send")
    assert (died.status, died.body_read, sent.status) == (None, False, 201)
    assert len(wire.fake.batches) == 1
    assert [record.levelname for record in caplog.records if record.levelname == "ERROR"] == []
