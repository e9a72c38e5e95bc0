"""Batches that were accepted, and how they are found again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.sinch.lives import Message, State
from sandbox.sinch.readings import ReferenceFilter
from sandbox.sinch.rules import LONGEST_VALIDITY, BatchRequest
from sandbox.sinch.wire_values import Writer, bare_digits, new_id, write_time

FINDABLE_FOR = timedelta(days=14)  # Sinch SMS API reference, "List batches"


@dataclass(slots=True, eq=False)
class Batch:
    """An accepted batch: what is asked for by now, its ID, its times, and its messages.

    ``asked_at`` is when ``request`` came in: at first, or with an update or a replacement. ``messages`` also has those
    of a request that was replaced when some were on their way.
    """

    id: str
    request: BatchRequest
    created_at: datetime
    asked_at: datetime
    canceled: bool = False
    modified_at: datetime = field(init=False)
    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.modified_at = self.asked_at

    @property
    def client_reference(self) -> str | None:
        return self.request.client_reference

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(map(bare_digits, self.request.to))

    @property
    def sender(self) -> str:
        return bare_digits(self.request.from_)

    @property
    def starts_at(self) -> datetime:
        return max(self.request.send_at or self.asked_at, self.asked_at)

    @property
    def expire_at(self) -> datetime:
        return self.request.expire_at or self.starts_at + LONGEST_VALIDITY

    def started(self, now: datetime) -> bool:
        return now >= self.starts_at

    def under_way(self, now: datetime) -> bool:
        """Whether nothing of it waits any more: it is all with the carriers, or ended."""
        return self.started(now) and all(one.now(now).state is not State.QUEUED for one in self.messages)

    def to_json(self, write: Writer) -> dict[str, Any]:
        """As Sinch answers: what was sent, unset fields left out, ``expire_at`` filled in."""
        answer: dict[str, Any] = {"id": self.id, "type": self.request.type, **self.request.fields}
        answer |= {"to": [write.number(one) for one in self.request.to], "from": write.number(self.request.from_)}
        answer["canceled"] = str(self.canceled) if write.readings.canceled_as_text else self.canceled
        if self.request.send_at:
            answer["send_at"] = write_time(self.request.send_at)
        answer["expire_at"] = write_time(self.expire_at)
        answer["created_at"] = write_time(self.created_at)
        answer["modified_at"] = write_time(self.modified_at)
        return answer


class BatchBook:
    """All accepted batches of the service plan, in order."""

    def __init__(self) -> None:
        self.all: list[Batch] = []
        self._by_id: dict[str, Batch] = {}
        self._by_reference: dict[str, list[Batch]] = {}

    def accept(self, request: BatchRequest, now: datetime) -> Batch:
        # Two equal requests are two batches: Sinch has no idempotency key.
        batch = Batch(new_id(now), request, created_at=now, asked_at=now)
        self.all.append(batch)
        self._by_id[batch.id] = batch
        self._index(batch)
        return batch

    def change(self, batch: Batch, request: BatchRequest, now: datetime) -> None:
        """Put another request in the place of the batch's."""
        if batch.client_reference is not None:
            self._by_reference[batch.client_reference].remove(batch)
        batch.request, batch.asked_at, batch.modified_at = request, now, now
        self._index(batch)

    def _index(self, batch: Batch) -> None:
        if batch.client_reference is not None:
            self._by_reference.setdefault(batch.client_reference, []).append(batch)

    def get(self, batch_id: str) -> Batch | None:
        return self._by_id.get(batch_id)

    def newest_first(self, client_reference: str | None, how: ReferenceFilter) -> Iterator[Batch]:
        """Those with this reference, as ``how`` reads it; None: all."""
        if client_reference is None or how is ReferenceFilter.IGNORED:
            return reversed(self.all)
        if how is ReferenceFilter.PARTIAL:
            return (one for one in reversed(self.all) if client_reference in (one.client_reference or ""))
        found = reversed(self._by_reference.get(client_reference, []))
        return iter(sorted(found, key=lambda one: one.created_at, reverse=True))  # a change puts a batch at the end
