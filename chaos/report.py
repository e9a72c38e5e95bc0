"""The table at the end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields

from chaos.campaign import Outcome
from chaos.ledger import Entry, Tally
from chaos.plan import Trouble

_NAMES = [one.name for one in fields(Tally)]
_MOST_SHOWN = 10


def table(outcomes: Sequence[Outcome]) -> str:
    """In Markdown: a line for each round, and one for all of them."""
    head = ["database", "processes", *(name.replace("_", " ") for name in _NAMES), "seconds"]
    lines = [
        [_database(one), _processes(one), *(str(getattr(one.tally, name)) for name in _NAMES), f"{one.seconds:.0f}"]
        for one in outcomes
    ]
    whole = sum((one.tally for one in outcomes), Tally())
    seconds = sum(one.seconds for one in outcomes)
    lines.append(["all", "", *(f"{getattr(whole, name)}" for name in _NAMES), f"{seconds:.0f}"])
    rule = ["---", "---", *("--:" for _ in (*_NAMES, "seconds"))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))


def troubles(outcomes: Sequence[Outcome]) -> str:
    """How often each was dealt, and how often a process ended by itself."""
    dealt = sum((one.dealt for one in outcomes), Counter[Trouble]())
    said = ", ".join(f"{trouble} {count}" for trouble, count in sorted(dealt.items()))
    restarts = sum(one.restarts for one in outcomes)
    return f"Dealt: {said}. Processes that ended by themselves and were started anew: {restarts}."


def mistakes(outcomes: Sequence[Outcome]) -> Mapping[str, int]:
    """What the strict fakes refused of the bot."""
    return sum((one.mistakes for one in outcomes), Counter[str]())


def failures(entries: Sequence[Entry]) -> str:
    """The first ones that broke a promise, to be looked into."""
    return "\n".join(
        f"  submission {one.number} (view {one.view_id}): "
        f"{'doubled ' if one.doubled else ''}{'lost ' if one.silently_lost else ''}"
        f"{'told wrongly ' if one.told_wrongly else ''}"
        f"(told {', '.join(sorted(one.words)) or 'nothing'}; {one.batches} batches, {one.copies} copies)"
        for one in entries[:_MOST_SHOWN]
    )


def _database(outcome: Outcome) -> str:
    return str(outcome.round.kind)


def _processes(outcome: Outcome) -> str:
    return f"{outcome.round.processes}, {'Socket Mode' if outcome.round.socket_mode else 'HTTP'}"
