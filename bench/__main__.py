"""``python -m bench``: how fast the bot is beside others, in one run on this machine.

Exit status: 0 it ran, whatever came of it; 2 wrong use. It reads no ``.env`` and no environment, and talks to this
machine alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import uvloop

from bench import acks, sends, start
from bench.acks import FULL, QUICK, Size, Table
from bench.contestants import OTHERS_PYTHON
from bench.dialogs import large_dialogs
from bench.numbers_typed import thousand_numbers
from bench.processes import on_one_database
from bench.slow_sinch import acks_while_sinch_is_slow
from bench.socket_mode import envelopes
from bench.tables import markdown

_VERSIONS = ("slack-bolt", "starlette", "uvicorn", "uvloop", "sqlalchemy", "psycopg", "phonenumbers")


def tables(folder: Path, size: Size, *, quick: bool) -> Iterator[Table]:
    """One after the other; the quick run has the first ones, and fewer contenders."""
    busy = [acks.FLOOR, acks.SMALLEST, acks.OURS]
    usual = [] if quick else [acks.BOLT, acks.BOLT_SYNC]
    everybody = busy if quick else [*busy, acks.OURS_ON_POSTGRES, acks.BOLT, acks.BOLT_AIOSQLITE, acks.BOLT_SYNC]
    yield uvloop.run(acks.submits(folder / "submits", size, [*busy, *usual]))
    yield uvloop.run(acks.commands(folder / "commands", size, [*busy, *usual]))
    yield uvloop.run(acks.saturation(folder / "busy-submits", size, everybody, submit=True))
    yield uvloop.run(acks.saturation(folder / "busy-commands", size, [*busy, *usual], submit=False))
    yield thousand_numbers(size)
    if quick:
        return
    yield uvloop.run(large_dialogs(folder / "dialogs", size))
    yield uvloop.run(acks_while_sinch_is_slow(folder / "slow", size))
    yield uvloop.run(envelopes(folder / "socket", size))
    senders = [sends.CLIENT, sends.ONE_HTTPX, sends.SDK]
    yield uvloop.run(sends.cpu_per_send(size, senders))
    yield uvloop.run(sends.sends_per_second(folder / "sends", size, senders))
    yield uvloop.run(sends.submit_to_accepted(folder / "accepted", size))
    yield uvloop.run(start.start(folder / "start", size))
    yield uvloop.run(start.memory(folder / "memory", size))
    yield uvloop.run(on_one_database(folder / "processes", size))


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    if not OTHERS_PYTHON.exists():
        print("What is measured beside the bot is not installed: run make bench.", file=sys.stderr)
        return 2
    versions = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    print(
        f"{os.cpu_count()} processors, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}."
    )
    size = QUICK if arguments.quick else FULL
    print(f"{size.rounds} rounds in turns after one to warm up; medians, and the least and the most.", flush=True)
    with tempfile.TemporaryDirectory(prefix="mms-bot-bench-") as name:
        for table in tables(Path(name), size, quick=arguments.quick):
            print(f"\n{markdown(table)}", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="How fast is the bot, beside others?")
    parser.add_argument("--quick", action="store_true", help="the first rows, in under two minutes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
