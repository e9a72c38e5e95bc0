"""How much work is left. Each count goes by an index that holds just the rows that are counted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, ScalarSelect, func, select
from sqlalchemy.sql.elements import ColumnElement

from bot.domain import State
from bot.store import Figures
from bot.store.rows import moment
from bot.store.tables import answer, message


def read(connection: Connection) -> Figures:
    """All of them in one statement: what is in two of them while it moves on would be counted twice."""
    # A sum, so that nobody goes along the index of times, through all that is done, to the first that waits.
    oldest = func.min(message.c.created_at + 0.0)
    found = connection.execute(
        select(
            _of(func.count(), message.c.state == State.QUEUED).label("queued"),
            _of(func.count(), message.c.state == State.SENDING).label("sending"),
            _of(func.count(), message.c.lookup_due_at.is_not(None)).label("looking_up"),
            _of(oldest, message.c.state == State.QUEUED).label("oldest_queued_at"),
            _of(oldest, message.c.state == State.SENDING).label("oldest_sending_at"),
            _of(func.count(), answer.c.due_at.is_not(None)).label("untold"),
            _of(func.min(answer.c.created_at), answer.c.due_at.is_not(None)).label("oldest_untold_at"),
        )
    ).one()
    return Figures(
        queued=found.queued,
        sending=found.sending,
        looking_up=found.looking_up,
        oldest_since=moment(min(filter(None, (found.oldest_queued_at, found.oldest_sending_at)), default=None)),
        untold=found.untold,
        oldest_untold_since=moment(found.oldest_untold_at),
    )


def _of(figure: Any, which: ColumnElement[bool]) -> ScalarSelect[Any]:
    return select(figure).where(which).scalar_subquery()
