"""Delivery reports: how far the messages of a batch have come. The same by request and by callback."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sinch import _json
from sinch._models.batches import Encoding

_OF_MMS = "_mms"  # how the types of reports on MMS end


class DeliveryStatus(StrEnum):
    """How far a message has come. Source: Sinch SMS API, "Delivery reports"."""

    QUEUED = "Queued"
    DISPATCHED = "Dispatched"
    """Handed to the carrier. Some routes never say more."""
    DELIVERED = "Delivered"
    ABORTED = "Aborted"
    """Stopped by Sinch before it was handed on."""
    CANCELLED = "Cancelled"
    """By cancelling or replacing the batch (two l, unlike ``Batch.canceled``)."""
    REJECTED = "Rejected"
    """Refused by the carrier."""
    DELETED = "Deleted"
    """Removed by the carrier; maybe the recipient has opted out."""
    FAILED = "Failed"
    EXPIRED = "Expired"
    UNKNOWN = "Unknown"
    """The carrier has said nothing that can be relied on."""

    @property
    def final(self) -> bool:
        """No other status comes after it."""
        return self not in (DeliveryStatus.QUEUED, DeliveryStatus.DISPATCHED)


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many messages of a batch have one status and code. The recipients are not in ``repr``.

    Attributes:
        code: 0 delivered, 400 queued, 401 dispatched, others say why not. Not an HTTP status.
        recipients: only in a full report.
    """

    code: int
    status: DeliveryStatus | str
    count: int
    recipients: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_json(cls, value: object) -> StatusCount:
        """Read one decoded JSON value. Without a readable ``count``, the recipients named are counted.

        Raises:
            Malformed: it is no object, or ``code``, ``status`` or any count is missing.
        """
        source = _json.as_object(value)
        recipients = _json.phones(source.get("recipients"))
        count = _json.whole(source.get("count"))
        return cls(
            code=_json.required(_json.whole(source.get("code")), "code"),
            status=_json.required(_json.known(DeliveryStatus, source.get("status")), "status"),
            count=_json.required(count if count is not None else len(recipients) or None, "count"),
            recipients=recipients,
        )

    def to_json(self) -> dict[str, object]:
        return _json.written(
            {"code": self.code, "status": self.status, "count": self.count, "recipients": self.recipients}
        )


@dataclass(frozen=True, slots=True)
class BatchDeliveryReport:
    """How far all messages of a batch have come.

    Attributes:
        type: ``delivery_report_sms`` or ``delivery_report_mms``; an unknown word is kept.
        statuses: one for each status and code. Empty for a batch that was cancelled before its time. One that can't be
            read is left out: then the counts do not add up to ``total_message_count``.

    Source: Sinch SMS API, "Delivery reports".
    """

    batch_id: str
    statuses: tuple[StatusCount, ...]
    type: str | None = None
    total_message_count: int | None = None
    client_reference: str | None = None

    @property
    def is_mms(self) -> bool:
        return _is_of_mms(self.type)

    @classmethod
    def from_json(cls, value: object) -> BatchDeliveryReport:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or ``batch_id`` or the list ``statuses`` is missing.
        """
        source = _json.as_object(value)
        return cls(
            batch_id=_json.required(_json.usable_id(source.get("batch_id")), "batch_id"),
            statuses=_json.readable(_json.as_list(source.get("statuses"), "statuses"), StatusCount.from_json),
            type=_json.text(source.get("type")),
            total_message_count=_json.whole(source.get("total_message_count")),
            client_reference=_json.text(source.get("client_reference")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written(
            {
                "type": self.type,
                "batch_id": self.batch_id,
                "total_message_count": self.total_message_count,
                "statuses": list(self.statuses),
                "client_reference": self.client_reference,
            }
        )


@dataclass(frozen=True, slots=True)
class RecipientDeliveryReport:
    """How far the message to one recipient has come. Numbers are digits, and not in ``repr``; times are aware UTC.

    Attributes:
        code: 0 delivered, 400 queued, 401 dispatched, others say why not. Not an HTTP status. The list is open.
        type: ``recipient_delivery_report_sms`` or ``…_mms``; an unknown word is kept.
        at: when Sinch noted the status.
        operator_status_at: when the carrier says it was so.
        applied_originator: the sender that was used, if Sinch chose it.
        operator: the carrier's ID, only if that is switched on for the account.
        status_message: a sentence about the status, if there is one.

    Source: Sinch SMS API, "Delivery reports".
    """

    batch_id: str
    recipient: str = field(repr=False)
    code: int
    status: DeliveryStatus | str
    type: str | None = None
    at: datetime | None = None
    operator_status_at: datetime | None = None
    client_reference: str | None = None
    applied_originator: str | None = field(default=None, repr=False)
    encoding: Encoding | str | None = None
    number_of_message_parts: int | None = None
    operator: str | None = None
    status_message: str | None = field(default=None, repr=False)

    @property
    def is_mms(self) -> bool:
        return _is_of_mms(self.type)

    @property
    def final(self) -> bool:
        """No other status comes after it. An unknown word is not taken to be final."""
        return isinstance(self.status, DeliveryStatus) and self.status.final

    @classmethod
    def from_json(cls, value: object) -> RecipientDeliveryReport:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or ``batch_id``, ``recipient``, ``code`` or ``status`` is missing.
        """
        source = _json.as_object(value)
        return cls(
            batch_id=_json.required(_json.usable_id(source.get("batch_id")), "batch_id"),
            recipient=_json.required(_json.phone(source.get("recipient")), "recipient"),
            code=_json.required(_json.whole(source.get("code")), "code"),
            status=_json.required(_json.known(DeliveryStatus, source.get("status")), "status"),
            type=_json.text(source.get("type")),
            at=_json.moment(source.get("at")),
            operator_status_at=_json.moment(source.get("operator_status_at")),
            client_reference=_json.text(source.get("client_reference")),
            applied_originator=_json.phone(source.get("applied_originator")),
            encoding=_json.known(Encoding, source.get("encoding")),
            number_of_message_parts=_json.whole(source.get("number_of_message_parts")),
            operator=_json.text(source.get("operator")),
            status_message=_json.text(source.get("status_message")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written(
            {
                "type": self.type,
                "batch_id": self.batch_id,
                "recipient": self.recipient,
                "code": self.code,
                "status": self.status,
                "at": self.at,
                "operator_status_at": self.operator_status_at,
                "client_reference": self.client_reference,
                "applied_originator": self.applied_originator,
                "encoding": self.encoding,
                "number_of_message_parts": self.number_of_message_parts,
                "operator": self.operator,
                "status_message": self.status_message,
            }
        )


def _is_of_mms(word: str | None) -> bool:
    return word is not None and word.lower().endswith(_OF_MMS)
