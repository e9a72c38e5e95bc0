"""Batches that were accepted, and how they are found again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.sinch.rules import LONGEST_VALIDITY, BatchRequest
from sandbox.sinch.wire_values import bare_digits, new_batch_id, write_time

FINDABLE_FOR = timedelta(days=14)  # Sinch SMS API reference, "List batches"


@dataclass(frozen=True, slots=True)
class Batch:
    """An accepted batch: what was asked for, its ID, when. ``recipients`` and ``sender`` as Sinch answers them."""

    id: str
    request: BatchRequest
    created_at: datetime

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
        return max(self.request.send_at or self.created_at, self.created_at)

    def to_json(self) -> dict[str, Any]:
        """As Sinch answers: what was sent, numbers without ``+``, unset fields left out, ``expire_at`` filled in."""
        answer: dict[str, Any] = {"id": self.id, "type": self.request.type, **self.request.fields}
        answer |= {"to": list(self.recipients), "from": self.sender, "canceled": False}
        if self.request.send_at:
            answer["send_at"] = write_time(self.request.send_at)
        answer["expire_at"] = write_time(self.request.expire_at or self.starts_at + LONGEST_VALIDITY)
        answer["created_at"] = answer["modified_at"] = write_time(self.created_at)
        return answer


class BatchBook:
    """All accepted batches of the service plan, in order."""

    def __init__(self) -> None:
        self.all: list[Batch] = []
        self._by_id: dict[str, Batch] = {}
        self._by_reference: dict[str, list[Batch]] = {}

    def accept(self, request: BatchRequest, now: datetime) -> Batch:
        # Two equal requests are two batches: Sinch has no idempotency key.
        batch = Batch(new_batch_id(now), request, now)
        self.all.append(batch)
        self._by_id[batch.id] = batch
        if request.client_reference is not None:
            self._by_reference.setdefault(request.client_reference, []).append(batch)
        return batch

    def get(self, batch_id: str) -> Batch | None:
        return self._by_id.get(batch_id)

    def newest_first(self, client_reference: str | None) -> Iterator[Batch]:
        """Those with this reference, exactly; None: all."""
        return reversed(self.all if client_reference is None else self._by_reference.get(client_reference, []))
