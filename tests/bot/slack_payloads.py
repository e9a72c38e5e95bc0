"""Payloads as Slack sends them, for tests that hand them straight to a dispatcher."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot.slack import ids
from bot.slack.dispatch import Answer
from sandbox.slack import FakeSlack
from sandbox.slack.people import ANN, GENERAL, TEAM_ID

Body = dict[str, Any]


def command(slack: FakeSlack, text: str = "", *, person: str = "ann", **fields: str) -> Body:
    actor = slack.person(person)
    payload = actor.command_payload("/mms", text, slack.people.channel("general"), escape=True)
    return {**payload, **fields}


def who(user_id: str, *, team_id: str = TEAM_ID, home_team_id: str = TEAM_ID) -> Body:
    return {
        "team": {"id": team_id, "domain": "sandbox"},
        "user": {"id": user_id, "name": "somebody", "team_id": home_team_id},
        "api_app_id": "A0MMSBOT",
        "is_enterprise_install": False,
        "enterprise": None,
    }


def submit(
    view_id: str = "V1", *, user_id: str = ANN, callback_id: str = ids.COMPOSE, metadata: str = "", **typed: str | None
) -> Body:
    fields = {"to": "+12015550123", "message": "Hello", **typed}
    values = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in fields.items()}
    return _submission(view_id, user_id, callback_id, metadata, values)


def access_submit(
    picked: Mapping[str, Iterable[str]], *, user_id: str, view_id: str = "V1", metadata: str = '{"seen": 0}'
) -> Body:
    """The access dialog; ``picked``: input → IDs."""
    values: Body = {}
    for name, members in picked.items():
        if name in (ids.SENDERS, ids.ADMINS):
            values[name] = {name: {"type": "multi_users_select", "selected_users": sorted(members)}}
        else:
            options = [{"text": {"type": "plain_text", "text": one}, "value": one} for one in sorted(members)]
            values[name] = {name: {"type": "multi_static_select", "selected_options": options}}
    return _submission(view_id, user_id, ids.ADMIN, metadata, values)


def click(slack: FakeSlack, value: str, *, user_id: str = ANN, action_id: str = ids.OPEN_AGAIN) -> Body:
    url = f"{slack.origin}/response/{slack.state.new_response_url(user_id, GENERAL)}"
    return pressed(action_id, value, user_id=user_id, trigger_id=slack.state.new_trigger(user_id), response_url=url)


def pressed(action_id: str, value: str, *, user_id: str, trigger_id: str, response_url: str | None = None) -> Body:
    """A click on a button of a private message; without a ``response_url`` the answer goes another way."""
    return {
        "type": "block_actions",
        **who(user_id),
        "container": {"type": "message", "channel_id": GENERAL, "is_ephemeral": True},
        "channel": {"id": GENERAL, "name": "general"},
        "trigger_id": trigger_id,
        "response_url": response_url,
        "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "value": value}],
    }


def said(answer: Answer) -> Body:
    """What is in the ack; empty for an empty one."""
    assert answer.status == 200
    return json.loads(answer.body) if answer.body else {}


def _submission(view_id: str, user_id: str, callback_id: str, metadata: str, values: Body) -> Body:
    view = {
        "id": view_id,
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": metadata,
        "state": {"values": values},
        "hash": "1.a",
        "app_installed_team_id": TEAM_ID,
    }
    return {"type": "view_submission", **who(user_id), "trigger_id": "1.2.a", "view": view, "response_urls": []}
