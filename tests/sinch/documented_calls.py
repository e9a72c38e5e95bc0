"""The documented requests, as calls of the client: what a caller would write to make each of them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sinch import (
    CLEAR,
    AutoUpdate,
    BinaryMessage,
    BinaryUpdate,
    Keywords,
    MediaMessage,
    MediaUpdate,
    Message,
    Sinch,
    TextMessage,
    TextUpdate,
    Update,
)

TIMES = {"send_at", "expire_at", "start_date", "end_date"}
_MESSAGES: dict[str, type[Message]] = {"mt_text": TextMessage, "mt_binary": BinaryMessage, "mt_media": MediaMessage}
_UPDATES: dict[str, type[Update]] = {"mt_text": TextUpdate, "mt_binary": BinaryUpdate, "mt_media": MediaUpdate}


class Asked:
    """A documented request in parts. ``path`` is below the plan, decoded; ``query`` has one value for each name."""

    def __init__(self, exchange: dict[str, Any]) -> None:
        parts = urlsplit(exchange["path"])
        self.method: str = exchange.get("method", "POST")
        self.path = [unquote(part) for part in parts.path.split("/")[1:]]
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.body: Any = json.loads(exchange["body"]) if "body" in exchange else None

    def listed(self) -> dict[str, Any]:
        """The query of a list, as arguments."""
        arguments: dict[str, Any] = {}
        for name, value in self.query.items():
            if name in TIMES:
                arguments[name] = datetime.fromisoformat(value)
            elif name in ("status", "to", "from", "code"):
                arguments["from_" if name == "from" else name] = value.split(",")
            elif name == "page_size":
                arguments[name] = int(value)
            elif name != "page":
                arguments[name] = value
        return arguments


def message(body: dict[str, Any]) -> Message:
    return _MESSAGES[body["type"]](**_fields(body))


def update(body: dict[str, Any]) -> Update:
    return _UPDATES[body["type"]](**_fields(body))


async def call(client: Sinch, name: str, asked: Asked) -> Any:
    """Make the call ``name``; its result, for a list all of its entries."""
    made = _CALLS[name](client, asked)
    return [entry async for entry in made] if isinstance(made, AsyncIterator) else await made


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in body.items():
        if value is None:
            fields[name] = CLEAR
        elif name in TIMES:
            fields[name] = datetime.fromisoformat(value)
        elif name == "body" and body["type"] == "mt_media":
            fields |= value
        elif name == "body" and body["type"] == "mt_binary":
            fields[name] = base64.b64decode(value)
        elif name == "udh":
            fields[name] = bytes.fromhex(value)
        elif name != "type":
            fields["from_" if name == "from" else name] = value
    return fields


def _group(body: dict[str, Any]) -> dict[str, Any]:
    fields = {name: CLEAR if value is None else value for name, value in body.items()}
    if "auto_update" in fields:
        words = {name: Keywords(**pair) for name, pair in body["auto_update"].items() if name != "to"}
        fields["auto_update"] = AutoUpdate(to=body["auto_update"]["to"], **words)
    return fields


def _report(client: Sinch, asked: Asked) -> Awaitable[Any]:
    arguments = asked.listed()
    return client.delivery_reports.get(asked.path[1], full=arguments.pop("type", "summary") == "full", **arguments)


def _dry_run(client: Sinch, asked: Asked) -> Awaitable[Any]:
    return client.batches.dry_run(
        message(asked.body),
        per_recipient=asked.query.get("per_recipient") == "true",
        number_of_recipients=int(asked.query["number_of_recipients"])
        if "number_of_recipients" in asked.query
        else None,
    )


_CALLS: dict[str, Callable[[Sinch, Asked], Awaitable[Any] | AsyncIterator[Any]]] = {
    "batches.send": lambda client, asked: client.batches.send(message(asked.body)),
    "batches.dry_run": _dry_run,
    "batches.list": lambda client, asked: client.batches.list(**asked.listed()),
    "batches.get": lambda client, asked: client.batches.get(asked.path[1]),
    "batches.update": lambda client, asked: client.batches.update(asked.path[1], update(asked.body)),
    "batches.replace": lambda client, asked: client.batches.replace(asked.path[1], message(asked.body)),
    "batches.cancel": lambda client, asked: client.batches.cancel(asked.path[1]),
    "batches.send_delivery_feedback": lambda client, asked: client.batches.send_delivery_feedback(
        asked.path[1], asked.body["recipients"]
    ),
    "delivery_reports.get": _report,
    "delivery_reports.get_for_recipient": lambda client, asked: client.delivery_reports.get_for_recipient(
        asked.path[1], asked.path[3]
    ),
    "delivery_reports.list": lambda client, asked: client.delivery_reports.list(**asked.listed()),
    "inbounds.list": lambda client, asked: client.inbounds.list(**asked.listed()),
    "inbounds.get": lambda client, asked: client.inbounds.get(asked.path[1]),
    "groups.create": lambda client, asked: client.groups.create(**_group(asked.body)),
    "groups.list": lambda client, asked: client.groups.list(**asked.listed()),
    "groups.get": lambda client, asked: client.groups.get(asked.path[1]),
    "groups.list_members": lambda client, asked: client.groups.list_members(asked.path[1]),
    "groups.update": lambda client, asked: client.groups.update(asked.path[1], **_group(asked.body)),
    "groups.replace": lambda client, asked: client.groups.replace(asked.path[1], **_group(asked.body)),
    "groups.delete": lambda client, asked: client.groups.delete(asked.path[1]),
}
