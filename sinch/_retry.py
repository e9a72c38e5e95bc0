"""When a call is tried again. The caller passes the policy; the default repeats only what is safe by its nature."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sinch._calls import Effect
from sinch._errors import (
    AnswerLost,
    ConnectionFailed,
    ConnectionFailedKind,
    OutOfService,
    RateLimited,
    ServerFailed,
    SinchError,
)

# Trying again changes nothing about a certificate, and for these the time is up already.
_LASTING = frozenset({ConnectionFailedKind.TLS, ConnectionFailedKind.POOL, ConnectionFailedKind.PACE})


class RetryPolicy(Protocol):
    """Decides after each try that failed. It is asked in the middle of a call, and its pause counts as part of it."""

    def pause_s(self, error: SinchError, *, effect: Effect, tries: int) -> float | None:
        """Seconds to wait before the next try; None to raise ``error``.

        Args:
            error: what the last try ended with.
            effect: what the call does when it arrives.
            tries: how many there were, this one included.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoRetry:
    """Every failure is the caller's at once."""

    def pause_s(self, error: SinchError, *, effect: Effect, tries: int) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class Backoff:
    """Repeats what may pass and is safe to repeat, with pauses that double.

    A call that reads is repeated after a failed connection, a lost answer, 408, 429 and 5xx; so is a change that does
    nothing more when it arrives twice (a cancel, a deletion). A send, or any other call of which each arrival has its
    own effect, is repeated only when this one certainly had none: no connection, 429, and a 503 in Sinch's own words.

    Attributes:
        tries: at most so many in all.
        first_pause_s, longest_pause_s: bounds of the pauses; a Retry-After of Sinch's is kept in full instead.
        jitter: 0 to 1; a pause is shortened by up to a quarter, so that many callers don't come back at one moment.

    A pause that would outlast the call's own time limit ends the call at once.
    """

    tries: int = 3
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    jitter: Callable[[], float] = random.random

    def pause_s(self, error: SinchError, *, effect: Effect, tries: int) -> float | None:
        if tries >= self.tries or not may_pass(error) or (error.maybe_sent and effect is Effect.EACH):
            return None
        if isinstance(error, RateLimited) and error.retry_after_s is not None:
            return error.retry_after_s
        doubled = self.first_pause_s * 2.0 ** min(tries - 1, 30)
        return min(self.longest_pause_s, doubled) * (1 - self.jitter() / 4)


def may_pass(error: SinchError) -> bool:
    """Could the same call go well a little later?"""
    if isinstance(error, ConnectionFailed):
        return error.kind not in _LASTING
    return isinstance(error, AnswerLost | RateLimited | OutOfService | ServerFailed)
