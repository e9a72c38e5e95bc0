"""Statements about answers: what the sender is still to be told. Each runs inside somebody's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, insert, select, tuple_, update

from bot.domain import INTERIM, Answer, AnswerKind
from bot.store.binds import LIMIT, NEXT_AT, NOW, OF, THESE, THIS, UNTIL
from bot.store.leases import FREE, free_to_take, lease, leasing, unleased
from bot.store.rows import answer_from, message_from
from bot.store.tables import answer, message

_PROGRESS_BATCH = 200
_PAGE = 200  # answers looked at in one statement
_PAGES = 25  # that are looked at in one claim: it ends, even if none of them can be told yet

_THIS = answer.c.answer_id == THIS
_OF = answer.c.client_reference == OF
_UNTOLD = answer.c.told_at.is_(None)
_DUE = (answer.c.due_at <= NOW, unleased(answer))
_NO_NEWS = {"told_at": NOW, "due_at": None}

_NO_NEWS_ANY_MORE = update(answer).where(_OF, answer.c.kind.in_(THESE), _UNTOLD).values(**_NO_NEWS)
_WITHDRAW = _NO_NEWS_ANY_MORE.where(unleased(answer))
_TELL = insert(answer).values(
    client_reference=OF,
    user_id=select(message.c.user_id).where(message.c.client_reference == OF).scalar_subquery(),
    kind=bindparam("what"),
    until_at=UNTIL,
    created_at=NOW,
    due_at=NOW,
)

_WAITING = free_to_take(
    select(message.c.client_reference)
    .where(message.c.progress_due_at <= NOW)
    .order_by(message.c.progress_due_at)
    .limit(LIMIT),
    message,
)
_WAITS_NO_MORE = update(message).where(message.c.client_reference == OF).values(progress_due_at=None)

_IN_ORDER = (answer.c.due_at, answer.c.answer_id)
_FIRST_PAGE = select(*_IN_ORDER, answer.c.client_reference).where(*_DUE).order_by(*_IN_ORDER).limit(LIMIT)
_NEXT_PAGE = _FIRST_PAGE.where(tuple_(*_IN_ORDER) > tuple_(bindparam("last_due_at"), bindparam("last_id")))
_UNTOLD_OF = select(answer.c.client_reference, answer.c.answer_id, answer.c.due_at).where(
    answer.c.client_reference.in_(THESE), _UNTOLD
)
_STILL_DUE = free_to_take(select(answer.c.answer_id).where(answer.c.answer_id.in_(THESE), *_DUE), answer)
_LEASE = leasing(answer.c.answer_id).returning(answer)

_TOLD = update(answer).where(_THIS).values(**_NO_NEWS, **FREE)
_NEXT = (
    select(answer.c.answer_id)
    .where(
        answer.c.client_reference == select(answer.c.client_reference).where(_THIS).scalar_subquery(),
        _UNTOLD,
        answer.c.due_at <= NOW,
    )
    .limit(1)
)
_FAILED = update(answer).where(_THIS, _UNTOLD).values(due_at=NEXT_AT, tries=answer.c.tries + 1, **FREE)
# Before the answer is touched: a result locks them in this order.
_COUNT_USE = (
    update(message)
    .where(message.c.client_reference == select(answer.c.client_reference).where(_THIS).scalar_subquery())
    .values(response_url_uses=message.c.response_url_uses + 1)
)
_RESUME = update(answer).where(answer.c.due_at > NOW).values(due_at=NOW)
_UNTOLD_BY = (
    select(answer).where(answer.c.user_id == bindparam("whom"), _UNTOLD).order_by(answer.c.answer_id).limit(LIMIT)
)
_MESSAGES = select(message).where(message.c.client_reference.in_(THESE))


def tell(
    connection: Connection, client_reference: str, kind: AnswerKind, at: float, *, until: float | None = None
) -> None:
    """Add an answer. What is still going on is no news any more once there is a result."""
    if kind not in INTERIM:
        connection.execute(_NO_NEWS_ANY_MORE, {"of": client_reference, "these": sorted(INTERIM), "now": at})
    connection.execute(_TELL, {"of": client_reference, "what": kind, "until": until, "now": at})


def withdraw(connection: Connection, client_reference: str, kinds: Collection[AnswerKind], at: float) -> bool:
    """Answers of these kinds that nobody is being told yet are no news any more; True if there was one."""
    withdrawn = connection.execute(_WITHDRAW, {"of": client_reference, "these": sorted(kinds), "now": at})
    return withdrawn.rowcount > 0


def _promote_progress(connection: Connection, at: float) -> None:
    for reference in connection.execute(_WAITING, {"now": at, "limit": _PROGRESS_BATCH}).scalars().all():
        connection.execute(_WAITS_NO_MORE, {"of": reference})
        tell(connection, reference, AnswerKind.PROGRESS, at)


def claim(connection: Connection, *, owner: str, limit: int, at: float, lease_s: float) -> Sequence[Answer]:
    """Lease answers that are due; of one message only the oldest that is still to be told.

    First, messages that have waited long enough without a result get a progress answer.
    """
    _promote_progress(connection, at)
    ids: list[int] = []
    for oldest in _oldest(connection, at):
        # Asked again of each row, now that it is locked: another process may have been faster.
        ids += connection.execute(_STILL_DUE, {"these": oldest[: limit - len(ids)], "now": at}).scalars()
        if len(ids) >= limit:
            break
    if not ids:
        return []
    leased = connection.execute(_LEASE, {"these": ids, **lease(owner, at, lease_s)}).mappings().all()
    return _with_messages(connection, sorted(leased, key=itemgetter("answer_id")))


def _oldest(connection: Connection, at: float) -> Iterator[list[int]]:
    """Answers that are due, those due longest first, without those of which an older one is still to be told; in pages.

    Each statement looks into one table by one index: for both together, how long it takes would be up to what the
    database guesses of the other, and when Slack is away for long, many wait.
    """
    page: Select[Any] = _FIRST_PAGE
    behind: dict[str, Any] = {}
    for _ in range(_PAGES):
        rows = connection.execute(page, {"now": at, "limit": _PAGE, **behind}).all()
        if not rows:
            return
        references = {row.client_reference for row in rows}
        first: dict[str, int] = {}
        for row in connection.execute(_UNTOLD_OF, {"these": list(references)}):
            if row.due_at is not None:  # given up: it stands in nobody's way
                first[row.client_reference] = min(row.answer_id, first.get(row.client_reference, row.answer_id))
        if oldest := [row.answer_id for row in rows if first.get(row.client_reference) == row.answer_id]:
            yield oldest
        if len(rows) < _PAGE:
            return
        page, behind = _NEXT_PAGE, {"last_due_at": rows[-1].due_at, "last_id": rows[-1].answer_id}


def mark_told(connection: Connection, answer_id: int, *, by_response_url: bool, at: float) -> bool:
    """Whether the next answer about the same message has waited for this one."""
    if by_response_url:
        connection.execute(_COUNT_USE, {"this": answer_id})
    connection.execute(_TOLD, {"this": answer_id, "now": at})
    return connection.execute(_NEXT, {"this": answer_id, "now": at}).first() is not None


def mark_failed(connection: Connection, answer_id: int, *, next_at: float | None, response_url_used: bool) -> None:
    if response_url_used:
        connection.execute(_COUNT_USE, {"this": answer_id})
    connection.execute(_FAILED, {"this": answer_id, "next_at": next_at})


def resume(connection: Connection, at: float) -> None:
    """Answers that wait for their next try are due now."""
    connection.execute(_RESUME, {"now": at})


def untold(connection: Connection, user_id: str, *, limit: int) -> Sequence[Answer]:
    """Answers that this person has not been told yet, oldest first, those given up included."""
    rows = connection.execute(_UNTOLD_BY, {"whom": user_id, "limit": limit}).mappings().all()
    return _with_messages(connection, rows)


def _with_messages(connection: Connection, rows: Sequence[RowMapping]) -> list[Answer]:
    if not rows:
        return []
    references = {row["client_reference"] for row in rows}
    found = connection.execute(_MESSAGES, {"these": list(references)}).mappings()
    messages = {row["client_reference"]: message_from(row) for row in found}
    return [answer_from(row, messages[row["client_reference"]]) for row in rows]
