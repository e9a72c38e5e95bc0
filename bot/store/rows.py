"""Rows ↔ values of the domain. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from bot.access import Role
from bot.access.changes import AccessChange, Action, Added, ByDoor, Entry
from bot.access.requests import Decision, Notice, NoticeKind, Request
from bot.domain import Answer, AnswerKind, Content, Kind, Message, Recipient, ReplyRoute, State
from bot.reports import DeliveryNews, RecipientState

_ROLE_WORDS = {Role.SENDER: "sender", Role.ADMIN: "admin"}
_ROLES = {word: role for role, word in _ROLE_WORDS.items()}


def seconds(moment: datetime) -> float:
    return moment.timestamp()


def moment(value: float | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value, UTC)


def maybe_seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def known_moment(value: float) -> datetime:
    """The moment that a column which is never null holds."""
    return datetime.fromtimestamp(value, UTC)


def storable(text: str | None) -> str | None:
    """The words of others as every database keeps them: without NUL and without halves of characters."""
    return None if text is None else text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def content_json(content: Content) -> str:
    return json.dumps(
        {
            "to": [[r.e164, r.region] for r in content.recipients],
            "text": content.text,
            "media_url": content.media_url,
            "subject": content.subject,
            "typed_to": content.typed_to,
        },
        ensure_ascii=True,  # lone surrogates can come from a paste and can't be stored as UTF-8
    )


def content_from(raw: str | None) -> Content | None:
    if raw is None:
        return None
    data = json.loads(raw)
    return Content(
        recipients=tuple(Recipient(e164, region) for e164, region in data["to"]),
        text=data["text"],
        media_url=data["media_url"],
        subject=data["subject"],
        typed_to=data["typed_to"],
    )


def message_from(row: RowMapping | dict[str, Any]) -> Message:
    return Message(
        client_reference=row["client_reference"],
        view_id=row["view_id"],
        team_id=row["team_id"],
        state=State(row["state"]),
        kind=Kind(row["kind"]),
        recipient_count=row["recipient_count"],
        content=content_from(row["content"]),
        digest=row["digest"],
        reply=ReplyRoute(
            user_id=row["user_id"],
            channel_id=row["channel_id"],
            response_url=row["response_url"],
            response_url_expires_at=moment(row["response_url_expires_at"]),
        ),
        response_url_uses=row["response_url_uses"],
        created_at=known_moment(row["created_at"]),
        attempts=row["attempts"],
        first_attempt_at=moment(row["first_attempt_at"]),
        attempt_started_at=moment(row["attempt_started_at"]),
        rate_limited=row["rate_limited"],
        unavailable=row["unavailable"],
        waiting_told=bool(row["waiting_told"]),
        lookups=row["lookups"],
        unknown_told=bool(row["unknown_told"]),
        batch_id=row["batch_id"],
        cause=row["cause"],
        vendor_code=row["vendor_code"],
        vendor_text=row["vendor_text"],
        finished_at=moment(row["finished_at"]),
        polls=row["polls"],
    )


def recipient_from(row: RowMapping | dict[str, Any]) -> RecipientState:
    return RecipientState(
        position=row["position"],
        e164=row["e164"],
        state=row["state"],
        code=row["code"],
        at=moment(row["at"]),
        dispatched_at=moment(row["dispatched_at"]),
        final_at=moment(row["final_at"]),
    )


def delivery_news_from(row: RowMapping | dict[str, Any]) -> DeliveryNews:
    return DeliveryNews(
        client_reference=row["client_reference"],
        user_id=row["user_id"],
        since=known_moment(row["since_at"]),
        tries=row["tries"],
        told_at=moment(row["told_at"]),
        shown=row["shown"],
        channel_id=row["channel_id"],
        ts=row["ts"],
        unfolded=bool(row["unfolded"]),
    )


def answer_from(row: RowMapping | dict[str, Any], message: Message) -> Answer:
    return Answer(
        answer_id=row["answer_id"],
        kind=AnswerKind(row["kind"]),
        message=message,
        created_at=known_moment(row["created_at"]),
        tries=row["tries"],
        until=moment(row["until_at"]),
    )


def role_word(role: Role) -> str:
    """The word for the role of an entry, which is sender or admin; ``KeyError`` for the other roles."""
    return _ROLE_WORDS[role]


def added_from(row: RowMapping | dict[str, Any]) -> Added:
    return Added(
        entry=Entry(row["member_id"], _ROLES[row["role"]]),
        by=row["added_by"],
        at=known_moment(row["added_at"]),
        door=ByDoor(row["door"]),
    )


def change_from(row: RowMapping | dict[str, Any]) -> AccessChange:
    return AccessChange(
        version=row["version"],
        at=known_moment(row["changed_at"]),
        by=row["changed_by"],
        door=ByDoor(row["door"]),
        action=Action(row["action"]),
        entry=Entry(row["member_id"], _ROLES[row["role"]]),
    )


def request_from(row: RowMapping | dict[str, Any]) -> Request:
    return Request(
        request_id=row["request_id"],
        user_id=row["user_id"],
        asked_at=known_moment(row["asked_at"]),
        decision=None if row["decision"] is None else Decision(row["decision"]),
        decided_by=row["decided_by"],
    )


def notice_from(row: RowMapping | dict[str, Any], request: Request | None) -> Notice:
    return Notice(
        notice_id=row["notice_id"],
        kind=NoticeKind(row["kind"]),
        to_user_id=row["to_user_id"],
        since=known_moment(row["since_at"]),
        tries=row["tries"],
        request=request,
        group_id=row["group_id"],
        channel_id=row["channel_id"],
        ts=row["ts"],
    )
