"""Slack's payloads → values. Pure; the only place that digs in their dicts. What is missing becomes None."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.access import Person
from bot.compose import Fields
from bot.domain import ReplyRoute
from bot.slack import ids
from bot.slack.command import Prefill, Suggestion, Word, parse_command

RESPONSE_URL_LIVES = timedelta(minutes=29)  # Slack says 30; a post must not be under way when it ends
_METADATA_MAX = 3000  # Slack, "Modal views": private_metadata


@dataclass(frozen=True, slots=True)
class Dialog:
    """What a dialog remembers between opening and submit, in its ``private_metadata``.

    ``opener`` is whose ``response_url`` it is: an answer to anybody else goes another way. ``reviewed`` is the digest
    of the content that the person has been shown for review.
    """

    channel_id: str | None = None
    response_url: str | None = None
    opened_at: datetime | None = None
    reviewed: str | None = None
    opener: str | None = None

    def route(self, user_id: str) -> ReplyRoute:
        """How to answer whoever submits it."""
        alive = self.response_url is not None and self.opened_at is not None and self.opener in (None, user_id)
        return ReplyRoute(
            user_id=user_id,
            channel_id=self.channel_id,
            response_url=self.response_url if alive else None,
            response_url_expires_at=self.opened_at + RESPONSE_URL_LIVES if alive and self.opened_at else None,
        )


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command. ``asked`` is how its text reads."""

    person: Person
    text: str
    asked: Word | Suggestion | Prefill
    trigger_id: str
    dialog: Dialog


@dataclass(frozen=True, slots=True)
class Submit:
    """The compose dialog, submitted."""

    person: Person
    view_id: str
    fields: Fields
    dialog: Dialog


@dataclass(frozen=True, slots=True)
class Click:
    """A button on one of our messages."""

    person: Person
    action_id: str
    value: str
    trigger_id: str
    dialog: Dialog


def command(body: Mapping[str, Any], *, now: datetime, default_region: str) -> Command:
    person = Person(
        user_id=_text(body.get("user_id")),
        team_id=_text(body.get("team_id")) or None,
        enterprise_id=_text(body.get("enterprise_id")) or None,
        is_bot=bool(body.get("bot_id")),
    )
    return Command(
        person=person,
        text=_text(body.get("text")),
        asked=parse_command(_text(body.get("text")), default_region=default_region),
        trigger_id=_text(body.get("trigger_id")),
        dialog=Dialog(
            opener=person.user_id,
            channel_id=_text(body.get("channel_id")) or None,
            response_url=_text(body.get("response_url")) or None,
            opened_at=now,
        ),
    )


def submit(body: Mapping[str, Any]) -> Submit:
    view = _dict(body.get("view"))
    values = _dict(_dict(view.get("state")).get("values"))
    return Submit(
        person=_person(body, view),
        view_id=_text(view.get("id")),
        fields=Fields(
            to=_typed(values, ids.TO),
            message=_typed(values, ids.MESSAGE),
            subject=_typed(values, ids.SUBJECT),
            media_url=_typed(values, ids.MEDIA_URL),
        ),
        dialog=dialog_from(view.get("private_metadata")),
    )


def click(body: Mapping[str, Any], *, now: datetime) -> Click:
    actions = body.get("actions")
    action = _dict(actions[0]) if isinstance(actions, list) and actions else {}
    container = _dict(body.get("container"))
    channel_id = _text(_dict(body.get("channel")).get("id")) or _text(container.get("channel_id"))
    person = _person(body, _dict(body.get("view")))
    return Click(
        person=person,
        action_id=_text(action.get("action_id")),
        value=_text(action.get("value")),
        trigger_id=_text(body.get("trigger_id")),
        dialog=Dialog(
            opener=person.user_id,
            channel_id=channel_id or None,
            response_url=_text(body.get("response_url")) or None,
            opened_at=now,
        ),
    )


def dialog_metadata(dialog: Dialog) -> str:
    """``private_metadata`` for a view; Slack gives it back with the submit and shows it to nobody."""
    opened_at = None if dialog.opened_at is None else dialog.opened_at.timestamp()
    data = {
        "who": dialog.opener,
        "ch": dialog.channel_id,
        "url": dialog.response_url,
        "at": opened_at,
        "ok": dialog.reviewed,
    }
    text = json.dumps({name: value for name, value in data.items() if value is not None})
    if len(text) > _METADATA_MAX:  # an over-long response_url: the other ways to answer remain
        data["url"] = None
        text = json.dumps({name: value for name, value in data.items() if value is not None})
    return text


def dialog_from(raw: Any) -> Dialog:
    """The reverse of ``dialog_metadata``; anything else gives an empty one."""
    try:
        data = _dict(json.loads(_text(raw)))
        opened_at = data.get("at")
        return Dialog(
            opener=_text(data.get("who")) or None,
            channel_id=_text(data.get("ch")) or None,
            response_url=_text(data.get("url")) or None,
            opened_at=datetime.fromtimestamp(opened_at, UTC) if isinstance(opened_at, int | float) else None,
            reviewed=_text(data.get("ok")) or None,
        )
    except (ValueError, OverflowError, OSError, RecursionError):
        return Dialog()


def _person(body: Mapping[str, Any], view: Mapping[str, Any]) -> Person:
    user = _dict(body.get("user"))
    # `team` may be null when the app is installed for a whole organisation: Slack, "view payload".
    team = _text(_dict(body.get("team")).get("id")) or _text(view.get("app_installed_team_id"))
    team = team or _text(view.get("team_id"))
    return Person(
        user_id=_text(user.get("id")),
        team_id=team or _text(user.get("team_id")) or None,
        home_team_id=_text(user.get("team_id")) or None,
        enterprise_id=_text(_dict(body.get("enterprise")).get("id")) or None,
        is_bot=user.get("is_bot") is True or bool(body.get("bot_id")),
    )


def _typed(values: Mapping[str, Any], name: str) -> str | None:
    value = _dict(_dict(values.get(name)).get(name)).get("value")
    return value if isinstance(value, str) else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
