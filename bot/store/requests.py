"""Statements about requests for access, and the notices about them. Each runs inside somebody's transaction.

Whoever writes requests holds the lock of ``bot.store.access``; the notices follow from what is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from bot.access.requests import (
    ASK_AGAIN_AFTER,
    ASKED_TOLD_WITHIN,
    Asked,
    AskedBefore,
    Decision,
    Notice,
    NoticeKind,
    Request,
)
from bot.store.leases import FREE, Claim
from bot.store.rows import known_moment, notice_from, request_from, seconds
from bot.store.tables import access_notice, access_request

_OPEN = access_request.c.decision.is_(None)
_CLAIM = Claim(access_notice, key="notice_id", due_at="due_at")

# -- requests


def get(connection: Connection, request_id: int) -> Request | None:
    row = connection.execute(select(access_request).where(access_request.c.request_id == request_id)).mappings().first()
    return None if row is None else request_from(row)


def ask(connection: Connection, user_id: str, *, admins: Iterable[str], at: float) -> Asked | AskedBefore:
    """Keep one request, and a notice of it to each of ``admins``; an older one that nobody answered is replaced."""
    newest = _newest(connection, user_id)
    now = known_moment(at)
    if newest is not None and now - newest.asked_at < ASK_AGAIN_AFTER:
        return AskedBefore(newest)
    if newest is not None and newest.decision is None:
        settle(connection, newest, Decision.REPLACED, by=None, at=at)
    new = insert(access_request).values(user_id=user_id, asked_at=at).returning(access_request)
    request = request_from(connection.execute(new).mappings().one())
    _add_notices(connection, NoticeKind.ASK, admins, request_id=request.request_id, at=at)
    _add_notices(
        connection,
        NoticeKind.ASKED,
        [user_id],
        request_id=request.request_id,
        at=at,
        due_at=seconds(now + ASKED_TOLD_WITHIN),
    )
    return Asked(request)


def settle(connection: Connection, request: Request, decision: Decision, *, by: str | None, at: float) -> None:
    """Decide an open request. The admins' notices are due again, and the person is told unless they asked anew."""
    connection.execute(
        update(access_request)
        .where(access_request.c.request_id == request.request_id)
        .values(decision=decision, decided_by=by, decided_at=at)
    )
    connection.execute(
        update(access_notice)
        .where(access_notice.c.request_id == request.request_id, access_notice.c.kind == NoticeKind.ASK)
        .values(since_at=at, due_at=at, tries=0)
    )
    asker_told(connection, request.request_id, at=at)  # that they asked is no news any more
    if decision is not Decision.REPLACED:
        _add_notices(connection, NoticeKind.OUTCOME, [request.user_id], request_id=request.request_id, at=at)


def asker_told(connection: Connection, request_id: int, *, at: float) -> None:
    """The person knows that the admins are told."""
    connection.execute(
        update(access_notice)
        .where(
            access_notice.c.request_id == request_id,
            access_notice.c.kind == NoticeKind.ASKED,
            access_notice.c.told_at.is_(None),
        )
        .values(told_at=at, due_at=None)
    )


def settle_added(connection: Connection, user_ids: Iterable[str], *, by: str, at: float) -> None:
    """Who was put on the list need not be asked about any more."""
    asked = select(access_request).where(access_request.c.user_id.in_(sorted(user_ids)), _OPEN)
    for row in connection.execute(asked.order_by(access_request.c.request_id)).mappings().all():
        settle(connection, request_from(row), Decision.ALLOWED, by=by, at=at)


def ask_also(connection: Connection, admins: Iterable[str], *, at: float) -> None:
    """New admins get a notice of each open request, unless they have had one."""
    new = dict.fromkeys(admins)
    for request_id in (
        connection.execute(select(access_request.c.request_id).where(_OPEN)).scalars().all() if new else ()
    ):
        asked = select(access_notice.c.to_user_id).where(access_notice.c.request_id == request_id)
        had = set(connection.execute(asked).scalars())
        to = [user_id for user_id in new if user_id not in had]
        _add_notices(connection, NoticeKind.ASK, to, request_id=request_id, at=at)


def _newest(connection: Connection, user_id: str) -> Request | None:
    theirs = (
        select(access_request)
        .where(access_request.c.user_id == user_id)
        .order_by(access_request.c.request_id.desc())
        .limit(1)
    )
    row = connection.execute(theirs).mappings().first()
    return None if row is None else request_from(row)


# -- notices


def group_lost(connection: Connection, group_id: str, *, admins: Iterable[str], at: float) -> None:
    """A notice to each of ``admins``, unless there was one of this group already."""
    if connection.execute(select(access_notice.c.notice_id).where(_of_group(group_id)).limit(1)).first() is None:
        _add_notices(connection, NoticeKind.GROUP_LOST, admins, group_id=group_id, at=at)


def group_found(connection: Connection, group_id: str) -> None:
    connection.execute(delete(access_notice).where(_of_group(group_id)))


def claim(connection: Connection, *, owner: str, limit: int, at: float, lease_s: float) -> Sequence[Notice]:
    """Lease notices that are due, those due longest first."""
    rows = _CLAIM(connection, owner=owner, limit=limit, at=at, lease_s=lease_s)
    if not rows:
        return []
    about = select(access_request).where(access_request.c.request_id.in_({row["request_id"] for row in rows}))
    requests = {row["request_id"]: request_from(row) for row in connection.execute(about).mappings()}
    return [notice_from(row, requests.get(row["request_id"])) for row in rows]


def mark_told(
    connection: Connection,
    notice_id: int,
    *,
    shown: Decision | None,
    channel_id: str | None,
    ts: str | None,
    at: float,
) -> None:
    this = access_notice.c.notice_id == notice_id
    notice = connection.execute(select(access_notice.c.kind, access_notice.c.request_id).where(this)).first()
    if notice is None:  # the group was found again meanwhile
        return
    values: dict[str, Any] = {"told_at": at, "due_at": None, "tries": 0, **FREE}
    if notice.kind == NoticeKind.ASK:
        # Locked, so that a decision at this very moment is either seen here or comes after, and makes it due by itself.
        decision = select(access_request.c.decision).where(access_request.c.request_id == notice.request_id)
        if connection.execute(decision.with_for_update(read=True)).scalar() != shown:
            values["due_at"] = at
    if channel_id is not None:
        values["channel_id"] = channel_id
    if ts is not None:
        values["ts"] = ts
    connection.execute(update(access_notice).where(this).values(**values))


def mark_failed(connection: Connection, notice_id: int, *, next_at: float | None) -> None:
    connection.execute(
        update(access_notice)
        .where(access_notice.c.notice_id == notice_id, access_notice.c.due_at.is_not(None))
        .values(due_at=next_at, tries=access_notice.c.tries + 1, **FREE)
    )


def resume(connection: Connection, at: float) -> None:
    """Notices that wait for their next try are due now."""
    connection.execute(update(access_notice).where(access_notice.c.due_at > at).values(due_at=at))


def _of_group(group_id: str) -> Any:
    return (access_notice.c.group_id == group_id) & (access_notice.c.kind == NoticeKind.GROUP_LOST)


def _add_notices(
    connection: Connection,
    kind: NoticeKind,
    to: Iterable[str],
    *,
    at: float,
    request_id: int | None = None,
    group_id: str | None = None,
    due_at: float | None = None,
) -> None:
    rows = [
        {
            "kind": kind,
            "to_user_id": user_id,
            "request_id": request_id,
            "group_id": group_id,
            "since_at": at,
            "due_at": at if due_at is None else due_at,
        }
        for user_id in dict.fromkeys(to)
    ]
    if rows:
        connection.execute(insert(access_notice), rows)
