"""What the story holds against the fakes, so that it can't look well without being well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.sinch import FakeSinch
from sandbox.sinch.phones import PhoneMessage
from sandbox.slack import FakeSlack


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that should be so, and what was there."""

    what: str
    expected: str
    seen: str
    held: bool

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, seen {self.seen}"


class Checks:
    """Every check of one story, in order."""

    def __init__(self) -> None:
        self.made: list[Check] = []

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.made if not check.held]

    def equal(self, what: str, *, expected: object, seen: object) -> bool:
        """Put on record whether two values are equal."""
        return self._record(Check(what, _words(expected), _words(seen), expected == seen))

    def contains(self, what: str, *, expected: str, seen: str) -> bool:
        """Put on record whether a text has another one in it."""
        return self._record(Check(what, f"{expected!r} in it", _words(seen), expected in seen))

    def _record(self, check: Check) -> bool:
        self.made.append(check)
        return check.held


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of everything, counted at the fakes.

    ``submissions`` are those that reached Sinch, refused or not; ``twice`` counts messages that a phone got more than
    once from one submission.
    """

    submissions: int
    accepted: int
    refused: int
    phones: int
    twice: int


def tally(sinch: FakeSinch) -> Tally:
    """Count what the fake Sinch saw, accepted and delivered."""
    sends = sinch.seen("send")
    asked = {seen.client_reference for seen in sends}
    accepted = {batch.client_reference for batch in sinch.batches}
    refused = {seen.client_reference for seen in sends if seen.status is not None and 400 <= seen.status <= 499}
    inboxes = {number: inbox for number, inbox in sinch.phones.all().items() if inbox}
    return Tally(len(asked), len(accepted), len(refused - accepted), len(inboxes), _twice(sinch, inboxes))


def _twice(sinch: FakeSinch, inboxes: dict[str, list[PhoneMessage]]) -> int:
    reference_of = {batch.id: batch.client_reference for batch in sinch.batches}
    received = Counter(
        (number, reference_of.get(message.batch_id)) for number, inbox in inboxes.items() for message in inbox
    )
    return sum(count - 1 for count in received.values())


def on_phone(messages: Sequence[PhoneMessage]) -> list[str]:
    """What a phone has, in words that can be compared and read."""
    return [" | ".join(filter(None, (m.kind.upper(), m.text, m.subject, m.media_url))) for m in messages]


def mistakes(slack: FakeSlack) -> list[str]:
    """What the bot did that Slack would not have taken."""
    return [" ".join((f"{r.where}: {r.problem}", *r.detail)) for r in slack.refusals]


def _words(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value)) or "nothing"
    return str(value)
