"""The client against the list of documented exchanges.

What it asks is the documented request, to the field, and what it gives back is what the documented answer says. The
fake is held to the same list, so that the two can't agree on a mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Any

import pytest

from sandbox.sinch import Readings, ReferenceFilter
from sandbox.sinch.server import SANDBOX_PLAN, SANDBOX_TOKEN
from sinch import (
    BinaryMessage,
    Conflict,
    MediaMessage,
    NoRetry,
    NotFound,
    Refused,
    Sinch,
    StatusError,
    TextMessage,
    TextUpdate,
    digits,
)
from tests.sandbox.contract import Exchange, Scene, exchanges
from tests.sandbox.sinch_wire import NOON
from tests.sinch.documented_calls import TIMES, Asked, call
from tests.sinch.ticking import TickingClock

Serve = Callable[..., Awaitable[str]]

CALLS = [exchange for exchange in exchanges() if "client" in exchange]
FIRST_CALLS = [
    exchange for exchange in CALLS if Asked(exchange).query.get("page", "0") == "0"
]  # turning pages begins so
INVENTED_ID = "01JABCDEFGHJKMNPQRSTVWXY0"  # and one more character
USUAL_QUERY = {"page": "0", "page_size": "100", "type": "summary"}  # what may be said although it is usual
TEXT = TextMessage(to=["+12015550123"], from_="+12015550100", body="Hi", client_reference="m-00000001")
PICTURE = MediaMessage(
    to=["+12015550123"],
    from_="+12015550100",
    url="https://pictures.example/a.jpg",
    message="Hi",
    client_reference="m-00000001",
)


def client_for(base_url: str) -> Sinch:
    return Sinch(
        service_plan_id=SANDBOX_PLAN,
        api_token=SANDBOX_TOKEN,
        base_url=base_url,
        retry=NoRetry(),
        clock=TickingClock(),
        trust_env=False,
    )


class Documented:
    """A server that knows one exchange: it keeps what it is asked, and answers what is documented."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handle(self, reader: Any, writer: Any) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {
                name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, target, _ = first.split(" ")
            self.requests.append((method, target, headers, body))
            answer = self._answer()
            status = self.exchange["status"]
            writer.write(
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
                + answer
            )
            await writer.drain()

    def _answer(self) -> bytes:
        if self.exchange.get("empty"):
            return b""
        if "code" in self.exchange:
            return json.dumps({"code": self.exchange["code"], "text": "A sentence."}).encode()
        answer = self.exchange["answer"]
        name, _, action = self.exchange["client"].partition(".")
        if action == "list":
            answer = {name: []} | answer  # some exchanges are about the filters only
        elif isinstance(answer, dict):
            # The list names the fields that matter; what every such answer has besides:
            who = "12015550123"
            answer = {"id": f"{INVENTED_ID}9", "batch_id": f"{INVENTED_ID}9", "recipient": who, "from": who} | answer
        return json.dumps(answer).encode()


def with_ids(exchange: Exchange) -> Exchange:
    """The exchange with an ID wherever it stands for one that an earlier step made."""
    filled: Exchange = json.loads(re.sub(r"\$\{first\.(\d)\.\w+\}", rf"{INVENTED_ID}\1", json.dumps(exchange)))
    return filled


@pytest.mark.parametrize("exchange", FIRST_CALLS, ids=[exchange["name"] for exchange in FIRST_CALLS])
async def test_a_call_is_the_documented_request_and_its_result_the_documented_answer(
    exchange: Exchange, serve: Serve
) -> None:
    exchange = with_ids(exchange)
    server = Documented(exchange)
    asked = Asked(exchange)
    async with client_for(await serve(server.handle)) as client:
        await check_outcome(client, exchange, asked)
    method, target, headers, body = server.requests[0]
    got = Asked({"path": target.removeprefix(f"/xms/v1/{SANDBOX_PLAN}"), "method": method})
    assert (got.method, got.path) == (asked.method, asked.path)
    assert headers["authorization"] == f"Bearer {SANDBOX_TOKEN}"
    assert same_times(got.query) == same_times(
        {**{k: v for k, v in USUAL_QUERY.items() if k in got.query}, **asked.query}
    )
    assert (json.loads(body) if body else None) == asked.body or same_times(json.loads(body)) == same_times(asked.body)
    assert headers.get("content-type") == ("application/json" if asked.body is not None else None)


@pytest.mark.parametrize("exchange", CALLS, ids=[exchange["name"] for exchange in CALLS])
async def test_a_call_at_the_fake_ends_as_documented(exchange: Exchange) -> None:
    async with Scene() as scene:
        await scene.set_up(exchange)
        async with client_for(scene.fake.base_url) as client:
            filled = scene.filled(exchange)
            await check_outcome(client, filled, Asked(filled))


async def check_outcome(client: Sinch, exchange: Exchange, asked: Asked) -> None:
    if exchange["status"] >= 300:
        with pytest.raises(StatusError) as caught:
            await call(client, exchange["client"], asked)
        assert (caught.value.status, caught.value.code) == (exchange["status"], exchange.get("code"))
        assert caught.value.maybe_sent is False
        return
    result = await call(client, exchange["client"], asked)
    answer: Any = exchange.get("answer")
    if exchange.get("empty"):
        assert result is None
    elif isinstance(answer, list):
        assert result == tuple(map(digits, answer))
    elif isinstance(result, list):
        wanted = answer.get(exchange["client"].partition(".")[0], [])
        if wanted and answer["page"] == 0:
            assert len(result) == len(wanted)
        for entry, documented in zip(result, wanted, strict=False):
            assert_says(entry.to_json(), documented)
    else:
        assert_says(result.to_json(), answer)


def assert_says(told: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key, value in wanted.items():
        assert told[key] == value, key


def same_times(fields: Any) -> Any:
    """With times as moments: however they are written, they are the same."""
    if not isinstance(fields, dict):
        return fields
    return {
        key: datetime.fromisoformat(value) if key in TIMES and isinstance(value, str) else value
        for key, value in fields.items()
    }


# --- either reading of what is not certain


@pytest.mark.parametrize("readings", [Readings(), *Readings.alternatives()], ids=str)
async def test_the_client_does_its_work_under_either_reading(readings: Readings) -> None:
    """A tour of the API, with what must hold whatever the documents turn out to mean."""
    async with Scene(readings) as scene, client_for(scene.fake.base_url) as client:
        text = await client.batches.send(TEXT)
        assert (text.to, text.from_, text.canceled) == (("12015550123",), "12015550100", False)
        if readings.media_taken:
            picture = await client.batches.send(PICTURE)
            assert picture.to == text.to
        else:
            with pytest.raises(Refused):
                await client.batches.send(PICTURE)
        await client.batches.send(BinaryMessage(to=["+12015550123"], from_="+12015550100", body=b"Hi", udh=b"\x00"))
        await find_by_reference(client, scene, readings)
        await follow_to_the_phone(client, text.id)
        await change_and_cancel(client, text.id)
        await keep_a_group(client)
        await read_what_came_in(client, scene)


async def find_by_reference(client: Sinch, scene: Scene, readings: Readings) -> None:
    near = await client.batches.send(
        TextMessage(to=["+12015550124"], from_="+12015550100", body="Hi", client_reference="m-00000001x")
    )
    found = await client.batches.find(client_reference="m-00000001", start_date=NOON)
    assert len(found) == 1 + readings.media_taken
    assert near.id not in {batch.id for batch in found}
    listed = [batch.id async for batch in client.batches.list(client_reference="m-00000001", start_date=NOON)]
    exact = readings.reference_filter is ReferenceFilter.EXACT
    assert set(listed) >= {batch.id for batch in found}
    assert (near.id in listed) is not exact


async def follow_to_the_phone(client: Sinch, batch_id: str) -> None:
    report = await client.delivery_reports.get(batch_id, full=True)
    [status] = report.statuses
    assert (report.total_message_count, status.code, status.status, status.count) == (1, 0, "Delivered", 1)
    assert status.recipients == ("12015550123",)
    one = await client.delivery_reports.get_for_recipient(batch_id, "+1 201 555 0123")
    assert (one.recipient, one.code, one.status, one.final) == ("12015550123", 0, "Delivered", True)
    reports = [report async for report in client.delivery_reports.list(start_date=NOON, status=["Delivered"])]
    assert one in reports


async def change_and_cancel(client: Sinch, sent_id: str) -> None:
    later = await client.batches.send(
        TextMessage(to=["+12015550125"], from_="+12015550100", body="Hi", send_at=NOON.replace(hour=18))
    )
    changed = await client.batches.update(later.id, TextUpdate(to_add=["+12015550126"], body="Hello"))
    assert (changed.to, changed.body) == (("12015550125", "12015550126"), "Hello")
    assert (await client.batches.cancel(later.id)).canceled is True
    dry = await client.batches.dry_run(TEXT, per_recipient=True)
    assert [(one.recipient, one.number_of_parts) for one in dry.per_recipient] == [("12015550123", 1)]
    with suppress(Conflict):
        assert (await client.batches.cancel(sent_id)).id == sent_id
    with pytest.raises((Refused, Conflict)):
        await client.batches.update(sent_id, TextUpdate(body="Too late"))


async def keep_a_group(client: Sinch) -> None:
    group = await client.groups.create(name="Couriers", members=["+12015550123"])
    with suppress(Refused, Conflict):
        assert (await client.groups.create(name="Couriers")).id != group.id
    assert await client.groups.list_members(group.id) == ("12015550123",)
    await client.groups.delete(group.id)
    with pytest.raises(NotFound):
        await client.groups.get(group.id)


async def read_what_came_in(client: Sinch, scene: Scene) -> None:
    await scene.set_up(
        {
            "first": [
                {"reply": {"from": "+12015550123", "text": "Thanks"}},
                {
                    "reply": {
                        "from": "+12015550123",
                        "media": [{"url": "https://b.example/a.jpg", "content_type": "image/jpeg"}],
                    }
                },
            ]
        }
    )
    inbounds = [inbound async for inbound in client.inbounds.list(start_date=NOON)]
    assert {(inbound.type, inbound.from_) for inbound in inbounds} == {
        ("mo_text", "12015550123"),
        ("mo_media", "12015550123"),
    }
    for inbound in inbounds:
        assert await client.inbounds.get(inbound.id) == inbound
    [medium] = next(inbound.body.media for inbound in inbounds if inbound.type == "mo_media")  # type: ignore[union-attr]
    assert (medium.content_type, medium.status) == ("image/jpeg", "Uploaded")
