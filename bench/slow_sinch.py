"""How soon Slack hears back while Sinch takes ten seconds for everything, beside the same bot with nothing to send."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path

from bench import contestants, shots
from bench.acks import KEPT_CONNECTIONS, Size, Table, p50_and_p99
from bench.contestants import Running
from bench.load import Gun
from bench.numbers import Better, Goal
from bench.sinch_stub import SinchStub
from bench.slack_stub import SlackStub

QUICK, BUSY = "the bot, Sinch at 0 ms", "the bot, Sinch at 10 s, 500 sends in flight"
OTHERS, OTHERS_BUSY = "Bolt on Flask, the SDK in 32 threads, Sinch at 0 ms", "the same, Sinch at 10 s"
SINCH_TAKES_S = 10.0
PER_SECOND = 50.0  # as many come back from Sinch in each second when 500 are in flight: none wait for a place
_NEARLY = 0.95


async def acks_while_sinch_is_slow(folder: Path, size: Size, *, others: bool = True) -> Table:
    """Submits, 50 a second; all of them are sent, and their people told, while the next ones come."""
    half = [shots.submit(user_id) for user_id in shots.PEOPLE]
    seconds: dict[str, list[list[float]]] = {}
    held: dict[str, list[int]] = defaultdict(list)

    async def submit(one: Running, count: int) -> list[float]:
        requests = [half[index % len(half)].many(1)[0] for index in range(count)]
        async with Gun("127.0.0.1", one.port, KEPT_CONNECTIONS) as gun:
            return (await gun.at_rate(requests, PER_SECOND)).seconds

    async with SlackStub() as slack, AsyncExitStack() as stack:
        stubs: dict[str, SinchStub] = {}
        running: list[Running] = []
        for name, pause_s in ((QUICK, 0.0), (BUSY, SINCH_TAKES_S), (OTHERS, 0.0), (OTHERS_BUSY, SINCH_TAKES_S)):
            stub = stubs[name] = await stack.enter_async_context(SinchStub(pause_s))
            where = folder / str(len(stubs))
            if name in (QUICK, BUSY):
                one = contestants.bot(name, where, slack=slack.api_url, sinch=stub.origin)
            elif others:
                one = contestants.contender(name, "bolt_sync_sdk", where, slack=slack.api_url, sinch=stub.origin)
            else:
                continue
            running.append(await stack.enter_async_context(one))
        for number in range(size.rounds + 1):
            for ours_or_theirs in running:
                name = ours_or_theirs.name
                if name == BUSY:  # evenly, as when Sinch has been slow for a while: as many come back in each second
                    await submit(ours_or_theirs, round(PER_SECOND * SINCH_TAKES_S))
                values = await submit(ours_or_theirs, size.some(300))
                if number:
                    seconds.setdefault(name, []).append(values)
                    held[name].append(stubs[name].held)
    assert min(held[BUSY]) >= _NEARLY * PER_SECOND * SINCH_TAKES_S, held  # noqa: S101  or something else is measured
    goals = [Goal(BUSY, Better.LOWER, 1.2, QUICK)]
    title = "Time to ack of a submit, 50/s, while Sinch takes 10 s for each batch"
    return Table(title, QUICK, p50_and_p99(seconds), goals, "p99")
