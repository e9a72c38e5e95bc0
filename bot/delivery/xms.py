"""Sending through Sinch's XMS batches: the first carrier behind ``bot.delivery.sender``."""

from __future__ import annotations

from datetime import datetime

import sinch
from bot.causes import Catalogue
from bot.delivery.sender import Fate, SendError
from bot.domain import Content, Message

ATTEMPT_LIMIT_S = 19.0  # one attempt takes 20 s at most in all, the commit before it included
LOOKUP_LIMIT_S = 4.0  # three of them with their pauses have to fit between a lost attempt and its telling
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


def _batch_of(message: Message, content: Content, *, number: str) -> sinch.Message:
    to = [recipient.e164 for recipient in content.recipients]
    if content.media_url is None:
        return sinch.TextMessage(
            to=to,
            from_=number,
            body=content.text,
            delivery_report=sinch.ReportType.NONE,
            client_reference=message.client_reference,
        )
    return sinch.MediaMessage(
        to=to,
        from_=number,
        url=content.media_url,
        message=content.text,
        subject=content.subject,
        delivery_report=sinch.ReportType.NONE,
        client_reference=message.client_reference,
        strict_validation=False,
    )


class XmsSender:
    """See ``bot.delivery.sender.Sender``.

    Args:
        client: one that never repeats a send by itself: when a row is tried again is decided, and kept, by the worker.
        number: the sender.
    """

    def __init__(self, client: sinch.Sinch, *, number: str, causes: Catalogue) -> None:
        self._client = client
        self._number = number
        self._causes = causes

    async def send(self, message: Message) -> str:
        if message.content is None:
            raise SendError(Fate.REFUSED, "own-not-sent")
        try:
            batch = await self._client.batches.send(
                _batch_of(message, message.content, number=self._number), timeout_s=ATTEMPT_LIMIT_S
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
