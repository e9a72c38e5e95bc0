"""What the carrier tells by itself, in the bot's words. The first one behind it is ``bot.delivery.xms_callbacks``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.reports import Report


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of recipients of one batch."""

    batch_id: str
    client_reference: str | None
    reports: Sequence[Report]


@dataclass(frozen=True, slots=True)
class Summarised:
    """Something became of a batch, and it does not say of whom: the carrier has to be asked."""

    batch_id: str
    client_reference: str | None


@dataclass(frozen=True, slots=True)
class Inbound:
    """Somebody wrote to the bot's number. ``kind`` is the carrier's word for what; nothing of it is kept here."""

    kind: str


Callback = Reported | Summarised | Inbound


class CallbackRefusedError(Exception):
    """A callback that can't be believed or can't be read.

    Attributes:
        cause: a key of the catalogue of causes.
        believed: whether it came from the carrier, as far as can be told.
    """

    def __init__(self, cause: str, *, believed: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.believed = believed


class ReadCallback(Protocol):
    def __call__(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Callback:
        """Read the raw body of a request.

        Raises:
            CallbackRefusedError: the signature does not fit, or it is not what the carrier documents.
        """
        ...
