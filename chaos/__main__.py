"""``python -m chaos``: run a campaign and print its table.

Exit status: 0 nothing was doubled, lost or told wrongly; 1 something was, or fewer submissions ran than were asked for;
2 wrong use. It reads no ``.env`` and no environment, and talks to this machine alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from chaos import plan, report
from chaos.campaign import Campaign, Outcome
from chaos.databases import database_of
from chaos.ledger import Tally
from chaos.plan import Kind, Round

DONE, NO = 0, 1
USUAL_NUMBER = 1000
USUAL_SECONDS = 3600.0
_FOLDER = "mms-bot-chaos-"


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    kinds = list(Kind) if arguments.database == "both" else [Kind(arguments.database)]
    seed = arguments.seed or secrets.token_hex(4)
    print(f"Chaos: {arguments.number} submissions on each of {', '.join(kinds)}; seed {seed}", flush=True)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors", flush=True)
    outcomes: list[Outcome] = []
    asked = arguments.number * len(kinds)
    try:
        for kind in kinds:
            outcomes += asyncio.run(_play(kind, seed, arguments.number, ends_at=time.monotonic() + arguments.seconds))
    except KeyboardInterrupt:
        print("Stopped before its end.", file=sys.stderr)
    return conclude(outcomes, asked)


def conclude(outcomes: Sequence[Outcome], asked: int) -> int:
    """Print what came of it; the exit status."""
    whole = sum((one.tally for one in outcomes), Tally())
    print(f"\n{report.table(outcomes)}\n\n{report.troubles(outcomes)}")
    for mistake, count in report.mistakes(outcomes).items():
        print(f"Refused by the fakes: {mistake} ({count})")
    failed = [entry for one in outcomes for entry in one.failed]
    if failed:
        print(f"\nBroken promises:\n{report.failures(failed)}")
    if whole.submissions < asked:
        print(f"\n{whole.submissions} submissions ran, {asked} were asked for.")
    return DONE if whole.promise_kept and whole.submissions >= asked else NO


async def _play(kind: Kind, seed: str, number: int, *, ends_at: float) -> list[Outcome]:
    planned = plan.rounds(seed=seed, number=number, kind=kind, settings=plan.FULL[kind], long_faults=True)
    return [await _round(one, ends_at=ends_at) for one in planned if one.intents]


async def _round(planned: Round, *, ends_at: float) -> Outcome:
    with tempfile.TemporaryDirectory(prefix=_FOLDER) as name, database_of(planned.kind, Path(name)) as database:
        mode = "Socket Mode" if planned.socket_mode else "HTTP"
        what = f"{database.version}, {planned.processes} processes, {mode}: {len(planned.intents)} submissions"
        print(what, end=" ", flush=True)
        campaign = Campaign(planned, database, Path(name), ends_at=ends_at)
        outcome = await campaign.run()
        counted = outcome.tally
        print(f"in {outcome.seconds:.0f} s, {counted.doubled} doubled, {counted.silently_lost} lost", flush=True)
        return outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Break everything around the bot, and count.")
    parser.add_argument("--number", type=_count, default=USUAL_NUMBER, help="submissions on each database")
    parser.add_argument("--seed", default="", help="the same one again breaks the same things (default: a new one)")
    parser.add_argument("--database", choices=[*Kind, "both"], default="both")
    parser.add_argument("--seconds", type=float, default=USUAL_SECONDS, help="on each database, at most, to press in")
    return parser


def _count(raw: str) -> int:
    if not raw.isdecimal() or int(raw) == 0:
        raise argparse.ArgumentTypeError(f"{raw!r} is not a number above 0")
    return int(raw)


if __name__ == "__main__":
    sys.exit(main())
