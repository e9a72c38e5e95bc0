"""Messages from phones to the service plan's number, as Sinch keeps them and calls back with them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.sinch.wire_values import Writer, new_id, write_time

UPLOADED, FAILED = "Uploaded", "Failed"
OPERATOR = "310260"  # MCC and MNC of a US carrier


@dataclass(frozen=True, slots=True)
class InboundMedia:
    """One medium of an inbound message. ``code``: 0 uploaded; 1 fault, 2 no bucket, 3 no key, all without ``url``."""

    url: str | None
    content_type: str
    code: int = 0

    def __post_init__(self) -> None:
        if self.code not in (0, 1, 2, 3) or (self.code == 0) != (self.url is not None):
            raise ValueError("a medium has an address and code 0, or no address and 1, 2 or 3")

    def to_json(self, write: Writer) -> dict[str, Any]:
        status = FAILED if self.code else UPLOADED
        answer: dict[str, Any] = {
            "contentType" if write.readings.camel_content_type else "content_type": self.content_type,
            "status": status.upper() if write.readings.capital_upload_status else status,
            "code": self.code,
        }
        return answer if self.url is None else answer | {"url": self.url}


@dataclass(frozen=True, slots=True)
class Inbound:
    """One inbound message: a text, bytes with ``udh``, or media, also with text and subject. Numbers as digits."""

    id: str
    from_: str
    to: str
    received_at: datetime
    text: str | None
    data: bytes | None = None
    udh: bytes = b""
    media: tuple[InboundMedia, ...] = ()
    subject: str | None = None
    client_reference: str | None = None

    @property
    def type(self) -> str:
        return "mo_binary" if self.data is not None else "mo_media" if self.media else "mo_text"

    def to_json(self, write: Writer) -> dict[str, Any]:
        """As Sinch answers and calls back."""
        answer: dict[str, Any] = {
            "id": self.id,
            "type": self.type,
            "from": write.number(self.from_),
            "to": write.number(self.to),
            "body": self._body(write),
            "operator_id": OPERATOR,
            "received_at": write_time(self.received_at),
            "sent_at": write_time(self.received_at),
        }
        if self.data is not None:
            answer["udh"] = self.udh.hex()
        if self.client_reference is not None:
            answer["client_reference"] = self.client_reference
        return answer

    def _body(self, write: Writer) -> object:
        if self.data is not None:
            return base64.b64encode(self.data).decode()
        if not self.media:
            return self.text or ""
        body: dict[str, Any] = {"media": [one.to_json(write) for one in self.media]}
        if self.subject is not None:
            body["subject"] = self.subject
        if self.text is not None:
            body["message"] = self.text
        return body


class InboundBook:
    """All inbound messages of the service plan, in order."""

    def __init__(self) -> None:
        self.all: list[Inbound] = []
        self._by_id: dict[str, Inbound] = {}

    def receive(
        self,
        *,
        from_: str,
        to: str,
        at: datetime,
        text: str | None,
        data: bytes | None = None,
        udh: bytes = b"",
        media: Sequence[InboundMedia] = (),
        subject: str | None = None,
        client_reference: str | None = None,
    ) -> Inbound:
        if data is not None and (text is not None or media or subject is not None):
            raise ValueError("bytes come alone")
        if subject is not None and not media:
            raise ValueError("only a message with media has a subject")
        inbound = Inbound(new_id(at), from_, to, at, text, data, udh, tuple(media), subject, client_reference)
        self.all.append(inbound)
        self._by_id[inbound.id] = inbound
        return inbound

    def get(self, inbound_id: str) -> Inbound | None:
        return self._by_id.get(inbound_id)
