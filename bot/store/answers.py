"""Statements about answers: what the sender is still to be told. Each runs inside somebody's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection, insert, null, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from bot.domain import INTERIM, Answer, AnswerKind
from bot.store.leases import FREE, free_to_take, leased, unleased
from bot.store.rows import answer_from, message_from
from bot.store.tables import answer, message

_PROGRESS_BATCH = 200
_PAGE = 200  # answers looked at in one statement
_PAGES = 25  # that are looked at in one claim: it ends, even if none of them can be told yet


def tell(
    connection: Connection, client_reference: str, kind: AnswerKind, at: float, *, until: float | None = None
) -> None:
    """Add an answer. What is still going on is no news any more once there is a result."""
    if kind not in INTERIM:
        connection.execute(
            update(answer)
            .where(
                answer.c.client_reference == client_reference,
                answer.c.kind.in_(sorted(INTERIM)),
                answer.c.told_at.is_(None),
            )
            .values(told_at=at, due_at=None)
        )
    user = select(message.c.user_id).where(message.c.client_reference == client_reference).scalar_subquery()
    connection.execute(
        insert(answer).values(
            client_reference=client_reference, user_id=user, kind=kind, until_at=until, created_at=at, due_at=at
        )
    )


def withdraw(connection: Connection, client_reference: str, kinds: Collection[AnswerKind], at: float) -> bool:
    """Answers of these kinds that nobody is being told yet are no news any more; True if there was one."""
    withdrawn = connection.execute(
        update(answer)
        .where(
            answer.c.client_reference == client_reference,
            answer.c.kind.in_(sorted(kinds)),
            answer.c.told_at.is_(None),
            unleased(answer, at),
        )
        .values(told_at=at, due_at=None)
    )
    return withdrawn.rowcount > 0


def promote_progress(connection: Connection, at: float) -> None:
    """Messages that have waited long enough without a result get a progress answer."""
    waiting = (
        select(message.c.client_reference)
        .where(message.c.progress_due_at <= at)
        .order_by(message.c.progress_due_at)
        .limit(_PROGRESS_BATCH)
    )
    for reference in connection.execute(free_to_take(waiting, message)).scalars().all():
        connection.execute(
            update(message).where(message.c.client_reference == reference).values(progress_due_at=null())
        )
        tell(connection, reference, AnswerKind.PROGRESS, at)


def claim(connection: Connection, *, owner: str, limit: int, at: float, lease_s: float) -> Sequence[Answer]:
    """Lease answers that are due; of one message only the oldest that is still to be told."""
    due = (answer.c.due_at <= at, unleased(answer, at))
    ids: list[int] = []
    for oldest in _oldest(connection, due):
        # Asked again of each row, now that it is locked: another process may have been faster.
        these = select(answer.c.answer_id).where(answer.c.answer_id.in_(oldest[: limit - len(ids)]), *due)
        ids += connection.execute(free_to_take(these, answer)).scalars()
        if len(ids) >= limit:
            break
    if not ids:
        return []
    connection.execute(update(answer).where(answer.c.answer_id.in_(ids)).values(**leased(owner, at, lease_s)))
    return load(connection, answer.c.answer_id.in_(ids))


def _oldest(connection: Connection, due: Sequence[ColumnElement[bool]]) -> Iterator[list[int]]:
    """Answers that are due, those due longest first, without those of which an older one is still to be told; in pages.

    Each statement looks into one table by one index: for both together, how long it takes would be up to what the
    database guesses of the other, and when Slack is away for long, many wait.
    """
    in_order = (answer.c.due_at, answer.c.answer_id)
    page = select(*in_order, answer.c.client_reference).where(*due).order_by(*in_order).limit(_PAGE)
    behind = page
    for _ in range(_PAGES):
        rows = connection.execute(behind).all()
        if not rows:
            return
        references = {row.client_reference for row in rows}
        untold = select(answer.c.client_reference, answer.c.answer_id, answer.c.due_at).where(
            answer.c.client_reference.in_(references), answer.c.told_at.is_(None)
        )
        first: dict[str, int] = {}
        for row in connection.execute(untold):
            if row.due_at is not None:  # given up: it stands in nobody's way
                first[row.client_reference] = min(row.answer_id, first.get(row.client_reference, row.answer_id))
        if oldest := [row.answer_id for row in rows if first.get(row.client_reference) == row.answer_id]:
            yield oldest
        if len(rows) < _PAGE:
            return
        behind = page.where(tuple_(*in_order) > tuple_(rows[-1].due_at, rows[-1].answer_id))


def mark_told(connection: Connection, answer_id: int, *, by_response_url: bool, at: float) -> None:
    if by_response_url:
        _count_use(connection, answer_id)
    connection.execute(update(answer).where(answer.c.answer_id == answer_id).values(told_at=at, due_at=None, **FREE))


def mark_failed(connection: Connection, answer_id: int, *, next_at: float | None, response_url_used: bool) -> None:
    if response_url_used:
        _count_use(connection, answer_id)
    connection.execute(
        update(answer)
        .where(answer.c.answer_id == answer_id, answer.c.told_at.is_(None))
        .values(due_at=next_at, tries=answer.c.tries + 1, **FREE)
    )


def resume(connection: Connection, at: float) -> None:
    """Answers that wait for their next try are due now."""
    connection.execute(update(answer).where(answer.c.due_at > at).values(due_at=at))


def untold(connection: Connection, user_id: str, *, limit: int) -> Sequence[Answer]:
    """Answers that this person has not been told yet, oldest first, those given up included."""
    return load(connection, (answer.c.user_id == user_id) & answer.c.told_at.is_(None), limit=limit)


def load(connection: Connection, which: ColumnElement[bool], *, limit: int | None = None) -> list[Answer]:
    rows = connection.execute(select(answer).where(which).order_by(answer.c.answer_id).limit(limit)).mappings().all()
    if not rows:
        return []
    references = {row["client_reference"] for row in rows}
    messages = {
        row["client_reference"]: message_from(row)
        for row in connection.execute(select(message).where(message.c.client_reference.in_(references))).mappings()
    }
    return [answer_from(row, messages[row["client_reference"]]) for row in rows]


def _count_use(connection: Connection, answer_id: int) -> None:
    """The message's response_url has one use less. Before the answer is touched: a result locks them in this order."""
    reference = select(answer.c.client_reference).where(answer.c.answer_id == answer_id).scalar_subquery()
    connection.execute(
        update(message)
        .where(message.c.client_reference == reference)
        .values(response_url_uses=message.c.response_url_uses + 1)
    )
