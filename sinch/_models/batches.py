"""A batch as Sinch holds it, and what a dry run says of one that is not sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sinch import _json
from sinch._frozen import FrozenMapping


class BatchType(StrEnum):
    """What a batch carries."""

    TEXT = "mt_text"
    BINARY = "mt_binary"
    MEDIA = "mt_media"


class ReportType(StrEnum):
    """Which delivery reports Sinch calls back with."""

    NONE = "none"
    SUMMARY = "summary"
    """One, when every message is final; counts only."""
    FULL = "full"
    """One, when every message is final; with the recipients."""
    PER_RECIPIENT = "per_recipient"
    """One for every change of every recipient."""
    PER_RECIPIENT_FINAL = "per_recipient_final"
    """One for every recipient, at the final status."""


class Encoding(StrEnum):
    """How the characters of a text travel."""

    TEXT = "text"
    """The GSM alphabet: 160 characters in a part."""
    UNICODE = "unicode"
    """70 characters in a part."""


@dataclass(frozen=True, slots=True)
class MediaBody:
    """The body of an MMS: the address of one medium, a text, a title. None of it is in ``repr``.

    Source: Sinch SMS API, "MMS support".
    """

    url: str | None = field(default=None, repr=False)
    message: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)

    @classmethod
    def from_json(cls, value: object) -> MediaBody:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object.
        """
        source = _json.as_object(value)
        return cls(
            url=_json.text(source.get("url")),
            message=_json.text(source.get("message")),
            subject=_json.text(source.get("subject")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written({"url": self.url, "message": self.message, "subject": self.subject})


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as Sinch holds it: the answer to send, get, update, replace and cancel.

    Numbers are digits without the plus, so that they compare; times are aware UTC; what Sinch left out is None.
    Recipients, sender, body, parameters and callback address are not in ``repr``.

    Attributes:
        id: opaque, not empty.
        type: what it carries; an unknown word is kept as text.
        to: numbers and group IDs.
        from_: the sender: a number, a short code or a name.
        body: the text; base64 for ``mt_binary``; a ``MediaBody`` for ``mt_media``.
        udh: the user data header of ``mt_binary``, hexadecimal.
        parameters: name → number or ``default`` → text; names and numbers as they were sent. Can't be changed.
        delivery_report: which reports Sinch calls back with; an unknown word is kept as text.
        send_at, expire_at: when it is sent, and until when Sinch tries. Sinch fills ``expire_at`` in.
        callback_url: where the reports go, if not to the address of the plan.
        client_reference: the caller's own reference, as it was sent.
        feedback_enabled: Sinch expects delivery feedback.
        flash_message, truncate_concat, max_number_of_message_parts: of ``mt_text`` only.
        from_ton, from_npi: type and plan of the sender's number (SMPP).
        strict_validation: of ``mt_media`` only: the medium is checked against Sinch's best practices.
        canceled: the batch was cancelled (Sinch spells this field with one l).
        created_at, modified_at: on Sinch's clock.

    Source: Sinch SMS API, "Batches".
    """

    id: str
    type: BatchType | str | None = None
    to: tuple[str, ...] = field(default=(), repr=False)
    from_: str | None = field(default=None, repr=False)
    body: str | MediaBody | None = field(default=None, repr=False)
    udh: str | None = field(default=None, repr=False)
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=FrozenMapping, repr=False)
    delivery_report: ReportType | str | None = None
    send_at: datetime | None = None
    expire_at: datetime | None = None
    callback_url: str | None = field(default=None, repr=False)
    client_reference: str | None = None
    feedback_enabled: bool | None = None
    flash_message: bool | None = None
    truncate_concat: bool | None = None
    max_number_of_message_parts: int | None = None
    from_ton: int | None = None
    from_npi: int | None = None
    strict_validation: bool | None = None
    canceled: bool = False
    created_at: datetime | None = None
    modified_at: datetime | None = None

    @classmethod
    def from_json(cls, value: object) -> Batch:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or has no usable ``id``. Any other odd field is left at its default.
        """
        source = _json.as_object(value)
        return cls(
            id=_json.required(_json.usable_id(source.get("id")), "id"),
            type=_json.known(BatchType, source.get("type")),
            to=_json.phones(source.get("to")),
            from_=_json.phone(source.get("from")),
            body=_body(source.get("body")),
            udh=_json.text(source.get("udh")),
            parameters=_parameters(source.get("parameters")),
            delivery_report=_json.known(ReportType, source.get("delivery_report")),
            send_at=_json.moment(source.get("send_at")),
            expire_at=_json.moment(source.get("expire_at")),
            callback_url=_json.text(source.get("callback_url")),
            client_reference=_json.text(source.get("client_reference")),
            feedback_enabled=_json.flag(source.get("feedback_enabled")),
            flash_message=_json.flag(source.get("flash_message")),
            truncate_concat=_json.flag(source.get("truncate_concat")),
            max_number_of_message_parts=_json.whole(source.get("max_number_of_message_parts")),
            from_ton=_json.whole(source.get("from_ton")),
            from_npi=_json.whole(source.get("from_npi")),
            strict_validation=_json.flag(source.get("strict_validation")),
            canceled=_json.flag(source.get("canceled")) is True,
            created_at=_json.moment(source.get("created_at")),
            modified_at=_json.moment(source.get("modified_at")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written(
            {
                "id": self.id,
                "type": self.type,
                "to": self.to,
                "from": self.from_,
                "body": self.body,
                "udh": self.udh,
                "parameters": self.parameters or None,
                "delivery_report": self.delivery_report,
                "send_at": self.send_at,
                "expire_at": self.expire_at,
                "callback_url": self.callback_url,
                "client_reference": self.client_reference,
                "feedback_enabled": self.feedback_enabled,
                "flash_message": self.flash_message,
                "truncate_concat": self.truncate_concat,
                "max_number_of_message_parts": self.max_number_of_message_parts,
                "from_ton": self.from_ton,
                "from_npi": self.from_npi,
                "strict_validation": self.strict_validation,
                "canceled": self.canceled,
                "created_at": self.created_at,
                "modified_at": self.modified_at,
            }
        )


@dataclass(frozen=True, slots=True)
class DryRunRecipient:
    """What one recipient would get. Number and text are not in ``repr``.

    Attributes:
        number_of_parts: parts of the text; older deployments call it ``message_part``.
        body: the text with its placeholders filled in.
    """

    recipient: str = field(repr=False)
    number_of_parts: int | None = None
    body: str | None = field(default=None, repr=False)
    encoding: Encoding | str | None = None

    @classmethod
    def from_json(cls, value: object) -> DryRunRecipient:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or has no usable ``recipient``.
        """
        source = _json.as_object(value)
        parts = _json.whole(source.get("number_of_parts"))
        return cls(
            recipient=_json.required(_json.phone(source.get("recipient")), "recipient"),
            number_of_parts=_json.whole(source.get("message_part")) if parts is None else parts,
            body=_json.text(source.get("body")),
            encoding=_json.known(Encoding, source.get("encoding")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written(
            {
                "recipient": self.recipient,
                "number_of_parts": self.number_of_parts,
                "body": self.body,
                "encoding": self.encoding,
            }
        )


@dataclass(frozen=True, slots=True)
class DryRun:
    """What sending a batch would come to; nothing was sent.

    Attributes:
        number_of_messages: parts, all recipients together.
        per_recipient: only if it was asked for, and then for the first recipients only.

    Source: Sinch SMS API, "Dry run".
    """

    number_of_recipients: int
    number_of_messages: int
    per_recipient: tuple[DryRunRecipient, ...] = ()

    @classmethod
    def from_json(cls, value: object) -> DryRun:
        """Read one decoded JSON value; a recipient that can't be read is left out.

        Raises:
            Malformed: it is no object, or one of the two numbers is missing.
        """
        source = _json.as_object(value)
        recipients = _json.whole(source.get("number_of_recipients"))
        messages = _json.whole(source.get("number_of_messages"))
        return cls(
            number_of_recipients=_json.required(recipients, "number_of_recipients"),
            number_of_messages=_json.required(messages, "number_of_messages"),
            per_recipient=_json.readable(source.get("per_recipient"), DryRunRecipient.from_json),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written(
            {
                "number_of_recipients": self.number_of_recipients,
                "number_of_messages": self.number_of_messages,
                "per_recipient": self.per_recipient,
            }
        )


def _body(value: object) -> str | MediaBody | None:
    return MediaBody.from_json(value) if isinstance(value, dict) else _json.text(value)


def _parameters(value: object) -> FrozenMapping[str, Mapping[str, str]]:
    if not isinstance(value, dict):
        return FrozenMapping()
    found = {}
    for name, texts in value.items():
        key = _json.text(name)
        if key is not None and isinstance(texts, dict):
            found[key] = _texts(texts)
    return FrozenMapping(found)


def _texts(value: Mapping[object, object]) -> Mapping[str, str]:
    read = {_json.text(key): _json.text(text) for key, text in value.items()}
    return FrozenMapping({key: text for key, text in read.items() if key is not None and text is not None})
