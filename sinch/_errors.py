"""What can go wrong, sorted by what the caller can do about it.

```
SinchError            .maybe_sent: False only when the request certainly had no effect
├── ConnectionFailed  nothing left this machine; may be repeated          .kind
├── AnswerLost        the request may have left, no usable answer came    .kind
├── StatusError       Sinch, or a gateway before it, answered 3xx–5xx     .status .code .text .sinch_body
│   └── RateLimited   429; may be repeated later                          .retry_after_s
└── BadAnswer         2xx, but no batch can be read from it               .status .why
```

A read (``get``, ``find``) raises the same classes; there ``maybe_sent`` only says whether the question left.
The text of an error holds kinds, statuses and word codes, never Sinch's own sentence: that one may quote a phone
number. Sinch's sentence is in ``StatusError.text``.
"""

from __future__ import annotations

from enum import StrEnum


class ConnectionFailedKind(StrEnum):
    """Why nothing could be sent."""

    DNS = "dns"
    REFUSED = "refused"
    TLS = "tls"
    CONNECT_TIMEOUT = "connect_timeout"
    POOL = "pool"
    """No free slot among the requests in flight before the time was up."""
    OTHER = "other"


class AnswerLostKind(StrEnum):
    """How the answer was lost."""

    TIMEOUT = "timeout"
    RESET = "reset"
    """The connection was closed or reset before an answer began."""
    CUT = "cut"
    """A 2xx answer began, and the connection ended before its end."""
    OTHER = "other"


class SinchError(Exception):
    """Base of everything that the client raises about a call.

    Wrong arguments (a bare string as ``to``, an empty batch ID) are ``TypeError`` and ``ValueError`` instead.
    """

    maybe_sent: bool

    def __init__(self, message: str, *, maybe_sent: bool) -> None:
        super().__init__(message)
        self.maybe_sent = maybe_sent


class ConnectionFailed(SinchError):  # noqa: N818 - named for what happened, not for being an error
    """The request never left: no slot, no address, no connection, no TLS. ``maybe_sent`` is False."""

    def __init__(self, kind: ConnectionFailedKind) -> None:
        super().__init__(f"no connection to Sinch ({kind}); the request never left", maybe_sent=False)
        self.kind = kind


class AnswerLost(SinchError):  # noqa: N818 - see ConnectionFailed
    """Sending had begun and no whole answer came. ``maybe_sent`` is True: a batch may exist."""

    def __init__(self, kind: AnswerLostKind) -> None:
        super().__init__(f"the answer of Sinch was lost ({kind}); the request may have taken effect", maybe_sent=True)
        self.kind = kind


class StatusError(SinchError):
    """An HTTP status outside 2xx.

    Attributes:
        status: the HTTP status.
        code: the word code of the body (``syntax_invalid_json``), or None.
        text: Sinch's own sentence, at most 500 characters, or None. Foreign data; may quote a phone number.
        sinch_body: the body is Sinch's own ``{"code": …, "text": …}``, so no gateway wrote it.
        maybe_sent: False for 3xx, 4xx but 408, and a 503 that Sinch itself wrote; True for all else.
    """

    def __init__(self, *, status: int, code: str | None, text: str | None, sinch_body: bool) -> None:
        message = f"Sinch answered {status} ({code})" if code else f"Sinch answered {status}"
        super().__init__(message, maybe_sent=_may_have_been_taken(status, sinch_body=sinch_body))
        self.status = status
        self.code = code
        self.text = text
        self.sinch_body = sinch_body


class RateLimited(StatusError):  # noqa: N818 - see ConnectionFailed
    """Status 429. ``retry_after_s``: seconds from now, in full; None when Sinch named no readable time."""

    def __init__(self, *, code: str | None, text: str | None, sinch_body: bool, retry_after_s: float | None) -> None:
        super().__init__(status=TOO_MANY_REQUESTS, code=code, text=text, sinch_body=sinch_body)
        self.retry_after_s = retry_after_s


class BadAnswer(SinchError):  # noqa: N818 - see ConnectionFailed
    """A 2xx that no batch can be read from: empty, no JSON, no usable ``id``, too large. ``maybe_sent`` is True."""

    def __init__(self, *, status: int, why: str) -> None:
        super().__init__(f"Sinch answered {status}, but {why}", maybe_sent=True)
        self.status = status
        self.why = why


REQUEST_TIMEOUT = 408
TOO_MANY_REQUESTS = 429
SERVICE_UNAVAILABLE = 503


def _may_have_been_taken(status: int, *, sinch_body: bool) -> bool:
    """Sinch documents 500 as "not processed", yet a gateway may say the same after Sinch took the batch (SMS API,
    "Status codes"). Only 3xx, 4xx and Sinch's own 503 are a refusal; a status that HTTP does not know is none."""
    if status == SERVICE_UNAVAILABLE:
        return not sinch_body
    return status == REQUEST_TIMEOUT or not 300 <= status < 500
