"""What became of a message at each recipient, as values, and the one rule by which reports move it on. Pure.

Standard library only. States are Sinch's own words (Sinch SMS API, "Delivery reports"); the list is open, and a word
that is not known is kept as it came.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

QUEUED, DISPATCHED, DELIVERED, UNKNOWN, CANCELLED = "Queued", "Dispatched", "Delivered", "Unknown", "Cancelled"
NO_FINAL_WORD = "NoFinalWord"  # ours: nothing final came within three days
FAILURES = frozenset({"Aborted", CANCELLED, "Rejected", "Deleted", "Failed", "Expired"})
CANCELLED_CODE = 407

_KNOWN = {word.casefold(): word for word in (QUEUED, DISPATCHED, DELIVERED, UNKNOWN, NO_FINAL_WORD, *sorted(FAILURES))}
# A state gives way to one of a higher rank only; between the last two of these, every word that is not known.
_RANKS = {QUEUED: 0, DISPATCHED: 2, UNKNOWN: 3, NO_FINAL_WORD: 3, **dict.fromkeys(FAILURES, 4), DELIVERED: 5}
_RANK_OF_OTHERS = 1
_FINAL_FROM = 3

_COUNTS_WORD = re.compile(r"[0-9]{1,9}(/[0-9]{1,9}){3}")
FAILURES_TOGETHER = timedelta(minutes=1)  # after something was told, those that fail within this are told together
CHANGES_TOGETHER = timedelta(seconds=15)  # and what else changes, within this

FINAL_WITHIN = timedelta(days=3)  # Sinch SMS API: `expire_at` is three days after the start at the latest
ASKED_FOR = timedelta(days=4)  # Sinch may be away at the end of them: then it is asked a little longer
# Between two questions for a report. The first few are for who waits for the answer; most messages are final by then.
POLL_PAUSES_S = (5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
# While Sinch calls back: only in case that a callback is lost.
SAFETY_NET_PAUSES_S = (600.0, 3600.0, 14400.0)


class Standing(StrEnum):
    """What a person wants to know of one recipient."""

    ON_ITS_WAY = "on its way"
    DELIVERED = "delivered"
    FAILED = "failed"
    NO_FINAL_WORD = "no final word"


@dataclass(frozen=True, slots=True)
class Report:
    """One recipient's state as Sinch tells it. ``recipient`` is the number in digits; ``at`` aware UTC."""

    recipient: str
    state: str
    code: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RecipientState:
    """How far the message to one recipient has come.

    ``position`` is the recipient's place in the message, from 0. ``e164`` is None once numbers were purged. ``at`` is
    when Sinch noted the state, or when the bot heard of it where Sinch names no time; ``dispatched_at`` and
    ``final_at`` are the same of the first word that it was handed over, and of the one that is final.
    """

    position: int
    e164: str | None
    state: str = QUEUED
    code: int | None = None
    at: datetime | None = None
    dispatched_at: datetime | None = None
    final_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many recipients of a message have each standing."""

    delivered: int = 0
    failed: int = 0
    on_their_way: int = 0
    no_final_word: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.delivered + other.delivered,
            self.failed + other.failed,
            self.on_their_way + other.on_their_way,
            self.no_final_word + other.no_final_word,
        )

    @property
    def total(self) -> int:
        return self.delivered + self.failed + self.on_their_way + self.no_final_word

    @property
    def settled(self) -> bool:
        """Nothing more is expected."""
        return self.total > 0 and self.on_their_way == 0


class Took(StrEnum):
    """What came of a report."""

    APPLIED = "applied"
    NOTHING_NEW = "nothing new"
    NOT_OURS = "not ours"


@dataclass(frozen=True, slots=True)
class DeliveryNews:
    """The one answer about a message's delivery, that grows.

    ``shown`` is what was last told (``counts_word``); ``channel_id`` and ``ts`` name the direct message, once there is
    one.
    """

    client_reference: str
    user_id: str
    since: datetime
    tries: int
    told_at: datetime | None
    shown: str | None
    channel_id: str | None
    ts: str | None
    unfolded: bool


# -- states


def known_word(state: str) -> str:
    """Sinch's word as its documents write it, in whatever case it came; one that is not known, as it came."""
    return _KNOWN.get(state.casefold(), state)


def is_final(state: str) -> bool:
    """No report of a lower rank comes after it. A word that is not known is not taken to be final."""
    return _rank(known_word(state)) >= _FINAL_FROM


def standing_of(state: str) -> Standing:
    word = known_word(state)
    if word == DELIVERED:
        return Standing.DELIVERED
    if word in FAILURES:
        return Standing.FAILED
    return Standing.NO_FINAL_WORD if is_final(word) else Standing.ON_ITS_WAY


def merge(current: RecipientState, report: Report) -> RecipientState:
    """Move one recipient on. The order and the repetition of reports make no difference to where this ends.

    What is final does not go back to what is not; of two final words, that it was delivered counts more than that it
    failed, and any certain word more than none. Of two that weigh the same, the earlier counts.
    """
    word = known_word(report.state)
    better = min(_weight(current.state, current.code, current.at), _weight(word, report.code, report.at))
    moved = replace(current)
    if better != _weight(current.state, current.code, current.at):
        moved = replace(
            current, state=word, code=report.code, at=report.at, final_at=report.at if is_final(word) else None
        )
    if word == DISPATCHED and report.at is not None:
        moved = replace(moved, dispatched_at=min(report.at, current.dispatched_at or report.at))
    return moved


def no_final_word(current: RecipientState, *, cancelled: bool, now: datetime) -> RecipientState:
    """Nothing more is expected of Sinch. Of a message that was cancelled, what did not go out is cancelled."""
    word, code = (CANCELLED, CANCELLED_CODE) if cancelled else (NO_FINAL_WORD, None)
    return merge(current, Report("", word, code, now))


def _rank(word: str) -> int:
    return _RANKS.get(word, _RANK_OF_OTHERS)


def _weight(word: str, code: int | None, at: datetime | None) -> tuple[int, bool, float, bool, int, str]:
    """The lowest counts."""
    seconds = 0.0 if at is None else at.timestamp()
    return -_rank(word), at is None, seconds, code is None, code or 0, word


# -- counts


def counts_by(states: Mapping[str, int]) -> Counts:
    """Sinch's word → how many recipients have it; the counts of the standings."""
    by_standing: Counter[Standing] = Counter()
    for state, number in states.items():
        by_standing[standing_of(state)] += number
    return Counts(
        delivered=by_standing[Standing.DELIVERED],
        failed=by_standing[Standing.FAILED],
        on_their_way=by_standing[Standing.ON_ITS_WAY],
        no_final_word=by_standing[Standing.NO_FINAL_WORD],
    )


def counts_of(recipients: Iterable[RecipientState]) -> Counts:
    return counts_by(Counter(one.state for one in recipients))


def counts_word(counts: Counts) -> str:
    """The counts as one word, for what was told: ``DeliveryNews.shown``."""
    return f"{counts.delivered}/{counts.failed}/{counts.on_their_way}/{counts.no_final_word}"


def counts_from(word: str | None) -> Counts:
    """The counts that ``counts_word`` made a word of; nothing told yet, and another word, is no counts."""
    return Counts(*map(int, word.split("/"))) if word and _COUNTS_WORD.fullmatch(word) else Counts()


def news_due(before: Counts, after: Counts, *, told_at: datetime | None, now: datetime) -> datetime | None:
    """When the sender is to be told that the counts are ``after``; None: not before something else happens.

    Silence while all goes well, until nothing more is expected. A first failure is told at once, and so is the end.

    Args:
        before: what was told last; no counts if nothing was.
        told_at: when that was.
    """
    if after == before:
        return None
    if after.settled or (after.failed and not before.failed):
        return now
    if told_at is None:
        return None
    return max(now, told_at + (FAILURES_TOGETHER if after.failed > before.failed else CHANGES_TOGETHER))


# -- asking for reports


def first_poll(*, callbacks: bool) -> timedelta:
    """How long after Sinch took a batch its report is asked for the first time."""
    return timedelta(seconds=(SAFETY_NET_PAUSES_S if callbacks else POLL_PAUSES_S)[0])


def next_poll(polls: int, age: timedelta, *, callbacks: bool = False, answered: bool = True) -> timedelta | None:
    """The pause after question number ``polls`` (1 is the first); None: nothing final is to be expected any more.

    Args:
        age: how long ago Sinch took the batch.
        callbacks: Sinch reports by itself, and this is only in case that a report is lost.
        answered: Sinch said what it knows. If it did not, that is no end yet.
    """
    if age >= (FINAL_WITHIN if answered else ASKED_FOR):
        return None
    pauses = SAFETY_NET_PAUSES_S if callbacks else POLL_PAUSES_S
    pause = timedelta(seconds=pauses[min(polls, len(pauses) - 1)])
    return min(pause, FINAL_WITHIN - age) if age < FINAL_WITHIN else pause
