"""The words of the product, as values: a message, its states, its recipients. Standard library only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a message is. The same words stand in SQL and in the docs.

    ``accepted``: Sinch has it and gave a batch ID. ``refused``: Sinch or our checks said no, nothing was sent.
    ``unknown``: the answer was lost; it is being looked up, or was given up honestly.
    """

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


# The one table of steps. `sending` → `queued` only when the request certainly never reached Sinch, so we thought: a
# delivery report of it (`queued` → `accepted`) is proof that it did. There is no step from `unknown` back to a state
# that sends.
STEPS: dict[State, frozenset[State]] = {
    State.SCHEDULED: frozenset({State.QUEUED, State.CANCELLED}),
    State.QUEUED: frozenset({State.SENDING, State.ACCEPTED, State.REFUSED, State.CANCELLED}),
    State.SENDING: frozenset({State.QUEUED, State.ACCEPTED, State.REFUSED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.ACCEPTED}),
    State.ACCEPTED: frozenset({State.CANCELLED}),
    State.REFUSED: frozenset(),
    State.CANCELLED: frozenset(),
}


class Kind(StrEnum):
    """What goes out: a picture message, or a plain text."""

    MMS = "mms"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One phone. ``e164`` is ``+`` and 7 to 15 digits; ``region`` an ISO 3166 country code, or ``001`` for none."""

    e164: str
    region: str


@dataclass(frozen=True, slots=True)
class Content:
    """What one submission asks for, checked and clean.

    ``typed_to`` is the recipients field as it was typed: it fills the dialog in again, where the same numbers in
    E.164 could be too long for the field.
    """

    recipients: tuple[Recipient, ...]
    text: str
    media_url: str | None
    subject: str | None
    typed_to: str

    @property
    def kind(self) -> Kind:
        return Kind.MMS if self.media_url else Kind.SMS

    def digest(self) -> str:
        """Equal for equal content, whatever the order or spelling of the recipients (hex, 64 characters)."""
        essence = [sorted(r.e164 for r in self.recipients), self.text, self.media_url, self.subject]
        return hashlib.sha256(json.dumps(essence, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ReplyRoute:
    """How to answer a person privately: by ``response_url`` while it lives, else in the channel, else by DM."""

    user_id: str
    channel_id: str | None = None
    response_url: str | None = None
    response_url_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """One press of Send. ``view_id`` makes it one submission for ever."""

    view_id: str
    team_id: str
    content: Content
    reply: ReplyRoute


@dataclass(frozen=True, slots=True)
class Message:
    """A submission that was taken, and what has become of it. One row in the store.

    ``client_reference`` is our ID of it, made before the first try and never changed. ``content`` is None once numbers
    and texts were purged. ``cause`` is a key of the catalogue of causes, ``vendor_code`` and ``vendor_text`` what Sinch
    said, if anything. ``finished_at`` is when it became accepted, refused or cancelled; ``polls`` counts how often its
    delivery report was asked for.
    """

    client_reference: str
    view_id: str
    team_id: str
    state: State
    kind: Kind
    recipient_count: int
    content: Content | None
    digest: str
    reply: ReplyRoute
    response_url_uses: int
    created_at: datetime
    attempts: int = 0
    first_attempt_at: datetime | None = None
    rate_limited: int = 0
    unavailable: int = 0
    waiting_told: bool = False
    lookups: int = 0
    attempt_started_at: datetime | None = None
    unknown_told: bool = False
    batch_id: str | None = None
    cause: str | None = None
    vendor_code: str | None = None
    vendor_text: str | None = None
    finished_at: datetime | None = None
    polls: int = 0


class AnswerKind(StrEnum):
    """What an answer to the sender is about."""

    PROGRESS = "progress"  # taken, the result is still to come
    WAITING = "waiting"  # Sinch can't be reached, nothing was sent yet
    RATE_LIMITED = "rate_limited"  # Sinch asked us to wait, nothing was sent yet
    RESULT = "result"  # accepted or refused
    UNKNOWN = "unknown"  # may have been sent
    FOUND = "found"  # told unknown, then found at Sinch


# These are about something that is still going on: a result makes them stale.
INTERIM = frozenset({AnswerKind.PROGRESS, AnswerKind.WAITING, AnswerKind.RATE_LIMITED})


@dataclass(frozen=True, slots=True)
class Answer:
    """Something to tell the sender, kept as a row until Slack has taken it. ``until`` is when it is tried again."""

    answer_id: int
    kind: AnswerKind
    message: Message
    created_at: datetime
    tries: int
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Sinch has the batch."""

    batch_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Sinch or our checks said no; nothing was sent."""

    cause: str
    vendor_code: str | None = None
    vendor_text: str | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The answer was lost: it may have been sent, and is looked up from now on."""

    cause: str
    vendor_code: str | None = None
    vendor_text: str | None = None


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It certainly never reached Sinch, and goes back into the queue.

    ``tell`` is what the person is to be told now, if anything.
    """

    cause: str
    due_at: datetime
    rate_limited: bool = False
    unavailable: bool = False
    tell: AnswerKind | None = None


Step = Accepted | Refused | Lost | TryAgain
