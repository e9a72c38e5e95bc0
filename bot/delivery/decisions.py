"""What follows from a failed attempt. Pure: values in, a step out."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.delivery.sender import Fate, SendError
from bot.domain import AnswerKind, Lost, Message, Refused, Step, TryAgain

GAVE_UP = "own-gave-up"
RATE_LIMIT_TOO_LONG = "http-429-too-long"

LONGEST_PAUSE_S = 5.0  # between tries while Sinch can't be reached: back soon after it is back
TELL_WAITING_AFTER_S = 5.0  # a blip is not told
SHORTEST_RATE_LIMIT_S = 1.0  # a Retry-After of nought would be tried again without end
LONGEST_BACKOFF_S = 30.0  # on 429 without Retry-After; a longer wait is told
TELL_AT_RATE_LIMIT = 4  # the fourth 429 of one message is told
UNAVAILABLE_PAUSE_S = 1.0  # before the one repeat after Sinch's own 503

# Between look-ups of a lost answer, in seconds. The first three fit into the time in which the person has to hear of
# it, together they make an hour of running time.
LOOKUP_PAUSES_S = (2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 240.0, *(300.0,) * 11)
LOOKUPS_IN_ALL = len(LOOKUP_PAUSES_S) + 1
TELL_AT_LOOKUP = 3


def gives_up_at(message: Message, *, give_up_after_s: float) -> datetime:
    """When a message that never left is given up."""
    return message.created_at + timedelta(seconds=give_up_after_s)


def after_failure(message: Message, error: SendError, *, now: datetime, give_up_after_s: float, jitter: float) -> Step:
    """Decide what becomes of ``message`` after an attempt that failed with ``error``.

    Args:
        jitter: 0 to 1, so that many messages do not come back at the same moment.
    """
    end = gives_up_at(message, give_up_after_s=give_up_after_s)
    match error.fate:
        case Fate.NEVER_LEFT:
            if now >= end:
                return Refused(GAVE_UP)
            pause = min(LONGEST_PAUSE_S, 2.0 ** min(message.attempts - 1, 8)) * (1 - jitter / 4)
            since = message.first_attempt_at or now
            tell = not message.waiting_told and now - since >= timedelta(seconds=TELL_WAITING_AFTER_S)
            due_at = min(now + timedelta(seconds=pause), end)
            return TryAgain(error.cause, due_at, tell=AnswerKind.WAITING if tell else None)
        case Fate.RATE_LIMITED:
            wait = error.retry_after_s
            if wait is not None:
                wait = max(wait, SHORTEST_RATE_LIMIT_S)
            else:
                wait = min(LONGEST_BACKOFF_S, 2.0 ** min(message.rate_limited, 8) * (1 + jitter / 4))
            if wait > (end - now).total_seconds():  # Sinch may name any number
                return Refused(RATE_LIMIT_TOO_LONG, error.vendor_code, error.vendor_text)
            tell = wait > LONGEST_BACKOFF_S or message.rate_limited + 1 == TELL_AT_RATE_LIMIT
            return TryAgain(
                error.cause,
                now + timedelta(seconds=wait),
                rate_limited=True,
                tell=AnswerKind.RATE_LIMITED if tell else None,
            )
        case Fate.UNAVAILABLE if message.unavailable == 0:
            return TryAgain(
                error.cause, now + timedelta(seconds=UNAVAILABLE_PAUSE_S * (1 + jitter / 4)), unavailable=True
            )
        case Fate.UNAVAILABLE | Fate.LOST:
            return Lost(error.cause, error.vendor_code, error.vendor_text)
        case Fate.REFUSED:
            return Refused(error.cause, error.vendor_code, error.vendor_text)


def next_lookup(lookups: int) -> timedelta | None:
    """The pause after the look-up number ``lookups`` (1 is the first); None ends the look-ups."""
    return timedelta(seconds=LOOKUP_PAUSES_S[lookups - 1]) if lookups <= len(LOOKUP_PAUSES_S) else None
