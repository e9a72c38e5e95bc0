"""The sandbox's own door for shells and other processes: JSON under ``/sandbox/``. Thin over FakeSinch.

``GET /sandbox/phones``, ``GET /sandbox/requests``, ``POST /sandbox/faults``, ``DELETE /sandbox/faults``. A fault is
``{"operation": "send", "fault": "status", "times": 1, "to": "+1…", "text": "…", "status": 503, "shape": "html"}``:
the name of a fault, whom it is aimed at, and its own fields; times ``null`` means until cleared.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.sinch.faults import (
    CutAnswer,
    Fault,
    Invisible,
    NoReferenceFilter,
    OddAnswer,
    OddBody,
    Reset,
    Slow,
    Stall,
    Status,
)
from sandbox.sinch.refusals import Answer, Shape, json_answer
from sandbox.sinch.wire_values import write_time

if TYPE_CHECKING:
    from sandbox.sinch.server import FakeSinch, RequestSeen

PREFIX = "/sandbox/"
FAULTS: dict[str, type[Fault]] = {
    "status": Status,
    "slow": Slow,
    "stall": Stall,
    "reset": Reset,
    "cut-answer": CutAnswer,
    "odd-answer": OddAnswer,
    "invisible": Invisible,
    "no-reference-filter": NoReferenceFilter,
}
_AIM = {"operation", "fault", "times", "to", "text", "client_reference"}
_TYPES: dict[str, tuple[type, ...]] = {
    "status": (int,),
    "shape": (str,),
    "code": (str,),
    "retry_after": (int, float, str),
    "accept": (bool,),
    "accept_first": (bool,),
    "unread": (bool,),
    "in_headers": (bool,),
    "seconds": (int, float),
    "look_ups": (int,),
    "body": (str,),
}


async def handle(fake: FakeSinch, request: web.BaseRequest) -> Answer:
    """Answer one control request; a wrong one gets 400 with a sentence."""
    match request.method, request.rel_url.raw_path:
        case "GET", "/sandbox/phones":
            phones = {number: [one.to_json() for one in inbox] for number, inbox in fake.phones.all().items()}
            return json_answer(200, phones)
        case "GET", "/sandbox/requests":
            return json_answer(200, [_request_json(seen) for seen in fake.requests])
        case "POST", "/sandbox/faults":
            try:
                _add_fault(fake, await request.read(), request.content_type)
            except ValueError as wrong:
                return json_answer(400, {"error": str(wrong)})
            return json_answer(200, {"ok": True})
        case "DELETE", "/sandbox/faults":
            fake.faults.clear()
            return json_answer(200, {"ok": True})
        case _, "/sandbox/phones" | "/sandbox/requests" | "/sandbox/faults":
            return Answer(405)
    return Answer(404)


def _request_json(seen: RequestSeen) -> dict[str, Any]:
    return {
        "operation": seen.operation,
        "method": seen.method,
        "path": seen.path,
        "at": write_time(seen.at),
        "status": seen.status,
        "client_reference": seen.client_reference,
        "body_read": seen.body_read,
        "fault": type(seen.fault).__name__ if seen.fault else None,
    }


def _add_fault(fake: FakeSinch, raw: bytes, content_type: str) -> None:
    if content_type != "application/json":
        raise ValueError("send application/json")
    given = json.loads(raw)
    if not isinstance(given, dict) or not isinstance(given.get("operation"), str):
        raise ValueError('send an object with "operation": send, list or get')
    kind = FAULTS.get(str(given.get("fault")))
    if kind is None:
        raise ValueError(f'"fault" is one of {", ".join(FAULTS)}')
    for key in ("to", "text", "client_reference"):
        if not isinstance(given.get(key), str | None):
            raise ValueError(f'"{key}" is text')
    times = given.get("times", 1)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool)):
        raise ValueError('"times" is a whole number, or null')
    fake.faults.add(
        given["operation"],
        _read_fault(kind, {key: value for key, value in given.items() if key not in _AIM}),
        times,
        to=given.get("to"),
        text=given.get("text"),
        client_reference=given.get("client_reference"),
    )


def _read_fault(kind: type[Fault], given: dict[str, Any]) -> Fault:
    known = {field.name for field in fields(kind)} - _AIM
    for key, value in given.items():
        if key not in known:
            raise ValueError(f'this fault has no "{key}"')
        if not isinstance(value, _TYPES[key]) or (isinstance(value, bool) and bool not in _TYPES[key]):
            raise ValueError(f'"{key}" has the wrong type')
    values = dict(given)
    if "shape" in values:
        values["shape"] = Shape(values["shape"])
    if "body" in values:
        values["body"] = OddBody(values["body"])
    try:
        return kind(**values)
    except TypeError:
        raise ValueError("a field of this fault is missing") from None
