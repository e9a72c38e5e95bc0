"""``python -m bench.growth``: is what the bot asks of its database as quick among a million rows as among a thousand?

Exit status: 0 it is; 1 something takes more than twice as long; 2 wrong use.
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
from bot.store.engine import open_engine
from bot.store.migrate import migrate
from bot.store.sql import SqlStore
from bot.store.times import CallersTime
from tests.postgres import running_postgres

DONE, NO = 0, 1
SMALL, LARGE = 1_000, 1_000_000
FILL_WAITS_S = 60.0
KINDS = ("sqlite", "postgresql")
NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def open_filled(url: str, number: int) -> SqlStore:
    """A database of ``number`` rows in each table that grows."""
    patient = open_engine(url, wait_s=FILL_WAITS_S)
    migrate(patient)
    fill(patient, number, now=NOW.timestamp())
    patient.dispose()
    return SqlStore(open_engine(url), time=CallersTime())


async def compare(kind: str, urls: Sequence[str], sizes: tuple[int, int]) -> list[Row]:
    stores = []
    for url, size in zip(urls, sizes, strict=True):
        began = time.monotonic()
        stores.append(await asyncio.to_thread(open_filled, url, size))
        print(f"{kind}: {size:,} rows in each table, {time.monotonic() - began:.0f} s", flush=True)
    try:
        return await measure(stores[0], stores[1], now=NOW)
    finally:
        for store in stores:
            await store.close()


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
    for kind in KINDS if arguments.database == "both" else (arguments.database,):
        with databases(kind) as urls:
            rows = asyncio.run(compare(kind, urls, sizes))
        print(f"\n{table(rows, sizes=sizes)}\n", flush=True)
        good = good and all(row.kept for row in rows)
    return DONE if good else NO


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description="As quick among a million rows?")
    parser.add_argument("--rows", type=int, default=LARGE, help="in each table that grows")
    parser.add_argument("--database", choices=[*KINDS, "both"], default="both")
    return parser


if __name__ == "__main__":
    sys.exit(main())
