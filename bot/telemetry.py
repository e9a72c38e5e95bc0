"""What the parts tell of their work, for whoever counts it. Standard library only.

Each part gets a ``Telemetry`` and calls it where something happens; this one listens to nothing. ``bot.metrics`` has
the one that counts. No argument is ever a number, a text, a name or a token of a person's, for they become labels.
"""

from __future__ import annotations

from enum import StrEnum


class Payload(StrEnum):
    """Kinds of payloads that Slack waits to be acked."""

    COMMAND = "command"
    SUBMIT = "submit"
    CLICK = "click"
    OTHER = "other"


class Turned(StrEnum):
    """Why a request was turned away before anything in it was looked at."""

    SIGNATURE = "signature"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    CUT_OFF = "cut_off"
    UNREADABLE = "unreadable"


class Telling(StrEnum):
    """What became of one try to tell somebody something."""

    TOLD = "told"
    REPEATED = "repeated"
    GIVEN_UP = "given_up"


class Telemetry:
    """Listens to nothing."""

    def acked(self, payload: Payload, seconds: float) -> None:
        """The answer to a payload of Slack's was made, so long after its last byte had come in."""

    def turned_away(self, why: Turned) -> None:
        """A request got a 4xx."""

    def denied(self) -> None:
        """Somebody asked for what they may not do."""

    def attempted(self, outcome: str, cause: str | None, seconds: float) -> None:
        """One attempt at Sinch. ``outcome``: accepted, refused, lost or tryagain. ``cause``: the catalogue's key."""

    def settled(self, state: str, cause: str | None) -> None:
        """A message came to this state for this cause: accepted, refused, unknown or cancelled."""

    def accepted_after(self, seconds: float) -> None:
        """So long from the submit until Sinch had it."""

    def looked_up(self, *, found: bool) -> None:
        """One look-up of a lost answer was answered."""

    def told(self, telling: Telling) -> None:
        """One try to tell somebody an answer."""
