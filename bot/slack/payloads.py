"""Slack's payloads → values. Pure; the only place that digs in their dicts. What is missing becomes None."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.access import GROUP_ID, USER_ID, Person, Role, is_group
from bot.access.changes import Given
from bot.compose import Fields
from bot.domain import ReplyRoute
from bot.slack import ids
from bot.slack.command import Prefill, Suggestion, Word, parse_command
from bot.slack.text import printable

RESPONSE_URL_LIVES = timedelta(minutes=29)  # Slack says 30; a post must not be under way when it ends
MAX_PICKED = 100  # in one picker: Slack takes no more first values and no more options in a list
NEVER_SEEN = -1  # a version that the list never has
_METADATA_MAX = 3000  # Slack, "Modal views": private_metadata
_USER = re.compile(USER_ID)
_GROUP = re.compile(GROUP_ID)
_ODD_SHOWN = 3
_ODD_ITEM_MAX = 40

ACCESS_FIELDS: Mapping[str, tuple[Role, bool]] = {
    ids.SENDERS: (Role.SENDER, False),
    ids.SENDER_GROUPS: (Role.SENDER, True),
    ids.ADMINS: (Role.ADMIN, False),
    ids.ADMIN_GROUPS: (Role.ADMIN, True),
}
"""The inputs of the access dialog, in order: the role that they give, and whether they hold user groups."""

# What Slack gives back of a view and takes again in ``views.update``; of a Home tab, in ``views.publish``.
_HOME_TAKEN_BACK = ("type", "callback_id", "private_metadata", "blocks")
_TAKEN_BACK = (
    "type",
    "title",
    "close",
    "submit",
    "callback_id",
    "private_metadata",
    "clear_on_close",
    "notify_on_close",
    "blocks",
)


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
class AccessSubmit:
    """The access dialog, submitted.

    Attributes:
        given: only the fields that are there with a readable value; an empty one is an empty set.
        odd: block_id → what is wrong (plain text), for values that Slack's pickers never give.
        seen: the version of the list that the dialog was made from; ``NEVER_SEEN`` if that can't be read.
        depth: 1 for the first view of the stack, 2 for one pushed on it, and so on.
    """

    person: Person
    view_id: str
    given: Given
    odd: Mapping[str, str]
    dialog: Dialog
    seen: int
    depth: int


@dataclass(frozen=True, slots=True)
class OpenedView:
    """The dialog that a click came from; ``view`` as ``views.update`` takes it again."""

    view_id: str
    view_hash: str
    view: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Click:
    """A button on one of our messages, or in one of our dialogs: then ``view`` is that dialog.

    ``message_ts`` names the message; it is of no use for changing one that only this person sees.
    """

    person: Person
    action_id: str
    value: str
    trigger_id: str
    dialog: Dialog
    view: OpenedView | None = None
    message_ts: str | None = None

    @property
    def on_home(self) -> bool:
        """It was pressed on the Home tab."""
        return self.view is not None and self.view.view.get("type") == "home"


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """Somebody looks at the Home tab. ``event_id`` is the same when Slack repeats the event."""

    person: Person
    event_id: str


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
        view=_opened_view(_dict(body.get("view"))),
        message_ts=_text(container.get("message_ts")) or None,
    )


def home_opened(body: Mapping[str, Any]) -> HomeOpened | None:
    """None: it is the app's other tab, with the messages."""
    event = _dict(body.get("event"))
    if event.get("tab") != "home":
        return None
    person = Person(
        user_id=_text(event.get("user")),
        team_id=_text(body.get("team_id")) or None,
        enterprise_id=_text(body.get("enterprise_id")) or None,
        is_bot=bool(event.get("bot_id")),
    )
    return HomeOpened(person, _text(body.get("event_id")))


def access_submit(body: Mapping[str, Any]) -> AccessSubmit:
    view = _dict(body.get("view"))
    values = _dict(_dict(view.get("state")).get("values"))
    given: dict[tuple[Role, bool], frozenset[str]] = {}
    odd: dict[str, str] = {}
    for name, field in ACCESS_FIELDS.items():
        state = _dict(values.get(name)).get(name)
        if state is None:
            continue
        picked = _picked(_dict(state), groups=field[1])
        if isinstance(picked, str):
            odd[name] = picked
        else:
            given[field] = picked
    data = _metadata(view.get("private_metadata"))
    return AccessSubmit(
        person=_person(body, view),
        view_id=_text(view.get("id")),
        given=given,
        odd=odd,
        dialog=dialog_from(view.get("private_metadata")),
        seen=_count(data.get("seen"), NEVER_SEEN),
        depth=_count(data.get("depth"), 1),
    )


def access_metadata(dialog: Dialog, *, seen: int, depth: int) -> str:
    """``private_metadata`` for the access dialog: also the version it was made from, and its place in the stack."""
    return _remembered(dialog, seen=seen, depth=depth)


def dialog_metadata(dialog: Dialog) -> str:
    """``private_metadata`` for a view; Slack gives it back with the submit and shows it to nobody."""
    return _remembered(dialog)


def _remembered(dialog: Dialog, **more: int) -> str:
    opened_at = None if dialog.opened_at is None else dialog.opened_at.timestamp()
    data = {
        "who": dialog.opener,
        "ch": dialog.channel_id,
        "url": dialog.response_url,
        "at": opened_at,
        "ok": dialog.reviewed,
        **more,
    }
    text = json.dumps({name: value for name, value in data.items() if value is not None})
    if len(text) > _METADATA_MAX:  # an over-long response_url: the other ways to answer remain
        data["url"] = None
        text = json.dumps({name: value for name, value in data.items() if value is not None})
    return text


def dialog_from(raw: Any) -> Dialog:
    """The reverse of ``dialog_metadata``; anything else gives an empty one."""
    data = _metadata(raw)
    opened_at = data.get("at")
    try:
        return Dialog(
            opener=_text(data.get("who")) or None,
            channel_id=_text(data.get("ch")) or None,
            response_url=_text(data.get("url")) or None,
            opened_at=datetime.fromtimestamp(opened_at, UTC) if isinstance(opened_at, int | float) else None,
            reviewed=_text(data.get("ok")) or None,
        )
    except (ValueError, OverflowError, OSError):
        return Dialog()


def _metadata(raw: Any) -> dict[str, Any]:
    try:
        return _dict(json.loads(_text(raw)))
    except (ValueError, RecursionError):
        return {}


def _count(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _picked(state: Mapping[str, Any], *, groups: bool) -> frozenset[str] | str:
    """The IDs in a picker, or what is wrong with them."""
    items = state.get("selected_options" if groups else "selected_users")
    if not isinstance(items, list):
        return "Slack did not say who is chosen here. Nothing was changed. Please open the dialog again."
    picked = {_text(_dict(item).get("value") if groups else item) for item in items}
    pattern = _GROUP if groups else _USER
    if strange := sorted(item for item in picked if not pattern.fullmatch(item)):
        return _not_pickable(strange, groups=groups)
    if len(picked) > MAX_PICKED:
        return (
            f"At most {MAX_PICKED} can be chosen here, and these are {len(picked)}. Nothing was changed. "
            "For more, use the command with the word `allow`."
        )
    return frozenset(picked)


def _not_pickable(strange: list[str], *, groups: bool) -> str:
    shown = ", ".join(printable(item)[:_ODD_ITEM_MAX] or "nothing" for item in strange[:_ODD_SHOWN])
    if groups:
        return f"Only user groups can be chosen here, and this is none: {shown}. Nothing was changed."
    hint = " For user groups there is a field of its own." if any(map(is_group, strange)) else ""
    return f"Only people can be chosen here, and this is nobody: {shown}. Nothing was changed.{hint}"


def _opened_view(view: Mapping[str, Any]) -> OpenedView | None:
    view_id = _text(view.get("id"))
    if not view_id:
        return None
    taken_back = _HOME_TAKEN_BACK if view.get("type") == "home" else _TAKEN_BACK
    given_back = {name: view[name] for name in taken_back if view.get(name) not in (None, "")}
    return OpenedView(view_id, _text(view.get("hash")), given_back)


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
