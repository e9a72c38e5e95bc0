"""The Slack app as a manifest: one for Socket Mode, one for HTTP. Pure; ``manifest.yaml`` is what this writes.

Slack, "App manifest reference".
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlsplit

from bot.slack.scopes import BOT_EVENTS, BOT_SCOPES

EVENTS_PATH = "/slack/events"
CREATE_APP = "https://api.slack.com/apps?new_app=1&manifest_json="  # Slack, "Sharing app manifests"
_LONGEST_URL = 3000  # Slack's manifest: the command's url

_DESCRIPTION = "Send a picture or a text to phones"

_SOCKET_MODE_HEAD = """\
# The Slack app, for Socket Mode (no public address needed). Paste it at api.slack.com/apps, "Create New App", "From a
# manifest". For HTTP: mms-bot manifest --url https://YOUR-HOST writes another one.
"""
_HTTP_HEAD = """\
# The Slack app, for signed HTTP. Start the bot first, so that Slack finds it at its address; then paste this at
# api.slack.com/apps, "Create New App", "From a manifest".
"""


class WrongUrlError(ValueError):
    """The address can't be one that Slack reaches; the text says why."""


def request_url(url: str) -> str:
    """Where Slack sends everything, from the address that people know.

    Raises:
        WrongUrlError: it is not https, has no host, or holds more than an address.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise WrongUrlError("Slack wants an https address, as in https://mms.example.com.")
    if parts.query or parts.fragment or parts.username is not None or any(c.isspace() or c in "\"'\\" for c in url):
        raise WrongUrlError("Give the address alone, as in https://mms.example.com.")
    full = url.rstrip("/").removesuffix(EVENTS_PATH) + EVENTS_PATH
    if len(full) > _LONGEST_URL:
        raise WrongUrlError(f"Slack takes addresses of up to {_LONGEST_URL} characters.")
    return full


def as_data(*, command: str = "/mms", url: str | None = None) -> dict[str, Any]:
    """The manifest as Slack reads it.

    Args:
        command: the same as ``SLACK_COMMAND``.
        url: the bot's https address; None for Socket Mode.

    Raises:
        WrongUrlError: see :func:`request_url`.
    """
    to_us = None if url is None else request_url(url)
    asked = {} if to_us is None else {"request_url": to_us}
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": "MMS",
            "description": f"{_DESCRIPTION}, from Slack.",
            "background_color": "#2b3a55",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "mms", "always_online": True},
            "slash_commands": [
                {
                    "command": command,
                    **({} if to_us is None else {"url": to_us}),
                    "description": _DESCRIPTION,
                    "usage_hint": "[number] [text], help, recent, whoami, admin",
                    "should_escape": True,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(BOT_SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True, **asked},
            "event_subscriptions": {**asked, "bot_events": list(BOT_EVENTS)},
            "org_deploy_enabled": False,
            "socket_mode_enabled": to_us is None,
            "token_rotation_enabled": False,
        },
    }


_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9 ,./_-]*")
_REASONS: dict[tuple[str, object], str] = {
    ("home_tab_enabled", True): "everybody's own messages; for admins also the queue",
    ("messages_tab_enabled", True): "or direct messages from the bot fail",
    ("should_escape", True): "or Slack does not say who a mention means",
}
_REASONS |= {("-", scope): reason for scope, reason in (BOT_SCOPES | BOT_EVENTS).items()}


def as_yaml(*, command: str = "/mms", url: str | None = None) -> str:
    """The manifest for a person: each scope with its reason beside it.

    Raises:
        WrongUrlError: see :func:`request_url`.
    """
    lines: list[str] = []
    _write(as_data(command=command, url=url), lines, indent="")
    return (_SOCKET_MODE_HEAD if url is None else _HTTP_HEAD) + "\n".join(lines) + "\n"


def link(*, command: str = "/mms", url: str | None = None) -> str:
    """The page of Slack's that makes the app, with everything filled in.

    Raises:
        WrongUrlError: see :func:`request_url`.
    """
    return CREATE_APP + quote(json.dumps(as_data(command=command, url=url), separators=(",", ":")), safe="")


def _write(value: dict[str, Any], lines: list[str], *, indent: str, first: str | None = None) -> None:
    for key, one in value.items():
        head = f"{indent if first is None else first}{key}:"
        first = None
        match one:
            case dict():
                lines.append(head)
                _write(one, lines, indent=f"{indent}  ")
            case list():
                lines.append(head)
                for item in one:
                    if isinstance(item, dict):
                        _write(item, lines, indent=f"{indent}    ", first=f"{indent}  - ")
                    else:
                        lines.append(f"{indent}  - {item}{_reason('-', item)}")
            case _:
                lines.append(f"{head} {_scalar(one)}{_reason(key, one)}")


def _reason(key: str, value: object) -> str:
    reason = _REASONS.get((key, value))
    return f" # {reason}" if reason else ""


def _scalar(value: object) -> str:
    """YAML's plain form where it can't be read as something else, otherwise JSON's, which YAML reads as well."""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)  # YAML takes no pair of escapes for one character
