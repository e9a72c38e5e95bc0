"""Reading what Sinch calls back with: the first carrier behind ``bot.delivery.callbacks``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sinch
from bot.delivery.callbacks import Callback, CallbackRefusedError, Inbound, Reported, Summarised
from bot.reports import CANCELLED, CANCELLED_CODE, Report
from bot.secret import Secret
from sinch import callbacks

MAX_WORD = 64  # of a state that nobody knows; Sinch's longest has ten letters


class XmsCallbacks:
    """See ``bot.delivery.callbacks.ReadCallback``.

    Args:
        secret: the one that Sinch signs with; None: the account has none, and the address is all that is to be known.
    """

    def __init__(self, secret: Secret | None) -> None:
        self._secret = secret

    def __call__(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Callback:
        believed = False
        try:
            if self._secret is not None:
                callbacks.verify(headers, body, secret=self._secret.reveal(), now=now)
            believed = True
            return _in_our_words(callbacks.parse(body))
        except sinch.CallbackRefused as refused:
            raise CallbackRefusedError(f"callback-{refused.reason.replace('_', '-')}", believed=believed) from None


def _in_our_words(callback: callbacks.Callback) -> Callback:
    match callback:
        case sinch.RecipientDeliveryReport():
            reported = report(callback.recipient, callback.status, callback.code, callback.at)
            return Reported(callback.batch_id, callback.client_reference, (reported,))
        case sinch.BatchDeliveryReport():
            reports = reports_of(callback)
            if not reports and callback.statuses:
                return Summarised(callback.batch_id, callback.client_reference)
            return Reported(callback.batch_id, callback.client_reference, reports)
        case _:
            return Inbound(callback.type)


def reports_of(batch: sinch.BatchDeliveryReport) -> tuple[Report, ...]:
    """What a full report says of each recipient; nothing of anybody, if it has counts only."""
    return tuple(
        report(recipient, status.status, status.code, None)
        for status in batch.statuses
        for recipient in status.recipients
    )


def report(recipient: str, status: str, code: int, at: datetime | None) -> Report:
    # Older pages of Sinch's have Aborted with this code, which says more than the word.
    word = CANCELLED if code == CANCELLED_CODE else str(status)[:MAX_WORD]
    return Report(recipient, word, code, at)
