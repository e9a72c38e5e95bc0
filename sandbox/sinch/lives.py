"""What becomes of one message on its way to one phone: a script → steps in time. Pure.

Source: Sinch SMS API reference, "Delivery reports": states and codes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.sinch.readings import Readings


class State(StrEnum):
    QUEUED = "Queued"
    DISPATCHED = "Dispatched"
    DELIVERED = "Delivered"
    ABORTED = "Aborted"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"
    DELETED = "Deleted"
    FAILED = "Failed"
    EXPIRED = "Expired"
    UNKNOWN = "Unknown"

    @property
    def final(self) -> bool:
        return self not in (State.QUEUED, State.DISPATCHED)

    @property
    def of_the_carrier(self) -> bool:
        """Whether the carrier said it, and not Sinch."""
        return self in (State.DELIVERED, State.REJECTED, State.DELETED, State.FAILED, State.UNKNOWN)


DELIVERED, QUEUED, DISPATCHED = 0, 400, 401
NO_VALUE, EXPIRED, CANCELLED, TOO_MANY_PARTS, NOT_FETCHED, REFUSED_BY_GATEWAY = 405, 406, 407, 411, 414, 415
_ABORTED = frozenset({402, 403, 404, NO_VALUE, 408, 409, 410, TOO_MANY_PARTS, 412, 413})
_MEDIA = range(NOT_FETCHED, 419)
_OF_CARRIERS = frozenset({257, 300, 310, 321, 349, 399})
# What the last three digits of a number can ask for. Nothing below 200: so all of 555-0100 to 555-0199, the numbers
# that are kept free for fiction, are phones that just get their messages.
_BY_NUMBER = _ABORTED | frozenset(_MEDIA) | _OF_CARRIERS | {EXPIRED, CANCELLED}
# Codes of the older MMS API, and the code behind which each is hidden when they are not shown: our pairing.
_GATEWAY = {2004: 415, 2560: 418, 2563: 415, 3001: 415, 3003: 414, 3510: 417, 4006: 417, 4007: 415}


@dataclass(frozen=True, slots=True)
class Step:
    """A state that was reached, and when."""

    at: datetime
    state: State
    code: int


@dataclass(frozen=True, slots=True)
class Script:
    """What happens to messages to a number. Without anything: delivered at once.

    Args:
        code: of the last state. Sinch's own, or a carrier's, such as 257 (opted out).
        state: None means the one that goes with the code; for a carrier's code Rejected.
        dispatched_after_s: wait before the hand-over to the carrier. None: it stays Queued until it expires.
        final_after_s: wait after that. None: never more than Dispatched.
    """

    code: int = DELIVERED
    state: State | None = None
    dispatched_after_s: float | None = 0.0
    final_after_s: float | None = 0.0

    def __post_init__(self) -> None:
        if self.state is not None and not self.state.final:
            raise ValueError("a message that stays Queued or Dispatched has None for the wait")
        if self.code in (QUEUED, DISPATCHED):
            raise ValueError("400 and 401 are no last words")
        for wait in (self.dispatched_after_s, self.final_after_s):
            if wait is not None and not 0 <= wait < 10 * 24 * 3600:
                raise ValueError("a wait is 0 or more seconds, and less than ten days")


AT_ONCE = Script()
NO_LAST_WORD = Script(final_after_s=None)


def script_of(number: str, usual: Script) -> Script:
    """What happens to messages to a number for which nothing was said: its last three digits are the code that they end
    with, if Sinch or a carrier has such a failure (+1 201 555 0414 ends with 414); every other number is as ``usual``.
    """
    code = int(number[-3:]) if number[-3:].isdigit() else DELIVERED
    return replace(usual, code=code) if code in _BY_NUMBER and usual.code == DELIVERED else usual


def steps(script: Script, accepted: datetime, start: datetime, expire_at: datetime, readings: Readings) -> list[Step]:
    """From ``accepted`` on; the validity counts until the carrier has spoken."""
    code = script.code if readings.gateway_codes else _GATEWAY.get(script.code, script.code)
    state = script.state or state_of(code, readings)
    known = [Step(accepted, State.QUEUED, QUEUED)]
    if script.dispatched_after_s is None:
        return [*known, expired(expire_at, readings)]
    handed_over = start + timedelta(seconds=script.dispatched_after_s)
    if handed_over >= expire_at:
        return [*known, expired(expire_at, readings)]
    if state in (State.ABORTED, State.CANCELLED):  # stopped before the hand-over
        return [*known, Step(handed_over, state, code)]
    known.append(Step(handed_over, State.DISPATCHED, DISPATCHED))
    if script.final_after_s is None:
        return known
    ended = handed_over + timedelta(seconds=script.final_after_s)
    return [*known, Step(ended, state, code) if ended < expire_at else expired(expire_at, readings)]


def state_of(code: int, readings: Readings) -> State:
    """The state that a code goes with."""
    if code == DELIVERED:
        return State.DELIVERED
    if code == EXPIRED:
        return State.ABORTED if readings.expired_is_aborted else State.EXPIRED
    if code == CANCELLED:
        return State.ABORTED if readings.cancelled_is_aborted else State.CANCELLED
    if code in _MEDIA or code in _GATEWAY:
        return State(readings.media_failure.value)
    return State.ABORTED if code in _ABORTED else State.REJECTED


def expired(at: datetime, readings: Readings) -> Step:
    return Step(at, state_of(EXPIRED, readings), EXPIRED)


@dataclass(slots=True, eq=False)
class Message:
    """One message to one recipient. ``text`` is what this recipient reads; ``told`` counts steps sent as callbacks."""

    recipient: str
    text: str
    steps: list[Step]
    told: int = 0

    def now(self, at: datetime) -> Step:
        """The newest step that was reached."""
        return next(step for step in reversed(self.steps) if step.at <= at or step is self.steps[0])

    def arrives_at(self) -> datetime | None:
        """When the phone has it. A carrier that says no more than Dispatched or Unknown has mostly delivered, too."""
        last = self.steps[-1]
        return last.at if last.state in (State.DELIVERED, State.DISPATCHED, State.UNKNOWN) else None

    def cancel(self, at: datetime, readings: Readings) -> None:
        """Stop it, if the carrier does not have it yet."""
        if self.now(at).state is State.QUEUED:
            self.steps = [*(step for step in self.steps if step.at <= at)]
            self.steps.append(Step(at, state_of(CANCELLED, readings), CANCELLED))
