"""Is a payload shaped as Slack documents it? Pure; asked before Bolt, which raises on what it does not expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Slack, "Slash commands": the fields of a command. Others that a form may hold mean something else to Bolt.
COMMAND_FIELDS = frozenset(
    {"token", "team_id", "team_domain", "enterprise_id", "enterprise_name", "channel_id", "channel_name"}
    | {"user_id", "user_name", "command", "text", "response_url", "trigger_id", "api_app_id"}
    | {"is_enterprise_install", "bot_id"}
)
_OBJECTS = ("team", "user", "enterprise", "view", "event", "channel", "container", "message")
_LISTS_OF_OBJECTS = ("authorizations", "response_urls", "actions")


def as_documented(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The payload as Bolt can take it; None if it is none that Slack sends."""
    if isinstance(body.get("command"), str):
        return {name: value for name, value in body.items() if name in COMMAND_FIELDS and isinstance(value, str)}
    if body.get("ssl_check") == "1":
        return {"ssl_check": "1"}
    kind = body.get("type")
    fits = (
        isinstance(kind, str)
        and all(body.get(name) is None or isinstance(body[name], dict) for name in _OBJECTS)
        and all(body.get(name) is None or _objects(body[name]) for name in _LISTS_OF_OBJECTS)
        and _kind_fits(kind, body)
    )
    if not fits:
        return None
    known = {name: value for name, value in body.items() if value is not None}
    if kind == "view_submission":
        known["view"] = {"type": "modal", **known["view"]}  # Bolt looks for it first of all
    return known


def _kind_fits(kind: str, body: Mapping[str, Any]) -> bool:
    match kind:
        case "view_submission" | "view_closed":
            view = body.get("view")
            return isinstance(view, dict) and isinstance(view.get("callback_id"), str)
        case "block_actions":
            actions = body.get("actions")
            return isinstance(actions, list) and bool(actions) and all(_named(action) for action in actions)
        case "event_callback":
            event = body.get("event")
            return isinstance(event, dict) and isinstance(event.get("type"), str)
        case "url_verification":
            return isinstance(body.get("challenge"), str)
        case _:
            return True


def _named(action: Any) -> bool:
    return isinstance(action, dict) and isinstance(action.get("action_id"), str)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)
