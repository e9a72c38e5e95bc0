"""Statements about what became of a message at each recipient. Each runs inside somebody's transaction.

Whoever writes these rows has locked the row of their message before, so that they are written one after the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from bot.domain import Content
from bot.reports import QUEUED, Counts, RecipientState, Report, counts_by, is_final, merge, no_final_word
from bot.store.binds import OF, THESE
from bot.store.rows import known_moment, maybe_seconds, recipient_from, storable
from bot.store.tables import recipient

# Beyond these, a time is no time of ours; a database keeps it, but may not give it back as one.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

_THEIRS = recipient.c.client_reference == OF
_ADD = insert(recipient)
_ALL = select(recipient).where(_THEIRS).order_by(recipient.c.position)
_WITH_NUMBERS = _ALL.where(recipient.c.e164.in_(THESE))
_NAMELESS = _ALL.where(recipient.c.e164.is_(None)).limit(2)
_ONE = select(recipient.c.position).where(_THEIRS).limit(1)
_BY_STATE = (
    select(recipient.c.client_reference, recipient.c.state, func.count())
    .where(recipient.c.client_reference.in_(THESE))
    .group_by(recipient.c.client_reference, recipient.c.state)
)
_MOVED = ("state", "code", "at", "dispatched_at", "final_at")
_MOVE = (
    update(recipient)
    .where(_THEIRS, recipient.c.position == bindparam("place"))
    .values({column: bindparam(column) for column in _MOVED})
)


def add(connection: Connection, client_reference: str, *, content: Content | None, count: int) -> None:
    """Everybody whom the message goes to is on their way; without numbers, if those were purged meanwhile."""
    numbers: Sequence[str | None] = [one.e164 for one in content.recipients] if content else [None] * count
    connection.execute(
        _ADD,
        [
            {"client_reference": client_reference, "position": position, "e164": e164, "state": QUEUED}
            for position, e164 in enumerate(numbers)
        ],
    )


def load(connection: Connection, client_reference: str) -> list[RecipientState]:
    """In the order of the message."""
    return _load(connection, _ALL, client_reference)


def is_there(connection: Connection, client_reference: str) -> bool:
    return connection.execute(_ONE, {"of": client_reference}).first() is not None


def states(connection: Connection, client_references: Collection[str]) -> Mapping[str, Mapping[str, int]]:
    """Reference → Sinch's word → how many recipients have it; only those that have recipients."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for reference, state, number in connection.execute(_BY_STATE, {"these": list(client_references)}):
        found[reference][state] = number
    return found


def counts(connection: Connection, client_references: Collection[str]) -> dict[str, Counts]:
    return {reference: counts_by(words) for reference, words in states(connection, client_references).items()}


def apply(connection: Connection, client_reference: str, reports: Sequence[Report], *, at: float) -> bool:
    """Move recipients on; whether any has moved. A report without a time is as of ``at``."""
    by_number: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        by_number[e164_of(report)].append(_kept(report, at))
    rows = _load(connection, _WITH_NUMBERS, client_reference, these=list(by_number))
    if not rows and by_number:
        nameless = _load(connection, _NAMELESS, client_reference)
        if [one.position for one in nameless] == [0] and len(by_number) == 1:  # there is nobody else it can be about
            [told] = by_number.values()
            return _write(connection, client_reference, [(nameless[0], reduce(merge, told, nameless[0]))])
    moved = [(one, reduce(merge, by_number[one.e164 or ""], one)) for one in rows]
    return _write(connection, client_reference, moved)


def end(connection: Connection, client_reference: str, *, cancelled: bool, at: float) -> bool:
    """Nothing more is expected of those who are still on their way; whether there were any."""
    now = known_moment(at)
    waiting = [one for one in load(connection, client_reference) if not is_final(one.state)]
    ended = [(one, no_final_word(one, cancelled=cancelled, now=now)) for one in waiting]
    return _write(connection, client_reference, ended)


def erase(connection: Connection, client_references: Collection[str]) -> None:
    """Take the numbers away; states stay."""
    connection.execute(
        update(recipient)
        .where(recipient.c.client_reference.in_(list(client_references)), recipient.c.e164.is_not(None))
        .values(e164=None)
    )


def e164_of(report: Report) -> str:
    """Sinch writes numbers in digits only; older samples of its have the plus."""
    return f"+{(storable(report.recipient) or '').removeprefix('+')}"


def _kept(report: Report, at: float) -> Report:
    """The report as every database keeps it."""
    plausible = report.at is not None and _EARLIEST <= report.at <= _LATEST
    return replace(report, state=storable(report.state) or "", at=report.at if plausible else known_moment(at))


def _load(
    connection: Connection, statement: Select[Any], client_reference: str, **values: Sequence[str]
) -> list[RecipientState]:
    rows = connection.execute(statement, {"of": client_reference, **values}).mappings()
    return [recipient_from(row) for row in rows]


def _write(
    connection: Connection, client_reference: str, moved: Iterable[tuple[RecipientState, RecipientState]]
) -> bool:
    values: list[dict[str, Any]] = [
        {
            "of": client_reference,
            "place": then.position,
            "state": then.state,
            "code": then.code,
            "at": maybe_seconds(then.at),
            "dispatched_at": maybe_seconds(then.dispatched_at),
            "final_at": maybe_seconds(then.final_at),
        }
        for before, then in moved
        if then != before
    ]
    if values:
        connection.execute(_MOVE, values)
    return bool(values)
