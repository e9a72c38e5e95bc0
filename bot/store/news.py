"""Statements about delivery news: the one answer about a message's delivery, that grows.

Each runs inside somebody's transaction; whoever changes what is due has locked the row of the message before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from bot.domain import State
from bot.reports import CANCELLED, DeliveryNews, counts_by, counts_from, news_due
from bot.store import recipients
from bot.store.binds import NEXT_AT, NOW, OF
from bot.store.leases import FREE, Claim
from bot.store.rows import delivery_news_from, known_moment, seconds
from bot.store.tables import delivery_news, message

_OF = delivery_news.c.client_reference == OF
_MESSAGE = message.c.client_reference == OF
_STATE = select(message.c.state).where(_MESSAGE)
_SETTLED = update(message).where(_MESSAGE).values(poll_due_at=None)
_LOCK = select(message.c.client_reference).where(_MESSAGE).with_for_update(key_share=True)
_COUNT_USE = update(message).where(_MESSAGE).values(response_url_uses=message.c.response_url_uses + 1)
_NEWS = select(delivery_news).where(_OF)
_FIRST = insert(delivery_news).values(
    client_reference=OF,
    user_id=select(message.c.user_id).where(_MESSAGE).scalar_subquery(),
    since_at=NOW,
    due_at=bindparam("due"),
)
_DUE = update(delivery_news).where(_OF).values(due_at=bindparam("due"), tries=0, since_at=bindparam("since"))
_TOLD = (
    update(delivery_news)
    .where(_OF)
    .values(
        told_at=NOW,
        shown=bindparam("counts"),
        due_at=bindparam("due"),
        tries=0,
        since_at=NOW,
        channel_id=func.coalesce(bindparam("channel"), delivery_news.c.channel_id),
        ts=func.coalesce(bindparam("post"), delivery_news.c.ts),
        **FREE,
    )
)
_FAILED = (
    update(delivery_news)
    .where(_OF, delivery_news.c.due_at.is_not(None))
    .values(due_at=NEXT_AT, tries=delivery_news.c.tries + 1, **FREE)
)
_CLAIM = Claim(delivery_news, key="client_reference", due_at="due_at")


def recipients_moved(connection: Connection, client_reference: str, *, at: float) -> None:
    """Something became of recipients: tell it when it is due, and ask no more if nothing more is expected."""
    state, states = _whole(connection, client_reference)
    if counts_by(states).settled:
        connection.execute(_SETTLED, {"of": client_reference})
    row = connection.execute(_NEWS, {"of": client_reference}).mappings().first()
    known = None if row is None else delivery_news_from(row)
    due_at = _due_at(
        state, states, shown=known.shown if known else None, told_at=known.told_at if known else None, at=at
    )
    if row is None:
        if due_at is not None:
            connection.execute(_FIRST, {"of": client_reference, "now": at, "due": due_at})
        return
    waits_after_failure = row["due_at"] is not None and row["tries"] > 0
    if due_at is not None and waits_after_failure:  # what is shown then is as it is then
        return
    since = row["since_at"] if due_at is None or row["due_at"] is not None else at
    connection.execute(_DUE, {"of": client_reference, "due": due_at, "since": since})


def claim(connection: Connection, *, owner: str, limit: int, at: float, lease_s: float) -> Sequence[DeliveryNews]:
    """Lease what is due, the longest due first."""
    rows = _CLAIM(connection, owner=owner, limit=limit, at=at, lease_s=lease_s)
    return [delivery_news_from(row) for row in rows]


def mark_told(
    connection: Connection,
    client_reference: str,
    *,
    shown: str,
    channel_id: str | None,
    ts: str | None,
    by_response_url: bool,
    at: float,
) -> None:
    """Slack has taken it; due again by the same rule, if there are other counts by now."""
    _lock_message(connection, client_reference, uses=by_response_url)
    state, states = _whole(connection, client_reference)
    due_at = _due_at(state, states, shown=shown, told_at=known_moment(at), at=at)
    values = {"of": client_reference, "now": at, "counts": shown, "due": due_at, "channel": channel_id, "post": ts}
    connection.execute(_TOLD, values)


def mark_failed(
    connection: Connection, client_reference: str, *, next_at: float | None, response_url_used: bool
) -> None:
    _lock_message(connection, client_reference, uses=response_url_used)
    connection.execute(_FAILED, {"of": client_reference, "next_at": next_at})


def resume(connection: Connection, at: float) -> None:
    """News that waits for its next try is due now."""
    waiting = (delivery_news.c.due_at > at, delivery_news.c.tries > 0)
    connection.execute(update(delivery_news).where(*waiting).values(due_at=at))


def unfold(connection: Connection, client_reference: str, *, unfolded: bool, at: float) -> DeliveryNews | None:
    """Show the failed ones, or no more. A direct message is due to be edited."""
    this = delivery_news.c.client_reference == client_reference
    row = connection.execute(select(delivery_news).where(this).with_for_update()).mappings().first()
    if row is None:
        return None
    values: dict[str, Any] = {"unfolded": unfolded}
    if row["ts"] is not None and bool(row["unfolded"]) is not unfolded:
        values |= {"due_at": at, "tries": 0, "since_at": at}
    changed = connection.execute(update(delivery_news).where(this).values(**values).returning(delivery_news))
    return delivery_news_from(changed.mappings().one())


def _whole(connection: Connection, client_reference: str) -> tuple[State, Mapping[str, int]]:
    word = connection.execute(_STATE, {"of": client_reference}).scalar_one()
    return State(word), recipients.states(connection, [client_reference]).get(client_reference, {})


def _due_at(
    state: State, states: Mapping[str, int], *, shown: str | None, told_at: datetime | None, at: float
) -> float | None:
    if state is State.CANCELLED and shown is None:
        # Whoever cancelled it knows; that it reached somebody all the same is news.
        others = counts_by({word: number for word, number in states.items() if word != CANCELLED})
        if not (others.delivered or others.failed or others.no_final_word):
            return None
    due = news_due(counts_from(shown), counts_by(states), told_at=told_at, now=known_moment(at))
    return None if due is None else seconds(due)


def _lock_message(connection: Connection, client_reference: str, *, uses: bool) -> None:
    """So that nothing becomes of its recipients meanwhile; ``uses``: its response_url has one use less."""
    connection.execute(_COUNT_USE if uses else _LOCK, {"of": client_reference})
