"""Every operation of the fake Sinch: told apart, and made to go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from sandbox.sinch import (
    CutAnswer,
    Fault,
    Invisible,
    NoReferenceFilter,
    OddAnswer,
    OddBody,
    Operation,
    Reset,
    Shape,
    Slow,
    Stall,
    Status,
)
from sandbox.sinch.refusals import shaped
from tests.sandbox.sinch_wire import ANN, BOB, NOON, Wire


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    await made.fake.start()
    yield made
    await made.http.aclose()
    await made.fake.stop()


OPERATIONS = [
    ("send", "POST", "/batches", '{"from":"+12015550100","to":["+12015550123"],"body":"Hi"}'),
    ("dry_run", "POST", "/batches/dry_run", '{"from":"+12015550100","to":["+12015550123"],"body":"Hi"}'),
    ("list", "GET", "/batches", None),
    ("get", "GET", "/batches/{batch}", None),
    ("update", "POST", "/batches/{batch}", '{"type":"mt_media","delivery_report":"none"}'),
    ("replace", "PUT", "/batches/{batch}", '{"from":"+12015550100","to":["+12015550123"],"body":"Hi"}'),
    ("cancel", "DELETE", "/batches/{batch}", None),
    ("delivery_feedback", "POST", "/batches/{batch}/delivery_feedback", '{"recipients":[]}'),
    ("delivery_report", "GET", "/batches/{batch}/delivery_report", None),
    ("recipient_report", "GET", "/batches/{batch}/delivery_report/12015550123", None),
    ("list_reports", "GET", "/delivery_reports", None),
    ("list_inbounds", "GET", "/inbounds", None),
    ("get_inbound", "GET", "/inbounds/{inbound}", None),
    ("create_group", "POST", "/groups", "{}"),
    ("list_groups", "GET", "/groups", None),
    ("get_group", "GET", "/groups/{group}", None),
    ("list_members", "GET", "/groups/{group}/members", None),
    ("update_group", "POST", "/groups/{group}", "{}"),
    ("replace_group", "PUT", "/groups/{group}", '{"members":[]}'),
    ("delete_group", "DELETE", "/groups/{group}", None),
]


async def _ready(wire: Wire, method: str, path: str, body: str | None) -> Callable[[], Awaitable[httpx.Response]]:
    """Make what the request needs; the request itself, to be made."""
    batch = await wire.send(send_at="2026-03-01T13:00:00Z", feedback_enabled=True)
    group = await wire.http.post(f"{wire.plan}/groups", json={}, headers=wire.headers)
    inbound = await wire.fake.phones.reply(ANN, text="Hi")
    wire.fake.requests.clear()
    filled = path.format(batch=batch.json()["id"], group=group.json()["id"], inbound=inbound.id)
    headers = wire.headers | {"Content-Type": "application/json"}
    return lambda: wire.http.request(method, wire.plan + filled, content=body, headers=headers)


def test_the_table_has_every_operation() -> None:
    assert [name for name, *_request in OPERATIONS] == list(Operation)


@pytest.mark.parametrize(("operation", "method", "path", "body"), OPERATIONS)
async def test_every_operation_works_and_can_be_told_apart(
    wire: Wire, operation: str, method: str, path: str, body: str | None
) -> None:
    ask = await _ready(wire, method, path, body)
    assert (await ask()).is_success
    (seen,) = wire.fake.seen(operation)
    assert (seen.method, seen.body_read, seen.body) == (method, body is not None, (body or "").encode())


@pytest.mark.parametrize(("operation", "method", "path", "body"), OPERATIONS)
async def test_every_operation_can_be_refused_in_any_shape(
    wire: Wire, operation: str, method: str, path: str, body: str | None
) -> None:
    ask = await _ready(wire, method, path, body)
    for shape in Shape:
        wire.fake.faults.add(operation, Status(503, shape))
        expected = shaped(
            503, shape, code="sandbox_fault", text="The sandbox was told to answer this.", path="", at=NOON
        )
        answer = await ask()
        assert answer.status_code == 503
        assert answer.headers.get("Content-Type") == expected.content_type or shape is Shape.EMPTY
        assert bool(answer.content) == bool(expected.body)
    assert (await ask()).is_success


@pytest.mark.parametrize("fault", [Reset(), Reset(unread=True), Stall(), CutAnswer(in_headers=True)], ids=repr)
@pytest.mark.parametrize(("operation", "method", "path", "body"), OPERATIONS)
async def test_every_operation_can_lose_its_answer(
    wire: Wire, operation: str, method: str, path: str, body: str | None, fault: Fault
) -> None:
    ask = await _ready(wire, method, path, body)
    wire.fake.faults.add(operation, fault)
    asking = asyncio.ensure_future(ask())
    await wire.fake.until(lambda fake: any(one.fault == fault for one in fake.requests))
    if isinstance(fault, Stall):
        await wire.fake.go_away()
    with pytest.raises(httpx.TransportError):
        await asking


@pytest.mark.parametrize("fault", [Slow(0.01), Slow(0.01, accept_first=True), OddAnswer(OddBody.NOT_JSON)], ids=repr)
@pytest.mark.parametrize(("operation", "method", "path", "body"), OPERATIONS)
async def test_every_operation_can_be_slow_or_answered_with_nonsense(
    wire: Wire, operation: str, method: str, path: str, body: str | None, fault: Fault
) -> None:
    ask = await _ready(wire, method, path, body)
    wire.fake.faults.add(operation, fault)
    answer = await ask()
    assert answer.is_success
    assert (answer.content == b"accepted") == isinstance(fault, OddAnswer)


async def test_a_fault_about_a_batch_can_be_aimed_by_its_message(wire: Wire) -> None:
    to_ann, to_bob = (await wire.send(ANN)).json()["id"], (await wire.send(BOB)).json()["id"]
    wire.fake.faults.add("delivery_report", Status(500), to=BOB)
    reports = [
        (await wire.http.get(f"{wire.plan}/batches/{one}/delivery_report", headers=wire.headers)).status_code
        for one in (to_ann, to_bob)
    ]
    assert reports == [200, 500]


async def test_a_batch_can_stay_invisible_to_its_report(wire: Wire) -> None:
    wire.fake.faults.add("delivery_report", Invisible(look_ups=1))
    batch_id = (await wire.send()).json()["id"]
    url = f"{wire.plan}/batches/{batch_id}/delivery_report"
    assert [(await wire.http.get(url, headers=wire.headers)).status_code for _ in range(2)] == [404, 200]


async def test_batches_of_one_reference_stay_in_order_when_the_older_is_changed(wire: Wire) -> None:
    older = (await wire.send(send_at="2026-03-01T13:00:00Z")).json()["id"]
    wire.now += timedelta(seconds=60)
    newer = (await wire.send()).json()["id"]
    change = {"type": "mt_media", "delivery_report": "none"}
    answer = await wire.http.post(f"{wire.plan}/batches/{older}", json=change, headers=wire.headers)
    assert answer.is_success
    assert [one["id"] for one in (await wire.look_up())["batches"]] == [newer, older]


@pytest.mark.parametrize("count", [100, 101])
async def test_an_update_adds_a_hundred_at_most(wire: Wire, count: int) -> None:
    batch_id = (await wire.send(send_at="2026-03-01T13:00:00Z")).json()["id"]
    change = {"type": "mt_media", "to_add": [f"+120155501{number:03}" for number in range(count)]}
    answer = await wire.http.post(f"{wire.plan}/batches/{batch_id}", json=change, headers=wire.headers)
    assert answer.status_code == (200 if count == 100 else 400)


@pytest.mark.parametrize("path", ["delivery_reports", "inbounds"])
async def test_the_other_lists_can_ignore_the_reference_as_well(wire: Wire, path: str) -> None:
    await wire.send(reference="m-one-one")
    await wire.fake.phones.reply(ANN, text="Thanks")
    wire.fake.faults.add("list", NoReferenceFilter(), None)
    wire.fake.faults.add("list_reports" if path == "delivery_reports" else "list_inbounds", NoReferenceFilter())
    query = {"client_reference": "m-two-two"}
    counts = [
        (await wire.http.get(f"{wire.plan}/{path}", params=query, headers=wire.headers)).json()["count"]
        for _ in range(2)
    ]
    assert counts == [1, 0]
