"""The fake Sinch from a shell: phones, replies, scripts, readings, callbacks, requests, faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.sinch import Travel
from tests.sandbox.sinch_wire import ANN, BOB, Wire


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    await made.fake.start()
    yield made
    await made.http.aclose()
    await made.fake.stop()


async def _control(wire: Wire, method: str, path: str, **more: Any) -> httpx.Response:
    return await wire.http.request(method, f"{wire.fake.base_url}/sandbox/{path}", **more)


async def test_a_shell_reads_the_phones_and_the_requests(wire: Wire) -> None:
    await wire.send()
    (message,) = (await _control(wire, "GET", "phones")).json()[ANN]
    assert message["batch_id"] == wire.fake.batches[0].id
    assert message["text"] == "Hi"
    (seen,) = (await _control(wire, "GET", "requests")).json()
    assert (seen["operation"], seen["status"], seen["client_reference"]) == ("send", 201, "m-00000001")


async def test_a_shell_switches_faults_on_and_off(wire: Wire) -> None:
    fault = {"operation": "send", "fault": "status", "status": 503, "shape": "html", "to": ANN, "times": None}
    assert (await _control(wire, "POST", "faults", json=fault)).status_code == 200
    assert (await wire.send(ANN)).status_code == 503
    assert (await wire.send(BOB)).status_code == 201
    assert (await _control(wire, "DELETE", "faults")).status_code == 200
    assert (await wire.send(ANN)).status_code == 201


async def test_a_shell_says_how_callbacks_get_through(wire: Wire) -> None:
    travel = {"newest_first": True, "times": 2, "late_s": 1.5, "lose_every": 3}
    assert (await _control(wire, "POST", "callbacks", json=travel)).status_code == 200
    assert wire.fake.callbacks.travel == Travel(newest_first=True, times=2, late_s=1.5, lose_every=3)
    assert (await _control(wire, "POST", "callbacks", json={"times": 1})).status_code == 200
    assert wire.fake.callbacks.travel == Travel(newest_first=True, times=1, late_s=1.5, lose_every=3)
    assert wire.fake.plan.callback_url is None


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"operation": "send"},
        {"operation": "send", "fault": "fire"},
        {"operation": "fetch", "fault": "stall"},
        {"operation": ["send"], "fault": "stall"},
        {"operation": "send", "fault": "status"},
        {"operation": "send", "fault": "status", "status": "503"},
        {"operation": "send", "fault": "status", "status": True},
        {"operation": "send", "fault": "status", "status": 503, "shape": "round"},
        {"operation": "send", "fault": "slow", "seconds": 1, "speed": 2},
        {"operation": "send", "fault": "stall", "times": 0},
        {"operation": "send", "fault": "stall", "times": "many"},
        {"operation": "send", "fault": "stall", "to": 1},
        {"operation": "list", "fault": "invisible"},
    ],
)
async def test_a_wrong_fault_from_a_shell_is_refused_with_a_sentence(wire: Wire, wrong: object) -> None:
    answer = await _control(wire, "POST", "faults", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (await wire.send()).status_code == 201


async def test_a_shell_scripts_a_number_and_takes_it_back(wire: Wire) -> None:
    for script in ({"number": ANN, "code": 402}, {"number": BOB, "code": 9, "state": "Deleted", "final_after_s": 60}):
        assert (await _control(wire, "POST", "scripts", json=script)).status_code == 200
    await wire.send(ANN, BOB)
    wire.now += timedelta(seconds=60)
    assert [one.now(wire.now).code for one in wire.fake.batches[0].messages] == [402, 9]
    never = {"number": BOB, "dispatched_after_s": None}
    assert (await _control(wire, "POST", "scripts", json=never)).status_code == 200
    await wire.send(BOB)
    assert wire.fake.batches[1].messages[0].now(wire.now).code == 400
    assert (await _control(wire, "DELETE", "scripts")).status_code == 200
    await wire.send(ANN)
    assert wire.fake.batches[2].messages[0].now(wire.now).code == 0


async def test_a_shell_writes_on_a_phone_and_sees_what_was_called_back(wire: Wire) -> None:
    address = "http://127.0.0.1:1/"  # nobody listens there
    assert (await _control(wire, "POST", "callbacks", json={"url": address})).status_code == 200
    reply = {"from": ANN, "text": "Look", "subject": "Cat", "media": [{"url": "https://bucket.example/a.jpg"}]}
    told = (await _control(wire, "POST", "replies", json=reply)).json()
    assert (told["type"], told["body"]["message"]) == ("mo_media", "Look")
    (callback,) = (await _control(wire, "GET", "callbacks")).json()
    assert (callback["url"], callback["fate"], callback["content"]) == (address, "waiting", told)
    assert callback["attempts"] == [{"at": "2026-03-01T12:00:00.000Z", "status": None}]
    assert (await _control(wire, "POST", "callbacks", json={"url": None})).status_code == 200
    assert (await _control(wire, "POST", "replies", json={"from": ANN, "text": "Hi"})).status_code == 200
    assert len((await _control(wire, "GET", "callbacks")).json()) == 1


async def test_a_shell_switches_readings(wire: Wire) -> None:
    before = (await _control(wire, "GET", "readings")).json()
    assert before["late_cancel"] == "conflict"
    after = (await _control(wire, "POST", "readings", json={"late_cancel": "ok"})).json()
    assert after == before | {"late_cancel": "ok"} == wire.fake.readings.to_json()


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("scripts", {}),
        ("scripts", {"number": "ann"}),
        ("scripts", {"number": ANN, "code": "402"}),
        ("scripts", {"number": ANN, "code": None}),
        ("scripts", {"number": ANN, "code": True}),
        ("scripts", {"number": ANN, "state": "Lost"}),
        ("scripts", {"number": ANN, "state": "Queued"}),
        ("scripts", {"number": ANN, "final_after_s": -1}),
        ("scripts", {"number": ANN, "colour": "red"}),
        ("replies", {"text": "Hi"}),
        ("replies", {"from": "ann", "text": "Hi"}),
        ("replies", {"from": ANN, "text": 1}),
        ("replies", {"from": ANN, "text": "Hi", "subject": "Cat"}),
        ("replies", {"from": ANN, "media": ["https://bucket.example/a.jpg"]}),
        ("replies", {"from": ANN, "media": [{"url": "https://bucket.example/a.jpg", "code": 1}]}),
        ("readings", {"late_cancel": "perhaps"}),
        ("readings", {"late_cancel": True}),
        ("readings", {"colour": "red"}),
        ("callbacks", {}),
        ("callbacks", {"url": "bot"}),
        ("callbacks", {"times": 0}),
        ("callbacks", {"times": True}),
        ("callbacks", {"late_s": -1}),
        ("callbacks", {"lose_every": -1}),
        ("callbacks", {"newest_first": 1}),
        ("callbacks", {"lost": 1}),
        ("callbacks", {"url": 1}),
    ],
)
async def test_anything_else_from_a_shell_is_refused_with_a_sentence(wire: Wire, path: str, wrong: object) -> None:
    answer = await _control(wire, "POST", path, json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_the_control_paths_are_no_requests_to_sinch(wire: Wire) -> None:
    assert (await _control(wire, "PUT", "phones")).status_code == 405
    assert (await _control(wire, "GET", "else")).status_code == 404
    assert wire.fake.requests == []
