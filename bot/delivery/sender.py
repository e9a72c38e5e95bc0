"""What the bot needs of whoever carries its messages. XMS is the first thing behind it (``bot.delivery.xms``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain import Message
from bot.reports import Report

NOT_KNOWN = "http-404"  # the cause of a SendError: there is no such batch, or not yet


class Fate(StrEnum):
    """What a failure says about the message."""

    NEVER_LEFT = "never_left"  # the request certainly did not reach the carrier
    REFUSED = "refused"  # the carrier said no
    RATE_LIMITED = "rate_limited"  # the carrier asks us to wait
    UNAVAILABLE = "unavailable"  # the carrier itself says that it is out of service and took nothing
    LOST = "lost"  # it may have been sent


class CancelOutcome(StrEnum):
    """What the carrier made of a cancel."""

    CANCELLED = "cancelled"  # what it had not handed over yet does not go out
    TOO_LATE = "too late"  # all of it was handed over before
    NOT_THERE = "not there"  # it knows of no such batch, or not yet


class SendError(Exception):
    """The carrier did not give a batch ID, or did not do what else it was asked to.

    Attributes:
        cause: a key of the catalogue of causes.
        vendor_code, vendor_text: the carrier's own words, if it had any; foreign data.
        retry_after_s: how long it asks us to wait, for ``RATE_LIMITED``.
    """

    def __init__(
        self,
        fate: Fate,
        cause: str,
        *,
        vendor_code: str | None = None,
        vendor_text: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(cause)
        self.fate = fate
        self.cause = cause
        self.vendor_code = vendor_code
        self.vendor_text = vendor_text
        self.retry_after_s = retry_after_s


class Sender(Protocol):
    async def send(self, message: Message) -> str:
        """Submit the message once; the batch ID.

        Raises:
            SendError: see its ``fate`` before anything is sent again.
        """
        ...

    async def find(self, message: Message, *, since: datetime) -> str | None:
        """The batch ID of a message that may have been sent, by its ``client_reference``; None if it is not there.

        Raises:
            SendError: the carrier could not be asked.
        """
        ...

    async def reports(self, message: Message) -> Sequence[Report]:
        """What the carrier says by now of each recipient of an accepted message; it may leave out who is on the way.

        Raises:
            SendError: the carrier could not be asked (see its ``cause``), or does not know the batch (``NOT_KNOWN``).
        """
        ...

    async def cancel(self, message: Message) -> CancelOutcome:
        """Keep an accepted message from going out, as far as it has not gone yet.

        Raises:
            SendError: ``REFUSED``, ``NEVER_LEFT``, ``RATE_LIMITED`` and ``UNAVAILABLE``: nothing was cancelled;
                ``LOST``: it may have been. Asking again is harmless.
        """
        ...
