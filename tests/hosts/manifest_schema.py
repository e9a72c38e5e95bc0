"""What Slack's public schema for app manifests says of the parts that an app like this has: nothing else is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]


def _text(least: int, most: int, pattern: str = r"[\s\S]*") -> Check:
    return lambda value: isinstance(value, str) and least <= len(value) <= most and bool(re.fullmatch(pattern, value))


def _words(most: int, of: Check) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(of, value))


def _is(kind: type) -> Check:
    return lambda value: type(value) is kind


_URL = _text(1, 3000, r"https?://\S+")

# Slack, "App manifest reference" and its JSON schema: a key that does not stand here is refused.
_SHAPE: dict[str, Any] = {
    "_metadata": {"major_version": _is(int), "minor_version": _is(int)},
    "display_information": {
        "name": _text(1, 35),
        "description": _text(1, 140),
        "long_description": _text(175, 4000),
        "background_color": _text(4, 7, "#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    },
    "features": {
        "app_home": {
            "home_tab_enabled": _is(bool),
            "messages_tab_enabled": _is(bool),
            "messages_tab_read_only_enabled": _is(bool),
        },
        "bot_user": {"display_name": _text(1, 80, "[a-z0-9._-]+"), "always_online": _is(bool)},
        "slash_commands": [
            {
                "command": _text(2, 32, "/.*"),
                "url": _URL,
                "description": _text(1, 2000),
                "usage_hint": _text(1, 1000),
                "should_escape": _is(bool),
            }
        ],
    },
    "oauth_config": {"scopes": {"bot": _words(255, _text(1, 100)), "user": _words(255, _text(1, 100))}},
    "settings": {
        "interactivity": {"is_enabled": _is(bool), "request_url": _URL},
        "event_subscriptions": {"request_url": _URL, "bot_events": _words(100, _text(1, 100))},
        "org_deploy_enabled": _is(bool),
        "socket_mode_enabled": _is(bool),
        "token_rotation_enabled": _is(bool),
    },
}
_REQUIRED = {
    "": {"display_information"},
    "display_information": {"name"},
    "features.bot_user": {"display_name"},
    "features.slash_commands": {"command", "description"},
    "settings.interactivity": {"is_enabled"},
}


def faults(manifest: Any, shape: Any = None, where: str = "") -> list[str]:
    """Where the manifest is not as Slack wants it; empty if all is well."""
    shape = _SHAPE if shape is None else shape
    match shape:
        case dict() if isinstance(manifest, dict):
            found = [f"{where}: {key!r} is missing" for key in _REQUIRED.get(where, set()) - set(manifest)]
            for key, value in manifest.items():
                inside = f"{where}.{key}".lstrip(".")
                found += faults(value, shape[key], inside) if key in shape else [f"{inside}: not known"]
            return found
        case list() if isinstance(manifest, list) and 1 <= len(manifest) <= 50:
            return [fault for one in manifest for fault in faults(one, shape[0], where)]
        case dict() | list():
            return [f"{where}: of another kind"]
        case _:
            return [] if shape(manifest) else [f"{where}: {manifest!r} is not taken"]
