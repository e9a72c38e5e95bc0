"""The words that the access dialog and the access messages share (mrkdwn). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.access import GROUP_ID, USER_ID, Known, Policy, Reason, Role, is_group
from bot.access.changes import AccessChange, AccessList, Action, ByDoor, Edit, Entry
from bot.slack.blocks import at, listed
from bot.slack.profiles import UserGroup
from bot.slack.text import code_span

_MEMBER = re.compile(f"{USER_ID}|{GROUP_ID}")
_SHELL = "shell:"
_STRANGE_MAX = 40  # of what is no ID
_NAMED = 12  # in one sentence; of more, how many

_DOORS = {
    ByDoor.DIALOG: ", in the dialog",
    ByDoor.COMMAND: ", by command",
    ByDoor.REQUEST: ", on request",
    ByDoor.SHELL: "",  # whose name it is says so already
}
_FAULTS = {
    Reason.BOT: "a bot: does not count",
    Reason.DEACTIVATED: "deactivated in Slack: does not count",
    Reason.FOREIGN: "of another workspace: does not count",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the dialog and the messages show of the list.

    Attributes:
        base: what the settings fix.
        access: what was added beside it.
        groups: the user groups of the workspace, for the pickers; empty while they are not known.
    """

    base: Policy
    access: AccessList
    known: Known
    groups: tuple[UserGroup, ...]

    @property
    def policy(self) -> Policy:
        """Everybody who is listed."""
        return self.base | self.access.policy


def mention(member_id: str) -> str:
    """A user or a user group, as Slack shows it with its name."""
    if not _MEMBER.fullmatch(member_id):
        return code_span(member_id[:_STRANGE_MAX]) or "somebody"
    return f"<!subteam^{member_id}>" if is_group(member_id) else f"<@{member_id}>"


def mentions(member_ids: Iterable[str]) -> str:
    return listed([mention(member) for member in member_ids], most=_NAMED)


def who(by: str) -> str:
    """Who made a change: a user, or somebody at the host's shell."""
    if not by.startswith(_SHELL):
        return mention(by)
    return f"{code_span(by.removeprefix(_SHELL)[:_STRANGE_MAX]) or 'somebody'} at the host's shell"


def door(by: ByDoor) -> str:
    """Which way, to be appended; with its comma."""
    return _DOORS[by]


def mark(member_id: str, known: Known) -> str:
    """What an admin has to know of a listed user or group; empty if there is nothing."""
    if is_group(member_id):
        return "" if member_id in known.members else "members not known"
    if fault := known.fault(member_id):
        return _FAULTS[fault]
    profile = known.profiles.get(member_id)
    if profile is None:
        return "not known yet: Slack has not said who this is"
    return "guest: counts because listed by name" if profile.guest else ""


def with_mark(member_id: str, known: Known) -> str:
    marked = mark(member_id, known)
    return f"{mention(member_id)} ({marked})" if marked else mention(member_id)


def as_role(role: Role, *, several: bool = False) -> str:
    """``as a sender``, ``as admins``."""
    if role is Role.ADMIN:
        return "as admins" if several else "as an admin"
    return "as senders" if several else "as a sender"


def change_words(change: AccessChange) -> str:
    """One row of the log in words."""
    member, role = mention(change.entry.member_id), as_role(change.entry.role)
    did = f"added {member} {role}" if change.action is Action.ADDED else f"took {member} away {role}"
    return f"{who(change.by)} {did}, {at(change.at)}{door(change.door)}"


def edit_words(edit: Edit) -> str:
    """What a change does: ``@a and @b added as senders, @c taken away as an admin``. Empty for an empty one."""
    parts: list[str] = []
    for entries, did in ((edit.add, "added"), (edit.remove, "taken away")):
        for role in (Role.SENDER, Role.ADMIN):
            members = _with_role(entries, role)
            if members:
                parts.append(f"{mentions(members)} {did} {as_role(role, several=len(members) > 1)}")
    return ", ".join(parts)


def members_who_count(group_id: str, known: Known) -> int | None:
    """How many may pass by this group now; None while its members are not known."""
    members = known.members.get(group_id)
    if members is None:
        return None
    profiles = [known.profiles.get(member) for member in members]
    return sum(profile is not None and profile.fault is None and not profile.guest for profile in profiles)


def _with_role(entries: Iterable[Entry], role: Role) -> Sequence[str]:
    """People first, then groups."""
    members = sorted(entry.member_id for entry in entries if entry.role is role)
    return sorted(members, key=is_group)
