"""Sending through Sinch's XMS batches: the first carrier behind ``bot.delivery.sender``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import sinch
from bot.causes import Catalogue
from bot.delivery.sender import NOT_KNOWN, CancelOutcome, Fate, SendError
from bot.delivery.xms_callbacks import reports_of
from bot.domain import Content, Message
from bot.reports import CANCELLED, QUEUED, Report
from bot.store import StoreUnavailableError

ATTEMPT_LIMIT_S = 19.0  # one attempt takes 20 s at most in all, the commit before it included
LOOKUP_LIMIT_S = 4.0  # three of them with their pauses have to fit between a lost attempt and its telling
REPORT_LIMIT_S = 10.0
CANCEL_LIMIT_S = 10.0  # somebody has pressed a button and waits
_TOO_LATE = frozenset({"batch_already_dispatched", "conflict_send_at"})  # Sinch SMS API, "Status codes", and its SDKs
_STOPPED = frozenset({QUEUED, CANCELLED})
_NOT_CONNECTED = {
    sinch.ConnectionFailedKind.DNS: "transport-dns",
    sinch.ConnectionFailedKind.REFUSED: "transport-refused",
    sinch.ConnectionFailedKind.TLS: "transport-tls",
    sinch.ConnectionFailedKind.CONNECT_TIMEOUT: "transport-connect-timeout",
    sinch.ConnectionFailedKind.POOL: "transport-pool",
    sinch.ConnectionFailedKind.PACE: "transport-pace",
}


def _same_phones(batch: sinch.Batch, message: Message) -> bool:
    """Sinch may leave the numbers out."""
    if message.content is None or not batch.to:
        return True
    return set(batch.to) == {sinch.digits(recipient.e164) for recipient in message.content.recipients}


def _batch_of(message: Message, content: Content, *, number: str, callback_url: str | None) -> sinch.Message:
    to = [recipient.e164 for recipient in content.recipients]
    # Asked for without an address to send it to, a report is a 403 (Sinch SMS API: `missing_callback_url`).
    delivery_report = sinch.ReportType.NONE if callback_url is None else sinch.ReportType.PER_RECIPIENT
    if content.media_url is None:
        return sinch.TextMessage(
            to=to,
            from_=number,
            body=content.text,
            delivery_report=delivery_report,
            callback_url=callback_url,
            client_reference=message.client_reference,
        )
    return sinch.MediaMessage(
        to=to,
        from_=number,
        url=content.media_url,
        message=content.text,
        subject=content.subject,
        delivery_report=delivery_report,
        callback_url=callback_url,
        client_reference=message.client_reference,
        strict_validation=False,
    )


def _batch_id(message: Message) -> str:
    if message.batch_id is None:
        raise ValueError("only a message that Sinch has can be asked for or cancelled there")
    return message.batch_id


class XmsSender:
    """See ``bot.delivery.sender.Sender``.

    Args:
        client: one that never repeats a send by itself: when a row is tried again is decided, and kept, by the worker.
        number: the sender.
        callback_url: where Sinch is to report what becomes of each recipient; None: it is asked. May raise
            ``StoreUnavailableError``.
    """

    def __init__(
        self,
        client: sinch.Sinch,
        *,
        number: str,
        causes: Catalogue,
        callback_url: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._client = client
        self._number = number
        self._callback_url = callback_url
        self._causes = causes

    async def send(self, message: Message) -> str:
        if message.content is None:
            raise SendError(Fate.REFUSED, "own-not-sent")
        try:
            callback_url = await self._callback_url()
        except StoreUnavailableError:
            raise SendError(Fate.NEVER_LEFT, "own-not-sent") from None
        try:
            batch = await self._client.batches.send(
                _batch_of(message, message.content, number=self._number, callback_url=callback_url),
                timeout_s=ATTEMPT_LIMIT_S,
            )
        except sinch.SinchError as error:
            raise self._send_error(error) from error
        return batch.id

    async def find(self, message: Message, *, since: datetime) -> str | None:
        try:
            batches = await self._client.batches.find(
                client_reference=message.client_reference, start_date=since, timeout_s=LOOKUP_LIMIT_S
            )
        except sinch.SinchError as error:
            raise self._send_error(error) from error
        # The reference is ours alone; the recipients are compared too, because a label is all that it is to Sinch.
        return next((batch.id for batch in batches if _same_phones(batch, message)), None)

    async def reports(self, message: Message) -> Sequence[Report]:
        try:
            report = await self._client.delivery_reports.get(_batch_id(message), full=True, timeout_s=REPORT_LIMIT_S)
        except sinch.NotFound as error:
            raise SendError(Fate.REFUSED, NOT_KNOWN, vendor_code=error.code, vendor_text=error.text) from error
        except sinch.SinchError as error:
            raise self._send_error(error) from error
        return reports_of(report)

    async def cancel(self, message: Message) -> CancelOutcome:
        try:
            batch = await self._client.batches.cancel(_batch_id(message), timeout_s=CANCEL_LIMIT_S)
        except sinch.NotFound:
            return CancelOutcome.NOT_THERE
        except sinch.Conflict:
            return CancelOutcome.TOO_LATE
        except sinch.SinchError as error:
            if isinstance(error, sinch.StatusError) and error.code in _TOO_LATE:
                return CancelOutcome.TOO_LATE
            raise self._send_error(error) from error
        stopped = batch.canceled and not await self._all_gone(message)
        return CancelOutcome.CANCELLED if stopped else CancelOutcome.TOO_LATE

    async def _all_gone(self, message: Message) -> bool:
        """Sinch may call a batch cancelled of which nothing was left to stop: its report says so, if there is one."""
        try:
            reports = await self.reports(message)
        except SendError:
            return False
        gone = {one.recipient for one in reports if one.state not in _STOPPED}
        return len(gone) >= message.recipient_count

    def _send_error(self, error: sinch.SinchError) -> SendError:
        match error:
            case sinch.ConnectionFailed():
                return SendError(Fate.NEVER_LEFT, _NOT_CONNECTED.get(error.kind, "transport-not-connected"))
            case sinch.AnswerLost():
                return SendError(Fate.LOST, f"transport-{error.kind}")
            case sinch.RateLimited():
                return SendError(
                    Fate.RATE_LIMITED,
                    "http-429",
                    vendor_code=error.code,
                    vendor_text=error.text,
                    retry_after_s=error.retry_after_s,
                )
            case sinch.StatusError():
                cause = self._causes.for_refusal(status=error.status, word=error.code)
                match error:
                    case sinch.ServerFailed():
                        fate = Fate.LOST
                    case sinch.OutOfService():
                        fate = Fate.UNAVAILABLE
                    case _:
                        fate = Fate.REFUSED
                return SendError(fate, cause.key, vendor_code=error.code, vendor_text=error.text)
            case _:
                return SendError(Fate.LOST, "transport-bad-answer")
