"""Rows ↔ values of the domain. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from bot.domain import Answer, AnswerKind, Content, Kind, Message, Recipient, ReplyRoute, State


def seconds(moment: datetime) -> float:
    return moment.timestamp()


def moment(value: float | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value, UTC)


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
    created_at = moment(row["created_at"])
    assert created_at is not None  # noqa: S101  the column is NOT NULL
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
        created_at=created_at,
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
    )


def answer_from(row: RowMapping | dict[str, Any], message: Message) -> Answer:
    created_at = moment(row["created_at"])
    assert created_at is not None  # noqa: S101  the column is NOT NULL
    return Answer(
        answer_id=row["answer_id"],
        kind=AnswerKind(row["kind"]),
        message=message,
        created_at=created_at,
        tries=row["tries"],
        until=moment(row["until_at"]),
    )
