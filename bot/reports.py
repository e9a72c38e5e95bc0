"""What became of a message at each recipient, as values, and the one rule by which reports move it on.

Standard library only. States are Sinch's own words (Sinch SMS API, "Delivery reports"); the list is open, and a word that
is not known is kept as it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

QUEUED, DISPATCHED, DELIVERED, UNKNOWN = "Queued", "Dispatched", "Delivered", "Unknown"
NO_FINAL_WORD = "NoFinalWord"  # ours: nothing final came within three days


class Standing(StrEnum):
    """What a person wants to know of one recipient."""

    ON_ITS_WAY = "on its way"
    DELIVERED = "delivered"
    FAILED = "failed"
    NO_FINAL_WORD = "no final word"


@dataclass(frozen=True, slots=True)
class Report:
    """One recipient's state as Sinch tells it. ``recipient`` is the number in digits; ``at`` aware UTC."""

    recipient: str
    state: str
    code: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RecipientState:
    """How far the message to one recipient has come.

    ``position`` is the recipient's place in the message, from 0. ``e164`` is None once numbers were purged. ``at`` is
    when Sinch noted the state.
    """

    position: int
    e164: str | None
    state: str = QUEUED
    code: int | None = None
    at: datetime | None = None
    dispatched_at: datetime | None = None
    final_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many recipients of a message have each standing."""

    delivered: int = 0
    failed: int = 0
    on_their_way: int = 0
    no_final_word: int = 0

    @property
    def total(self) -> int:
        return self.delivered + self.failed + self.on_their_way + self.no_final_word

    @property
    def settled(self) -> bool:
        """Nothing more is expected."""
        return self.total > 0 and self.on_their_way == 0


class Took(StrEnum):
    """What came of a report."""

    APPLIED = "applied"
    NOTHING_NEW = "nothing new"
    NOT_OURS = "not ours"


@dataclass(frozen=True, slots=True)
class DeliveryNews:
    """The one answer about a message's delivery, that grows.

    ``shown`` is what was last told (``counts_word``); ``channel_id`` and ``ts`` name the direct message, once there is one.
    """

    client_reference: str
    user_id: str
    since: datetime
    tries: int
    told_at: datetime | None
    shown: str | None
    channel_id: str | None
    ts: str | None
    unfolded: bool
