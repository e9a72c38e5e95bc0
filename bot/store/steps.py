"""Statements that move a message from one state to the next, along ``bot.domain.STEPS``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, literal, select, true, update
from sqlalchemy.sql.dml import ReturningUpdate

from bot.domain import Accepted, AnswerKind, Lost, Message, Refused, State, Step, TryAgain
from bot.store import answers, recipients
from bot.store.binds import LIMIT, NOW, OF, OWNER, THESE, UNTIL
from bot.store.leases import FREE, free_to_take, lease, leasing, unleased
from bot.store.rows import content_from, message_from, seconds, storable
from bot.store.tables import message

FIRST_LOOKUP_AFTER_S = 1.0  # a batch may become visible a little after it was accepted

_UNFINISHED = (State.QUEUED, State.SENDING)
_SETTLED_BY_BATCH = (State.SENDING, State.UNKNOWN)
# A queued one that Sinch reports of certainly reached it, whatever we thought of the attempt.
SETTLED_BY_REPORT = (State.QUEUED, *_SETTLED_BY_BATCH)

_THIS = message.c.client_reference == OF
_BEGIN = (
    update(message)
    .where(
        _THIS,
        message.c.state == State.QUEUED,
        message.c.lease_owner == OWNER,
        message.c.lease_until > NOW,
    )
    .values(
        state=State.SENDING,
        attempts=message.c.attempts + 1,
        first_attempt_at=func.coalesce(message.c.first_attempt_at, NOW),
        attempt_started_at=NOW,
        lease_until=UNTIL,
    )
    .returning(message)
)


def _accept(states: Collection[State]) -> ReturningUpdate[bool, str, int]:
    return (
        update(message)
        .where(_THIS, message.c.state.in_([literal(state) for state in states]))
        .values(
            state=State.ACCEPTED,
            batch_id=bindparam("batch"),
            cause=None,
            vendor_code=None,
            vendor_text=None,
            finished_at=NOW,
            due_at=None,
            progress_due_at=None,
            lookup_due_at=None,
            poll_due_at=bindparam("first_poll"),
            **FREE,
        )
        .returning(message.c.unknown_told, message.c.content, message.c.recipient_count)
    )


_ACCEPT = _accept(_SETTLED_BY_BATCH)
_ACCEPT_REPORTED = _accept(SETTLED_BY_REPORT)
_HELD = free_to_take(
    select(message.c.client_reference).where(message.c.client_reference.in_(THESE), message.c.lease_owner == OWNER),
    message,
)
_RENEW = update(message).where(message.c.client_reference.in_(THESE)).values(lease_until=UNTIL)
_CUT_OFF = free_to_take(
    select(message.c.client_reference).where(message.c.state == State.SENDING, message.c.lease_until <= NOW),
    message,
)
_LOOKUPS_DUE = free_to_take(
    select(message.c.client_reference)
    .where(message.c.lookup_due_at <= NOW, message.c.state == State.UNKNOWN, unleased(message))
    .order_by(message.c.lookups, message.c.lookup_due_at)
    .limit(LIMIT),
    message,
)
_LEASE = leasing(message.c.client_reference).returning(message)


def begin(connection: Connection, client_reference: str, *, owner: str, at: float, lease_s: float) -> Message | None:
    """`queued` → `sending`, right before the request; None if the lease was lost."""
    values = {"of": client_reference, "now": at, **lease(owner, at, lease_s)}
    row = connection.execute(_BEGIN, values).mappings().first()
    return None if row is None else message_from(row)


def record(
    connection: Connection,
    client_reference: str,
    step: Step,
    *,
    owner: str,
    attempt: int,
    first_poll_s: float,
    at: float,
) -> bool:
    """Write what came of an attempt, and the answer that follows from it; False if it is no longer ours to say."""
    if isinstance(step, Accepted):
        return accept(connection, client_reference, step.batch_id, first_poll_s=first_poll_s, at=at)
    written = connection.execute(
        update(message)
        .where(
            message.c.client_reference == client_reference,
            message.c.attempts == attempt,
            message.c.lease_owner == owner,
            # Given up while it waited: the one step that needs no attempt.
            message.c.state.in_(_UNFINISHED if isinstance(step, Refused) else (State.SENDING,)),
        )
        .values(**_columns(step, at))
    )
    if written.rowcount != 1:
        return False
    if isinstance(step, Refused):
        answers.tell(connection, client_reference, AnswerKind.RESULT, at)
    elif isinstance(step, TryAgain) and step.tell is not None:
        answers.tell(connection, client_reference, step.tell, at, until=seconds(step.due_at))
    return True


def accept(
    connection: Connection,
    client_reference: str,
    batch_id: str,
    *,
    first_poll_s: float,
    at: float,
    reported: bool = False,
) -> bool:
    """A batch ID settles a message that is sending or unknown; if Sinch reports of it, also one that is queued.

    From now on every recipient has a state, and Sinch is asked for it, ``first_poll_s`` seconds from now at first. The
    sender is told: as a find if "unknown" was told before; an "unknown" that waits to be told is no news any more.
    """
    values = {"of": client_reference, "batch": storable(batch_id), "now": at, "first_poll": at + first_poll_s}
    settled = connection.execute(_ACCEPT_REPORTED if reported else _ACCEPT, values).first()
    if settled is None:
        return False
    content = content_from(settled.content)
    recipients.add(connection, client_reference, content=content, count=settled.recipient_count)
    heard = settled.unknown_told and not answers.withdraw(connection, client_reference, (AnswerKind.UNKNOWN,), at)
    answers.tell(connection, client_reference, AnswerKind.FOUND if heard else AnswerKind.RESULT, at)
    return True


def renew(connection: Connection, client_references: Sequence[str], *, owner: str, at: float, lease_s: float) -> None:
    """Extend the leases on what is this owner's, but for rows that somebody is writing at this moment: next time."""
    held = {"these": list(client_references), "owner": owner}
    references = connection.execute(_HELD, held).scalars().all()
    if references:
        connection.execute(_RENEW, {"these": references, "until": at + lease_s})


def take_up_lost(connection: Connection, *, cause: str, holding: Collection[str], at: float) -> int:
    """`sending` → `unknown` for messages whose lease has ended; how many."""
    references = [
        reference for reference in connection.execute(_CUT_OFF, {"now": at}).scalars() if reference not in holding
    ]
    if references:
        these = message.c.client_reference.in_(references)
        connection.execute(update(message).where(these).values(**_columns(Lost(cause), at)))
    return len(references)


def claim_lookups(connection: Connection, *, owner: str, limit: int, at: float, lease_s: float) -> Sequence[Message]:
    """Lease unknown messages that are due to be looked up, those looked up least first."""
    references = connection.execute(_LOOKUPS_DUE, {"now": at, "limit": limit}).scalars().all()
    if not references:
        return []
    rows = connection.execute(_LEASE, {"these": references, **lease(owner, at, lease_s)}).mappings()
    return [message_from(row) for row in rows]


def resume_lookups(connection: Connection, *, at_most: int, since: datetime, at: float) -> None:
    """Every unknown message taken after ``since`` is due, with ``at_most`` look-ups behind it."""
    connection.execute(
        update(message)
        .where(message.c.state == State.UNKNOWN, message.c.created_at >= seconds(since))
        .values(
            lookups=case((message.c.lookups > at_most, at_most), else_=message.c.lookups),
            lookup_due_at=at,
        )
    )


def record_lookup(
    connection: Connection,
    client_reference: str,
    *,
    batch_id: str | None,
    next_at: datetime | None,
    tell: bool,
    first_poll_s: float,
    at: float,
) -> None:
    """Settle an unknown message, or note one more look-up that did not find it."""
    if batch_id is not None:
        accept(connection, client_reference, batch_id, first_poll_s=first_poll_s, at=at)
        return
    still_unknown = (message.c.client_reference == client_reference, message.c.state == State.UNKNOWN)
    values: dict[str, Any] = {
        "lookups": message.c.lookups + 1,
        "lookup_due_at": None if next_at is None else seconds(next_at),
        **FREE,
    }
    if tell:
        first_time = (*still_unknown, message.c.unknown_told.is_not(true()))
        # Locked, so that it can't be settled between this look and the answer that follows from it.
        locked = select(message.c.client_reference).where(*first_time).with_for_update(key_share=True)
        if connection.execute(locked).first() is not None:
            values["unknown_told"] = True
            answers.tell(connection, client_reference, AnswerKind.UNKNOWN, at)
    connection.execute(update(message).where(*still_unknown).values(**values))


def _columns(step: Refused | Lost | TryAgain, at: float) -> dict[str, Any]:
    """What a step writes into the row; every step gives the lease back."""
    columns: dict[str, Any] = {"cause": step.cause, **FREE}
    match step:
        case Refused():
            columns |= {"state": State.REFUSED, "finished_at": at, "due_at": None, "progress_due_at": None}
            columns |= {"vendor_code": storable(step.vendor_code), "vendor_text": storable(step.vendor_text)}
        case Lost():
            columns |= {"state": State.UNKNOWN, "due_at": None, "lookups": 0, "progress_due_at": None}
            columns |= {"lookup_due_at": at + FIRST_LOOKUP_AFTER_S}
            columns |= {"vendor_code": storable(step.vendor_code), "vendor_text": storable(step.vendor_text)}
        case TryAgain():
            columns |= {"state": State.QUEUED, "due_at": seconds(step.due_at)}
            if step.rate_limited:
                columns["rate_limited"] = message.c.rate_limited + 1
            if step.unavailable:
                columns["unavailable"] = message.c.unavailable + 1
            if step.tell is AnswerKind.WAITING:
                columns["waiting_told"] = True
            if step.tell is not None:
                columns["progress_due_at"] = None
    return columns
