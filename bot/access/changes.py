"""The list that admins keep beside the settings, and the rules of changing it. Pure.

A change is planned from the list as it is inside the transaction that makes it; a plan that can't be made says why, and
then nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.access import Denied, Known, Policy, Role, admins_by_id, is_group


class ByDoor(StrEnum):
    """Which way a change came in."""

    DIALOG = "dialog"
    COMMAND = "command"
    REQUEST = "request"  # an admin's answer to somebody who asked
    SHELL = "shell"  # of the host, `mms-bot access`


class Action(StrEnum):
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Entry:
    """A user or a user group on the list. ``role`` is SENDER or ADMIN; somebody can be on it as both."""

    member_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class Added:
    """An entry, and how it came to be there. ``by`` is a user ID, or ``shell:NAME``."""

    entry: Entry
    by: str
    at: datetime
    door: ByDoor


@dataclass(frozen=True, slots=True)
class AccessList:
    """What was added in Slack or from the shell. ``version`` counts the changes; 0 before the first."""

    version: int
    added: tuple[Added, ...]

    @property
    def entries(self) -> frozenset[Entry]:
        return frozenset(added.entry for added in self.added)

    @property
    def policy(self) -> Policy:
        return _policy(self.entries)


EMPTY = AccessList(0, ())


@dataclass(frozen=True, slots=True)
class AccessChange:
    """One row of the log: who added or removed whom, when, by which door. Those of one change share its version."""

    version: int
    at: datetime
    by: str
    door: ByDoor
    action: Action
    entry: Entry


@dataclass(frozen=True, slots=True)
class Edit:
    """What one change adds and takes away; both empty: the list already reads so."""

    add: frozenset[Entry] = frozenset()
    remove: frozenset[Entry] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody else has changed the list since this person saw it."""


@dataclass(frozen=True, slots=True)
class LastAdmin:
    """Nobody listed by ID would be an admin any more."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """These stand in the settings, where only whoever runs the bot can take them away."""

    member_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotOnList:
    member_ids: tuple[str, ...]


Refusal = Stale | LastAdmin | Fixed | NotOnList
Plan = Callable[[AccessList], Edit | Refusal | Denied]
"""What to change, from the list as it is inside the transaction, or why not. Pure, and may be asked twice."""

Given = Mapping[tuple[Role, bool], frozenset[str]]
"""A dialog's fields: (role, True for groups, False for people) → all IDs of that kind. One left out stays as it is."""


def plan_save(current: AccessList, *, base: Policy, known: Known, seen: int, given: Given) -> Edit | Stale | LastAdmin:
    """A dialog's save replaces what its fields show; ``seen`` is the version that the dialog was made from."""
    kept = {e for e in current.entries if (e.role, is_group(e.member_id)) not in given}
    wanted = kept | {Entry(member, role) for (role, _), members in given.items() for member in members}
    edit = Edit(add=frozenset(wanted - current.entries), remove=current.entries - wanted)
    if edit and current.version != seen:
        return Stale()
    return _with_an_admin_left(edit, current, base, known)


def plan_allow(current: AccessList, *, base: Policy, members: Collection[str], role: Role) -> Edit:
    """Add ``members``, those left out who are listed already with this role or a higher one."""
    listed = base | current.policy
    there = listed.admins if role is Role.ADMIN else listed.senders | listed.admins
    return Edit(add=frozenset(Entry(member, role) for member in members if member not in there))


def plan_remove(
    current: AccessList, *, base: Policy, known: Known, members: Collection[str], role: Role | None = None
) -> Edit | Fixed | NotOnList | LastAdmin:
    """Take ``members`` off the list, all of them or none; as ``role`` alone, or whatever they are on it as."""
    removed = frozenset(e for e in current.entries if e.member_id in members and role in (None, e.role))
    absent = set(members) - {entry.member_id for entry in removed}
    if fixed := tuple(sorted(absent & (base.admins if role is Role.ADMIN else base.senders | base.admins))):
        return Fixed(fixed)
    if absent:
        return NotOnList(tuple(sorted(absent)))
    return _with_an_admin_left(Edit(remove=removed), current, base, known)


def after(current: AccessList, edit: Edit) -> frozenset[Entry]:
    """The entries that an edit leads to."""
    return (current.entries - edit.remove) | edit.add


def _with_an_admin_left(edit: Edit, current: AccessList, base: Policy, known: Known) -> Edit | LastAdmin:
    had = admins_by_id(base | current.policy, known)
    has = admins_by_id(base | _policy(after(current, edit)), known)
    return LastAdmin() if had and not has else edit


def _policy(entries: Collection[Entry]) -> Policy:
    return Policy(
        senders=frozenset(entry.member_id for entry in entries if entry.role is Role.SENDER),
        admins=frozenset(entry.member_id for entry in entries if entry.role is Role.ADMIN),
    )
