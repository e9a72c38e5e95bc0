"""What is known of one request while it is under way, and what that proves when it ends early.

The question that matters is whether the request left: httpcore reports each step of a request (httpx's ``trace``
extension), and a request whose head httpcore never began to write has certainly not been sent.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from sinch._answers import Answer
from sinch._errors import AnswerLost, AnswerLostKind, ConnectionFailed, ConnectionFailedKind, SinchError

NO_ANSWER_YET = 0  # in the place of an HTTP status

# Raised only before a request is written; believed when the trace stayed silent.
_RAISED_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Attempt:
    """The evidence about one request.

    Args:
        has_effect: the request is one that changes something.
        outer: the exception that the caller is handling right now, if any. Python hangs it onto every exception
            raised meanwhile, and it says nothing about this request.
    """

    def __init__(self, *, has_effect: bool, outer: BaseException | None = None) -> None:
        self._has_effect = has_effect
        self._outer = outer
        self._traced = False
        self._in_tls = False
        self._left = False
        self._answer: Answer | None = None
        self.handed_over = False
        self.half_open: Any = None  # httpcore's stream, connected, before anything of ours was written to it
        self.status = NO_ANSWER_YET
        self.headers: Mapping[str, str] = {}
        self.body = bytearray()

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take one report of httpcore's, such as ``connection.start_tls.started``."""
        self._traced = True
        if event.endswith(".connect_tcp.complete"):
            self.half_open = info["return_value"]
        elif event.endswith(".start_tls.started"):
            self._in_tls = True
        elif event.endswith(".start_tls.complete"):
            self._in_tls = False
        elif event.startswith("http11.") and "request" in info and info["request"].method != b"CONNECT":
            # CONNECT is a request of httpcore's own: it asks a proxy for a tunnel.
            self._left = True
            self.half_open = None

    def end(self, *, truncated: bool) -> Answer:
        """The answer has been read: to its end, or as far as we read any answer."""
        self._answer = Answer(self.status, self.headers, bytes(self.body), truncated=truncated)
        return self._answer

    def answer(self) -> Answer | None:
        """The answer, if enough of it came: all of it, or the head of a refusal, which is one without its body too."""
        if self._answer is None and self.status != NO_ANSWER_YET and not 200 <= self.status < 300:
            return self.end(truncated=True)
        return self._answer

    def error(self, failure: Exception) -> SinchError:
        """What ``failure`` means for the caller. ``TimeoutError`` is the deadline of the whole call."""
        if self._may_have_left(failure):
            return AnswerLost(self._lost_kind(failure), maybe_sent=self._has_effect)
        return ConnectionFailed(self._failed_kind(failure))

    def _may_have_left(self, failure: Exception) -> bool:
        if not self.handed_over:
            return False
        if self._traced:
            return self._left
        # No report at all proves nothing: another transport may be in use.
        return not isinstance(failure, _RAISED_BEFORE_SENDING)

    def _failed_kind(self, failure: Exception) -> ConnectionFailedKind:
        if _is_timeout(failure):
            waited_for_a_slot = not self.handed_over or isinstance(failure, httpx.PoolTimeout)
            return ConnectionFailedKind.POOL if waited_for_a_slot else ConnectionFailedKind.CONNECT_TIMEOUT
        if self._in_tls:
            return ConnectionFailedKind.TLS
        causes = list(_causes(failure, self._outer))
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return ConnectionFailedKind.DNS
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            return ConnectionFailedKind.REFUSED
        return ConnectionFailedKind.OTHER

    def _lost_kind(self, failure: Exception) -> AnswerLostKind:
        if _is_timeout(failure):
            return AnswerLostKind.TIMEOUT
        if self.status != NO_ANSWER_YET and isinstance(failure, httpx.TransportError):
            return AnswerLostKind.CUT
        if isinstance(failure, httpx.NetworkError):
            return AnswerLostKind.RESET
        if isinstance(failure, httpx.RemoteProtocolError):
            # A quiet close comes under the same class as bytes that are no HTTP; only the latter has h11's word for it.
            garbled = any(type(c).__module__.partition(".")[0] == "h11" for c in _causes(failure, self._outer))
            return AnswerLostKind.OTHER if garbled else AnswerLostKind.RESET
        return AnswerLostKind.OTHER


def _is_timeout(failure: Exception) -> bool:
    return isinstance(failure, TimeoutError | httpx.TimeoutException)


def _causes(failure: BaseException, outer: BaseException | None) -> Iterator[BaseException]:
    """``failure`` and all behind it. httpcore cuts ``__cause__`` off on the way, so ``__context__`` counts too."""
    pending: list[BaseException | None] = [failure]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if current is None or current is outer or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        pending += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):  # several addresses were tried, and each failed
            pending += current.exceptions
