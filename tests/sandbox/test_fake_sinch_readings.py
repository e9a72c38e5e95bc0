"""Every other reading of an uncertain point shows on the wire as it says, and the usual one as the contract has it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

import httpx
import pytest

from sandbox.sinch import InboundMedia, LateCancel, OtherPlan, Readings, Script
from tests.sandbox.contract import Scene

ANN, BOB = "+12015550123", "+12015550124"
ALTERNATIVES = Readings.alternatives()


class Wire(Scene):
    """A scene with the few requests that show readings."""

    async def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        return await self.ask({"method": method, "path": path, "body": None if body is None else json.dumps(body)})

    async def send(self, **more: Any) -> dict[str, Any]:
        answer = await self.call("POST", "/batches", {"from": "+12015550100", "to": [ANN], "body": "Hi", **more})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def report(self, **more: Any) -> dict[str, Any]:
        batch = await self.send(**more)
        return dict((await self.call("GET", f"/batches/{batch['id']}/delivery_report?type=full")).json())

    async def outcome(self, code: int) -> tuple[str, int]:
        """State and code of a message to a number for which this code is scripted."""
        self.fake.phones.script(ANN, Script(code))
        (status,) = (await self.report())["statuses"]
        return status["status"], status["code"]

    async def group(self, name: str) -> httpx.Response:
        return await self.call("POST", "/groups", {"name": name, "members": [ANN]})

    async def found(self, reference: str) -> int:
        """How many of two batches a reference finds."""
        await self.send(client_reference="m-00000001")
        await self.send(client_reference="m-00000002")
        return int((await self.call("GET", f"/batches?client_reference={reference}")).json()["count"])

    async def late(self, method: str, body: object = None) -> httpx.Response:
        """A request about a batch that has been sent."""
        return await self.call(method, f"/batches/{(await self.send())['id']}", body)

    async def early_cancel(self) -> list[Any]:
        """States in the report of a scheduled batch that was cancelled."""
        batch = await self.send(send_at="2026-03-01T13:00:00Z")
        await self.call("DELETE", f"/batches/{batch['id']}")
        report = (await self.call("GET", f"/batches/{batch['id']}/delivery_report")).json()
        return [one["code"] for one in report["statuses"]]

    async def medium(self) -> dict[str, Any]:
        """The medium of an inbound message."""
        inbound = await self.fake.phones.reply(ANN, media=[InboundMedia("https://bucket.example/a.jpg", "image/jpeg")])
        body = (await self.call("GET", f"/inbounds/{inbound.id}")).json()["body"]
        return dict(body["media"][0])

    async def media(self, **more: Any) -> httpx.Response:
        body = {"url": "https://pictures.example/a.tiff"}
        fields = {"type": "mt_media", "from": "+12015550100", "to": [ANN], "body": body, **more}
        return await self.call("POST", "/batches", fields)

    async def refusal(self) -> set[str]:
        """The keys of a refusal's body."""
        return set((await self.call("POST", "/batches", {})).json())


async def plus(wire: Wire) -> object:
    batch = await wire.send()
    report = (await wire.call("GET", f"/batches/{batch['id']}/delivery_report/12015550123")).json()
    inbound = await wire.fake.phones.reply(ANN, text="Hi")
    told = (await wire.call("GET", f"/inbounds/{inbound.id}")).json()
    group = (await wire.group("One")).json()["id"]
    (member,) = (await wire.call("GET", f"/groups/{group}/members")).json()
    return {batch["from"], told["to"]}, {*batch["to"], report["recipient"], told["from"], member}


async def other_plan(wire: Wire) -> object:
    return (await wire.call("GET", "//xms/v1/another-plan/batches")).status_code


async def canceled(wire: Wire) -> object:
    return (await wire.send())["canceled"]


async def late_cancel(wire: Wire) -> object:
    answer = await wire.late("DELETE")
    return answer.status_code, (answer.json().get("code") or answer.json()["canceled"]) if answer.content else None


async def late_update(wire: Wire) -> object:
    answer = await wire.late("POST", {"type": "mt_text", "body": "Hello"})
    return answer.status_code, answer.json()["code"]


async def older_names(wire: Wire) -> object:
    batch = await wire.send(send_at="2026-03-01T13:00:00Z")
    changes = {"type": "mt_text", "toAdd": [BOB], "toRemove": [ANN]}
    answer = await wire.call("POST", f"/batches/{batch['id']}", changes)
    return answer.json()["to"] if answer.is_success else answer.status_code


async def strict_validation(wire: Wire) -> object:
    return (await wire.media(strict_validation=True)).status_code


async def media_taken(wire: Wire) -> object:
    return (await wire.media()).status_code


async def blanks(wire: Wire) -> object:
    return [one["code"] for one in (await wire.report(body="Hi ${name}"))["statuses"]]


async def media_failure(wire: Wire) -> object:
    return await wire.outcome(416)


async def gateway_codes(wire: Wire) -> object:
    return await wire.outcome(3003)


async def expired(wire: Wire) -> object:
    return await wire.outcome(406)


async def cancelled(wire: Wire) -> object:
    return await wire.outcome(407)


async def capitals(wire: Wire) -> object:
    batch = await wire.send()
    recipient = (await wire.call("GET", f"/batches/{batch['id']}/delivery_report/12015550123")).json()
    return (await wire.outcome(0))[0], recipient["status"]


async def total(wire: Wire) -> object:
    return (await wire.report())["total_message_count"]


async def recipient_code(wire: Wire) -> object:
    batch = await wire.send()
    return (await wire.call("GET", f"/batches/{batch['id']}/delivery_report/12015550123")).json()["code"]


async def dry_run(wire: Wire) -> object:
    body = {"from": "+12015550100", "to": [ANN], "body": "Hi"}
    (one,) = (await wire.call("POST", "/batches/dry_run?per_recipient=true", body)).json()["per_recipient"]
    return one.get("number_of_parts"), one.get("message_part")


async def content_type(wire: Wire) -> object:
    return set(await wire.medium()) - {"url", "status", "code"}


async def upload_status(wire: Wire) -> object:
    return (await wire.medium())["status"]


async def repeats(wire: Wire) -> object:
    wire.fake.plan.callback_url = "http://127.0.0.1:1/"  # nobody listens there: it will be repeated
    wire.fake.callbacks.secret = "sandbox-webhook-secret"
    await wire.fake.phones.reply(ANN, text="Hi")
    (callback,) = wire.fake.callbacks.all
    first, wire.now = callback.signed, callback.due_at
    await wire.fake.callbacks.flush()
    return len(callback.attempts), callback.signed == first


async def deleted(wire: Wire) -> object:
    group = (await wire.group("One")).json()["id"]
    return (await wire.call("DELETE", f"/groups/{group}")).status_code


async def name_taken(wire: Wire) -> object:
    await wire.group("One")
    answer = await wire.group("One")
    return answer.status_code, answer.json().get("code")


# Switch → what shows it; reading → what is seen then. The first is the usual one.
SHOWN: dict[str, tuple[Callable[[Wire], Awaitable[object]], dict[str, object]]] = {
    "plus_in_answers": (
        plus,
        {"false": ({"12015550100"}, {"12015550123"}), "true": ({"+12015550100"}, {"+12015550123"})},
    ),
    "canceled_as_text": (canceled, {"false": False, "true": "False"}),
    "other_plan": (other_plan, {"unauthorized": 401, "not_found": 404}),
    "reference_filter": (lambda wire: wire.found("m-0000000"), {"exact": 0, "partial": 2, "ignored": 2}),
    "late_cancel": (
        late_cancel,
        {"conflict": (409, "conflict_send_at"), "empty_conflict": (409, None), "ok": (200, True)},
    ),
    "late_update": (
        late_update,
        {"forbidden": (403, "batch_already_dispatched"), "conflict": (409, "batch_already_dispatched")},
    ),
    "older_update_names": (older_names, {"false": 400, "true": ["12015550124"]}),
    "strict_validation": (strict_validation, {"in_report": 201, "at_once": 400}),
    "media_taken": (media_taken, {"true": 201, "false": 403}),
    "blanks_without_parameters_abort": (blanks, {"true": [405], "false": [0]}),
    "media_failure": (
        media_failure,
        {"aborted": ("Aborted", 416), "failed": ("Failed", 416), "rejected": ("Rejected", 416)},
    ),
    "gateway_codes": (gateway_codes, {"false": ("Aborted", 414), "true": ("Aborted", 3003)}),
    "expired_is_aborted": (expired, {"false": ("Expired", 406), "true": ("Aborted", 406)}),
    "cancelled_is_aborted": (cancelled, {"false": ("Cancelled", 407), "true": ("Aborted", 407)}),
    "cancelled_in_report": (lambda wire: wire.early_cancel(), {"false": [], "true": [407]}),
    "capital_statuses": (capitals, {"false": ("Delivered", "Delivered"), "true": ("DELIVERED", "DELIVERED")}),
    "total_as_text": (total, {"false": 1, "true": "1"}),
    "recipient_code_as_text": (recipient_code, {"false": 0, "true": "0"}),
    "message_part": (dry_run, {"false": (1, None), "true": (None, 1)}),
    "camel_content_type": (content_type, {"false": {"content_type"}, "true": {"contentType"}}),
    "capital_upload_status": (upload_status, {"false": "Uploaded", "true": "UPLOADED"}),
    "repeats_signed_anew": (repeats, {"true": (2, False), "false": (2, True)}),
    "group_deleted_without_content": (deleted, {"false": 200, "true": 204}),
    "group_name_taken": (
        name_taken,
        {
            "forbidden": (403, "conflict_group_name"),
            "conflict": (409, "conflict_group_name"),
            "allowed": (201, None),
        },
    ),
    "refusal_body": (
        lambda wire: wire.refusal(),
        {
            "code_and_text": {"code", "text"},
            "code_and_description": {"code", "description"},
            "framework": {"timestamp", "status", "error", "path"},
            "error_object": {"error"},
        },
    ),
}
CASES = [(switch, word) for switch, (_show, seen) in SHOWN.items() for word in seen]


@pytest.mark.parametrize(("switch", "word"), CASES)
async def test_a_reading_shows_on_the_wire(switch: str, word: str) -> None:
    show, seen = SHOWN[switch]
    async with Wire(Readings().changed({switch: word})) as wire:
        assert await show(wire) == seen[word]


@pytest.mark.parametrize("switch", SHOWN)
async def test_a_reading_can_be_switched_while_it_runs(switch: str) -> None:
    show, seen = SHOWN[switch]
    other = list(seen)[-1]
    async with Wire() as wire:
        await wire.send()
        wire.fake.readings = Readings().changed({switch: other})
        assert wire.fake.readings.to_json()[switch] == other
        assert await show(wire) == seen[other] or switch == "reference_filter"


def test_every_reading_is_shown_and_each_alternative_differs_in_one() -> None:
    usual = Readings().to_json()
    assert [field.name for field in fields(Readings)] == list(SHOWN) == list(usual)
    assert {switch: next(iter(seen)) for switch, (_show, seen) in SHOWN.items()} == usual
    assert {str(one) for one in ALTERNATIVES} == {f"{switch}={word}" for switch, word in CASES if usual[switch] != word}
    assert len(set(ALTERNATIVES)) == len(ALTERNATIVES)
    for one in ALTERNATIVES:
        assert sum(one.to_json()[switch] != usual[switch] for switch in usual) == 1


def test_readings_are_told_in_words() -> None:
    assert str(Readings()) == "usual"
    both = Readings(late_cancel=LateCancel.OK, other_plan=OtherPlan.NOT_FOUND)
    assert str(both) == "other_plan=not_found,late_cancel=ok"
    assert Readings().changed({"late_cancel": "ok", "other_plan": "not_found"}) == both


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"late_cancel": "perhaps"}, {"plus_in_answers": "yes"}])
def test_words_for_no_reading_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Readings().changed(wrong)


@pytest.mark.parametrize("readings", ALTERNATIVES, ids=str)
async def test_whatever_the_reading_a_text_is_sent_found_and_reported(readings: Readings) -> None:
    async with Wire(readings) as wire:
        batch = await wire.send(client_reference="m-00000001")
        (found,) = (await wire.call("GET", "/batches?client_reference=m-00000001")).json()["batches"]
        assert found == batch
        report = (await wire.call("GET", f"/batches/{batch['id']}/delivery_report")).json()
        assert [one["status"].casefold() for one in report["statuses"]] == ["delivered"]
        assert [one.text for one in wire.fake.phones.of(ANN)] == ["Hi"]
