"""Dialogs full of recipients: how long one takes, and how long others wait behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench import contestants, shots
from bench.acks import KEPT_CONNECTIONS, OURS, Size, Table
from bench.contestants import AT_REST
from bench.load import Gun, get
from bench.numbers import Better, Goal, Series, percentile
from bench.slack_stub import SlackStub

RECIPIENTS = 230  # what the field of a dialog has room for: Slack, 3,000 characters
PER_SECOND = 20.0
LAG_PER_SECOND = 200.0
OTHERS = "a request beside it, at most"
_NEXT = get("/healthz")


async def large_dialogs(folder: Path, size: Size) -> Table:
    """Submits with 230 recipients, 20 a second; beside them, every 5 ms, the smallest request that there is."""
    shot = shots.large_submit(RECIPIENTS)
    found: dict[str, list[float]] = {OURS: [], OTHERS: []}
    async with (
        SlackStub() as slack,
        contestants.bot(OURS, folder, slack=slack.api_url, program=AT_REST) as one,
        Gun("127.0.0.1", one.port, KEPT_CONNECTIONS) as gun,
        Gun("127.0.0.1", one.port, KEPT_CONNECTIONS) as beside,
    ):
        for number in range(size.rounds + 1):
            count = size.some(100)
            requests = [_NEXT] * round(count / PER_SECOND * LAG_PER_SECOND)
            volley, waits = await asyncio.gather(
                gun.at_rate(shot.many(count), PER_SECOND), beside.at_rate(requests, LAG_PER_SECOND)
            )
            if number:
                found[OURS].append(percentile(volley.seconds, 0.5) * 1000)
                found[OTHERS].append(max(waits.seconds) * 1000)
    rows = {name: {"ms": Series(tuple(values), "ms")} for name, values in found.items()}
    goals = [Goal(OURS, Better.LOWER, 10.0), Goal(OTHERS, Better.LOWER, 20.0)]
    return Table("A dialog with 230 recipients, with its commit: p50", OURS, rows, goals, "ms")
