"""What can go wrong, sorted by what the caller can do about it.

```
SinchError              .maybe_sent: False only when the call certainly had no effect
├── ConnectionFailed    nothing left this machine: may be repeated                .kind
├── AnswerLost          the request may have left: look before you repeat it      .kind
├── BadAnswer           2xx, but nothing can be read from it: look as well        .status .why
├── StatusError         Sinch, or a gateway before it, answered 3xx–5xx           .status .code .text .sinch_body
│   ├── Refused         3xx, 4xx: change the request, or what the account may
│   ├── Unauthorized    401: mend the token, the plan or the region
│   ├── NotFound        404: no such thing in this plan (or a wrong address)
│   ├── Conflict        409: too late, or the name is taken
│   ├── RateLimited     429: wait, then repeat                                    .retry_after_s
│   ├── OutOfService    503 in Sinch's own words: wait, then repeat
│   └── ServerFailed    408, every other 5xx: look before you repeat it
├── Malformed           a JSON value is not what Sinch documents                  .why
└── CallbackRefused     a callback that can't be believed or can't be read        .reason
```

``maybe_sent`` speaks of the call that was made: of a send, that a batch may exist; of another change, that it may have
been made. A call that only reads has no effect, so there it is False whatever happened.
The text of an error holds kinds, statuses and word codes, never Sinch's own sentence: that one may quote a phone
number. Sinch's sentence is in ``StatusError.text``.
"""

from __future__ import annotations

from enum import StrEnum

UNAUTHORIZED = 401
NOT_FOUND = 404
REQUEST_TIMEOUT = 408
CONFLICT = 409
TOO_MANY_REQUESTS = 429
SERVICE_UNAVAILABLE = 503


class ConnectionFailedKind(StrEnum):
    """Why nothing could be sent."""

    DNS = "dns"
    REFUSED = "refused"
    TLS = "tls"
    CONNECT_TIMEOUT = "connect_timeout"
    POOL = "pool"
    """No free slot among the requests in flight before the time was up."""
    PACE = "pace"
    """Its turn, at the pace that was set, comes only after the time is up."""
    OTHER = "other"


class AnswerLostKind(StrEnum):
    """How the answer was lost."""

    TIMEOUT = "timeout"
    RESET = "reset"
    """The connection was closed or reset before an answer began."""
    CUT = "cut"
    """A 2xx answer began, and the connection ended before its end."""
    OTHER = "other"


class CallbackRefusal(StrEnum):
    """Why a callback is refused."""

    UNSIGNED = "unsigned"
    """A header of the signature is missing."""
    ALGORITHM = "algorithm"
    """Signed by another algorithm than HmacSHA256."""
    TIMESTAMP = "timestamp"
    """The timestamp is no number of seconds, or outside the window."""
    SIGNATURE = "signature"
    """The signature is not that of this body with this secret."""
    UNREADABLE = "unreadable"
    """Not JSON, or not what Sinch documents."""
    UNKNOWN_TYPE = "unknown_type"
    """A JSON object of a type that is not known here."""


class SinchError(Exception):
    """Base of everything that this package raises of its own.

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
    """Sending had begun and no whole answer came. For a send, a batch may exist."""

    def __init__(self, kind: AnswerLostKind, *, maybe_sent: bool = True) -> None:
        effect = "the request may have taken effect" if maybe_sent else "it was a question only"
        super().__init__(f"the answer of Sinch was lost ({kind}); {effect}", maybe_sent=maybe_sent)
        self.kind = kind


class BadAnswer(SinchError):  # noqa: N818 - see ConnectionFailed
    """A 2xx that nothing can be read from: empty, no JSON, no usable ``id``, too large."""

    def __init__(self, *, status: int, why: str, maybe_sent: bool = True) -> None:
        super().__init__(f"Sinch answered {status}, but {why}", maybe_sent=maybe_sent)
        self.status = status
        self.why = why


class StatusError(SinchError):
    """An HTTP status outside 2xx.

    Attributes:
        status: the HTTP status.
        code: the word code of the body (``syntax_invalid_json``), or None.
        text: Sinch's own sentence, at most 500 characters, or None. Foreign data; may quote a phone number.
        sinch_body: the body is Sinch's own ``{"code": …, "text": …}``, so no gateway wrote it.
    """

    def __init__(
        self, *, status: int, code: str | None, text: str | None, sinch_body: bool, maybe_sent: bool = False
    ) -> None:
        message = f"Sinch answered {status} ({code})" if code else f"Sinch answered {status}"
        super().__init__(message, maybe_sent=maybe_sent)
        self.status = status
        self.code = code
        self.text = text
        self.sinch_body = sinch_body


class Refused(StatusError):  # noqa: N818 - see ConnectionFailed
    """3xx, or a 4xx without a class of its own: something has to change before it can work."""


class Unauthorized(StatusError):  # noqa: N818 - see ConnectionFailed
    """401: the token does not belong to this plan in this region."""


class NotFound(StatusError):  # noqa: N818 - see ConnectionFailed
    """404: there is no such thing in this plan. Just after it was made, it may only not be there yet."""


class Conflict(StatusError):  # noqa: N818 - see ConnectionFailed
    """409: it is too late for this change, or the name is taken."""


class RateLimited(StatusError):  # noqa: N818 - see ConnectionFailed
    """429. ``retry_after_s``: seconds from now, in full; None when Sinch named no readable time."""

    def __init__(self, *, code: str | None, text: str | None, sinch_body: bool, retry_after_s: float | None) -> None:
        super().__init__(status=TOO_MANY_REQUESTS, code=code, text=text, sinch_body=sinch_body)
        self.retry_after_s = retry_after_s


class OutOfService(StatusError):  # noqa: N818 - see ConnectionFailed
    """503, written by Sinch itself: a part of it is out of service, and it took nothing."""


class ServerFailed(StatusError):  # noqa: N818 - see ConnectionFailed
    """408, a 5xx but Sinch's own 503, or a status that HTTP does not know: Sinch may have taken it all the same.

    Sinch documents 500 as "not processed" (SMS API, "Status codes"), yet a gateway may say the same afterwards.
    """


class Malformed(SinchError):  # noqa: N818 - see ConnectionFailed
    """A decoded JSON value is not what Sinch documents. ``why`` goes on after "but" and quotes nothing of it."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not what Sinch documents: {why}", maybe_sent=False)
        self.why = why


class CallbackRefused(SinchError):  # noqa: N818 - see ConnectionFailed
    """A callback that can't be believed or can't be read. Answer it 4xx, so that Sinch does not repeat it."""

    def __init__(self, reason: CallbackRefusal, why: str | None = None) -> None:
        super().__init__(f"callback refused ({reason})" + (f": {why}" if why else ""), maybe_sent=False)
        self.reason = reason
        self.why = why
