"""Statements that take what Sinch reports, by itself or when asked, and what follows from it for the whole message.

Every one locks the row of its message first; rows of recipients, answers and news come after it, as in ``steps``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from bot.domain import AnswerKind, Message, State
from bot.reports import Report, Took
from bot.store import answers, news, recipients, steps
from bot.store.binds import NEXT_AT, OF, THIS
from bot.store.leases import FREE, Claim
from bot.store.rows import content_from, message_from, storable
from bot.store.tables import message

_AT_SINCH = (State.ACCEPTED, State.CANCELLED)

_THIS = message.c.client_reference == OF
_BY_BATCH = select(message.c.client_reference).where(message.c.batch_id == THIS).limit(1)
_BY_REFERENCE = select(message.c.client_reference).where(message.c.client_reference == THIS).limit(1)
_LOCKED = (
    select(message.c.state, message.c.batch_id, message.c.poll_due_at).where(_THIS).with_for_update(key_share=True)
)
_POLLED = update(message).where(_THIS).values(polls=message.c.polls + 1, poll_due_at=NEXT_AT, **FREE)
_CONTENT = select(message.c.content, message.c.recipient_count).where(_THIS)
_CLAIM = Claim(message, key="client_reference", due_at="poll_due_at")


def reference_of(connection: Connection, *, batch_id: str | None, client_reference: str | None) -> str | None:
    """Which message a report is about: the one with this batch ID, else the one with this reference."""
    for statement, value in ((_BY_BATCH, batch_id), (_BY_REFERENCE, client_reference)):
        if value is not None:
            reference: str | None = connection.execute(statement, {"this": storable(value)}).scalar()
            if reference is not None:
                return reference
    return None


def take(
    connection: Connection,
    reference: str,
    *,
    batch_id: str | None,
    reports: Sequence[Report],
    first_poll_s: float,
    at: float,
) -> Took:
    """Move the recipients of a message on. See ``bot.store.ReportStore.take``."""
    was_new = _take_message(connection, reference, batch_id=batch_id, reports=reports, first_poll_s=first_poll_s, at=at)
    if was_new is None:
        return Took.NOT_OURS
    moved = recipients.apply(connection, reference, reports, at=at)
    if moved:
        news.recipients_moved(connection, reference, at=at)
    return Took.APPLIED if moved or was_new else Took.NOTHING_NEW


def poll_soon(connection: Connection, reference: str, *, batch_id: str | None, first_poll_s: float, at: float) -> Took:
    """Sinch is to be asked now what became of a message, unless that is known to the end."""
    was_new = _take_message(connection, reference, batch_id=batch_id, reports=(), first_poll_s=first_poll_s, at=at)
    if was_new is None:
        return Took.NOT_OURS
    counts = recipients.counts(connection, [reference])[reference]
    if counts.on_their_way or counts.no_final_word:
        connection.execute(update(message).where(message.c.client_reference == reference).values(poll_due_at=at))
        return Took.APPLIED
    return Took.APPLIED if was_new else Took.NOTHING_NEW


def claim_polls(connection: Connection, *, owner: str, limit: int, at: float, lease_s: float) -> Sequence[Message]:
    """Lease messages whose report is due to be asked for, the longest due first."""
    return [message_from(row) for row in _CLAIM(connection, owner=owner, limit=limit, at=at, lease_s=lease_s)]


def polled(connection: Connection, reference: str, *, next_at: float | None, at: float) -> None:
    """Sinch was asked. ``next_at`` None ends it for those who are still on their way."""
    row = _locked(connection, reference)
    if row is None:
        return
    # Not asked any more since it is settled: so it stays.
    settled = row["poll_due_at"] is None
    connection.execute(_POLLED, {"of": reference, "next_at": None if settled else next_at})
    if next_at is None and recipients.end(connection, reference, cancelled=row["state"] == State.CANCELLED, at=at):
        news.recipients_moved(connection, reference, at=at)


def cancelled(connection: Connection, reference: str, *, cause: str, at: float) -> bool:
    """`accepted` → `cancelled`; what went out all the same is asked for at once."""
    row = _locked(connection, reference)
    if row is None or row["state"] != State.ACCEPTED:
        return False
    values: dict[str, Any] = {"state": State.CANCELLED, "cause": cause, "finished_at": at}
    if row["poll_due_at"] is not None:
        values["poll_due_at"] = at
    connection.execute(update(message).where(message.c.client_reference == reference).values(**values))
    answers.withdraw(connection, reference, (AnswerKind.RESULT, AnswerKind.FOUND), at)  # told as cancelled instead
    answers.tell(connection, reference, AnswerKind.RESULT, at)
    return True


def _take_message(
    connection: Connection,
    reference: str,
    *,
    batch_id: str | None,
    reports: Sequence[Report],
    first_poll_s: float,
    at: float,
) -> bool | None:
    """Lock the message that a report is about; whether it is accepted only now, or None if the report is not of it."""
    row = _locked(connection, reference)
    if row is None:
        return None
    if row["state"] in _AT_SINCH and row["batch_id"] is not None:
        if batch_id is not None and storable(batch_id) != row["batch_id"]:
            return None
        if not recipients.is_there(connection, reference):  # accepted by an older version of the bot
            _add_recipients(connection, reference)
        return False
    if batch_id is None or row["state"] not in steps.SETTLED_BY_REPORT:
        return None
    if not _goes_to_one_of(connection, reference, reports):
        return None
    return steps.accept(connection, reference, batch_id, first_poll_s=first_poll_s, at=at, reported=True)


def _locked(connection: Connection, reference: str) -> RowMapping | None:
    return connection.execute(_LOCKED, {"of": reference}).mappings().first()


def _goes_to_one_of(connection: Connection, reference: str, reports: Sequence[Report]) -> bool:
    """The reference is a label: somebody else's batch may bear it, but not to the same phones."""
    content = content_from(connection.execute(_CONTENT, {"of": reference}).scalar())
    if content is None or not reports:
        return True
    return not {one.e164 for one in content.recipients}.isdisjoint(recipients.e164_of(report) for report in reports)


def _add_recipients(connection: Connection, reference: str) -> None:
    row = connection.execute(_CONTENT, {"of": reference}).one()
    recipients.add(connection, reference, content=content_from(row.content), count=row.recipient_count)
