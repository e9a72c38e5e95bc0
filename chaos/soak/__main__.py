"""``python -m chaos.soak``: a steady stream of submissions, and what the bot holds meanwhile.

Exit status: 0 nothing grew and every promise was kept; 1 something grew, was doubled, lost or told wrongly, or fewer
submissions ran than were asked for; 2 wrong use. It reads no ``.env`` and no environment, and talks to this machine
alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chaos import plan, report
from chaos.campaign import Campaign, Outcome
from chaos.databases import database_of
from chaos.plan import Kind
from chaos.processes import PROGRAM
from chaos.soak.gauge import EVERY_S, Gauge, Sample
from chaos.soak.verdict import TooFewSamplesError, Verdict, judge

DONE, NO = 0, 1
USUAL_SECONDS = 600
USUAL_RATE = 50
SHORTEST_S = 30  # a tenth of it is to hold some samples
MOST_S = 86_400
MOST_RATE = 100  # the fakes and the people are on the same machine
_SAY_EVERY = 60  # samples
_START_WITHIN_S = 60.0
_LATE = 1.5  # times the planned length; then it ends, and says that it was not all
_SEED = "soak"


async def soak(
    kind: Kind,
    folder: Path,
    *,
    number: int,
    rate: float,
    gauge: Gauge,
    program: Sequence[str] = (str(PROGRAM),),
) -> Outcome:
    """``number`` submissions, ``rate`` in a second, to one process of ``program`` on a new database in ``folder``."""
    planned = plan.steady(seed=_SEED, number=number, kind=kind)
    ends_at = time.monotonic() + _START_WITHIN_S + number / rate * _LATE
    with database_of(kind, folder) as database:
        print(f"{database.version}, one process: {number} submissions, {rate:g} in a second", flush=True)
        campaign = Campaign(
            planned, database, folder, ends_at=ends_at, program=program, starts_per_s=rate, beside=gauge.watch
        )
        return await campaign.run()


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors", flush=True)
    number = arguments.seconds * arguments.rate
    gauge = Gauge(_say)
    with tempfile.TemporaryDirectory(prefix="mms-bot-soak-") as name:
        outcome = asyncio.run(
            soak(Kind(arguments.database), Path(name), number=number, rate=arguments.rate, gauge=gauge)
        )
    try:
        verdict = judge(gauge.samples)
    except TooFewSamplesError as error:
        print(f"It can't be judged: {error}.", file=sys.stderr)
        return NO
    return conclude(outcome, verdict, number)


def conclude(outcome: Outcome, verdict: Verdict, asked: int) -> int:
    """Print what came of it; the exit status."""
    print(f"\n{verdict.table()}\n\n{verdict.sentence()}\n\n{report.table([outcome])}")
    if outcome.failed:
        print(f"\nBroken promises:\n{report.failures(outcome.failed)}")
    if outcome.restarts:
        print(f"\nThe process ended by itself {outcome.restarts} times.")
    if outcome.tally.submissions < asked:
        print(f"\n{outcome.tally.submissions} submissions ran, {asked} were asked for.")
    whole = outcome.tally.submissions >= asked and not outcome.restarts
    return DONE if verdict.flat and outcome.tally.promise_kept and whole else NO


def _say(sample: Sample) -> None:
    if round(sample.at_s / EVERY_S) % _SAY_EVERY == 0:
        print(f"{sample.at_s:5.0f} s  {sample.memory_bytes / 1e6:6.1f} MB  {sample.handles} open files", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos.soak", description="Does anything grow while the bot works?")
    parser.add_argument("--seconds", type=_between(SHORTEST_S, MOST_S), default=USUAL_SECONDS)
    parser.add_argument("--rate", type=_between(1, MOST_RATE), default=USUAL_RATE, help="submissions in a second")
    parser.add_argument("--database", choices=list(Kind), default=Kind.SQLITE)
    return parser


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(raw: str) -> int:
        if not raw.isdecimal() or not least <= int(raw) <= most:
            raise argparse.ArgumentTypeError(f"{raw!r} is not a number from {least} to {most}")
        return int(raw)

    return number


if __name__ == "__main__":
    sys.exit(main())
