"""Who may send, told once more with plain sets: what the state machine of access holds the bot against.

Written from the rules, not from the bot's code, of which it takes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Row = tuple[str, str]
"""Role (``sender`` or ``admin``) and member."""
Rows = frozenset[Row]
Logged = tuple[int, str, str, str, str, str]
"""Version, who, door, ``added`` or ``removed``, role, member."""
Field = tuple[str, bool]
"""Role, and whether it holds user groups."""

DAY = timedelta(days=1)
NOBODIES = ("bot", "foreign", "deactivated")


def is_group(member: str) -> bool:
    return member[0] == "S"


@dataclass
class Asking:
    """A request. ``answer`` None: open."""

    user: str
    at: datetime
    answer: str | None = None
    by: str | None = None


@dataclass
class Model:
    """The list, its log, the requests, and what is known of people.

    Attributes:
        base: what the settings name.
        kinds: user → ``member``, ``guest``, ``bot``, ``foreign`` or ``deactivated``.
        groups: user group → its members.
        met: of whom Slack has said who they are.
        copies: what each process takes the list to be.
        handled: the commands whose change was asked for, whatever came of it.
        sent: who submitted what was taken, in order.
    """

    base: Rows
    kinds: dict[str, str]
    groups: Mapping[str, frozenset[str]]
    copies: list[Rows]
    rows: Rows = frozenset()
    version: int = 0
    log: list[Logged] = field(default_factory=list)
    met: set[str] = field(default_factory=set)
    handled: set[str] = field(default_factory=set)
    requests: list[Asking] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    # -- who may

    def nobody(self, user: str) -> bool:
        return user in self.met and self.kinds[user] in NOBODIES

    def role(self, user: str, rows: Rows) -> str | None:
        """``admin``, ``sender``, or None."""
        if self.nobody(user):
            return None
        known_member = user in self.met and self.kinds[user] == "member"
        for role in ("admin", "sender"):
            for listed, member in self.base | rows:
                if listed == role and (
                    member == user or (known_member and is_group(member) and user in self.groups[member])
                ):
                    return role
        return None

    def may_manage(self, user: str, rows: Rows) -> bool:
        return self.role(user, rows) == "admin"

    def admins(self, rows: Rows) -> list[str]:
        return [user for user in sorted(self.kinds) if self.may_manage(user, rows)]

    def could_ask(self, user: str, rows: Rows) -> bool:
        """Not listed, or a guest by a group; and there is somebody to be asked."""
        grouped = any(is_group(member) and user in self.groups[member] for _, member in self.base | rows)
        by_who_they_are = user in self.met or not grouped
        return not self.nobody(user) and self.role(user, rows) is None and by_who_they_are and bool(self.admins(rows))

    def admins_by_id(self, rows: Rows, *, blind: bool = False) -> set[str]:
        """Those who count. ``blind``: as the host's shell sees it, which knows nothing of anybody."""
        named = {member for role, member in self.base | rows if role == "admin" and not is_group(member)}
        return {user for user in named if blind or not self.nobody(user)}

    def leaves_none(self, rows: Rows, *, blind: bool = False) -> bool:
        """Would nobody listed by ID be an admin any more, where somebody is now?"""
        return bool(self.admins_by_id(self.rows, blind=blind)) and not self.admins_by_id(rows, blind=blind)

    # -- what a change leads to: the rows after it, or why there is none

    def allowing(self, members: Iterable[str], role: str) -> Rows:
        enough = ("admin",) if role == "admin" else ("admin", "sender")
        have = {member for listed, member in self.base | self.rows if listed in enough}
        return self.rows | {(role, member) for member in members if member not in have}

    def removing(self, members: Iterable[str], role: str, *, blind: bool = False) -> Rows | str:
        """As an admin alone; or, if that is not said, whatever they are."""
        gone = {row for row in self.rows if row[1] in set(members) and (role != "admin" or row[0] == "admin")}
        absent = set(members) - {member for _, member in gone}
        if absent & {member for listed, member in self.base if role != "admin" or listed == "admin"}:
            return "fixed"
        if absent:
            return "not on the list"
        left = self.rows - gone
        return "last admin" if self.leaves_none(left, blind=blind) else left

    def saving(self, fields: Mapping[Field, frozenset[str]], *, seen: int) -> Rows | str:
        left = {row for row in self.rows if (row[0], is_group(row[1])) not in fields}
        wanted = frozenset(left | {(role, member) for (role, _), members in fields.items() for member in members})
        if wanted == self.rows:
            return wanted
        if seen != self.version:
            return "stale"
        return "last admin" if self.leaves_none(wanted) else wanted

    # -- what happens

    def become(self, rows: Rows, *, by: str, door: str) -> None:
        """The list is this one now."""
        if rows == self.rows:
            return
        self.version += 1
        added = rows - self.rows
        for action, changed in (("removed", self.rows - rows), ("added", added)):
            self.log += [(self.version, by, door, action, role, member) for role, member in changed]
        self.rows = rows
        for user in {member for _, member in added}:
            for request in self.requests:
                if request.user == user and request.answer is None:
                    request.answer, request.by = "allowed", by

    def ask(self, user: str, now: datetime) -> None:
        earlier = [request for request in self.requests if request.user == user]
        if earlier and now - earlier[-1].at < DAY:
            return
        for request in earlier:
            request.answer = request.answer or "replaced"
        self.requests.append(Asking(user, now))

    def answer(self, request: Asking, *, allow: bool, by: str) -> None:
        request.answer, request.by = "allowed" if allow else "declined", by
        if allow:
            self.become(self.rows | {("sender", request.user)}, by=by, door="request")
