"""What the fake Sinch tells by itself, to a real receiver on loopback: when, what, how signed, how often again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from sandbox.sinch import AS_IT_HAPPENS, NO_LAST_WORD, FakeSinch, Fate, InboundMedia, Readings, Script, Travel
from sandbox.sinch.rules import read_batch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANN, BOB = "+12015550123", "+12015550124"
SECRET = "sandbox-webhook-secret"
PICTURE = {"url": "https://pictures.example/a.jpg"}


class Receiver:
    """Takes callbacks; answers with the next of ``statuses``, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._web = web.Server(self._handle, access_log=None)
        self._server = await asyncio.get_running_loop().create_server(self._web, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/sinch/callbacks"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._web.shutdown(timeout=0.01)
            await self._server.wait_closed()
            self._server = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": self.url} if 300 <= status <= 399 else {})

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(raw) for _headers, raw in self.got]


class World:
    """The fake with a clock that is moved by hand, and its receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self.now = NOON
        self.receiver = receiver
        self.fake = FakeSinch(clock=lambda: self.now, callback_url=receiver.url)

    def send(self, report: str, *to: str, **more: Any) -> str:
        """Accept a batch; its ID."""
        fields = {"type": "mt_text", "from": "+12015550100", "to": to or [ANN], "body": "Hi", **more}
        fields["delivery_report"] = report
        raw = json.dumps(fields).encode()
        asked = read_batch("application/json", raw, self.now, plan=self.fake.plan.rules())
        return self.fake.plan.accept(asked).id

    async def told_after(self, seconds: float = 0) -> list[dict[str, Any]]:
        """What comes when the clock moves."""
        before = len(self.receiver.got)
        self.now += timedelta(seconds=seconds)
        await self.fake.callbacks.flush()
        return self.receiver.told[before:]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def world(receiver: Receiver) -> AsyncIterator[World]:
    made = World(receiver)
    await made.fake.start()
    yield made
    await made.fake.stop()


# When, and what


async def test_without_a_wish_for_reports_nothing_is_told(world: World) -> None:
    world.send("none")
    assert await world.told_after(3600) == []


async def test_a_summary_is_told_once_when_every_message_has_its_last_state(world: World) -> None:
    world.fake.phones.script(BOB, Script(402, dispatched_after_s=60))
    batch_id = world.send("summary", ANN, BOB, client_reference="m-00000001")
    assert await world.told_after() == []
    (report,) = await world.told_after(60)
    assert report == {
        "type": "delivery_report_sms",
        "batch_id": batch_id,
        "total_message_count": 2,
        "statuses": [{"code": 0, "status": "Delivered", "count": 1}, {"code": 402, "status": "Aborted", "count": 1}],
        "client_reference": "m-00000001",
    }
    assert await world.told_after(3600) == []


async def test_a_full_report_has_the_recipients(world: World) -> None:
    world.send("full", ANN, BOB, type="mt_media", body=PICTURE)
    (report,) = await world.told_after()
    assert report["type"] == "delivery_report_mms"
    assert report["statuses"] == [
        {"code": 0, "status": "Delivered", "count": 2, "recipients": ["12015550123", "12015550124"]}
    ]


async def test_per_recipient_tells_each_step_when_it_is_reached(world: World) -> None:
    world.fake.phones.script(ANN, Script(257, dispatched_after_s=10, final_after_s=20))
    batch_id = world.send("per_recipient", type="mt_media", body=PICTURE)
    usual = {"type": "recipient_delivery_report_mms", "batch_id": batch_id, "recipient": "12015550123"}
    assert await world.told_after() == [usual | {"code": 400, "status": "Queued", "at": "2026-03-01T12:00:00.000Z"}]
    assert await world.told_after(9) == []
    assert await world.told_after(1) == [
        usual | {"code": 401, "status": "Dispatched", "at": "2026-03-01T12:00:10.000Z"}
    ]
    at = "2026-03-01T12:00:30.000Z"
    last = usual | {"code": 257, "status": "Rejected", "at": at, "operator_status_at": at}
    assert await world.told_after(60) == [last]
    assert await world.told_after(3600) == []


async def test_steps_that_are_reached_together_are_all_told(world: World) -> None:
    world.send("per_recipient", ANN)
    assert [one["status"] for one in await world.told_after()] == ["Queued", "Dispatched", "Delivered"]


async def test_per_recipient_final_tells_the_last_state_alone(world: World) -> None:
    world.fake.phones.script(BOB, NO_LAST_WORD)
    world.send("per_recipient_final", ANN, BOB)
    (report,) = await world.told_after()
    assert (report["recipient"], report["status"]) == ("12015550123", "Delivered")
    assert await world.told_after(4 * 24 * 3600) == []


async def test_a_summary_never_comes_when_a_carrier_says_no_more_than_dispatched(world: World) -> None:
    world.fake.phones.script(ANN, NO_LAST_WORD)
    world.send("summary")
    assert await world.told_after(4 * 24 * 3600) == []


async def test_a_scheduled_batch_is_told_of_when_it_was_sent(world: World) -> None:
    world.send("per_recipient_final", send_at="2026-03-01T13:00:00Z")
    assert await world.told_after(3599) == []
    assert [one["at"] for one in await world.told_after(1)] == ["2026-03-01T13:00:00.000Z"]


async def test_what_a_cancel_stops_and_what_expires_is_told(world: World) -> None:
    world.fake.phones.script(ANN, Script(dispatched_after_s=None))
    world.send("per_recipient_final", ANN)
    world.fake.plan.cancel(world.fake.batches[0])
    world.send("per_recipient_final", ANN, expire_at="2026-03-01T12:10:00Z")
    assert [(one["status"], one["code"]) for one in await world.told_after()] == [("Cancelled", 407)]
    assert [(one["status"], one["code"]) for one in await world.told_after(600)] == [("Expired", 406)]


async def test_a_batch_cancelled_before_its_time_tells_nothing_more(world: World) -> None:
    world.send("per_recipient", send_at="2026-03-01T13:00:00Z")
    world.send("summary", send_at="2026-03-01T13:00:00Z")
    assert [one["status"] for one in await world.told_after()] == ["Queued"]
    for batch in world.fake.batches:
        world.fake.plan.cancel(batch)
    assert await world.told_after(7200) == []


async def test_the_address_of_a_batch_goes_before_that_of_the_plan(world: World) -> None:
    other = Receiver()
    await other.start()
    world.send("summary", callback_url=other.url)
    assert await world.told_after() == []
    assert len(other.told) == 1
    await other.stop()


async def test_it_tells_by_itself_as_time_passes(receiver: Receiver) -> None:
    async with FakeSinch(callback_url=receiver.url) as fake:
        for _ in range(2):  # until it waits for something to happen
            await fake.phones.reply(ANN, text="Hi")
        fake.phones.script(ANN, Script(final_after_s=0.05))
        fields = {"from": "+12015550100", "to": [ANN], "body": "Hi", "delivery_report": "per_recipient_final"}
        now = datetime.now(UTC)
        fake.plan.accept(read_batch("application/json", json.dumps(fields).encode(), now, plan=fake.plan.rules()))
        await fake.until(lambda fake: [one.fate for one in fake.callbacks.all] == [Fate.TAKEN] * 3)
    assert receiver.told[2]["status"] == "Delivered"


# Inbound messages


async def test_a_reply_is_told_and_tied_to_what_it_answers(world: World) -> None:
    world.send("none", client_reference="m-00000001")
    inbound = await world.fake.phones.reply(ANN, text="Thanks")
    (told,) = world.receiver.told
    assert told == {
        "id": inbound.id,
        "type": "mo_text",
        "from": "12015550123",
        "to": "12015550100",
        "body": "Thanks",
        "operator_id": "310260",
        "received_at": "2026-03-01T12:00:00.000Z",
        "sent_at": "2026-03-01T12:00:00.000Z",
        "client_reference": "m-00000001",
    }


async def test_bytes_and_media_are_told(world: World) -> None:
    await world.fake.phones.reply(ANN, data=b"Hi There", udh=b"\x06\x05")
    await world.fake.phones.reply(
        ANN, "+12015550101", media=[InboundMedia("https://bucket.example/a.jpg", "image/jpeg")], subject="Cat"
    )
    binary, media = world.receiver.told
    assert (binary["type"], binary["body"], binary["udh"]) == ("mo_binary", "SGkgVGhlcmU=", "0605")
    assert (media["type"], media["to"]) == ("mo_media", "12015550101")
    picture = {"url": "https://bucket.example/a.jpg", "content_type": "image/jpeg", "status": "Uploaded", "code": 0}
    assert media["body"] == {"subject": "Cat", "media": [picture]}


async def test_a_reply_to_another_sender_is_tied_to_nothing(world: World) -> None:
    world.send("none", client_reference="m-00000001")
    inbound = await world.fake.phones.reply(ANN, "+12015550101", text="Thanks")
    assert inbound.client_reference is None


async def test_a_reply_before_the_message_arrived_is_tied_to_nothing(world: World) -> None:
    world.send("none", client_reference="m-00000001", send_at="2026-03-01T13:00:00Z")
    assert (await world.fake.phones.reply(ANN, text="Hello?")).client_reference is None


async def test_without_an_address_a_reply_is_only_kept() -> None:
    async with FakeSinch() as fake:
        inbound = await fake.phones.reply(ANN, text="Hello?")
        assert fake.plan.inbounds.all == [inbound]
        assert fake.callbacks.all == []


@pytest.mark.parametrize("wrong", [{"data": b"x", "text": "x"}, {"subject": "x", "text": "x"}])
async def test_a_reply_that_no_phone_can_write_is_refused(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        await world.fake.phones.reply(ANN, **wrong)
    assert world.fake.plan.inbounds.all == []


# Signatures


def signature(headers: dict[str, str], raw: bytes) -> str:
    nonce, timestamp = (headers[f"x-sinch-webhook-signature-{part}"] for part in ("nonce", "timestamp"))
    digest = hmac.new(SECRET.encode(), raw + f".{nonce}.{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


async def test_with_a_secret_every_callback_is_signed_over_its_raw_body(world: World) -> None:
    world.fake.callbacks.secret = SECRET
    await world.fake.phones.reply(ANN, text="Grüße 👋")
    ((headers, raw),) = world.receiver.got
    assert headers["content-type"] == "application/json"
    assert headers["x-sinch-webhook-signature-algorithm"] == "HmacSHA256"
    assert headers["x-sinch-webhook-signature-timestamp"] == str(int(NOON.timestamp()))
    assert headers["x-sinch-webhook-signature"] == signature(headers, raw)


async def test_without_a_secret_nothing_is_signed(world: World) -> None:
    await world.fake.phones.reply(ANN, text="Hi")
    ((headers, _raw),) = world.receiver.got
    assert not [name for name in headers if name.startswith("x-sinch")]


@pytest.mark.parametrize("anew", [True, False])
async def test_a_repeat_is_signed_anew_or_is_the_same(world: World, *, anew: bool) -> None:
    world.fake.callbacks.secret = SECRET
    world.fake.readings = Readings(repeats_signed_anew=anew)
    world.receiver.statuses = [500]
    await world.fake.phones.reply(ANN, text="Hi")
    await world.told_after(5)
    (first, raw), (second, again) = world.receiver.got
    assert raw == again
    for headers in (first, second):
        assert headers["x-sinch-webhook-signature"] == signature(headers, raw)
    differing = {name for name in first if first[name] != second[name]}
    assert differing == (
        {f"x-sinch-webhook-signature{part}" for part in ("", "-nonce", "-timestamp")} if anew else set()
    )


async def test_the_secret_is_in_the_settings_of_the_bot() -> None:
    assert FakeSinch(webhook_secret=SECRET).settings()["SINCH_WEBHOOK_SECRET"] == SECRET


# Repeats


async def test_after_a_5xx_it_is_repeated_with_doubling_waits_for_22_hours_and_45_minutes(world: World) -> None:
    world.receiver.statuses = [500, 502, 503, 504] * 5
    await world.fake.phones.reply(ANN, text="Hi")
    (callback,) = world.fake.callbacks.all
    while callback.fate is Fate.WAITING:
        await world.told_after((callback.due_at - world.now).total_seconds())
    waits = [
        (after.at - before.at).total_seconds()
        for before, after in zip(callback.attempts, callback.attempts[1:], strict=False)
    ]
    assert waits == [5 * 2**n for n in range(14)]
    assert callback.fate is Fate.GIVEN_UP
    assert len(world.receiver.got) == 15


async def test_it_is_not_repeated_before_its_time(world: World) -> None:
    world.receiver.statuses = [500]
    await world.fake.phones.reply(ANN, text="Hi")
    assert await world.told_after(4.9) == []
    assert len(await world.told_after(0.1)) == 1
    assert await world.told_after(3600) == []


async def test_without_a_connection_it_is_repeated(world: World) -> None:
    await world.receiver.stop()
    await world.fake.phones.reply(ANN, text="Hi")
    (callback,) = world.fake.callbacks.all
    assert [one.status for one in callback.attempts] == [None]
    assert callback.due_at == NOON + timedelta(seconds=5)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302])
async def test_what_is_refused_is_dropped(world: World, status: int) -> None:
    world.receiver.statuses = [status]
    await world.fake.phones.reply(ANN, text="Hi")
    assert [one.fate for one in world.fake.callbacks.all] == [Fate.DROPPED]
    assert await world.told_after(3600) == []
    assert len(world.receiver.got) == 1


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_any_2xx_takes_it(world: World, status: int) -> None:
    world.receiver.statuses = [status]
    await world.fake.phones.reply(ANN, text="Hi")
    assert [one.fate for one in world.fake.callbacks.all] == [Fate.TAKEN]


async def test_after_a_429_it_is_repeated_and_the_others_come_one_a_second(world: World) -> None:
    world.receiver.statuses = [429]
    world.send("per_recipient_final", ANN, BOB, "+12015550125")
    assert [one["recipient"] for one in await world.told_after()] == ["12015550123"]
    assert [one["recipient"] for one in await world.told_after(1)] == ["12015550124"]
    assert [one["recipient"] for one in await world.told_after(1)] == ["12015550125"]
    assert [one["recipient"] for one in await world.told_after(3)] == ["12015550123"]
    world.now += timedelta(minutes=2)
    world.send("per_recipient_final", ANN, BOB)
    assert len(await world.told_after()) == 2


async def test_while_the_fake_is_away_nothing_is_told_and_then_it_is(world: World) -> None:
    await world.fake.go_away()
    await world.fake.phones.reply(ANN, text="Hi")
    assert world.receiver.got == []
    with pytest.raises(RuntimeError):
        await world.fake.callbacks.flush()
    await world.fake.come_back()
    assert len(await world.told_after()) + len(world.receiver.got) >= 1
    assert [one.fate for one in world.fake.callbacks.all] == [Fate.TAKEN]


# How they get through


async def test_callbacks_can_come_in_the_wrong_order_twice_and_late(world: World) -> None:
    world.fake.callbacks.travel = Travel(newest_first=True, times=2, late_s=30)
    world.send("per_recipient")
    assert await world.told_after() == []
    told = await world.told_after(30)
    assert [one["code"] for one in told] == [0, 0, 401, 401, 400, 400]
    assert [one.fate for one in world.fake.callbacks.all] == [Fate.TAKEN] * 6
    assert await world.told_after(3600) == []


async def test_callbacks_can_get_lost(world: World) -> None:
    world.fake.callbacks.travel = Travel(lose_every=2)
    world.send("per_recipient")
    assert [one["code"] for one in await world.told_after()] == [401]
    assert [one.fate for one in world.fake.callbacks.all] == [Fate.LOST, Fate.TAKEN, Fate.LOST]
    world.fake.callbacks.travel = Travel(lose_every=1)
    world.send("per_recipient")
    assert await world.told_after(3600) == []
    world.fake.callbacks.travel = AS_IT_HAPPENS
    world.send("full")
    assert len(await world.told_after()) == 1
