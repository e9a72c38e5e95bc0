"""``mms-bot access …`` and ``mms-bot forget``, from the host's shell. Never talks to Slack.

Every function returns what is to be said, and prints nothing.
"""

from __future__ import annotations

import csv
import getpass
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.access import NOTHING_KNOWN, Denied, Policy, Role
from bot.access.changes import (
    AccessChange,
    AccessList,
    ByDoor,
    Edit,
    Fixed,
    LastAdmin,
    NotOnList,
    Refusal,
    plan_allow,
    plan_remove,
)
from bot.clock import Clock
from bot.forgetting import forget as forget_number
from bot.store import AccessStore, Changed, Repeated, Store

DONE, NO = 0, 1
NAME_MAX = 40  # of a login name in the log
CSV_HEADER = ("at", "by", "door", "action", "role", "member_id", "version")
_FORMULA = ("=", "+", "-", "@", "\t")  # OWASP, "CSV Injection": a spreadsheet runs a cell that starts so
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")
_UNKNOWN = "unknown"
_NOT_SCRUBBED = (
    "Older copies could not be cleared away yet, since the database is in constant use. Do it again later.\n"
)
_NONE = "-"
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Said:
    """The exit status, and what goes to standard output and standard error."""

    status: int
    out: str = ""
    err: str = ""


async def listed(access: AccessStore, *, base: Policy, command: str) -> Said:
    """Who may send, and who is an admin. ``command`` is the one of Slack, such as ``/mms``."""
    return Said(DONE, out=list_text(base, await access.current(), command=command))


async def forget(store: Store, e164: str, *, clock: Clock) -> Said:
    """Erase what is kept about a number. Says counts only, never the number."""
    done = await forget_number(store, e164, clock=clock)
    err = "" if done.scrubbed else _NOT_SCRUBBED
    if done.under_way:
        err += f"Still being sent, and so not erased: {_messages(done.under_way)}. Do it again in a minute.\n"
    out = f"Erased: {_messages(done.erased)}. Cancelled before they went out: {done.cancelled}.\n"
    if not (done.erased or done.cancelled or done.under_way):
        out = "Nothing is kept about this number.\n"
    return Said(NO if err else DONE, out=out, err=err)


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


async def allow(
    access: AccessStore, members: Sequence[str], *, role: Role, base: Policy, by: str, now: datetime
) -> Said:
    """Put ``members`` on the list, those left out who have the role already."""

    def plan(current: AccessList) -> Edit:
        return plan_allow(current, base=base, members=members, role=role)

    outcome = await access.change(plan, by=by, door=ByDoor.SHELL, origin=None, now=now)
    if not isinstance(outcome, Changed):
        return _refused(outcome)
    added = {entry.member_id for entry in outcome.edit.add}
    there = [member for member in members if member not in added]
    lines = []
    if added:
        lines.append(f"Added as {_word(role)}: {_names(m for m in members if m in added)}.")
    if there:
        lines.append(f"{_role_of_all(role)} already: {_names(there)}.")
    if not added:
        lines.append("Nothing was changed.")
    return Said(DONE, out=_lines(lines))


async def remove(
    access: AccessStore, members: Sequence[str], *, role: Role | None = None, base: Policy, by: str, now: datetime
) -> Said:
    """Take ``members`` off the list, all of them or none; as ``role`` alone, or whatever they are on it as."""

    def plan(current: AccessList) -> Edit | Fixed | NotOnList | LastAdmin:
        return plan_remove(current, base=base, known=NOTHING_KNOWN, members=members, role=role)

    outcome = await access.change(plan, by=by, door=ByDoor.SHELL, origin=None, now=now)
    if not isinstance(outcome, Changed):
        return _refused(outcome)
    return Said(DONE, out=_removed(members, base=base, after=outcome.access.policy))


async def log(access: AccessStore, *, limit: int) -> Said:
    """The newest changes."""
    return Said(DONE, out=log_text(await access.log(limit=limit)))


async def export(access: AccessStore) -> Said:
    """All changes as CSV, oldest first."""
    return Said(DONE, out=csv_text(list(reversed(await access.log()))))


def list_text(base: Policy, current: AccessList, *, command: str) -> str:
    """The list in columns, admins first; those that the settings name before those that were added."""
    rows = [
        (_word(role), member, "settings", _NONE, _NONE, _NONE)
        for role, members in ((Role.ADMIN, base.admins), (Role.SENDER, base.senders))
        for member in members
    ] + [
        (_word(one.entry.role), one.entry.member_id, "added", one.by, utc(one.at), one.door.value)
        for one in current.added
    ]
    rows.sort(key=lambda row: (row[0], row[2] != "settings", row[1]))
    lines = columns([("role", "id", "from", "by", "at", "door"), *rows]) if rows else ["Nobody may send yet."]
    if not (base | current.policy).admins:
        lines.append(
            f"There is no admin. Name one: mms-bot access allow --admin ID. {command} whoami tells people their ID."
        )
    return _lines(lines)


def log_text(changes: Sequence[AccessChange]) -> str:
    """Changes in columns, in the order given."""
    if not changes:
        return "The list was never changed.\n"
    rows = [
        (utc(one.at), one.by, one.door.value, one.action.value, _word(one.entry.role), one.entry.member_id)
        for one in changes
    ]
    return _lines(columns([("at", "by", "door", "action", "role", "id"), *rows]))


def csv_text(changes: Sequence[AccessChange]) -> str:
    """Changes as CSV in the order given, with a header; no cell is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for one in changes:
        role, member = _word(one.entry.role), one.entry.member_id
        cells = (utc(one.at), one.by, one.door.value, one.action.value, role, member, str(one.version))
        writer.writerow(map(_harmless, cells))
    return text.getvalue()


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line for each row, its cells under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def utc(at: datetime) -> str:
    """``2026-01-02T12:00:00Z``"""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def by_login() -> str:
    """Who runs this, for the log: ``shell:NAME``."""
    try:
        return shell_name(getpass.getuser())
    except (OSError, KeyError, ImportError):  # a container may run as a user that has no name
        return shell_name("")


def shell_name(login: str) -> str:
    """``shell:`` and the login name, without what a log or a message could take for something else."""
    return f"shell:{_NOT_IN_A_NAME.sub('', login)[:NAME_MAX] or _UNKNOWN}"


def _removed(members: Sequence[str], *, base: Policy, after: Policy) -> str:
    lines = [f"Taken off the list: {_names(members)}.", "Messages that they had queued before still go out."]
    if still := [member for member in members if member in base.senders | base.admins]:
        lines.append(f"Named in the settings too, and so still allowed: {_names(still)}.")
    if groups := sorted((base | after).groups):
        lines.append(f"Members of these user groups are still allowed: {_names(groups)}.")
    return _lines(lines)


def _refused(why: Repeated | Refusal | Denied) -> Said:
    match why:
        case Fixed(member_ids=fixed):
            return _no(f"{_names(fixed)}: named in the settings, so only a change of the settings takes them away.")
        case NotOnList(member_ids=absent):
            return _no(f"{_names(absent)}: not on the list.")
        case LastAdmin():
            return _no(
                "Nobody listed by ID would be an admin any more. Name another one first: "
                "mms-bot access allow --admin ID."
            )
        case _:  # answers to people in Slack: no plan of the shell gives them
            return _no("The list does not take this change.")


def _no(reason: str) -> Said:
    return Said(NO, err=f"{reason} Nothing was changed.\n")


def _word(role: Role) -> str:
    return "admin" if role is Role.ADMIN else "sender"


def _role_of_all(role: Role) -> str:
    return "Listed as admin" if role is Role.ADMIN else "Listed"


def _names(members: Iterable[str]) -> str:
    return ", ".join(members)


def _harmless(cell: str) -> str:
    line = cell.replace("\r", " ")  # Python's csv does not quote it where lines end with \n alone
    return f"'{line}" if line.startswith(_FORMULA) else line


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
