"""Faults that can be switched on, and at what they are aimed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum

from sandbox.sinch.batches import Batch
from sandbox.sinch.refusals import Shape
from sandbox.sinch.routes import Operation
from sandbox.sinch.rules import BatchRequest
from sandbox.sinch.wire_values import bare_digits

_LOOKS_FOR_A_BATCH = {
    Operation.LIST,
    Operation.GET,
    Operation.UPDATE,
    Operation.REPLACE,
    Operation.CANCEL,
    Operation.DELIVERY_FEEDBACK,
    Operation.DELIVERY_REPORT,
    Operation.RECIPIENT_REPORT,
}
_FILTERS_BY_REFERENCE = {Operation.LIST, Operation.LIST_REPORTS, Operation.LIST_INBOUNDS}


@dataclass(frozen=True, slots=True)
class Status:
    """Answers with this status. ``accept``: it is done first (a batch is taken), so that the answer is a lie about it.

    ``retry_after``: seconds, a time (written as an HTTP date), or any text as it is.
    """

    status: int
    shape: Shape = Shape.SINCH
    code: str = "sandbox_fault"
    text: str = "The sandbox was told to answer this."
    retry_after: float | datetime | str | None = None
    accept: bool = False

    def __post_init__(self) -> None:
        if not 300 <= self.status <= 599:
            raise ValueError("a Status fault takes 300 to 599")

    def headers(self) -> dict[str, str]:
        match self.retry_after:
            case None:
                return {}
            case datetime() as at:
                return {"Retry-After": format_datetime(at, usegmt=True)}
            case given:
                return {"Retry-After": str(given)}


@dataclass(frozen=True, slots=True)
class Slow:
    """Answers as it should, ``seconds`` late. It is done after the wait, or before it (``accept_first``).

    A caller that hung up meanwhile does not stop it: the request has arrived.
    """

    seconds: float
    accept_first: bool = False


@dataclass(frozen=True, slots=True)
class Stall:
    """Never answers. The connection is reset when the fake stops or goes away."""

    accept: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets the connection without an answer. ``unread``: before the body is read; such a one can't be aimed."""

    accept: bool = False
    unread: bool = False

    def __post_init__(self) -> None:
        if self.accept and self.unread:
            raise ValueError("a batch that was not read can't be accepted")


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """Does it, and closes in the middle of the answer's body, or of its headers."""

    in_headers: bool = False


class OddBody(StrEnum):
    NO_ID = "no-id"
    NOT_JSON = "not-json"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class OddAnswer:
    """Does it, and answers the usual 2xx with a body that says nothing useful."""

    body: OddBody = OddBody.NO_ID


@dataclass(frozen=True, slots=True)
class Invisible:
    """For operations that look for a batch: not found for some seconds after it was made, or for so many look-ups.

    ``times`` counts batches here, not requests.
    """

    seconds: float | None = None
    look_ups: int | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.look_ups is None):
            raise ValueError("Invisible takes seconds or look_ups, one of the two")


@dataclass(frozen=True, slots=True)
class NoReferenceFilter:
    """For lists that have it: ``client_reference`` is ignored, as an older deployment might."""


Fault = Status | Slow | Stall | Reset | CutAnswer | OddAnswer | Invisible | NoReferenceFilter


def rate_limited(retry_after: float | datetime | str | None = None) -> Status:
    """A 429 with an empty body; Sinch documents no Retry-After, so the usual one has none."""
    return Status(429, Shape.EMPTY, retry_after=retry_after)


def out_of_service() -> Status:
    """A 503 in Sinch's own ``{code, text}``: the only 5xx that says it was not taken."""
    return Status(503, code="service_unavailable", text="A part of the service is down.")


def gateway_trouble(status: int = 503, *, accept: bool = False) -> Status:
    """A 502, 503 or 504 of a gateway: a page of HTML, from which nothing follows about the batch."""
    return Status(status, Shape.HTML, accept=accept)


@dataclass(frozen=True, slots=True)
class Aim:
    """Which messages a fault is for: each part that is given must match. Nothing given: every message."""

    to: str | None = None
    text: str | None = None
    client_reference: str | None = None

    @property
    def anywhere(self) -> bool:
        return self.to is None and self.text is None and self.client_reference is None

    def hits(self, message: BatchRequest | None) -> bool:
        if self.anywhere or message is None:
            return self.anywhere
        return (
            (self.to is None or bare_digits(self.to) in map(bare_digits, message.to))
            and (self.text is None or self.text in message.text)
            and (self.client_reference is None or self.client_reference == message.client_reference)
        )


@dataclass(slots=True)
class _Rule:
    operation: Operation
    fault: Fault
    left: int | None
    aim: Aim
    look_ups_left: dict[str, int] = field(default_factory=dict)  # by batch ID, for Invisible

    def use(self) -> bool:
        if self.left is None:
            return True
        if self.left == 0:
            return False
        self.left -= 1
        return True


class FaultBoard:
    """The faults that are on, oldest first; the first one that fits a request is used."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def add(
        self,
        operation: Operation | str,
        fault: Fault,
        times: int | None = 1,
        *,
        to: str | None = None,
        text: str | None = None,
        client_reference: str | None = None,
    ) -> None:
        """Switch a fault on for ``times`` requests (None: until ``clear``), for every message or those it is aimed at.

        Args:
            to: one recipient of the message, however written.
            text: a part of the message's text.

        Raises:
            ValueError: the fault does not fit the operation or the aim.
        """
        at = Operation(operation)
        aim = Aim(to, text, client_reference)
        if times is not None and times < 1:
            raise ValueError("times is 1 or more, or None")
        if isinstance(fault, Invisible) and at not in _LOOKS_FOR_A_BATCH:
            raise ValueError("Invisible is for operations that look for a batch")
        if isinstance(fault, NoReferenceFilter) and at not in _FILTERS_BY_REFERENCE:
            raise ValueError("NoReferenceFilter is for lists that can be filtered by client_reference")
        if isinstance(fault, Reset) and fault.unread and not aim.anywhere:
            raise ValueError("a message that is not read can't be aimed at")
        self._rules.append(_Rule(at, fault, times, aim))

    def clear(self) -> None:
        self._rules.clear()

    def take_unread(self, operation: Operation) -> bool:
        """Whether this request is to be reset before it is read."""
        for rule in self._rules:
            if rule.operation is operation and not isinstance(rule.fault, Invisible | NoReferenceFilter):
                # An older fault that can only be matched after reading goes first.
                if not (isinstance(rule.fault, Reset) and rule.fault.unread):
                    if rule.left != 0 and rule.aim.anywhere:
                        return False
                elif rule.use():
                    return True
        return False

    def take(self, operation: Operation, message: BatchRequest | None) -> Fault | None:
        """The fault for this request, used up by one; None when it is to be answered as usual."""
        for rule in self._rules:
            if (
                rule.operation is operation
                and not isinstance(rule.fault, Invisible | NoReferenceFilter)
                and rule.aim.hits(message)
                and rule.use()
            ):
                return rule.fault
        return None

    def takes_away_reference_filter(self, operation: Operation) -> bool:
        return any(
            rule.operation is operation and isinstance(rule.fault, NoReferenceFilter) and rule.use()
            for rule in self._rules
        )

    def hides(self, operation: Operation, batch: Batch, now: datetime) -> bool:
        """Whether a batch that would be found is not to be found this time; counts as one look-up."""
        return any(
            self._hides(rule, rule.fault, batch, now)
            for rule in self._rules
            if isinstance(rule.fault, Invisible) and rule.operation is operation and rule.aim.hits(batch.request)
        )

    @staticmethod
    def _hides(rule: _Rule, fault: Invisible, batch: Batch, now: datetime) -> bool:
        if batch.id not in rule.look_ups_left:
            if not rule.use():
                return False
            rule.look_ups_left[batch.id] = fault.look_ups or 0
        if fault.seconds is not None:
            return now < batch.created_at + timedelta(seconds=fault.seconds)
        left = rule.look_ups_left[batch.id]
        rule.look_ups_left[batch.id] = max(0, left - 1)
        return left > 0
