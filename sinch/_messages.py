"""What is to be sent, and what is to be changed about it: values that the caller makes.

Limits of Sinch's (2000 characters, 1000 recipients…) are not repeated here: Sinch checks them, says which one it was,
and may change them. What would go wrong silently is refused here.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final

from sinch._calls import moment, several

_SHARED = (
    *("from_", "parameters", "delivery_report", "send_at", "expire_at"),
    *("callback_url", "client_reference", "feedback_enabled"),
)
_TEXT_ONLY = ("flash_message", "truncate_concat", "max_number_of_message_parts", "from_ton", "from_npi")


class Clear(Enum):
    """The type of ``CLEAR``."""

    CLEAR = "clear"


CLEAR: Final = Clear.CLEAR
"""In an update: take the field away. ``None`` leaves it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What the three kinds of message have in common. Fields that are None are left out.

    Attributes:
        to: 1 to 1000 numbers in E.164, or IDs of groups.
        from_: the sender: a number, a short code or a name; None: the plan's default sender.
        parameters: name → {number or ``default`` → text}; fills ``${name}`` in the text, and nothing else.
        delivery_report: a ReportType; all but ``none`` need a callback address here or on the plan.
        send_at, expire_at: aware; at most three days between them.
        callback_url: where reports of this batch go.
        client_reference: the caller's own reference, at most 128 characters, nothing personal in it. It is a label:
            Sinch sends a second batch with the same reference as well.
        feedback_enabled: the caller will report what the message led to (``send_delivery_feedback``).
    """

    to: Sequence[str] = field(repr=False)
    from_: str | None = field(default=None, repr=False)
    parameters: Mapping[str, Mapping[str, str]] | None = field(default=None, repr=False)
    delivery_report: str | None = None
    send_at: datetime | None = None
    expire_at: datetime | None = None
    callback_url: str | None = field(default=None, repr=False)
    client_reference: str | None = None
    feedback_enabled: bool | None = None

    def __post_init__(self) -> None:
        several(self.to, "to")
        for name in ("send_at", "expire_at"):
            if (at := getattr(self, name)) is not None:
                moment(at, name)

    @property
    def recipient_count(self) -> int:
        """How many messages Sinch counts; a group counts as one, since its size is not known here."""
        return len(self.to)

    def _batch(self, kind: str, body: object, *names: str) -> dict[str, Any]:
        """The JSON object: what all kinds have, and the fields ``names`` of this one."""
        return {"type": kind, "to": several(self.to, "to"), "body": body, **_given(self, *_SHARED, *names)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMessage(_Message):
    """An SMS (``mt_text``).

    Attributes:
        body: at most 2000 characters.
        flash_message: show it at once and keep it nowhere.
        truncate_concat: cut it to one part.
        max_number_of_message_parts: a recipient whose text would take more does not get it (delivery code 411).
        from_ton, from_npi: type and plan of the sender's number; both or none.

    Source: Sinch SMS API reference, "Send".
    """

    body: str = field(repr=False)
    flash_message: bool | None = None
    truncate_concat: bool | None = None
    max_number_of_message_parts: int | None = None
    from_ton: int | None = None
    from_npi: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON object that is posted."""
        return self._batch("mt_text", self.body, *_TEXT_ONLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryMessage(_Message):
    """A binary SMS (``mt_binary``).

    Attributes:
        body, udh: content and user data header, at most 140 bytes together.

    Source: Sinch SMS API reference, "Send".
    """

    body: bytes = field(repr=False)
    udh: bytes = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that is posted: ``body`` in base64, ``udh`` in hexadecimal."""
        return {**self._batch("mt_binary", _base64(self.body)), "udh": self.udh.hex().upper()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaMessage(_Message):
    """An MMS (``mt_media``) with one medium.

    Attributes:
        url: its public address, at most 2048 characters. Sinch fetches it later; one that it can't fetch shows up in
            the delivery report only.
        message: the text, at most 2000 characters; an empty one is left out.
        subject: at most 80 characters; an empty one is left out.
        strict_validation: let Sinch check the medium against its best practices and refuse it.

    Source: Sinch SMS API reference, "MMS support".
    """

    url: str = field(repr=False)
    message: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)
    strict_validation: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON object that is posted: ``body`` is an object."""
        return self._batch("mt_media", _media_body(self.url, self.message, self.subject), "strict_validation")


Message = TextMessage | BinaryMessage | MediaMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Update:
    """What the three kinds of update have in common. None leaves a field as it is, ``CLEAR`` takes it away.

    Attributes:
        to_add, to_remove: at most 100 recipients each.
    """

    to_add: Sequence[str] = field(default=(), repr=False)
    to_remove: Sequence[str] = field(default=(), repr=False)
    from_: str | Clear | None = field(default=None, repr=False)
    parameters: Mapping[str, Mapping[str, str]] | Clear | None = field(default=None, repr=False)
    delivery_report: str | Clear | None = None
    send_at: datetime | Clear | None = None
    expire_at: datetime | Clear | None = None
    callback_url: str | Clear | None = field(default=None, repr=False)
    client_reference: str | Clear | None = None
    feedback_enabled: bool | Clear | None = None

    def __post_init__(self) -> None:
        several(self.to_add, "to_add")
        several(self.to_remove, "to_remove")
        for name in ("send_at", "expire_at"):
            if isinstance(at := getattr(self, name), datetime):
                moment(at, name)

    def _changes(self, kind: str, body: object, *names: str) -> dict[str, Any]:
        """The JSON object: what all kinds have, and the fields ``names`` of this one."""
        lists = {"to_add": several(self.to_add, "to_add"), "to_remove": several(self.to_remove, "to_remove")}
        given = {name: value for name, value in {**lists, "body": body}.items() if value}
        return {"type": kind, **given, **_given(self, *_SHARED, *names)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextUpdate(_Update):
    """Changes to an SMS. The attributes are those of TextMessage."""

    body: str | None = field(default=None, repr=False)
    flash_message: bool | Clear | None = None
    truncate_concat: bool | Clear | None = None
    max_number_of_message_parts: int | Clear | None = None
    from_ton: int | Clear | None = None
    from_npi: int | Clear | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON object that is posted."""
        return self._changes("mt_text", self.body, *_TEXT_ONLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryUpdate(_Update):
    """Changes to a binary SMS. The attributes are those of BinaryMessage."""

    body: bytes | None = field(default=None, repr=False)
    udh: bytes | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that is posted."""
        changes = self._changes("mt_binary", None if self.body is None else _base64(self.body))
        return changes if self.udh is None else {**changes, "udh": self.udh.hex().upper()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaUpdate(_Update):
    """Changes to an MMS. The attributes are those of MediaMessage.

    ``url``, ``message`` and ``subject`` are one field to Sinch: whoever changes one gives all three, ``url`` at least.

    Raises:
        ValueError: ``message`` or ``subject`` without ``url``.
    """

    url: str | None = field(default=None, repr=False)
    message: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)
    strict_validation: bool | Clear | None = None

    def __post_init__(self) -> None:
        _Update.__post_init__(self)
        if self.url is None and (self.message or self.subject):
            raise ValueError("message and subject are changed together with url")

    def to_json(self) -> dict[str, Any]:
        """The JSON object that is posted."""
        body = None if self.url is None else _media_body(self.url, self.message, self.subject)
        return self._changes("mt_media", body, "strict_validation")


Update = TextUpdate | BinaryUpdate | MediaUpdate


def _media_body(url: str, message: str | None, subject: str | None) -> dict[str, str]:
    """The body of an ``mt_media``; what is empty is left out."""
    return {"url": url} | {key: value for key, value in (("message", message), ("subject", subject)) if value}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _given(values: object, *names: str) -> dict[str, Any]:
    """The fields that are not None; ``CLEAR`` becomes null."""
    given = {name: getattr(values, name) for name in names}
    return {name.rstrip("_"): _wire_value(value, name) for name, value in given.items() if value is not None}


def _wire_value(value: object, name: str) -> object:
    match value:
        case Clear():
            return None
        case datetime():
            return moment(value, name)
        case Mapping():
            return {key: _wire_value(inner, key) for key, inner in value.items()}
    return value
