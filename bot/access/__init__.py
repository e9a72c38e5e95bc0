"""Who may do what. Pure; asked at every door, when it opens and again when something is submitted.

An empty list means nobody. A group whose members are not known lets nobody in, and a member of whom Slack has not said
who they are gets in only when listed by ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

SLACKBOT = "USLACKBOT"  # Slack's own bot user, the same ID in every workspace
USER_ID = r"[UW][A-Z0-9]{1,31}"  # Slack's are 9 to 11 characters; as long as the database has room for
GROUP_ID = r"S[A-Z0-9]{1,31}"


class Role(IntEnum):
    """What a door asks for; a higher role may do all that a lower one may."""

    ANYBODY = 0
    MEMBER = 1  # a person of the workspace, on a list or not
    SENDER = 2
    ADMIN = 3


class Reason(StrEnum):
    """Why somebody may not."""

    NOT_READY = "not_ready"
    FOREIGN = "foreign"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    GUEST = "guest"  # in a listed group, but guests count only when listed by ID
    NOT_KNOWN = "not_known"  # in a listed group, but Slack has not said yet who that is
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
class Profile:
    """What Slack knows of a user (``users.info``). ``name`` is what people see, for sentences."""

    name: str
    deactivated: bool = False
    bot: bool = False
    foreign: bool = False
    guest: bool = False

    @property
    def fault(self) -> Reason | None:
        """Why this user is nobody, even when listed; None for people. A guest is a person."""
        if self.bot:
            return Reason.BOT
        if self.foreign:
            return Reason.FOREIGN
        return Reason.DEACTIVATED if self.deactivated else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the workspace at a moment.

    Attributes:
        members: user group ID → user IDs, for the groups whose members are known.
        profiles: user ID → profile, for those of whom Slack has said who they are.
    """

    members: Mapping[str, frozenset[str]]
    profiles: Mapping[str, Profile]

    def fault(self, user_id: str) -> Reason | None:
        """Why this user is nobody, as far as is known."""
        if user_id == SLACKBOT:  # users.info does not call it a bot
            return Reason.BOT
        profile = self.profiles.get(user_id)
        return None if profile is None else profile.fault


NOTHING_KNOWN = Known({}, {})


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is listed: user IDs and user group IDs. Admins may send too."""

    senders: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()

    @property
    def groups(self) -> frozenset[str]:
        """The user group IDs on it."""
        return frozenset(filter(is_group, self.senders | self.admins))

    @property
    def people(self) -> frozenset[str]:
        """The user IDs on it."""
        return (self.senders | self.admins) - self.groups

    def __or__(self, other: Policy) -> Policy:
        return Policy(self.senders | other.senders, self.admins | other.admins)


@dataclass(frozen=True, slots=True)
class Allowed:
    """``role`` is the highest that the person has."""

    role: Role


@dataclass(frozen=True, slots=True)
class Denied:
    reason: Reason


def is_group(member_id: str) -> bool:
    """A user group's ID, not a user's."""
    return member_id.startswith("S")


def decide(policy: Policy, known: Known, workspace: Workspace | None, person: Person, needs: Role) -> Allowed | Denied:
    """May ``person`` pass a door that needs ``needs``?

    Args:
        workspace: None until Slack has told us whose bot this is; then nobody passes, for nobody can be told apart.
    """
    if needs is Role.ANYBODY:
        return Allowed(Role.ANYBODY)
    if workspace is None:
        return Denied(Reason.NOT_READY)
    if person.is_bot or person.user_id == workspace.bot_user_id:
        return Denied(Reason.BOT)
    if _foreign(workspace, person):
        return Denied(Reason.FOREIGN)
    if fault := known.fault(person.user_id):
        return Denied(fault)
    if not person.user_id:
        return Denied(Reason.NOT_LISTED)
    role = _role(policy, known, person.user_id)
    if role >= needs:
        return Allowed(role)
    return Denied(Reason.NOT_ADMIN if role is Role.SENDER else _why_not(policy, known, person.user_id))


def admins_by_id(policy: Policy, known: Known) -> frozenset[str]:
    """The admins who are listed by ID and count. One of them has to stay: groups change without anybody here."""
    return frozenset(member for member in policy.admins if not is_group(member) and known.fault(member) is None)


def everybody_with(policy: Policy, known: Known, role: Role) -> tuple[str, ...]:
    """The users who have ``role`` or a higher one now: those listed by ID first, then by groups, each sorted."""
    entries = policy.admins if role is Role.ADMIN else policy.senders | policy.admins
    listed = sorted(entry for entry in entries if not is_group(entry))
    in_groups = (known.members.get(entry, frozenset()) for entry in entries if is_group(entry))
    grouped = sorted(frozenset().union(*in_groups) - set(listed))
    return tuple(
        user for user in [*listed, *grouped] if known.fault(user) is None and _role(policy, known, user) >= role
    )


def _foreign(workspace: Workspace, person: Person) -> bool:
    if person.team_id != workspace.team_id:
        return True
    # Inside one Enterprise organisation a person's own workspace may be another one than the bot's.
    if workspace.enterprise_id and person.enterprise_id == workspace.enterprise_id:
        return False
    return person.home_team_id is not None and person.home_team_id != workspace.team_id


def _role(policy: Policy, known: Known, user_id: str) -> Role:
    if _listed(policy.admins, known, user_id):
        return Role.ADMIN
    if _listed(policy.senders, known, user_id):
        return Role.SENDER
    return Role.MEMBER


def _listed(entries: frozenset[str], known: Known, user_id: str) -> bool:
    if user_id in entries and not is_group(user_id):  # a group's ID is nobody's
        return True
    profile = known.profiles.get(user_id)
    return profile is not None and not profile.guest and _grouped(entries, known, user_id)


def _grouped(entries: frozenset[str], known: Known, user_id: str) -> bool:
    return any(user_id in known.members.get(entry, ()) for entry in entries if is_group(entry))


def _why_not(policy: Policy, known: Known, user_id: str) -> Reason:
    if not _grouped(policy.senders | policy.admins, known, user_id):
        return Reason.NOT_LISTED
    return Reason.GUEST if user_id in known.profiles else Reason.NOT_KNOWN
