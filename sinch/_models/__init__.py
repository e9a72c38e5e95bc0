"""Values that Sinch answers with. No I/O. Unknown fields are ignored; only the ID of a batch is indispensable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

# Ours: every ID seen in Sinch's samples has 26 characters; far more than that is no ID.
MAX_BATCH_ID_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as Sinch holds it.

    Attributes:
        id: opaque, not empty.
        type: ``mt_text``, ``mt_media``, ``mt_binary``; an unknown word is kept.
        to: recipients as Sinch writes them: mostly digits without the plus. Not in ``repr``.
        from_: the sender, mostly digits without the plus.
        client_reference: the caller's own reference, as it was sent.
        canceled: the batch was cancelled (Sinch spells this field with one l).
        created_at, modified_at: aware, UTC.

    Source: Sinch SMS API reference, "Batches".
    """

    id: str
    type: str | None = None
    to: tuple[str, ...] = field(default=(), repr=False)
    from_: str | None = None
    client_reference: str | None = None
    canceled: bool = False
    created_at: datetime | None = None
    modified_at: datetime | None = None

    @classmethod
    def from_json(cls, value: object) -> Batch:
        """Read one decoded JSON value.

        Raises:
            ValueError: it is no object, or has no usable ``id``. Any other odd field is left at its default.
        """
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")
        batch_id = value.get("id")
        if not (isinstance(batch_id, str) and _is_usable_id(batch_id)):
            raise ValueError("it has no usable id")
        recipients = value.get("to")
        return cls(
            id=batch_id,
            type=_text(value.get("type")),
            to=tuple(r for r in recipients if isinstance(r, str)) if isinstance(recipients, list) else (),
            from_=_text(value.get("from")),
            client_reference=_text(value.get("client_reference")),
            canceled=_flag(value.get("canceled")),
            created_at=_time(value.get("created_at")),
            modified_at=_time(value.get("modified_at")),
        )


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One page of the batch list.

    ``entries``: how many entries this page had, readable or not. ``count``: how many there are over all pages, None
    when Sinch did not say.
    """

    batches: tuple[Batch, ...]
    entries: int
    count: int | None

    @classmethod
    def from_json(cls, value: object) -> BatchPage:
        """Read one decoded JSON value; an entry that is no batch is left out.

        Raises:
            ValueError: it is no object with a list ``batches``.
        """
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")
        entries = value.get("batches")
        if not isinstance(entries, list):
            raise ValueError("it has no list of batches")
        count = value.get("count")
        return cls(
            batches=tuple(_readable(entries)),
            entries=len(entries),
            count=count if isinstance(count, int) and not isinstance(count, bool) else None,
        )


def _readable(entries: list[object]) -> list[Batch]:
    batches = []
    for entry in entries:
        try:
            batches.append(Batch.from_json(entry))
        except ValueError:
            continue
    return batches


def _is_usable_id(text: str) -> bool:
    # isprintable: no control character, no half of a surrogate pair; such an ID could be neither stored nor shown.
    return 0 < len(text) <= MAX_BATCH_ID_LENGTH and text.isprintable() and not text.isspace()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: object) -> bool:
    # An old sample of Sinch's shows the string "False".
    return value.strip().lower() == "true" if isinstance(value, str) else value is True


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        # Sinch: a time without an offset is UTC.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
