"""The payloads that Slack sends to a bot, complete as documented. Pure: everything is an argument.

Source: docs.slack.dev, reference/interaction-payloads, "Implementing slash commands", "The Events API".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sandbox.slack.modals import OpenView
from sandbox.slack.people import APP_ID, BOT_USER, TEAM_DOMAIN, TEAM_ID, Channel, Person
from sandbox.slack.posting import message_payload
from sandbox.slack.state import JsonObject, Message

VERIFICATION_TOKEN = "sandbox-verification-token"  # deprecated by Slack, still in every payload


def command(
    person: Person, channel: Channel, *, command: str, text: str, response_url: str, trigger_id: str
) -> dict[str, str]:
    """A slash command; ``text`` as Slack has already rewritten it."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": person.team_id,
        "team_domain": _domain(person),
        "channel_id": channel.id,
        "channel_name": channel.shown_name,
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def command_form(payload: dict[str, str]) -> bytes:
    """The form body of a command, as it goes over HTTP."""
    return urlencode(payload).encode()


def view_submission(person: Person, view: OpenView, *, trigger_id: str) -> JsonObject:
    return {
        "type": "view_submission",
        **_who(person),
        "trigger_id": trigger_id,
        "view": view.payload(),
        "response_urls": [],
        **_install(),
    }


def view_closed(person: Person, view: OpenView, *, is_cleared: bool) -> JsonObject:
    """The state of a closed view leaves the input blocks out."""
    return {
        "type": "view_closed",
        **_who(person),
        "view": view.payload(with_inputs=False),
        "is_cleared": is_cleared,
        **_install(),
    }


def click_in_message(
    person: Person, channel: Channel, message: Message, action: JsonObject, *, response_url: str, trigger_id: str
) -> JsonObject:
    """block_actions from a message; an ephemeral one comes without its body."""
    ephemeral = message.ephemeral_to is not None
    payload: JsonObject = {
        "type": "block_actions",
        **_who(person),
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": ephemeral,
        },
        "trigger_id": trigger_id,
        **_install(),
        "channel": {"id": channel.id, "name": channel.shown_name},
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [action],
    }
    if not ephemeral:
        payload["message"] = message_payload(message)
    return payload


def click_in_view(person: Person, view: OpenView, action: JsonObject, *, trigger_id: str) -> JsonObject:
    """block_actions from a dialog or from the Home tab."""
    return {
        "type": "block_actions",
        **_who(person),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger_id,
        **_install(),
        "view": view.payload(),
        "actions": [action],
    }


def action(block: JsonObject, element: JsonObject, *, chosen: JsonObject | None, action_ts: str) -> JsonObject:
    """One entry of ``actions``; ``chosen`` is the new state of an element other than a button."""
    entry: JsonObject = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
    for name in ("text", "value", "style", "url", "placeholder"):
        if name in element:
            entry[name] = element[name]
    return {**entry, **(chosen or {}), "action_ts": action_ts}


def event(inner: JsonObject, *, event_id: str, event_time: int) -> JsonObject:
    """An event in its outer envelope."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "api_app_id": APP_ID,
        "event": inner,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": event_time,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }


def app_home_opened(person: Person, channel: Channel, *, tab: str, home: OpenView | None, event_ts: str) -> JsonObject:
    """The inner event; it has a view only when one was published."""
    inner: JsonObject = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": channel.id,
        "tab": tab,
        "event_ts": event_ts,
    }
    return {**inner, "view": home.payload()} if home is not None and tab == "home" else inner


def url_verification(challenge: str) -> JsonObject:
    return {"token": VERIFICATION_TOKEN, "challenge": challenge, "type": "url_verification"}


def _domain(person: Person) -> str:
    return TEAM_DOMAIN if person.team_id == TEAM_ID else "elsewhere"


def _who(person: Person) -> dict[str, Any]:
    # A person from another workspace comes with their own team: Slack Connect.
    return {
        "team": {"id": person.team_id, "domain": _domain(person)},
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id},
        "api_app_id": APP_ID,
        "token": VERIFICATION_TOKEN,
    }


def _install() -> dict[str, Any]:
    return {"is_enterprise_install": False, "enterprise": None}
