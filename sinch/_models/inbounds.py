"""Messages that people send to a number of the plan. The same by request and by callback."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypedDict

from sinch import _json
from sinch._errors import Malformed


class MediumStatus(StrEnum):
    """Whether Sinch could keep a medium for you."""

    UPLOADED = "Uploaded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class InboundMedium:
    """One medium of an inbound MMS. Its address is not in ``repr``.

    Attributes:
        url: missing when the status is ``Failed``.
        content_type: also read from ``contentType``.
        code: 0 fine, 1 a fault at Sinch or in the upload, 2 no bucket, 3 no key for the bucket.
    """

    url: str | None = field(default=None, repr=False)
    content_type: str | None = None
    status: MediumStatus | str | None = None
    code: int | None = None

    @classmethod
    def from_json(cls, value: object) -> InboundMedium:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object.
        """
        source = _json.as_object(value)
        content_type = _json.text(source.get("content_type"))
        return cls(
            url=_json.text(source.get("url")),
            content_type=_json.text(source.get("contentType")) if content_type is None else content_type,
            status=_json.known(MediumStatus, source.get("status")),
            code=_json.whole(source.get("code")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written(
            {"url": self.url, "content_type": self.content_type, "status": self.status, "code": self.code}
        )


@dataclass(frozen=True, slots=True)
class InboundMediaBody:
    """What an inbound MMS says. The texts are not in ``repr``."""

    subject: str | None = field(default=None, repr=False)
    message: str | None = field(default=None, repr=False)
    media: tuple[InboundMedium, ...] = ()

    @classmethod
    def from_json(cls, value: object) -> InboundMediaBody:
        """Read one decoded JSON value; a medium that is no object is left out.

        Raises:
            Malformed: it is no object.
        """
        source = _json.as_object(value)
        return cls(
            subject=_json.text(source.get("subject")),
            message=_json.text(source.get("message")),
            media=_json.readable(source.get("media"), InboundMedium.from_json),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written({"subject": self.subject, "message": self.message, "media": list(self.media)})


@dataclass(frozen=True, slots=True)
class _Inbound:
    """What every inbound message has."""

    type: ClassVar[str]

    id: str
    from_: str = field(repr=False)
    to: str | None = field(default=None, repr=False)
    received_at: datetime | None = None
    operator_id: str | None = None
    sent_at: datetime | None = None
    client_reference: str | None = None


@dataclass(frozen=True, slots=True)
class InboundText(_Inbound):
    """An SMS from somebody. Numbers are digits; they and the text are not in ``repr``; times are aware UTC.

    Attributes:
        from_: who wrote it.
        to: the number of the plan it was sent to.
        received_at: when Sinch had it.
        operator_id: the carrier.
        sent_at: when it was sent, as the carrier says.
        client_reference: of the batch it answers, when Sinch can tell.
        body: the text.

    Source: Sinch SMS API, "Inbounds".
    """

    type: ClassVar[str] = "mo_text"

    body: str | None = field(default=None, repr=False)

    @classmethod
    def from_json(cls, value: object) -> InboundText:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or has no usable ``id`` or ``from``. Any other odd field is None.
        """
        source = _json.as_object(value)
        return cls(**_common(value), body=_json.text(source.get("body")))

    def to_json(self) -> dict[str, object]:
        return _json.written({**_written_common(self), "body": self.body})


@dataclass(frozen=True, slots=True)
class InboundBinary(_Inbound):
    """A binary SMS from somebody; see ``InboundText``.

    Attributes:
        body: base64, as Sinch sent it.
        udh: the user data header, hexadecimal.
    """

    type: ClassVar[str] = "mo_binary"

    body: str | None = field(default=None, repr=False)
    udh: str | None = field(default=None, repr=False)

    @property
    def data(self) -> bytes | None:
        """The body's bytes; None if it is no base64."""
        if self.body is None:
            return None
        try:
            return base64.b64decode(self.body, validate=True)
        except ValueError:
            return None

    @classmethod
    def from_json(cls, value: object) -> InboundBinary:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or has no usable ``id`` or ``from``. Any other odd field is None.
        """
        source = _json.as_object(value)
        return cls(**_common(value), body=_json.text(source.get("body")), udh=_json.text(source.get("udh")))

    def to_json(self) -> dict[str, object]:
        return _json.written({**_written_common(self), "body": self.body, "udh": self.udh})


@dataclass(frozen=True, slots=True)
class InboundMedia(_Inbound):
    """An MMS from somebody; see ``InboundText``. ``body``: its texts and the addresses of its media."""

    type: ClassVar[str] = "mo_media"

    body: InboundMediaBody | None = None

    @classmethod
    def from_json(cls, value: object) -> InboundMedia:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or has no usable ``id`` or ``from``. Any other odd field is None.
        """
        source = _json.as_object(value)
        return cls(**_common(value), body=_json.perhaps(InboundMediaBody.from_json, source.get("body")))

    def to_json(self) -> dict[str, object]:
        return _json.written({**_written_common(self), "body": self.body})


Inbound = InboundText | InboundBinary | InboundMedia

_KINDS = (InboundText, InboundBinary, InboundMedia)


def read_inbound(value: object) -> Inbound:
    """Read one decoded JSON value as what its ``type`` says it is.

    Raises:
        Malformed: it is no object, its type is not one of ``mo_text``, ``mo_binary`` and ``mo_media``, or it has no
            usable ``id`` or ``from``.
    """
    word = _json.text(_json.as_object(value).get("type"))
    for kind in _KINDS:
        if word is not None and word.lower() == kind.type:
            return kind.from_json(value)
    raise Malformed("its type is not one of an inbound message")


class _Common(TypedDict):
    id: str
    from_: str
    to: str | None
    received_at: datetime | None
    operator_id: str | None
    sent_at: datetime | None
    client_reference: str | None


def _common(value: object) -> _Common:
    source = _json.as_object(value)
    return {
        "id": _json.required(_json.usable_id(source.get("id")), "id"),
        "from_": _json.required(_json.phone(source.get("from")), "from"),
        "to": _json.phone(source.get("to")),
        "received_at": _json.moment(source.get("received_at")),
        "operator_id": _json.text(source.get("operator_id")),
        "sent_at": _json.moment(source.get("sent_at")),
        "client_reference": _json.text(source.get("client_reference")),
    }


def _written_common(inbound: _Inbound) -> dict[str, object]:
    return {
        "id": inbound.id,
        "type": inbound.type,
        "from": inbound.from_,
        "to": inbound.to,
        "received_at": inbound.received_at,
        "operator_id": inbound.operator_id,
        "sent_at": inbound.sent_at,
        "client_reference": inbound.client_reference,
    }
