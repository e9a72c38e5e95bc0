"""What Slack says of users and user groups → values. Pure.

A field of another type than documented counts as absent: nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.access import SLACKBOT, Profile, Workspace, is_group
from bot.slack.text import printable

MAX_NAME = 80  # Slack, users.profile.set: display_name


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group of the workspace, as ``usergroups.list`` names it. ``handle`` is without the ``@``."""

    group_id: str
    handle: str
    name: str


def profile_from(user: Mapping[str, Any], workspace: Workspace) -> Profile:
    """One user.

    Args:
        user: the ``user`` of a ``users.info`` answer.
        workspace: the bot's own; what is foreign is foreign to it.

    Source: docs.slack.dev, users.info and Slack Connect ("External members"); Slack's OpenAPI description.
    """
    user_id = _text(user, "id")
    return Profile(
        name=_first_name(
            _text(_part(user, "profile"), "display_name"), *_real_names(user), _text(user, "name"), user_id
        ),
        deactivated=_true(user, "deleted"),
        bot=_true(user, "is_bot") or user_id in (SLACKBOT, workspace.bot_user_id),
        foreign=_true(user, "is_stranger") or _lives_elsewhere(user, workspace),
        guest=_true(user, "is_restricted") or _true(user, "is_ultra_restricted"),
    )


def user_groups_from(answer: Mapping[str, Any]) -> tuple[UserGroup, ...]:
    """The groups of a ``usergroups.list`` answer that are in use, by handle."""
    listed = answer.get("usergroups")
    found: dict[str, UserGroup] = {}
    for group in listed if isinstance(listed, list) else []:
        if not isinstance(group, Mapping) or not is_group(group_id := _text(group, "id")) or _deleted(group):
            continue
        handle = _first_name(_text(group, "handle"), _text(group, "name"), group_id)
        found.setdefault(group_id, UserGroup(group_id, handle, _first_name(_text(group, "name"), handle)))
    return tuple(sorted(found.values(), key=lambda group: (group.handle, group.group_id)))


def _lives_elsewhere(user: Mapping[str, Any], workspace: Workspace) -> bool:
    team_id = _text(user, "team_id")
    if not team_id or team_id == workspace.team_id:
        return False
    # Inside one Enterprise organisation a person's own workspace may be another one than the bot's.
    enterprise_ids = (team_id, _text(_part(user, "enterprise_user"), "enterprise_id"))
    return not workspace.enterprise_id or workspace.enterprise_id not in enterprise_ids


def _real_names(user: Mapping[str, Any]) -> tuple[str, str]:
    return _text(_part(user, "profile"), "real_name"), _text(user, "real_name")


def _first_name(*names: str) -> str:
    """The first that has anything to see, on one line."""
    lines = (" ".join(printable(name).split())[:MAX_NAME].rstrip() for name in names)
    return next((line for line in lines if line), "")


def _deleted(group: Mapping[str, Any]) -> bool:
    """``date_delete`` is 0 while the group is in use, else Unix seconds."""
    deleted_at = group.get("date_delete")
    return isinstance(deleted_at, int) and deleted_at > 0


def _part(thing: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = thing.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(thing: Mapping[str, Any], name: str) -> str:
    value = thing.get(name)
    return value if isinstance(value, str) else ""


def _true(thing: Mapping[str, Any], name: str) -> bool:
    return thing.get(name) is True
