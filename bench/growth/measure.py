"""Times what the bot asks of a small and of a large database, in turns, so that a slow moment hits both."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.growth.rows import PEOPLE, RARE, batch_id
from bench.growth.walk import LEASE_S, Walk
from bench.numbers import Series, ratio, shown
from bot.store import Store
from bot.store.sql import SqlStore

ROUNDS = 7
TIMES = 30  # of each in a round
MOST = 2.0  # times as long as in the small one

Step = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Row:
    """One operation: milliseconds for one, a value a round. ``promised`` ones have to stay within ``MOST``."""

    what: str
    small: Series
    large: Series
    promised: bool

    @property
    def ratio(self) -> float:
        return ratio(self.large, self.small)

    @property
    def kept(self) -> bool:
        return not self.promised or self.ratio <= MOST


def steps(store: Store, walk: Walk, *, now: datetime) -> Mapping[str, tuple[Step, bool]]:
    """What is timed, and whether it was promised to stay as quick."""
    reports, access = store.reports, store.access

    async def claim() -> None:
        found = await store.claim(owner="bench", limit=200, busy={}, per_person=120, now=now, lease_s=LEASE_S)
        await store.release([one.client_reference for one in found], owner="bench")

    async def history(user: str | None) -> None:
        first = await reports.page(user, before=None, limit=10)
        second = await reports.page(user, before=first[-1].client_reference, limit=10)
        await reports.counts([one.client_reference for one in (*first, *second)])

    async def log() -> None:
        current = await access.current()
        await access.log(limit=20)
        await access.changes_after(current.version)

    return {
        "take a submission": (walk.submit, True),
        "claim what waits, and give it back": (claim, True),
        "look for lost answers": (
            lambda: store.claim_lookups(owner="bench", limit=200, now=now, lease_s=LEASE_S),
            True,
        ),
        "answers that are due": (lambda: store.claim_answers(owner="bench", limit=100, now=now, lease_s=LEASE_S), True),
        "recent, of somebody who sends all the time": (lambda: store.recent(PEOPLE[0], limit=10), True),
        "recent, of somebody with three messages": (lambda: store.recent(RARE, limit=10), True),
        "status, by batch ID": (lambda: store.by_batch(PEOPLE[0], batch_id(500)), True),
        "Home: two pages of one's own, with counts": (lambda: history(PEOPLE[0]), True),
        "Home: two pages of everybody's, with counts": (lambda: history(None), True),
        "who may send": (access.current, True),
        "the log of access, and what is new in it": (log, True),
        "what `/metrics` reads": (store.figures, True),
        "Home: the last day in numbers": (lambda: reports.overview(now=now), False),
        "a page to be purged, none due": (lambda: store.purge(kept_s=90 * 86_400, limit=100, now=now), False),
    }


async def measure(small: SqlStore, large: SqlStore, *, now: datetime, rounds: int = ROUNDS) -> list[Row]:
    """The first round warms up and is not counted."""
    stores = (small, large)
    tables = [steps(one, Walk(one, now=now, name="measured"), now=now + timedelta(seconds=1)) for one in stores]
    rows = []
    for what, (_, promised) in tables[0].items():
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds + 1):
            for values, table in zip(taken, tables, strict=True):
                step = table[what][0]
                began = time.perf_counter()
                for _ in range(TIMES):
                    await step()
                values.append((time.perf_counter() - began) / TIMES * 1000)
        series = [Series(tuple(values[1:]), "ms") for values in taken]
        rows.append(Row(what, series[0], series[1], promised))
    return rows


def table(rows: Sequence[Row], *, sizes: tuple[int, int]) -> str:
    """In Markdown."""
    head = ["", *(f"{size:,} rows (ms)" for size in sizes), "times as long"]
    lines = [
        [
            row.what,
            *(f"{shown(one.middle)} ({one.spread})" for one in (row.small, row.large)),
            f"{row.ratio:.2f}" + ("" if row.promised else " (not promised)") + ("" if row.kept else " **too much**"),
        ]
        for row in rows
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---", "--:", "--:", "--:"], *lines))
