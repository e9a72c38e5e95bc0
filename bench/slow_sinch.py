"""How soon Slack hears back while Sinch takes ten seconds for everything, beside the same bot with nothing to send."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from bench import contestants, shots
from bench.acks import Size, Table, p50_and_p99
from bench.contestants import AT_REST, Running
from bench.load import Gun
from bench.numbers import Better, Goal
from bench.sinch_stub import SinchStub
from bench.slack_stub import SlackStub

IDLE, BUSY = "the bot, nothing to send", "the bot, 500 sends in flight"
OTHERS, OTHERS_BUSY = "Bolt on Flask, nothing to send", "Bolt on Flask, the SDK's 32 threads busy"
SINCH_TAKES_S = 10.0
IN_FLIGHT = 500
THREADS = 32
PER_SECOND = 100.0
_KEPT = 16
_WITHIN_S = 60.0


async def acks_while_sinch_is_slow(folder: Path, size: Size, *, others: bool = True) -> Table:
    """Submits with their rows, 100 a second."""
    shot = shots.submit()
    seconds: dict[str, list[list[float]]] = {}
    async with (
        SlackStub() as slack,
        SinchStub(SINCH_TAKES_S) as stub,
        SinchStub(SINCH_TAKES_S) as theirs,
        AsyncExitStack() as stack,
    ):
        at_rest = contestants.bot(IDLE, folder / "idle", slack=slack.api_url, program=AT_REST)
        sending = contestants.bot(BUSY, folder / "busy", slack=slack.api_url, sinch=stub.origin)
        running = [await stack.enter_async_context(one) for one in (at_rest, sending)]
        await _fill(running[1], stub, IN_FLIGHT)
        if others:
            plain = contestants.contender(OTHERS, "bolt_sync", folder / "plain", slack=slack.api_url)
            with_sdk = contestants.contender(
                OTHERS_BUSY, "bolt_sync_sdk", folder / "sdk", slack=slack.api_url, sinch=theirs.origin
            )
            running += [await stack.enter_async_context(one) for one in (plain, with_sdk)]
            await _fill(running[3], theirs, THREADS)
        for number in range(size.rounds + 1):
            for one in running:
                async with Gun("127.0.0.1", one.port, _KEPT) as gun:
                    volley = await gun.at_rate(shot.many(size.some(400)), PER_SECOND)
                if number:
                    seconds.setdefault(one.name, []).append(volley.seconds)
    goals = [Goal(BUSY, Better.LOWER, 1.2, IDLE)]
    title = "Time to ack of a submit, 100/s, while Sinch takes 10 s for each batch"
    return Table(title, IDLE, p50_and_p99(seconds), goals, "p99")


async def _fill(one: Running, stub: SinchStub, count: int) -> None:
    """Submits, until so many are at Sinch and more wait behind them; what is measured then adds to those."""
    half = [shots.submit(user_id) for user_id in shots.PEOPLE]
    requests = [shot.many(1)[0] for _ in range(count) for shot in half]
    async with Gun("127.0.0.1", one.port, _KEPT) as gun:
        await gun.flat_out(requests)
    async with asyncio.timeout(_WITHIN_S):
        await stub.until_held(count)
