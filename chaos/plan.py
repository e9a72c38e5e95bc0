"""From a seed to everything that is going to happen: who sends what, and what breaks when. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sandbox.sinch import (
    CutAnswer,
    Fault,
    OddAnswer,
    OddBody,
    Reset,
    Shape,
    Slow,
    Stall,
    Status,
    gateway_trouble,
    out_of_service,
    rate_limited,
)

PHONES = tuple(f"+120155501{number:02d}" for number in range(100))  # reserved for fiction
PICTURE = "https://pictures.example.com/parcel.png"
SUBMISSIONS_PER_BLOW = 40
PATIENT = 40  # presses; somebody who goes on until the dialog closes
LEASE_S = 10.0


class Kind(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


class Trouble(StrEnum):
    """What breaks, in the words of the report."""

    KILL = "kill -9"
    STOP = "stopped past the lease"
    CLOCK = "clock stepped"
    SINCH_AWAY = "Sinch away"
    BLIND = "look-ups fail"
    SLACK_AWAY = "Slack away"
    SLACK_ERRORS = "Slack answers wrongly"
    LOCKED = "database locked"
    DISK_FULL = "disk full"
    CUT = "connections cut"
    CLOSED = "database away"
    CRASHED = "database crashed"
    READ_ONLY = "database read-only"


class Presses(StrEnum):
    """How somebody presses Send."""

    ONCE = "once"
    DOUBLE_CLICK = "double click"
    TWO_PROCESSES = "at two processes"


@dataclass(frozen=True, slots=True)
class Intent:
    """One submission that somebody is going to make. ``text`` is in no other one.

    ``patience`` is how often they press before they give up; ``fault`` is what Sinch does with it the first time.
    """

    number: int
    text: str
    to: tuple[str, ...]
    media_url: str | None
    presses: Presses
    patience: int
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class Blow:
    """Something breaks right before submission number ``before``, for ``for_s`` seconds.

    ``process`` is an index; ``size`` is seconds for a clock, a number of answers, or bytes, whatever it is about.
    """

    before: int
    trouble: Trouble
    process: int
    for_s: float
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """One world from its start to its end."""

    seed: str
    kind: Kind
    processes: int
    socket_mode: bool
    intents: tuple[Intent, ...]
    blows: tuple[Blow, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """How many processes of the bot there are, and how Slack talks to them."""

    processes: int
    socket_mode: bool = False


FULL: Mapping[Kind, Sequence[Setting]] = {
    Kind.SQLITE: (Setting(2), Setting(1), Setting(2, socket_mode=True)),
    Kind.POSTGRES: (Setting(4), Setting(1), Setting(3, socket_mode=True), Setting(2)),
}
SHORT: Mapping[Kind, Sequence[Setting]] = {
    Kind.SQLITE: (Setting(2),),
    Kind.POSTGRES: (Setting(3, socket_mode=True),),
}

# How often each comes in one deck of blows.
_EVERYWHERE = {
    Trouble.KILL: 4,
    Trouble.STOP: 1,
    Trouble.CLOCK: 2,
    Trouble.SINCH_AWAY: 1,
    Trouble.BLIND: 1,
    Trouble.SLACK_AWAY: 1,
    Trouble.SLACK_ERRORS: 2,
    Trouble.LOCKED: 2,
}
DECK: Mapping[Kind, Mapping[Trouble, int]] = {
    Kind.SQLITE: _EVERYWHERE | {Trouble.DISK_FULL: 2},
    Kind.POSTGRES: _EVERYWHERE | {Trouble.CUT: 2, Trouble.CLOSED: 1, Trouble.CRASHED: 1, Trouble.READ_ONLY: 1},
}
_SECONDS: Mapping[Trouble, tuple[float, float]] = {
    Trouble.KILL: (0.1, 2.0),
    Trouble.STOP: (LEASE_S + 1, LEASE_S + 4),
    Trouble.CLOCK: (4.0, 12.0),
    Trouble.SINCH_AWAY: (1.0, 6.0),
    Trouble.BLIND: (3.0, 8.0),
    Trouble.SLACK_AWAY: (1.0, 6.0),
    Trouble.SLACK_ERRORS: (1.0, 1.0),
    Trouble.LOCKED: (0.5, 4.0),
    Trouble.DISK_FULL: (0.5, 4.0),
    Trouble.CUT: (0.0, 0.0),
    Trouble.CLOSED: (0.5, 4.0),
    Trouble.CRASHED: (0.0, 0.0),
    Trouble.READ_ONLY: (0.5, 4.0),
}
LONGEST_CLOCK_STEP_S = 40.0  # four leases; healing it steps as far the other way
_MOST_WRONG_ANSWERS = 20
_DISK_BYTES = (0, 4096, 65536)  # a file may grow to this size and no further

_Draw = Callable[[random.Random], Fault | None]

# Out of a hundred submissions. What takes long is kept apart: a short campaign has no time for it.
_FATES: Sequence[tuple[int, _Draw]] = (
    (65, lambda _: None),
    (6, lambda _: Reset(accept=True)),
    (4, lambda _: Reset()),
    (2, lambda _: CutAnswer()),
    (2, lambda _: CutAnswer(in_headers=True)),
    (3, lambda r: gateway_trouble(r.choice((500, 502, 503, 504)), accept=True)),
    (2, lambda r: gateway_trouble(r.choice((500, 502, 503, 504)))),
    (3, lambda _: out_of_service()),
    (3, lambda r: rate_limited(r.choice((None, 1, 2)))),
    (4, lambda _: Status(400, code="syntax_invalid_parameter_format", text="Invalid recipient")),
    (2, lambda _: Status(403, Shape.EMPTY)),
    (2, lambda r: OddAnswer(r.choice(list(OddBody)))),
    (2, lambda r: Slow(r.uniform(0.5, 3.0), accept_first=r.random() < 0.5)),
)
# For hours on end: what happens on a day like any other, so that no way through the bot is left out.
_STEADY_FATES: Sequence[tuple[int, _Draw]] = (
    (94, lambda _: None),
    (1, lambda _: Reset(accept=True)),
    (1, lambda _: Reset()),
    (1, lambda _: out_of_service()),
    (1, lambda r: rate_limited(r.choice((None, 1)))),
    (1, lambda _: Status(400, code="syntax_invalid_parameter_format", text="Invalid recipient")),
    (1, lambda r: Slow(r.uniform(0.5, 3.0))),
)
_LONG_FATES: Sequence[tuple[int, _Draw]] = (
    (1, lambda _: Stall(accept=True)),
    (1, lambda _: Stall()),
    (1, lambda r: Slow(r.uniform(5.0, 25.0), accept_first=r.random() < 0.5)),
)


def rounds(
    *, seed: str, number: int, kind: Kind, settings: Sequence[Setting], long_faults: bool, deck: Sequence[Trouble] = ()
) -> list[Round]:
    """Share ``number`` submissions out between the settings; the same arguments give the same rounds.

    Args:
        long_faults: Sinch may also keep silent, or take longer than an attempt may.
        deck: what breaks, each once or as often as it stands there; else all that ``kind`` has.
    """
    made, given = [], 0
    for index, setting in enumerate(settings):
        share = number * (index + 1) // len(settings) - given
        cards = deck or [trouble for trouble, times in DECK[kind].items() for _ in range(times)]
        made.append(_round(f"{seed}/{kind}/{index}", kind, setting, share, cards, long_faults=long_faults))
        given += share
    return made


def steady(*, seed: str, number: int, kind: Kind) -> Round:
    """``number`` submissions to one process over HTTP, and nothing breaks but an answer of Sinch's now and then."""
    chance = random.Random(f"{seed}/{kind}/steady")
    setting = Setting(1)
    intents = tuple(_intent(chance, index, setting, _STEADY_FATES) for index in range(number))
    return Round(
        seed=seed, kind=kind, processes=setting.processes, socket_mode=setting.socket_mode, intents=intents, blows=()
    )


def _round(
    seed: str, kind: Kind, setting: Setting, number: int, deck: Sequence[Trouble], *, long_faults: bool
) -> Round:
    chance = random.Random(seed)
    fates = [*_FATES, *(_LONG_FATES if long_faults else ())]
    return Round(
        seed=seed,
        kind=kind,
        processes=setting.processes,
        socket_mode=setting.socket_mode,
        intents=tuple(_intent(chance, index, setting, fates) for index in range(number)),
        blows=tuple(_blows(chance, number, setting, deck)),
    )


def _intent(chance: random.Random, number: int, setting: Setting, fates: Sequence[tuple[int, _Draw]]) -> Intent:
    two = setting.processes > 1
    how = chance.choices((Presses.ONCE, Presses.DOUBLE_CLICK, Presses.TWO_PROCESSES), (80, 10, 10 if two else 0))[0]
    fate = chance.choices([draw for _, draw in fates], [weight for weight, _ in fates])[0]
    return Intent(
        number=number,
        text=f"Parcel {number:06d} is here",
        to=tuple(chance.sample(PHONES, chance.choice((1, 1, 1, 2, 3)))),
        media_url=chance.choice((None, PICTURE)),
        presses=how,
        patience=chance.choices((PATIENT, 2, 1), (94, 3, 3))[0],
        fault=fate(chance),
    )


def _blows(chance: random.Random, number: int, setting: Setting, deck: Sequence[Trouble]) -> list[Blow]:
    """At least one whole deck, spread over the submissions, so that a short campaign has everything, too."""
    if number == 0:
        return []
    count = max(len(deck), number // SUBMISSIONS_PER_BLOW)
    cards: list[Trouble] = []
    while len(cards) < count:
        cards += chance.sample(deck, len(deck))
    return [
        Blow(
            before=(index * number + chance.randrange(number)) // count,
            trouble=trouble,
            process=chance.randrange(setting.processes),
            for_s=chance.uniform(*_SECONDS[trouble]),
            size=_size(chance, trouble),
        )
        for index, trouble in enumerate(cards[:count])
    ]


def _size(chance: random.Random, trouble: Trouble) -> float:
    match trouble:
        case Trouble.CLOCK:
            return chance.choice((-1, 1)) * chance.uniform(2.0, LONGEST_CLOCK_STEP_S)
        case Trouble.SLACK_ERRORS:
            return chance.randint(3, _MOST_WRONG_ANSWERS)
        case Trouble.DISK_FULL:
            return chance.choice(_DISK_BYTES)
        case _:
            return 0.0
