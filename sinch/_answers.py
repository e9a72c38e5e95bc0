"""One HTTP answer → the caller's values, or the error that says what to do. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from sinch._errors import (
    CONFLICT,
    NOT_FOUND,
    REQUEST_TIMEOUT,
    SERVICE_UNAVAILABLE,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    BadAnswer,
    Conflict,
    Malformed,
    NotFound,
    OutOfService,
    RateLimited,
    Refused,
    ServerFailed,
    StatusError,
    Unauthorized,
)

MAX_TEXT_LENGTH = 500  # ours: enough for any sentence of Sinch's, too little to flood a log or a chat

_T = TypeVar("_T")
_WORD_CODE = re.compile(r"[!-~]{1,100}")
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_BY_STATUS: dict[int, type[StatusError]] = {UNAUTHORIZED: Unauthorized, NOT_FOUND: NotFound, CONFLICT: Conflict}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``truncated``: ``body`` is only its beginning."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool = False


def read_json(answer: Answer, read: Callable[[object], _T], *, now: datetime, has_effect: bool) -> _T:
    """What ``read`` makes of the JSON of any 2xx.

    Args:
        read: raises Malformed for a value that it can't use.
        has_effect: the request was one that changes something, so an answer that can't be read leaves its outcome open.

    Raises:
        StatusError: the status is not 2xx; its class says what to do.
        BadAnswer: it is 2xx, and nothing can be read from it.
    """
    check_status(answer, now=now, has_effect=has_effect)
    try:
        return read(_decoded(answer))
    except Malformed as error:
        raise BadAnswer(status=answer.status, why=error.why, maybe_sent=has_effect) from None


def check_status(answer: Answer, *, now: datetime, has_effect: bool) -> None:
    """Raises StatusError unless the status is 2xx."""
    if 200 <= answer.status < 300:
        return
    code, text, sinch_body = _error_words(answer.body)
    if answer.status == TOO_MANY_REQUESTS:
        retry_after_s = parse_retry_after(answer.headers.get("retry-after"), now=now)
        raise RateLimited(code=code, text=text, sinch_body=sinch_body, retry_after_s=retry_after_s)
    kind = _kind(answer.status, sinch_body=sinch_body)
    raise kind(
        status=answer.status,
        code=code,
        text=text,
        sinch_body=sinch_body,
        maybe_sent=has_effect and kind is ServerFailed,
    )


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait from ``now``: 0 for a moment that has passed, None for what is neither seconds nor a date.

    Source: RFC 9110, 10.2.3. Fractions are taken too: gateways send them.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # asctime, one of HTTP's three date forms, names no zone and means UTC
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _kind(status: int, *, sinch_body: bool) -> type[StatusError]:
    if status == SERVICE_UNAVAILABLE and sinch_body:
        return OutOfService
    if status == REQUEST_TIMEOUT or not 300 <= status < 500:
        return ServerFailed
    return _BY_STATUS.get(status, Refused)


def _decoded(answer: Answer) -> object:
    if answer.truncated:
        raise Malformed("it is too large")
    if not answer.body.strip():
        raise Malformed("it is empty")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Malformed("it is no JSON") from None


def _error_words(body: bytes) -> tuple[str | None, str | None, bool]:
    """(word code, sentence, whether the body is Sinch's own) of an error body in any of its shapes.

    Sinch's own is ``{code, text}``. Also met: ``description`` for ``text``; Spring's ``{timestamp, status, error,
    path}``; ``{error: {code, message}}``; nothing at all; a gateway's HTML page.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None, None, False
    if not isinstance(value, dict):
        return None, None, False
    nested = value.get("error")
    inner = nested if isinstance(nested, dict) else {}
    code = _word(value.get("code")) or _word(inner.get("code"))
    candidates = (value.get("text"), value.get("description"), inner.get("message"), nested)
    text = next((sentence for sentence in map(_sentence, candidates) if sentence), None)
    sinch_body = _word(value.get("code")) is not None and _sentence(value.get("text")) is not None
    return code, text, sinch_body


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD_CODE.fullmatch(value) else None


def _sentence(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    # "replace": JSON can spell half of a surrogate pair, which no database and no socket takes.
    whole = value.strip()[:MAX_TEXT_LENGTH].encode("utf-8", "replace").decode("utf-8")
    return whole or None
