"""Who may do what. Pure; asked at every door, when it opens and again when something is submitted.

An empty list means nobody. A group whose members are not known lets nobody in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

SLACKBOT = "USLACKBOT"  # Slack's own bot user, the same ID in every workspace


class Role(IntEnum):
    """What a door asks for; a higher role may do all that a lower one may."""

    ANYBODY = 0
    SENDER = 1
    ADMIN = 2


class Reason(StrEnum):
    """Why somebody may not."""

    NOT_READY = "not_ready"
    FOREIGN = "foreign"
    BOT = "bot"
    NOT_LISTED = "not_listed"
    NOT_ADMIN = "not_admin"


@dataclass(frozen=True, slots=True)
class Person:
    """Who a payload is from.

    ``team_id`` is the workspace that the payload is about, ``home_team_id`` the person's own where the payload names
    one: they differ for people of foreign workspaces in shared channels. ``is_bot`` if the payload says so.
    """

    user_id: str
    team_id: str | None
    home_team_id: str | None = None
    enterprise_id: str | None = None
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Workspace:
    """Whom the bot belongs to, as ``auth.test`` says."""

    team_id: str
    bot_user_id: str
    enterprise_id: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The base list: user IDs and user group IDs. Admins may send too."""

    allowed: frozenset[str]
    admins: frozenset[str]

    @property
    def groups(self) -> frozenset[str]:
        """The user group IDs on it."""
        return frozenset(member for member in self.allowed | self.admins if member.startswith("S"))

    @property
    def admin_ids(self) -> tuple[str, ...]:
        """The people, not groups, who are admins, sorted."""
        return tuple(sorted(member for member in self.admins if not member.startswith("S")))


@dataclass(frozen=True, slots=True)
class Allowed:
    role: Role


@dataclass(frozen=True, slots=True)
class Denied:
    reason: Reason


def decide(
    policy: Policy,
    members: Mapping[str, frozenset[str]],
    workspace: Workspace | None,
    person: Person,
    needs: Role,
) -> Allowed | Denied:
    """May ``person`` pass a door that needs ``needs``?

    Args:
        members: user group ID → user IDs, for the groups whose members are known now.
        workspace: None until Slack has told us whose bot this is; then nobody passes, for nobody can be told apart.
    """
    if needs is Role.ANYBODY:
        return Allowed(Role.ANYBODY)
    if workspace is None:
        return Denied(Reason.NOT_READY)
    if person.is_bot or person.user_id in (SLACKBOT, workspace.bot_user_id):
        return Denied(Reason.BOT)
    if _foreign(workspace, person):
        return Denied(Reason.FOREIGN)
    role = _role(policy, members, person.user_id)
    if role >= needs:
        return Allowed(role)
    return Denied(Reason.NOT_ADMIN if role is Role.SENDER else Reason.NOT_LISTED)


def _foreign(workspace: Workspace, person: Person) -> bool:
    if person.team_id != workspace.team_id:
        return True
    # Inside one Enterprise organisation a person's own workspace may be another one than the bot's.
    if workspace.enterprise_id and person.enterprise_id == workspace.enterprise_id:
        return False
    return person.home_team_id is not None and person.home_team_id != workspace.team_id


def _role(policy: Policy, members: Mapping[str, frozenset[str]], user_id: str) -> Role:
    if _listed(policy.admins, members, user_id):
        return Role.ADMIN
    if _listed(policy.allowed, members, user_id):
        return Role.SENDER
    return Role.ANYBODY


def _listed(entries: frozenset[str], members: Mapping[str, frozenset[str]], user_id: str) -> bool:
    if user_id in entries and not user_id.startswith("S"):  # a group's ID is nobody's
        return True
    return any(user_id in members.get(entry, frozenset()) for entry in entries)
