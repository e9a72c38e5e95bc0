"""The phones: what each one received. Only an accepted batch reaches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.sinch.batches import Batch
from sandbox.sinch.wire_values import bare_digits, write_time


@dataclass(frozen=True, slots=True)
class PhoneMessage:
    """One message on one phone. ``kind`` is ``mms`` or ``sms``; ``at`` is when it arrives."""

    kind: str
    from_: str
    text: str
    subject: str | None
    media_url: str | None
    batch_id: str
    at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "from": self.from_,
            "text": self.text,
            "subject": self.subject,
            "media_url": self.media_url,
            "batch_id": self.batch_id,
            "at": write_time(self.at),
        }


class Phones:
    """Every phone that has ever been sent something."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._inboxes: dict[str, list[PhoneMessage]] = {}

    def deliver(self, batch: Batch) -> None:
        """One message for each entry of ``to``; a number that stands there twice gets two."""
        request = batch.request
        for number in batch.recipients:
            text = request.text
            for name in request.placeholders:
                values = request.fields.get("parameters", {}).get(name, {})
                by_digits = {bare_digits(key): value for key, value in values.items()}
                value = by_digits.get(number, by_digits.get("default"))
                if value is not None:
                    text = text.replace(f"${{{name}}}", value)
            message = PhoneMessage(
                kind="mms" if request.media_url else "sms",
                from_=request.from_,
                text=text,
                subject=request.subject,
                media_url=request.media_url,
                batch_id=batch.id,
                at=batch.starts_at,
            )
            self._inboxes.setdefault(number, []).append(message)

    def of(self, number: str) -> list[PhoneMessage]:
        """What this phone has by now, in order of arrival; the number may be written with or without ``+``."""
        now = self._clock()
        return sorted((m for m in self._inboxes.get(bare_digits(number), []) if m.at <= now), key=lambda m: m.at)

    def all(self) -> dict[str, list[PhoneMessage]]:
        """Number with ``+`` → messages."""
        return {f"+{number}": self.of(number) for number in self._inboxes}
