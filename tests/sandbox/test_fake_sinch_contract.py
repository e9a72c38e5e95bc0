"""Every exchange that is written down in ``sandbox/sinch/contract``, played against the fake."""

from __future__ import annotations

import json
from collections import Counter

import httpx
import pytest

from sandbox.sinch import Operation
from tests.sandbox.contract import Exchange, Scene, exchanges

_FIELDS = {
    "name", "source", "client", "method", "path", "headers", "body", "first",
    "status", "code", "names", "empty", "answer", "absent", "effects",
}  # fmt: skip
CLIENT_CALLS = {
    "batches.send", "batches.dry_run", "batches.list", "batches.get", "batches.update", "batches.replace",
    "batches.cancel", "batches.send_delivery_feedback", "delivery_reports.get", "delivery_reports.get_for_recipient",
    "delivery_reports.list", "inbounds.list", "inbounds.get", "groups.create", "groups.list", "groups.get",
    "groups.list_members", "groups.update", "groups.replace", "groups.delete",
}  # fmt: skip
CONTRACT = exchanges()


@pytest.mark.parametrize("exchange", CONTRACT, ids=[one["name"] for one in CONTRACT])
async def test_an_exchange_goes_as_documented(exchange: Exchange) -> None:
    async with Scene() as scene:
        await scene.set_up(exchange)
        before = len(scene.fake.batches)
        answer = await scene.ask(exchange)
        _check(scene, exchange, answer)
        assert len(scene.fake.batches) - before == (scene.fake.requests[-1].operation == "send" and answer.is_success)
        assert scene.fake.requests[-1].status == answer.status_code


def _check(scene: Scene, exchange: Exchange, answer: httpx.Response) -> None:
    assert answer.status_code == exchange["status"], answer.text
    for effect, wanted in scene.filled(exchange.get("effects", {})).items():
        match effect:
            case "feedback":
                assert list(scene.fake.plan.feedback[-1].recipients) == wanted
            case "group_members":
                groups = {group.id: group.members for group in scene.fake.plan.groups.newest_first()}
                assert {group_id: groups[group_id] for group_id in wanted} == wanted
            case _:
                pytest.fail(f"nobody checks the effect {effect}")
    if exchange.get("empty"):
        assert answer.content == b""
        return
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.json()
    if "code" in exchange:
        assert set(told) == {"code", "text"}
        assert told["code"] == exchange["code"], told
        for word in exchange.get("names", []):
            assert word in told["text"]
        return
    assert "null" not in json.dumps(told)  # unset fields are left out
    wanted = scene.filled(exchange["answer"])
    if isinstance(wanted, list):
        assert told == wanted
        return
    for key, value in wanted.items():
        assert told[key] == value, key
    for key in exchange.get("absent", []):
        assert key not in told


@pytest.mark.parametrize("exchange", CONTRACT, ids=[one["name"] for one in CONTRACT])
def test_an_exchange_is_written_as_agreed(exchange: Exchange) -> None:
    assert set(exchange) <= _FIELDS
    assert exchange["source"]
    assert exchange.get("client") in CLIENT_CALLS | {None}
    refused = exchange["status"] >= 300
    assert ("code" in exchange or exchange.get("empty", False)) if refused else "code" not in exchange


def test_names_are_unique_and_every_call_of_a_client_has_an_answer_that_is_no_refusal() -> None:
    assert [name for name, count in Counter(one["name"] for one in CONTRACT).items() if count > 1] == []
    assert {one["client"] for one in CONTRACT if "client" in one and one["status"] < 300} == CLIENT_CALLS


async def test_every_operation_of_the_fake_is_in_the_contract() -> None:
    played = set[str]()
    for exchange in CONTRACT:
        if exchange["status"] < 300:
            async with Scene() as scene:
                await scene.set_up(exchange)
                await scene.ask(exchange)
                played.add(str(scene.fake.requests[-1].operation))
    assert played == set(Operation)
