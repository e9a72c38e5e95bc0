"""The rules of a batch: JSON bytes → one checked request, or the refusal that Sinch documents. Pure.

Source: Sinch SMS API reference, "Batches" and "MMS support"; limits from the models of its SDKs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from sandbox.sinch.json_checks import (
    MAX_URL,
    as_object,
    flag,
    no_nulls,
    numbers,
    only,
    read_object,
    string,
    strings,
    web_address,
    whole_number,
)
from sandbox.sinch.refusals import RefusedError, bad_constraint, bad_format
from sandbox.sinch.wire_values import is_group_id, is_name, is_sender, msisdn_digits, read_time

MAX_RECIPIENTS = 1000
MAX_TEXT = 2000
MAX_SUBJECT = 80
MAX_REFERENCE = 128  # 2048 in newer models, 128 in older pages: the fake holds callers to the smaller
MAX_PARAMETER_TEXT = 1600
MAX_BINARY_BYTES = 140  # body and udh together
LONGEST_VALIDITY = timedelta(days=3)
DELIVERY_REPORTS = ("none", "summary", "full", "per_recipient", "per_recipient_final")

_REQUIRED = {"type", "to", "from", "body"}
OPTIONAL = {
    "parameters",
    "delivery_report",
    "send_at",
    "expire_at",
    "callback_url",
    "client_reference",
    "feedback_enabled",
}
_NUMBERING = {"from_ton", "from_npi"}
_TEXT_ONLY = {"flash_message", "truncate_concat", "max_number_of_message_parts"} | _NUMBERING
KEYS = {
    "mt_text": _REQUIRED | OPTIONAL | _TEXT_ONLY,
    "mt_binary": _REQUIRED | OPTIONAL | _NUMBERING | {"udh"},
    "mt_media": _REQUIRED | OPTIONAL | {"strict_validation"},
}
# Best practices for MMS. An address without an ending says nothing about its type, so it passes.
_FITTING = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".mp4", ".mov", ".3gp", ".vcf", ".pdf", ".mp3", ".wav", ".amr", ""}
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,16}")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class PlanRules:
    """What the service plan has to do with whether a batch is taken.

    Args:
        groups: IDs of its groups.
        callback_url: the plan's own address for delivery reports.
        media: whether it carries ``mt_media``.
        checks_media: whether ``strict_validation`` refuses at the send.
    """

    groups: Container[str] = ()
    callback_url: str | None = None
    media: bool = True
    checks_media: bool = False


_ANY_PLAN = PlanRules()


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
        """Names in ``${…}`` in the text: blanks to fill."""
        return () if self.type == "mt_binary" else tuple(_PLACEHOLDER.findall(self.text))

    @property
    def delivery_report(self) -> str:
        return str(self.fields.get("delivery_report", "none"))

    @property
    def fails_strict_validation(self) -> bool:
        """Whether the medium is checked, and its address has an ending that no phone is said to show."""
        ending = PurePosixPath(urlsplit(self.media_url or "").path).suffix.lower()
        return bool(self.fields.get("strict_validation")) and ending not in _FITTING


def read_batch(content_type: str | None, raw: bytes, now: datetime, *, plan: PlanRules = _ANY_PLAN) -> BatchRequest:
    """Check one send.

    Raises:
        RefusedError: with the documented status and word code.
    """
    fields = read_object(content_type, raw)
    no_nulls(fields)
    return check_batch(fields, now, plan)


def check_batch(fields: Mapping[str, Any], now: datetime, plan: PlanRules) -> BatchRequest:
    """Check the fields of a batch, however they came together. Raises RefusedError."""
    kind = read_type(fields)
    only(fields, KEYS[kind])
    to = _recipients(fields)
    from_ = string(fields, "from", required=True)
    if not is_sender(from_):
        raise bad_format("from: must be an MSISDN, a short code or an alphanumeric name")
    text, subject, media_url = _body(kind, fields)
    _parameters(fields)
    send_at, expire_at = _times(fields, now)
    reference = string(fields, "client_reference", most=MAX_REFERENCE) if "client_reference" in fields else None
    _flags(fields)
    _callbacks(fields, plan)
    for index, recipient in enumerate(to):
        if is_group_id(recipient) and recipient not in plan.groups:
            raise RefusedError(403, "unknown_group", f"to[{index}]: this service plan has no such group")
    # Names do not work to the US and Canada; that it is this word, and said at once, is our reading.
    if is_name(from_) and any((msisdn_digits(one) or "").startswith("1") for one in to):
        raise RefusedError(403, "illegal_number_type", "from: a name can't be the sender to this destination")
    if kind == "mt_media" and not plan.media:
        # No source has the word; lists of word codes are open.
        raise RefusedError(403, "media_not_enabled", "type: this service plan does not carry mt_media")
    asked = BatchRequest(kind, to, from_, text, subject, media_url, reference, send_at, expire_at, fields)
    if plan.checks_media and asked.fails_strict_validation:
        raise bad_constraint("body.url: this medium does not pass the strict validation")
    return asked


def read_type(fields: Mapping[str, Any]) -> str:
    kind = fields.get("type", "mt_text")  # Sinch: without a type it is a text
    if not isinstance(kind, str):
        raise bad_format("type: must be a string")
    if kind not in KEYS:
        raise bad_format("type: must be mt_text, mt_binary or mt_media")
    return kind


def read_feedback(content_type: str | None, raw: bytes) -> list[str]:
    """The digits of the recipients that a delivery feedback names. Raises RefusedError."""
    fields = read_object(content_type, raw)
    no_nulls(fields)
    only(fields, {"recipients"})
    if "recipients" not in fields:
        raise bad_constraint("recipients: is required")
    return numbers(fields, "recipients", least=0, most=MAX_RECIPIENTS)


def _recipients(fields: Mapping[str, Any]) -> tuple[str, ...]:
    if "to" not in fields:
        raise bad_constraint("to: is required")
    return recipients(fields, "to", most=MAX_RECIPIENTS)


def recipients(fields: Mapping[str, Any], key: str, *, most: int) -> tuple[str, ...]:
    """MSISDNs and group IDs, as written."""
    to = strings(fields, key, least=1, most=most)
    for index, recipient in enumerate(to):
        if not isinstance(recipient, str) or not (msisdn_digits(recipient) or is_group_id(recipient)):
            raise bad_format(f"{key}[{index}]: must be an MSISDN or a group ID")
    return tuple(to)


def _body(kind: str, fields: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Text, subject and address of the medium."""
    match kind:
        case "mt_media":
            return _media_body(fields)
        case "mt_binary":
            return _binary_body(fields), None, None
    return string(fields, "body", required=True, most=MAX_TEXT), None, None


def _media_body(fields: Mapping[str, Any]) -> tuple[str, str | None, str]:
    if "body" not in fields:
        raise bad_constraint("body: is required")
    body = as_object(fields["body"], "body")
    only(body, {"url", "message", "subject"}, "body.")
    url = string(body, "url", "body.", required=True, most=MAX_URL)
    web_address(url, "body.url")
    message = string(body, "message", "body.", most=MAX_TEXT)
    subject = string(body, "subject", "body.", most=MAX_SUBJECT) if "subject" in body else None
    return message, subject, url


def _binary_body(fields: Mapping[str, Any]) -> str:
    body, udh = string(fields, "body", required=True), string(fields, "udh", required=True)
    try:
        length = len(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError):
        raise bad_format("body: must be base64") from None
    if not _HEX.fullmatch(udh):
        raise bad_format("udh: must be pairs of hex digits")
    if length + len(udh) // 2 > MAX_BINARY_BYTES:
        raise bad_constraint(f"body, udh: at most {MAX_BINARY_BYTES} bytes together")
    return body


def _parameters(fields: Mapping[str, Any]) -> None:
    """``name → {msisdn or "default" → text}``: for blanks in the text, and for nothing else."""
    parameters = as_object(fields.get("parameters", {}), "parameters")
    for name, values in parameters.items():
        if name == "media_body":
            # It would be a legal name for a blank, and the picture would be lost without a word.
            raise bad_format("parameters.media_body: there is no such thing; a picture goes in body.url of mt_media")
        if not _PARAMETER_NAME.fullmatch(name):
            raise bad_format(f"parameters.{name}: a name has 1 to 16 of A-Z a-z 0-9 . _ -")
        for key in as_object(values, f"parameters.{name}"):
            if key != "default" and not msisdn_digits(key):
                raise bad_format(f"parameters.{name}.{key}: must be an MSISDN or default")
            string(values, key, f"parameters.{name}.", most=MAX_PARAMETER_TEXT)


def _times(fields: Mapping[str, Any], now: datetime) -> tuple[datetime | None, datetime | None]:
    times: dict[str, datetime | None] = {"send_at": None, "expire_at": None}
    for key in times:
        if key in fields:
            times[key] = read_time(string(fields, key))
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
        flag(fields, key)
    whole_number(fields, "max_number_of_message_parts", least=1, most=None)
    whole_number(fields, "from_ton", least=0, most=6)
    whole_number(fields, "from_npi", least=0, most=18)
    if ("from_ton" in fields) != ("from_npi" in fields):
        raise bad_constraint("from_ton, from_npi: both or none")


def _callbacks(fields: Mapping[str, Any], plan: PlanRules) -> None:
    report = string(fields, "delivery_report") if "delivery_report" in fields else "none"
    if report not in DELIVERY_REPORTS:
        raise bad_format(f"delivery_report: must be one of {', '.join(DELIVERY_REPORTS)}")
    if "callback_url" in fields:
        web_address(string(fields, "callback_url", most=MAX_URL), "callback_url")
    elif report != "none" and plan.callback_url is None:
        raise RefusedError(403, "missing_callback_url", "A delivery report needs a callback address.")
