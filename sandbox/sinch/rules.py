"""The rules of a send: JSON bytes → one checked batch request, or the refusal that Sinch documents. Pure.

Stricter than Sinch where its pages are silent: unknown keys and nulls are refused, so that a caller's slip shows.

Source: Sinch SMS API reference, "Batches" and "MMS support"; limits from the models of its SDKs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import urlsplit

from sandbox.sinch.refusals import RefusedError, bad_constraint, bad_format
from sandbox.sinch.wire_values import is_group_id, is_name, is_sender, msisdn_digits, read_time

MAX_RECIPIENTS = 1000
MAX_TEXT = 2000
MAX_SUBJECT = 80
MAX_URL = 2048
MAX_REFERENCE = 128  # 2048 in newer models, 128 in older pages: the fake holds callers to the smaller
MAX_PARAMETER_TEXT = 1600
LONGEST_VALIDITY = timedelta(days=3)
DELIVERY_REPORTS = ("none", "summary", "full", "per_recipient", "per_recipient_final")

_COMMON = {
    "type",
    "to",
    "from",
    "body",
    "parameters",
    "delivery_report",
    "send_at",
    "expire_at",
    "callback_url",
    "client_reference",
    "feedback_enabled",
}
_TEXT_ONLY = {"flash_message", "truncate_concat", "max_number_of_message_parts", "from_ton", "from_npi"}
_KEYS = {"mt_text": _COMMON | _TEXT_ONLY, "mt_media": _COMMON | {"strict_validation"}}
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,16}")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch as it was asked for. ``to`` and ``from_`` as written; ``fields`` is the JSON object itself."""

    type: str
    to: tuple[str, ...]
    from_: str
    text: str
    subject: str | None
    media_url: str | None
    client_reference: str | None
    send_at: datetime | None
    expire_at: datetime | None
    fields: Mapping[str, Any]

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Names in ``${…}`` in the text: Sinch may read them as blanks to fill."""
        return tuple(_PLACEHOLDER.findall(self.text))


def read_batch(content_type: str | None, raw: bytes, now: datetime) -> BatchRequest:
    """Check one send.

    Raises:
        RefusedError: with the documented status and word code.
    """
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415)
    fields = _object(_json(raw), "the body")
    _no_nulls(fields, "")
    kind = fields.get("type", "mt_text")  # Sinch: without a type it is a text
    if not isinstance(kind, str):
        raise bad_format("type: must be a string")
    if kind == "mt_binary":
        raise RefusedError(501, "sandbox_not_built", "The sandbox does not carry mt_binary.")
    if kind not in _KEYS:
        raise bad_format("type: must be mt_text, mt_binary or mt_media")
    _only(fields, _KEYS[kind], "")
    to = _recipients(fields)
    from_ = _string(fields, "from", required=True)
    if not is_sender(from_):
        raise bad_format("from: must be an MSISDN, a short code or an alphanumeric name")
    text, subject, media_url = _media_body(fields) if kind == "mt_media" else (_text_body(fields), None, None)
    _parameters(fields)
    send_at, expire_at = _times(fields, now)
    reference = _string(fields, "client_reference", most=MAX_REFERENCE) if "client_reference" in fields else None
    _flags(fields)
    _callbacks(fields)
    for index, recipient in enumerate(to):
        if is_group_id(recipient):
            raise RefusedError(403, "unknown_group", f"to[{index}]: this service plan has no such group")
    # Names do not work to the US and Canada; that it is this word, and said at once, is our reading.
    if is_name(from_) and any((msisdn_digits(one) or "").startswith("1") for one in to):
        raise RefusedError(403, "illegal_number_type", "from: a name can't be the sender to this destination")
    return BatchRequest(kind, to, from_, text, subject, media_url, reference, send_at, expire_at, fields)


def _json(raw: bytes) -> object:
    def no_constant(name: str) -> NoReturn:
        raise ValueError(name)

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key twice")
        return found

    try:
        text = raw.decode("utf-8")
        value: object = json.loads(text, parse_constant=no_constant, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise RefusedError(400, "syntax_invalid_json", "The body is not JSON.") from None
    if _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise RefusedError(400, "syntax_invalid_json", "The body has half of a surrogate pair.")
    return value


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_format(f"{where}: must be an object")
    return value


def _no_nulls(value: object, where: str) -> None:
    match value:
        case None:
            raise bad_format(f"{where}: null is not a value; leave the field out")
        case dict():
            for key, inner in value.items():
                _no_nulls(inner, f"{where}.{key}" if where else key)
        case list():
            for index, inner in enumerate(value):
                _no_nulls(inner, f"{where}[{index}]")


def _only(fields: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in fields:
        if key not in known:
            raise bad_format(f"{where}{key}: unknown field")


def _string(
    fields: Mapping[str, Any], key: str, where: str = "", *, required: bool = False, most: int | None = None
) -> str:
    if key not in fields:
        if required:
            raise bad_constraint(f"{where}{key}: is required")
        return ""
    value = fields[key]
    if not isinstance(value, str):
        raise bad_format(f"{where}{key}: must be a string")
    if most is not None and len(value) > most:
        raise bad_constraint(f"{where}{key}: at most {most} characters, got {len(value)}")
    return value


def _recipients(fields: Mapping[str, Any]) -> tuple[str, ...]:
    if "to" not in fields:
        raise bad_constraint("to: is required")
    to = fields["to"]
    if not isinstance(to, list):
        raise bad_format("to: must be an array of strings")
    if not 1 <= len(to) <= MAX_RECIPIENTS:
        raise bad_constraint(f"to: takes 1 to {MAX_RECIPIENTS} entries, got {len(to)}")
    for index, recipient in enumerate(to):
        if not isinstance(recipient, str) or not (msisdn_digits(recipient) or is_group_id(recipient)):
            raise bad_format(f"to[{index}]: must be an MSISDN or a group ID")
    return tuple(to)


def _text_body(fields: Mapping[str, Any]) -> str:
    return _string(fields, "body", required=True, most=MAX_TEXT)


def _media_body(fields: Mapping[str, Any]) -> tuple[str, str | None, str]:
    if "body" not in fields:
        raise bad_constraint("body: is required")
    body = _object(fields["body"], "body")
    _only(body, {"url", "message", "subject"}, "body.")
    url = _string(body, "url", "body.", required=True, most=MAX_URL)
    _web_address(url, "body.url")
    message = _string(body, "message", "body.", most=MAX_TEXT)
    subject = _string(body, "subject", "body.", most=MAX_SUBJECT) if "subject" in body else None
    return message, subject, url


def _web_address(text: str, where: str) -> None:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and text.isascii() and " " not in text
    except ValueError:
        good = False
    if not good:
        raise bad_format(f"{where}: must be an http or https address")


def _parameters(fields: Mapping[str, Any]) -> None:
    """``name → {msisdn or "default" → text}``: for blanks in the text, and for nothing else."""
    parameters = _object(fields.get("parameters", {}), "parameters")
    for name, values in parameters.items():
        if name == "media_body":
            # It would be a legal name for a blank, and the picture would be lost without a word.
            raise bad_format("parameters.media_body: there is no such thing; a picture goes in body.url of mt_media")
        if not _PARAMETER_NAME.fullmatch(name):
            raise bad_format(f"parameters.{name}: a name has 1 to 16 of A-Z a-z 0-9 . _ -")
        for key in _object(values, f"parameters.{name}"):
            if key != "default" and not msisdn_digits(key):
                raise bad_format(f"parameters.{name}.{key}: must be an MSISDN or default")
            _string(values, key, f"parameters.{name}.", most=MAX_PARAMETER_TEXT)


def _times(fields: Mapping[str, Any], now: datetime) -> tuple[datetime | None, datetime | None]:
    times: dict[str, datetime | None] = {"send_at": None, "expire_at": None}
    for key in times:
        if key in fields:
            times[key] = read_time(_string(fields, key))
            if times[key] is None:
                raise bad_format(f"{key}: must be an ISO-8601 time")
    send_at, expire_at = times["send_at"], times["expire_at"]
    start = max(send_at or now, now)  # in the past means now
    if expire_at is not None and expire_at <= start:
        raise bad_constraint("expire_at: must be after send_at")
    if expire_at is not None and expire_at > start + LONGEST_VALIDITY:
        raise bad_constraint("expire_at: at most 3 days after send_at")
    return send_at, expire_at


def _flags(fields: Mapping[str, Any]) -> None:
    for key in ("feedback_enabled", "strict_validation", "flash_message", "truncate_concat"):
        if key in fields and not isinstance(fields[key], bool):
            raise bad_format(f"{key}: must be true or false")
    for key, least, most in (("max_number_of_message_parts", 1, None), ("from_ton", 0, 6), ("from_npi", 0, 18)):
        if key not in fields:
            continue
        value = fields[key]
        if not isinstance(value, int) or isinstance(value, bool):
            raise bad_format(f"{key}: must be a whole number")
        if value < least or (most is not None and value > most):
            raise bad_constraint(f"{key}: out of range")
    if ("from_ton" in fields) != ("from_npi" in fields):
        raise bad_constraint("from_ton, from_npi: both or none")


def _callbacks(fields: Mapping[str, Any]) -> None:
    report = _string(fields, "delivery_report") if "delivery_report" in fields else "none"
    if report not in DELIVERY_REPORTS:
        raise bad_format(f"delivery_report: must be one of {', '.join(DELIVERY_REPORTS)}")
    if "callback_url" in fields:
        _web_address(_string(fields, "callback_url", most=MAX_URL), "callback_url")
    elif report != "none":
        # The sandbox's service plan has no address of its own.
        raise RefusedError(403, "missing_callback_url", "A delivery report needs a callback address.")
