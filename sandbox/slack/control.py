"""A small JSON control surface under ``/sandbox/``, so that the fake can be used from a shell. Thin.

=====================================  ======================================================================
``POST /sandbox/command``              ``{"person", "text", "command"?, "channel"?}``
``GET /sandbox/people/NAME``           messages, the open dialog and the Home tab
``POST /sandbox/dialog``               ``{"person", "values"?, "close"?}``: fills the top dialog in and submits it
``POST /sandbox/home``                 ``{"person", "tab"?}``: looks at the Home tab
``POST /sandbox/click``                ``{"person", "action_id", "ts"?}``: by default in the newest message that has it;
                                       with ``"on"``: ``"home"`` or ``"dialog"``, and ``"value"?``, there
``POST /sandbox/faults``               ``{"target", "status"?, "error"?, "retry_after"?, "delay_s"?, …}``
``DELETE /sandbox/faults``             all faults off
``GET /sandbox/calls``                 the record of calls and refusals, without arguments
``POST /sandbox/events_url``           ``{"url"}``: deliver by HTTP
=====================================  ======================================================================
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.slack.block_kit import elements_of
from sandbox.slack.delivery import Ack
from sandbox.slack.dialog import Dialog
from sandbox.slack.state import Message, NothingSeenError

if TYPE_CHECKING:
    from sandbox.slack.server import FakeSlack

_FAULT_KEYS = frozenset({"target", "status", "error", "retry_after", "delay_s", "drop", "after", "times"})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """The routes; every one is a call of what tests use."""

    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/sandbox/command", _answering(self._command)),
            web.get("/sandbox/people/{name}", _answering(self._person)),
            web.post("/sandbox/dialog", _answering(self._dialog)),
            web.post("/sandbox/home", _answering(self._home)),
            web.post("/sandbox/click", _answering(self._click)),
            web.post("/sandbox/faults", _answering(self._add_fault)),
            web.delete("/sandbox/faults", _answering(self._clear_faults)),
            web.get("/sandbox/calls", _answering(self._calls)),
            web.post("/sandbox/events_url", _answering(self._events_url)),
        ]

    async def _command(self, _request: web.Request, body: dict[str, Any]) -> object:
        person = self._slack.person(body["person"])
        answer = await person.command(
            body.get("command", "/mms"), body.get("text", ""), channel=body.get("channel", "general")
        )
        return {
            "status": answer.status,
            "error": answer.error,
            "elapsed_s": round(answer.elapsed_s, 4),
            "message": answer.message and _message(answer.message),
        }

    async def _person(self, request: web.Request, _body: dict[str, Any]) -> object:
        person = self._slack.person(request.match_info["name"])
        dialog = person.open_dialog()
        return {
            "id": person.id,
            "messages": [_message(message) for message in person.messages],
            "dialog": None if dialog is None else _shown_dialog(dialog),
            "home": None if person.home is None else _shown_home(person.home_shown, person.home),
        }

    async def _dialog(self, _request: web.Request, body: dict[str, Any]) -> object:
        dialog = await self._slack.person(body["person"]).dialog(timeout_s=float(body.get("timeout_s", 5.0)))
        if body.get("close"):
            await dialog.close()
            return {"outcome": "closed"}
        dialog.type_in(body.get("values", {}))
        answer = await dialog.submit()
        return {
            "outcome": answer.outcome,
            "status": answer.status,
            "errors": dict(answer.errors),
            "elapsed_s": round(answer.elapsed_s, 4),
        }

    async def _home(self, _request: web.Request, body: dict[str, Any]) -> object:
        return _ack(await self._slack.person(body["person"]).open_home(tab=body.get("tab", "home")))

    async def _click(self, _request: web.Request, body: dict[str, Any]) -> object:
        person, action_id = self._slack.person(body["person"]), body["action_id"]
        if (place := body.get("on", "message")) == "home":
            return _ack(await person.click_home(action_id, value=body.get("value")))
        if place == "dialog":
            dialog = await person.dialog(timeout_s=float(body.get("timeout_s", 5.0)))
            return _ack(await dialog.click(action_id, value=body.get("value")))
        fitting = [m for m in person.messages if body.get("ts", m.ts) == m.ts and action_id in m.buttons()]
        if not fitting:
            raise LookupError(f"{person.name} sees no message with the button {action_id!r}")
        return _ack(await person.click(fitting[-1], action_id))

    async def _add_fault(self, _request: web.Request, body: dict[str, Any]) -> object:
        if unknown := sorted(set(body) - _FAULT_KEYS):
            raise ValueError(f"unknown keys: {', '.join(unknown)}")
        self._slack.faults.add(**body)
        return {"ok": True}

    async def _clear_faults(self, _request: web.Request, _body: dict[str, Any]) -> object:
        self._slack.faults.clear()
        return {"ok": True}

    async def _calls(self, _request: web.Request, _body: dict[str, Any]) -> object:
        return {
            "calls": [{"method": call.method, "outcome": call.outcome, "at": call.at} for call in self._slack.calls],
            "refusals": [
                {"where": r.where, "problem": r.problem, "detail": list(r.detail)} for r in self._slack.refusals
            ],
        }

    async def _events_url(self, _request: web.Request, body: dict[str, Any]) -> object:
        self._slack.deliver_by_http(body["url"])
        return {"ok": True}


def _answering(act: Callable[[web.Request, dict[str, Any]], Awaitable[object]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            raw = await request.read()
            body = json.loads(raw) if raw else {}
            if not isinstance(body, dict):
                raise ValueError("the body must be a JSON object")
            return web.json_response(await act(request, body))
        except NothingSeenError as absent:
            return web.json_response({"problem": str(absent)}, status=404)
        except KeyError as missing:
            return web.json_response({"problem": f"missing key: {missing.args[0]}"}, status=400)
        except (ValueError, TypeError, LookupError) as wrong:
            return web.json_response({"problem": str(wrong)}, status=400)

    return handler


def _message(message: Message) -> dict[str, object]:
    return {
        "ts": message.ts,
        "channel": message.channel_id,
        "route": message.route,
        "ephemeral": message.ephemeral_to is not None,
        "text": message.text,
        "shown": message.shown,
        "buttons": message.buttons(),
    }


def _shown_dialog(dialog: Dialog) -> dict[str, object]:
    return {
        "title": dialog.title,
        "callback_id": dialog.callback_id,
        "shown": dialog.shown,
        "values": dialog.values,
        "errors": dialog.errors,
        "can_submit": dialog.can_submit,
    }


def _shown_home(shown: str, view: dict[str, Any]) -> dict[str, object]:
    buttons = [element for _, element in elements_of(view["blocks"]) if element["type"] == "button"]
    return {
        "shown": shown,
        "buttons": [
            {"action_id": one["action_id"], "label": one["text"]["text"], "value": one.get("value")} for one in buttons
        ],
    }


def _ack(ack: Ack) -> dict[str, object]:
    return {"status": ack.status, "error": ack.error, "elapsed_s": round(ack.elapsed_s, 4)}
