"""What was pressed, what was told and what the phones got, compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum


class Word(StrEnum):
    """What somebody was told about a submission of theirs, at the end."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Entry:
    """One submission.

    ``acked`` says that the bot answered a press in a way that Slack shows as taken. ``batches`` is how many times Sinch
    took it, ``copies`` the most that one phone got of it.
    """

    number: int
    view_id: str
    acked: bool = False
    words: set[Word] = field(default_factory=set)
    batches: int = 0
    copies: int = 0

    @property
    def told(self) -> Word | None:
        """The last word that can be true: what was not known may have been found."""
        return next((word for word in (Word.ACCEPTED, Word.UNKNOWN, Word.REFUSED) if word in self.words), None)

    @property
    def doubled(self) -> bool:
        return self.batches > 1 or self.copies > 1

    @property
    def silently_lost(self) -> bool:
        return self.acked and self.told is None

    @property
    def told_wrongly(self) -> bool:
        """ "Nothing was sent", and it was; or a batch that is not there."""
        return (Word.REFUSED in self.words and (self.batches > 0 or len(self.words) > 1)) or (
            Word.ACCEPTED in self.words and self.batches == 0
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """The table's numbers. ``accepted``, ``refused``, ``unknown`` and ``silently_lost`` are of the acked ones."""

    submissions: int = 0
    acked: int = 0
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    told_wrongly: int = 0
    doubled: int = 0
    silently_lost: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Tally)))

    @property
    def promise_kept(self) -> bool:
        return self.doubled == self.silently_lost == self.told_wrongly == 0


def tally(entries: Iterable[Entry]) -> Tally:
    every = list(entries)
    acked = [entry for entry in every if entry.acked]
    return Tally(
        submissions=len(every),
        acked=len(acked),
        accepted=sum(entry.told is Word.ACCEPTED for entry in acked),
        refused=sum(entry.told is Word.REFUSED for entry in acked),
        unknown=sum(entry.told is Word.UNKNOWN for entry in acked),
        told_wrongly=sum(entry.told_wrongly for entry in every),
        doubled=sum(entry.doubled for entry in every),
        silently_lost=sum(entry.silently_lost for entry in every),
    )
