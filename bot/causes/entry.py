"""One cause: what it is about, whether anything was sent, and the words and the code that people read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

NOT_DOCUMENTED = "not documented"


class Kind(StrEnum):
    """Whose code it is. The words stand in ``causes.toml`` and in the docs."""

    WORD = "word code"
    HTTP = "HTTP status"
    TRANSPORT = "transport failure"
    OWN = "own failure"
    STATUS = "delivery status"
    DELIVERY = "delivery code"
    CARRIER = "carrier code"
    GATEWAY = "MMS gateway code"
    INBOUND = "inbound kind"
    MEDIUM = "inbound picture"
    CALLBACK = "refused callback"
    SLACK = "Slack error"


class About(StrEnum):
    """What a cause is about."""

    MESSAGE = "message"
    RECIPIENT = "recipient"
    DIALOG = "dialog"
    SLACK = "slack"
    INCOMING = "incoming"


class Sent(StrEnum):
    """Whether anything was sent."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


class Certainty(StrEnum):
    """How well a cause is known; ``causes.toml`` says what the words mean."""

    AGREED = "agreed"
    SINGLE = "single"
    OLD = "old"
    READING = "reading"
    UNCERTAIN = "uncertain"


# What a name begins with → its kind; the longer beginning first.
PREFIXES: Mapping[str, Kind] = {
    "http-": Kind.HTTP,
    "transport-": Kind.TRANSPORT,
    "own-": Kind.OWN,
    "delivery-": Kind.DELIVERY,
    "carrier-": Kind.CARRIER,
    "gateway-": Kind.GATEWAY,
    "inbound-media-": Kind.MEDIUM,
    "inbound-": Kind.INBOUND,
    "callback-": Kind.CALLBACK,
    "slack-": Kind.SLACK,
}
# The vendors' words have no beginning of ours: there, the entry names its kind.
NAMED_KINDS = (Kind.WORD, Kind.STATUS, Kind.INBOUND, Kind.SLACK)

CODE_PREFIXES: Mapping[Kind, str] = {
    Kind.HTTP: "SINCH-",
    Kind.TRANSPORT: "NET-",
    Kind.OWN: "MMS-",
    Kind.DELIVERY: "DELIVERY-",
    Kind.CARRIER: "CARRIER-",
    Kind.GATEWAY: "GATEWAY-",
    Kind.MEDIUM: "INBOUND-MEDIA-",
    Kind.INBOUND: "INBOUND-",
    Kind.CALLBACK: "CALLBACK-",
    Kind.SLACK: "SLACK-",
}

_ABOUT: Mapping[Kind, About] = {
    Kind.STATUS: About.RECIPIENT,
    Kind.DELIVERY: About.RECIPIENT,
    Kind.CARRIER: About.RECIPIENT,
    Kind.GATEWAY: About.RECIPIENT,
    Kind.INBOUND: About.INCOMING,
    Kind.MEDIUM: About.INCOMING,
    Kind.CALLBACK: About.INCOMING,
    Kind.SLACK: About.SLACK,
}

# The one place that says whether anything was sent, so that no sentence can disagree with its field.
SENT_WORDS: Mapping[tuple[About, Sent], str] = {
    (About.MESSAGE, Sent.NO): "Nothing was sent.",
    (About.MESSAGE, Sent.MAYBE): "The message may have been sent.",
    (About.RECIPIENT, Sent.YES): "It was sent to this number.",
    (About.RECIPIENT, Sent.NO): "Nothing was sent to this number.",
    (About.RECIPIENT, Sent.MAYBE): "It may have been sent to this number.",
    (About.DIALOG, Sent.MAYBE): "However often you press, it is sent once at most.",
    (About.SLACK, Sent.NO): "Nothing was sent.",
    (About.SLACK, Sent.MAYBE): "A message that was on its way may have been sent.",
    (About.INCOMING, Sent.NO): "Nothing was sent because of it.",
}


def usual_about(kind: Kind) -> About:
    return _ABOUT.get(kind, About.MESSAGE)


def code_of(key: str, kind: Kind) -> str:
    """What people pass on: ``SINCH-401``, ``SLACK-expired_trigger_id``, or one of Sinch's words as it is."""
    for prefix, prefixed in PREFIXES.items():
        if key.startswith(prefix) and prefixed is kind:
            rest = key.removeprefix(prefix)
            return CODE_PREFIXES[kind] + (rest if kind is Kind.SLACK else rest.upper())
    return f"SLACK-{key}" if kind is Kind.SLACK else key


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause. ``code`` is what people pass on: ``SINCH-401``, ``NET-RESET``, ``MMS-CRASH``, or Sinch's word code.

    ``charged`` is "not documented" unless ``charged_source`` says where it is. ``also`` are other spellings of the key,
    or of what follows its beginning.
    """

    key: str
    code: str
    kind: Kind
    about: About
    happened: str
    sent: Sent
    do: str
    admin: str
    source: str
    certainty: Certainty
    charged: str = NOT_DOCUMENTED
    charged_source: str | None = None
    also: tuple[str, ...] = ()

    @property
    def sent_words(self) -> str:
        return SENT_WORDS[self.about, self.sent]

    @property
    def words(self) -> str:
        """What happened; was anything sent; what to do now."""
        return f"{self.happened} {self.sent_words} {self.do}"

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that this cause can be asked for by."""
        other = (code_of(_prefixed(self.key, one), self.kind) for one in self.also)
        return (self.key, self.code, *other)


def _prefixed(key: str, other: str) -> str:
    """``other`` with the beginning of ``key``, if that has one of ours."""
    prefix = next((prefix for prefix in PREFIXES if key.startswith(prefix)), "")
    return prefix + other
