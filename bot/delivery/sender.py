"""What the bot needs of whoever carries its messages. XMS is the first thing behind it (``bot.delivery.xms``)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain import Message


class Fate(StrEnum):
    """What a failure says about the message."""

    NEVER_LEFT = "never_left"  # the request certainly did not reach the carrier
    REFUSED = "refused"  # the carrier said no
    RATE_LIMITED = "rate_limited"  # the carrier asks us to wait
    UNAVAILABLE = "unavailable"  # the carrier itself says that it is out of service and took nothing
    LOST = "lost"  # it may have been sent


class SendError(Exception):
    """The carrier did not give a batch ID.

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
