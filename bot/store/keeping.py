"""Statements about how long numbers and texts are kept. What was counted stays; whom and what it was about goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, or_, select, tuple_, update

from bot.domain import AnswerKind, State
from bot.store import Page, Place, answers, recipients
from bot.store.leases import FREE, free_to_take
from bot.store.rows import message_from
from bot.store.tables import answer, message

# Sinch's own sentence may quote a number, and a digest of few possible texts can be guessed.
_ERASED: dict[str, Any] = {
    "content": None,
    "digest": "",
    "vendor_text": None,
    "response_url": None,
    "response_url_expires_at": None,
}
_WAITING = (State.QUEUED, State.SCHEDULED)
_ENDED = (State.ACCEPTED, State.REFUSED, State.CANCELLED)


def purge(connection: Connection, *, kept_s: float, limit: int, at: float) -> int:
    """Erase what is older than ``kept_s`` seconds and has nothing left to do, the oldest first; how many."""
    looked_up_to_the_end = and_(message.c.state == State.UNKNOWN, message.c.lookup_due_at.is_(None))
    still_to_tell = (
        select(answer.c.answer_id)
        .where(
            answer.c.client_reference == message.c.client_reference,
            answer.c.told_at.is_(None),
            answer.c.due_at.is_not(None),
        )
        .exists()
    )
    old = (
        select(message.c.client_reference)
        .where(
            message.c.content.is_not(None),
            message.c.created_at < at - kept_s,
            or_(message.c.state.in_(_ENDED), looked_up_to_the_end),
            ~still_to_tell,
        )
        .order_by(message.c.created_at)
        .limit(limit)
    )
    references = connection.execute(free_to_take(old, message)).scalars().all()
    return erase(connection, references)


def kept(connection: Connection, *, after: Place | None, limit: int) -> Page:
    """Messages whose numbers and texts are still there, oldest first, from ``after`` on."""
    oldest_first = (message.c.created_at, message.c.client_reference)
    which = select(message).where(message.c.content.is_not(None)).order_by(*oldest_first).limit(limit)
    if after is not None:
        which = which.where(tuple_(*oldest_first) > tuple_(after.created_at, after.client_reference))
    rows = connection.execute(which).mappings().all()
    last = rows[-1] if len(rows) == limit else None
    return Page(
        messages=[message_from(row) for row in rows],
        after=None if last is None else Place(last["created_at"], last["client_reference"]),
    )


def cancel(connection: Connection, references: Sequence[str], *, cause: str, at: float) -> int:
    """`queued` or `scheduled` → `cancelled`, and the sender is told; how many. What is under way is left alone."""
    cancelled = connection.execute(
        update(message)
        .where(message.c.client_reference.in_(references), message.c.state.in_(_WAITING))
        .values(state=State.CANCELLED, cause=cause, finished_at=at, due_at=None, progress_due_at=None, **FREE)
        .returning(message.c.client_reference)
    ).scalars()
    told = list(cancelled)
    for reference in told:
        answers.tell(connection, reference, AnswerKind.RESULT, at)
    return len(told)


def erase(connection: Connection, references: Sequence[str]) -> int:
    """Take numbers and texts away, but from what is waiting or under way; how many had any."""
    erased = connection.execute(
        update(message)
        .where(
            message.c.client_reference.in_(references),
            message.c.content.is_not(None),
            message.c.state.not_in((*_WAITING, State.SENDING)),
        )
        .values(**_ERASED)
        .returning(message.c.client_reference)
    )
    gone = list(erased.scalars())
    if gone:
        recipients.erase(connection, gone)
    return len(gone)
