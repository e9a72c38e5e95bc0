"""The service plan: what it has, and what happens to it. No HTTP in here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.sinch.batches import Batch, BatchBook
from sandbox.sinch.groups import GroupBook
from sandbox.sinch.inbounds import Inbound, InboundBook, InboundMedia
from sandbox.sinch.phones import Phones
from sandbox.sinch.readings import Readings, StrictValidation
from sandbox.sinch.rules import BatchRequest, PlanRules
from sandbox.sinch.wire_values import Writer, bare_digits, is_group_id

SANDBOX_NUMBER = "+12015550100"  # 555-01xx: kept free for fiction


@dataclass(frozen=True, slots=True)
class Feedback:
    """Conversions that were reported: digits of the recipients, none meaning all."""

    batch_id: str
    recipients: tuple[str, ...]
    at: datetime


class ServicePlan:
    """Batches, groups, inbound messages and phones of one plan.

    Args:
        clock: the time, in UTC.
        readings: how the documents are read; may be changed at any time, for what comes then.
        callback_url: the plan's own address for reports and inbound messages.
    """

    def __init__(
        self, *, clock: Callable[[], datetime], readings: Readings | None = None, callback_url: str | None = None
    ) -> None:
        self.clock = clock
        self.readings = readings or Readings()
        self.callback_url = callback_url
        self.batches = BatchBook()
        self.groups = GroupBook()
        self.inbounds = InboundBook()
        self.phones = Phones(clock, self._receive)
        self.feedback: list[Feedback] = []
        self.asked: dict[str, BatchRequest] = {}  # by client_reference, accepted or not: what a look-up is about
        # Whom it tells: that something has changed; of a batch that starts; of an inbound message.
        self.changed: Callable[[], None] = lambda: None
        self.on_start: Callable[[Batch], None] = lambda _batch: None
        self.on_inbound: Callable[[Inbound], Awaitable[None]] = _nobody

    @property
    def write(self) -> Writer:
        return Writer(self.readings)

    def rules(self) -> PlanRules:
        return PlanRules(
            groups=self.groups,
            callback_url=self.callback_url,
            media=self.readings.media_taken,
            checks_media=self.readings.strict_validation is StrictValidation.AT_ONCE,
        )

    def accept(self, request: BatchRequest) -> Batch:
        batch = self.batches.accept(request, self.clock())
        self._start(batch)
        return batch

    def update(self, batch: Batch, request: BatchRequest) -> None:
        """Put a changed request in the place of one of which nothing has left."""
        self.phones.withdraw(batch)
        self.batches.change(batch, request, self.clock())
        self._start(batch)

    def replace(self, batch: Batch, request: BatchRequest) -> None:
        """Cancel what has not left, and send the new request under the same ID."""
        self._stop(batch)
        batch.canceled = False
        self.batches.change(batch, request, self.clock())
        self._start(batch)

    def cancel(self, batch: Batch) -> None:
        if not batch.canceled:
            self._stop(batch)
            batch.canceled, batch.modified_at = True, self.clock()
            self.changed()

    def groups_changed(self) -> None:
        """Who is in a group counts when a batch is sent: plan again what has not started."""
        now = self.clock()
        for batch in self.batches.all:
            if not batch.started(now) and not batch.canceled and any(map(is_group_id, batch.request.to)):
                self.phones.withdraw(batch)
                self._start(batch)
        self.changed()

    def _start(self, batch: Batch) -> None:
        self.phones.deliver(batch, list(self.groups.recipients(batch.request.to)), self.readings)
        self.on_start(batch)
        self.changed()

    def _stop(self, batch: Batch) -> None:
        now = self.clock()
        if not batch.started(now) and not self.readings.cancelled_in_report:
            self.phones.withdraw(batch)
        for message in batch.messages:
            message.cancel(now, self.readings)

    async def _receive(
        self,
        *,
        from_: str,
        to: str | None,
        text: str | None,
        data: bytes | None,
        udh: bytes,
        media: Sequence[InboundMedia],
        subject: str | None,
    ) -> Inbound:
        sender, receiver = bare_digits(from_), bare_digits(to or SANDBOX_NUMBER)
        about = self.phones.answered_by(sender, receiver)
        inbound = self.inbounds.receive(
            from_=sender,
            to=receiver,
            at=self.clock(),
            text=text,
            data=data,
            udh=udh,
            media=media,
            subject=subject,
            client_reference=about.client_reference if about else None,
        )
        if text is not None and self.groups.hear(sender, receiver, text, self.clock()):
            self.groups_changed()
        self.changed()
        await self.on_inbound(inbound)
        return inbound


async def _nobody(inbound: Inbound) -> None:
    """Nobody is told."""
