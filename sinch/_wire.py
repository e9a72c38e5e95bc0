"""Between the caller's values and HTTP: arguments → call, answer → result or error. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from sinch._errors import TOO_MANY_REQUESTS, BadAnswer, RateLimited, StatusError
from sinch._models import Batch, BatchPage

MAX_TEXT_LENGTH = 500  # ours: enough for any sentence of Sinch's, too little to flood a log or a chat
PAGE_SIZE = 100  # Sinch SMS API, "List batches": page_size is 1…100

_WORD_CODE = re.compile(r"[!-~]{1,100}")
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``query`` is not yet encoded; ``content`` is the JSON body."""

    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``truncated``: ``body`` is only its beginning."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool = False


def text_batch(
    *, to: Sequence[str], from_: str, body: str, client_reference: str, delivery_report: str
) -> dict[str, Any]:
    """The JSON object of an SMS (``mt_text``). Source: Sinch SMS API reference, "Send"."""
    return {
        "type": "mt_text",
        "to": _recipients(to),
        "from": from_,
        "body": body,
        "delivery_report": delivery_report,
        "client_reference": client_reference,
    }


def media_batch(
    *,
    to: Sequence[str],
    from_: str,
    url: str,
    message: str | None,
    subject: str | None,
    client_reference: str,
    delivery_report: str,
    strict_validation: bool,
) -> dict[str, Any]:
    """The JSON object of an MMS (``mt_media``): ``body`` is an object, what is not set is left out.

    Source: Sinch SMS API reference, "MMS support".
    """
    media = {"url": url}
    if message:
        media["message"] = message
    if subject:
        media["subject"] = subject
    return {
        "type": "mt_media",
        "to": _recipients(to),
        "from": from_,
        "body": media,
        "delivery_report": delivery_report,
        "client_reference": client_reference,
        "strict_validation": strict_validation,
    }


def send_call(batches_url: str, batch: Mapping[str, Any]) -> Call:
    """POST one batch."""
    # ASCII only: no text, not even half a surrogate pair, can make this fail.
    return Call("POST", batches_url, content=json.dumps(batch, ensure_ascii=True).encode("ascii"))


def get_call(batches_url: str, batch_id: str) -> Call:
    """GET one batch.

    Raises:
        ValueError: the ID is empty or a dot segment, which would be another address.
    """
    if batch_id in ("", ".", ".."):
        raise ValueError("a batch ID is neither empty nor a dot segment")
    return Call("GET", f"{batches_url}/{path_part(batch_id)}")


def list_call(batches_url: str, *, client_reference: str, start_date: datetime, page: int) -> Call:
    """GET one page of the batches with this reference, made at or after ``start_date``.

    Raises:
        ValueError: ``start_date`` has no time zone.
    """
    if start_date.tzinfo is None:
        raise ValueError("start_date needs a time zone")
    moment = start_date.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    query = {
        "page": str(page),
        "page_size": str(PAGE_SIZE),
        "start_date": moment,
        "client_reference": client_reference,
    }
    return Call("GET", batches_url, query=query)


def path_part(text: str) -> str:
    """Percent-encode one part of a path, slashes included."""
    return quote(text, safe="", errors="replace")


def read_batch(answer: Answer, *, now: datetime) -> Batch:
    """The batch in an answer to send or get: any 2xx that has a usable ``id``.

    Raises:
        StatusError: the status is not 2xx (RateLimited for 429).
        BadAnswer: it is 2xx, and no batch can be read from it.
    """
    value = _read_success(answer, now=now)
    try:
        return Batch.from_json(value)
    except ValueError as error:
        raise BadAnswer(status=answer.status, why=str(error)) from None


def read_page(answer: Answer, *, now: datetime) -> BatchPage:
    """The page in an answer to list; raises as ``read_batch`` does."""
    value = _read_success(answer, now=now)
    try:
        return BatchPage.from_json(value)
    except ValueError as error:
        raise BadAnswer(status=answer.status, why=str(error)) from None


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


def _recipients(to: Sequence[str]) -> list[str]:
    if isinstance(to, str):  # a string is a sequence of strings, and Sinch would be asked to text single digits
        raise TypeError("to is a list of numbers, not one string")
    return list(to)


def _read_success(answer: Answer, *, now: datetime) -> object:
    if not 200 <= answer.status < 300:
        raise _status_error(answer, now=now)
    if answer.truncated:
        raise BadAnswer(status=answer.status, why="it is too large")
    if not answer.body.strip():
        raise BadAnswer(status=answer.status, why="it is empty")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise BadAnswer(status=answer.status, why="it is no JSON") from None


def _status_error(answer: Answer, *, now: datetime) -> StatusError:
    code, text, sinch_body = _error_words(answer.body)
    if answer.status == TOO_MANY_REQUESTS:
        retry_after_s = parse_retry_after(answer.headers.get("retry-after"), now=now)
        return RateLimited(code=code, text=text, sinch_body=sinch_body, retry_after_s=retry_after_s)
    return StatusError(status=answer.status, code=code, text=text, sinch_body=sinch_body)


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
