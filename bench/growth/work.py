"""How much a database does for each thing that the bot asks of it: counted, so that a busy machine changes nothing."""

from __future__ import annotations

from datetime import datetime

from bench.growth.plans import AT_A_START, watching, work_by_place
from bench.growth.walk import Walk
from bot.store.sql import SqlStore

SLACK = {"sqlite": 300, "postgresql": 40}  # instructions, rows: what a few more levels of an index cost


async def work(store: SqlStore, *, now: datetime) -> dict[tuple[str, str], float]:
    """How much the database did for each place in the store: a walk through all of it, after one to warm up."""
    await Walk(store, now=now, name="warmup").everything()
    with watching(store.engine) as asked:
        await Walk(store, now=now).everything()
    return work_by_place(asked)


def grown(small: dict[tuple[str, str], float], large: dict[tuple[str, str], float], *, slack: float) -> list[str]:
    """Places that do more than twice as much among more rows."""
    return [
        f"{file}, {function}: {small.get((file, function), 0):.0f} → {done:.0f}"
        for (file, function), done in sorted(large.items())
        if (file, function) not in AT_A_START and done > 2 * small.get((file, function), 0) + slack
    ]
