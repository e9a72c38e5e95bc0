"""Every exchange that is written down in ``sandbox/sinch/contract.toml``, played against the fake."""

from __future__ import annotations

import json
import ssl
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import sandbox.sinch
from sandbox.sinch import FakeSinch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loopback has no TLS; loading them takes longer than a test
_FIELDS = {
    "name", "source", "method", "path", "headers", "body", "first",
    "status", "code", "names", "empty", "answer", "absent",
}  # fmt: skip


def _contract() -> list[dict[str, Any]]:
    path = Path(sandbox.sinch.__file__).with_name("contract.toml")
    exchanges: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["exchange"]
    return exchanges


CONTRACT = _contract()


@pytest.mark.parametrize("exchange", CONTRACT, ids=[one["name"] for one in CONTRACT])
async def test_an_exchange_goes_as_documented(exchange: dict[str, Any]) -> None:
    assert set(exchange) <= _FIELDS
    assert exchange["source"]
    async with (
        FakeSinch(clock=lambda: NOON) as fake,
        httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES) as http,
    ):
        plan = f"{fake.base_url}/xms/v1/{fake.service_plan_id}"
        usual = {"Authorization": f"Bearer {fake.settings()['SINCH_API_TOKEN']}", "Content-Type": "application/json"}
        for body in exchange.get("first", []):
            made = await http.post(f"{plan}/batches", content=body, headers=usual)
            assert made.status_code == 201
        before = len(fake.batches)
        path = exchange["path"]
        answer = await http.request(
            exchange.get("method", "POST"),
            fake.base_url + path[1:] if path.startswith("//") else plan + path,
            content=exchange.get("body"),
            headers={name: value for name, value in (usual | exchange.get("headers", {})).items() if value},
        )
        _check(exchange, answer)
        accepted = len(fake.batches) - before
        assert accepted == (answer.status_code == 201)
        assert sum(map(len, fake.phones.all().values())) <= len(fake.batches)
        assert fake.requests[-1].status == answer.status_code


def _check(exchange: dict[str, Any], answer: httpx.Response) -> None:
    assert answer.status_code == exchange["status"], answer.text
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
    for key, value in exchange.get("answer", {}).items():
        assert told[key] == value, key
    for key in exchange.get("absent", []):
        assert key not in told
