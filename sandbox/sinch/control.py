"""The sandbox's own door for shells and other processes: JSON under ``/sandbox/``. Thin over FakeSinch.

=====================================  ==========================================================================
``GET /sandbox/phones``                number → messages
``POST /sandbox/replies``              ``{"from", "to"?, "text"?, "subject"?, "media"?: [{"url", "content_type"?}]}``
``POST /sandbox/scripts``              ``{"number", "code"?, "state"?, "dispatched_after_s"?, "final_after_s"?}``; else
                                       the last three digits of a number may be a code (``lives.script_of``)
``DELETE /sandbox/scripts``            every phone is as usual again
``GET, POST /sandbox/readings``        switch → reading, in words; a POST sets those that it names
``GET, POST /sandbox/callbacks``       what was called back; a POST sets ``{"url"}`` for the service plan, or null, and
                                       how they get through: ``{"newest_first", "times", "late_s", "lose_every"}``
``GET /sandbox/requests``              what was asked, and what was answered
``POST, DELETE /sandbox/faults``       see ``control_faults``
=====================================  ==========================================================================
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.sinch.callbacks import Callback
from sandbox.sinch.control_faults import add_fault
from sandbox.sinch.inbounds import InboundMedia
from sandbox.sinch.json_checks import web_address
from sandbox.sinch.lives import Script, State
from sandbox.sinch.refusals import Answer, RefusedError, json_answer
from sandbox.sinch.wire_values import msisdn_digits, write_time

if TYPE_CHECKING:
    from sandbox.sinch.server import FakeSinch, RequestSeen

PREFIX = "/sandbox/"
_DONE = {"ok": True}
_Act = Callable[["FakeSinch", dict[str, Any]], Awaitable[object]]


async def handle(fake: FakeSinch, request: web.BaseRequest) -> Answer:
    """Answer one control request; a wrong one gets 400 with a sentence."""
    verbs = _ACTS.get(request.rel_url.raw_path.removeprefix(PREFIX))
    if verbs is None:
        return Answer(404)
    act = verbs.get(request.method)
    if act is None:
        return Answer(405)
    try:
        given = _body(await request.read(), request.content_type) if request.method == "POST" else {}
        return json_answer(200, await act(fake, given))
    except RefusedError as refused:
        return json_answer(400, {"error": refused.text})
    except ValueError as wrong:
        return json_answer(400, {"error": str(wrong)})


def _body(raw: bytes, content_type: str) -> dict[str, Any]:
    if content_type != "application/json":
        raise ValueError("send application/json")
    given = json.loads(raw)
    if not isinstance(given, dict):
        raise ValueError("send an object")
    return given


async def _phones(fake: FakeSinch, _given: dict[str, Any]) -> object:
    return {number: [one.to_json() for one in inbox] for number, inbox in fake.phones.all().items()}


async def _reply(fake: FakeSinch, given: dict[str, Any]) -> object:
    _only(given, {"from": str, "to": str, "text": str, "subject": str, "media": list})
    for key in ("from", "to"):
        if (key == "from" or key in given) and not msisdn_digits(given.get(key, "")):
            raise ValueError(f'"{key}" is a number such as +12015550123')
    inbound = await fake.phones.reply(
        given["from"],
        given.get("to"),
        text=given.get("text"),
        subject=given.get("subject"),
        media=[_medium(one) for one in given.get("media", [])],
    )
    return inbound.to_json(fake.plan.write)


def _medium(given: object) -> InboundMedia:
    if not isinstance(given, dict) or not isinstance(given.get("url"), str):
        raise ValueError('"media" is a list of objects with "url"')
    _only(given, {"url": str, "content_type": str})
    return InboundMedia(given["url"], given.get("content_type", "image/jpeg"))


async def _script(fake: FakeSinch, given: dict[str, Any]) -> object:
    _only(given, {"number": str, "code": int, "state": str, "dispatched_after_s": float, "final_after_s": float})
    if not msisdn_digits(given.get("number", "")):
        raise ValueError('"number" is a number such as +12015550123')
    values = {key: value for key, value in given.items() if key != "number"}
    if "state" in values:
        values["state"] = State(values["state"])
    fake.phones.script(given["number"], Script(**values))
    return _DONE


async def _clear_scripts(fake: FakeSinch, _given: dict[str, Any]) -> object:
    fake.phones.clear_scripts()
    return _DONE


async def _readings(fake: FakeSinch, given: dict[str, Any]) -> object:
    _only(given, dict.fromkeys(given, str))
    fake.readings = fake.readings.changed(given)
    return fake.readings.to_json()


async def _callbacks(fake: FakeSinch, _given: dict[str, Any]) -> object:
    return [_callback_json(one) for one in fake.callbacks.all]


async def _callback_url(fake: FakeSinch, given: dict[str, Any]) -> object:
    _only(given, {"url": str, "newest_first": bool, "times": int, "late_s": float, "lose_every": int})
    travel = {key: value for key, value in given.items() if key != "url"}
    if not given:
        raise ValueError(
            '"url" is an address, or null; "newest_first", "times", "late_s", "lose_every" how they travel'
        )
    if given.get("url") is not None:
        web_address(given["url"], "url")
    if travel:
        fake.callbacks.travel = replace(fake.callbacks.travel, **travel)
    if "url" in given:
        fake.plan.callback_url = given["url"]
    return _DONE


async def _requests(fake: FakeSinch, _given: dict[str, Any]) -> object:
    return [_request_json(seen) for seen in fake.requests]


async def _add_fault(fake: FakeSinch, given: dict[str, Any]) -> object:
    add_fault(fake.faults, given)
    return _DONE


async def _clear_faults(fake: FakeSinch, _given: dict[str, Any]) -> object:
    fake.faults.clear()
    return _DONE


_ACTS: Mapping[str, Mapping[str, _Act]] = {
    "phones": {"GET": _phones},
    "replies": {"POST": _reply},
    "scripts": {"POST": _script, "DELETE": _clear_scripts},
    "readings": {"GET": _readings, "POST": _readings},
    "callbacks": {"GET": _callbacks, "POST": _callback_url},
    "requests": {"GET": _requests},
    "faults": {"POST": _add_fault, "DELETE": _clear_faults},
}


def _only(given: dict[str, Any], known: Mapping[str, type]) -> None:
    """Null stands for a wait that never ends, and for no address."""
    for key, value in given.items():
        if key not in known:
            raise ValueError(f'there is no "{key}" here')
        kinds = (int, float) if known[key] is float else known[key]
        nothing = value is None and key in ("dispatched_after_s", "final_after_s", "url")
        if not nothing and (not isinstance(value, kinds) or isinstance(value, bool) is not (kinds is bool)):
            raise ValueError(f'"{key}" has the wrong type')


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


def _callback_json(callback: Callback) -> dict[str, Any]:
    return {
        "url": callback.url,
        "fate": callback.fate,
        "attempts": [{"at": write_time(one.at), "status": one.status} for one in callback.attempts],
        "content": callback.content,
    }
