"""``python -m bench.growth``: is what the bot asks of its database as quick among a million rows as among a thousand?

Exit status: 0 it is; 1 something takes more than twice as long, or reads more than twice as much; 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.growth.fill import fill
from bench.growth.measure import Row, measure, table
from bench.growth.plans import AT_A_START, watching, work_by_place
from bench.growth.walk import Walk
from bot.store.engine import open_engine
from bot.store.migrate import migrate
from bot.store.sql import SqlStore
from bot.store.times import CallersTime
from tests.postgres import running_postgres

DONE, NO = 0, 1
SMALL, LARGE = 1_000, 1_000_000
SLACK = {"sqlite": 300, "postgresql": 40}  # instructions, rows: what a few more levels of an index cost
NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def open_filled(url: str, number: int) -> SqlStore:
    """A database of ``number`` rows in each table that grows."""
    engine = open_engine(url)
    migrate(engine)
    fill(engine, number, now=NOW.timestamp())
    return SqlStore(engine, time=CallersTime())


async def work(store: SqlStore) -> dict[tuple[str, str], float]:
    """How much the database did for each place in the store: a walk through all of it, after one to warm up."""
    await Walk(store, now=NOW, name="warmup").everything()
    with watching(store.engine) as asked:
        await Walk(store, now=NOW).everything()
    return work_by_place(asked)


def grown(small: dict[tuple[str, str], float], large: dict[tuple[str, str], float], *, slack: float) -> list[str]:
    """Places that do more than twice as much among more rows."""
    return [
        f"{file}, {function}: {small.get((file, function), 0):.0f} → {done:.0f}"
        for (file, function), done in sorted(large.items())
        if (file, function) not in AT_A_START and done > 2 * small.get((file, function), 0) + slack
    ]


async def compare(kind: str, urls: Sequence[str], sizes: tuple[int, int]) -> tuple[list[Row], list[str]]:
    """What is timed, and what grew."""
    stores = []
    for url, size in zip(urls, sizes, strict=True):
        began = time.monotonic()
        stores.append(await asyncio.to_thread(open_filled, url, size))
        print(f"{kind}: {size:,} rows in each table, {time.monotonic() - began:.0f} s", flush=True)
    try:
        small, large = [await work(store) for store in stores]
        rows = await measure(stores[0], stores[1], now=NOW)
    finally:
        for store in stores:
            await store.close()
    return rows, grown(small, large, slack=SLACK[kind])


@contextmanager
def databases(kind: str) -> Iterator[tuple[str, str]]:
    """The addresses of two new ones, and a version is printed."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="mms-bot-growth-") as folder:
            print(f"SQLite {sqlite3.sqlite_version}", flush=True)
            yield f"sqlite:///{Path(folder) / 'small.db'}", f"sqlite:///{Path(folder) / 'large.db'}"
    else:
        with running_postgres() as server:
            print("PostgreSQL 18", flush=True)
            yield server.url(server.create()), server.url(server.create())


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors", flush=True)
    good = True
    sizes = (SMALL, arguments.rows)
    for kind in SLACK if arguments.database == "both" else (arguments.database,):
        with databases(kind) as urls:
            rows, more = asyncio.run(compare(kind, urls, sizes))
        print(f"\n{table(rows, sizes=sizes)}\n")
        print(
            "\n".join(["Reads more than twice as much:", *more]) if more else "Nothing reads more than twice as much."
        )
        good = good and not more and all(row.kept for row in rows)
    return DONE if good else NO


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description="As quick among a million rows?")
    parser.add_argument("--rows", type=int, default=LARGE, help="in each table that grows")
    parser.add_argument("--database", choices=[*SLACK, "both"], default="both")
    return parser


if __name__ == "__main__":
    sys.exit(main())
