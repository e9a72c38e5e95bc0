"""What Sinch calls back with: is it Sinch that speaks, and what does it say? Pure.

```python
signature = callbacks.verify(request.headers, body, secret=secret, now=datetime.now(UTC))
callback = callbacks.parse(body)
```

``verify`` wants the body as it was received, before anything has parsed it. Sinch signs nothing until the account
manager has switched that on for the plan.

Answer 2xx fast, and work afterwards. Sinch repeats what it got a 5xx, a 429 or no answer for, the last time 22 h 45 min
after the first failure, and drops what it got any other 4xx for. It promises neither order nor that a callback comes
only once, so taking one twice must change nothing: a delivery report is the same as another if batch ID, recipient,
status and code are the same; an inbound message if its ID is.

Source: Sinch SMS API, "Webhooks".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sinch import _json
from sinch._errors import CallbackRefusal, CallbackRefused, Malformed
from sinch._models.inbounds import InboundBinary, InboundMedia, InboundText
from sinch._models.reports import BatchDeliveryReport, RecipientDeliveryReport

__all__ = ["Callback", "Signature", "parse", "sign", "verify"]

SIGNATURE_HEADER = "x-sinch-webhook-signature"
ALGORITHM_HEADER = "x-sinch-webhook-signature-algorithm"
NONCE_HEADER = "x-sinch-webhook-signature-nonce"
TIMESTAMP_HEADER = "x-sinch-webhook-signature-timestamp"
ALGORITHM = "HmacSHA256"

# Sinch repeats a callback for 22 h 45 min, and does not say whether a repeat is signed anew.
WINDOW = timedelta(hours=24)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)  # 11 digits reach the year 5138; a datetime ends at 9999
# A type word that may be told in an error: no digits, so never a phone number.
_TYPE_WORD = re.compile(r"[a-z][a-z_]{0,63}", re.ASCII)

Callback = BatchDeliveryReport | RecipientDeliveryReport | InboundText | InboundBinary | InboundMedia

_READERS: Mapping[str, Callable[[object], Callback]] = {
    "delivery_report_sms": BatchDeliveryReport.from_json,
    "delivery_report_mms": BatchDeliveryReport.from_json,
    "recipient_delivery_report_sms": RecipientDeliveryReport.from_json,
    "recipient_delivery_report_mms": RecipientDeliveryReport.from_json,
    InboundText.type: InboundText.from_json,
    InboundBinary.type: InboundBinary.from_json,
    InboundMedia.type: InboundMedia.from_json,
}


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that fits.

    Attributes:
        nonce: Sinch's own unique text for this request: 1 to 256 characters, no dot. Whoever has seen one request can
            present it again within the window. Remember the nonces for that long and leave out what comes twice, if
            taking a callback twice would change something; if it would not (see the module), they can be ignored.
            A repeat of Sinch's own may carry a nonce that was seen: answer it 2xx, and take it if the first one was
            not taken to the end.
        timestamp: when it was signed, aware UTC.
    """

    nonce: str
    timestamp: datetime


def verify(
    headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime, window: timedelta = WINDOW
) -> Signature:
    """Check that Sinch signed this very body, not too long ago.

    The signature is checked before the timestamp is looked at: who does not have the secret hears the same refusal for
    every timestamp, and learns nothing about this machine's clock or the window.

    Args:
        headers: of the request; names in any case.
        body: as it was received.
        secret: the one that is set for the plan's callbacks.
        now: aware.
        window: how far the timestamp may be from ``now``, either way. Less than a day may refuse Sinch's late repeats.

    Raises:
        CallbackRefused: UNSIGNED, ALGORITHM, SIGNATURE or TIMESTAMP.
        ValueError: the secret is empty, or ``now`` has no time zone.

    Source: Sinch SMS API, "Webhooks": base64 of HMAC-SHA-256 over the body, a dot, the nonce, a dot, the timestamp.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    _demand_secret(secret)
    by_name = {name.lower(): value for name, value in headers.items()}
    signature, algorithm, nonce, timestamp = (
        by_name.get(name, "") for name in (SIGNATURE_HEADER, ALGORITHM_HEADER, NONCE_HEADER, TIMESTAMP_HEADER)
    )
    if not (signature and algorithm and nonce and timestamp):
        raise CallbackRefused(CallbackRefusal.UNSIGNED)
    if algorithm.lower() != ALGORITHM.lower():
        raise CallbackRefused(CallbackRefusal.ALGORITHM)
    fits = hmac.compare_digest(_bytes(signature), _signature(body, secret=secret, nonce=nonce, timestamp=timestamp))
    if not (fits and _is_usable_nonce(nonce)):
        raise CallbackRefused(CallbackRefusal.SIGNATURE)
    if not _SECONDS.fullmatch(timestamp):
        raise CallbackRefused(CallbackRefusal.TIMESTAMP)
    signed_at = _EPOCH + timedelta(seconds=int(timestamp))
    if abs(now - signed_at) > window:
        raise CallbackRefused(CallbackRefusal.TIMESTAMP)
    return Signature(nonce=nonce, timestamp=signed_at)


def parse(body: bytes) -> Callback:
    """Read one callback: a delivery report or an inbound message.

    Of a field that is there twice, the last counts. How large a body may be is up to the server before this.

    Raises:
        CallbackRefused: UNREADABLE: no UTF-8, no JSON object, no ``type``, or without what its type can't do without.
            UNKNOWN_TYPE: a type that is not known here. ``why`` quotes no number and no text.
    """
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise CallbackRefused(CallbackRefusal.UNREADABLE, "it is no JSON") from None
    try:
        word = _json.required(_json.text(_json.as_object(value).get("type")), "type").lower()
        read = _READERS.get(word)
        if read is not None:
            return read(value)
    except Malformed as error:
        raise CallbackRefused(CallbackRefusal.UNREADABLE, error.why) from None
    raise CallbackRefused(CallbackRefusal.UNKNOWN_TYPE, word if _TYPE_WORD.fullmatch(word) else None)


def sign(body: bytes, *, secret: str, nonce: str, timestamp: datetime) -> dict[str, str]:
    """The headers that Sinch would send with this body: for tests of what receives callbacks.

    Raises:
        ValueError: the secret is empty, the nonce is empty, too long or has a dot in it, or ``timestamp`` has no time
            zone or lies before 1970.
    """
    _demand_secret(secret)
    if not _is_usable_nonce(nonce):
        raise ValueError("a nonce is 1 to 256 printable characters without a dot")
    if timestamp.tzinfo is None:
        raise ValueError("timestamp needs a time zone")
    seconds = str((timestamp - _EPOCH) // timedelta(seconds=1))
    if not _SECONDS.fullmatch(seconds):
        raise ValueError("timestamp lies outside what Sinch can write")
    return {
        SIGNATURE_HEADER: _signature(body, secret=secret, nonce=nonce, timestamp=seconds).decode("ascii"),
        ALGORITHM_HEADER: ALGORITHM,
        NONCE_HEADER: nonce,
        TIMESTAMP_HEADER: seconds,
    }


def _signature(body: bytes, *, secret: str, nonce: str, timestamp: str) -> bytes:
    message = b".".join((body, _bytes(nonce), _bytes(timestamp)))
    return b64encode(hmac.digest(_bytes(secret), message, hashlib.sha256))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a header may hold anything; nothing of it may make this fail


def _is_usable_nonce(nonce: str) -> bool:
    # A dot separates what is signed: with one inside, the end of the body could be taken for the start of the nonce.
    return _json.usable_id(nonce) is not None and "." not in nonce


def _demand_secret(secret: str) -> None:
    if not secret:
        raise ValueError("the secret is empty: then anybody could sign")
