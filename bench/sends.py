"""What a send costs and how many a second there are: the ``sinch`` client, the whole worker, and the usual ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bench import contestants, shots
from bench.acks import OURS, Size, Table, p50_and_p99
from bench.contestants import CONTENDERS, OTHERS_PYTHON, Running, Sender, sender
from bench.load import Gun
from bench.numbers import Better, Goal, Series
from bench.sinch_stub import SinchStub
from bench.slack_stub import SlackStub

CLIENT, ONE_HTTPX, SDK = "the `sinch` client", "one httpx client", "the vendor's SDK, 32 threads"
WORKER = "the bot's worker, rows and answers included"
AT_ONCE = (1, 32, 100, 500)
ALLOWED = AT_ONCE[-1]
LATENCY_S = 0.3
_ALONE_LATENCY_S = 0.005  # one at a time: waiting costs nothing, and need not take long
_FEW = {1: 100, 32: 200, 100: 200, 500: 500}  # sends that are measured, by how many are in flight
_CONNECTIONS = 16
_TOLD_WITHIN_S = 120.0


@asynccontextmanager
async def _senders(stub: SinchStub, names: Sequence[str]) -> AsyncIterator[list[Sender]]:
    programs = {
        CLIENT: ("-m", "bench.contenders.send_client"),
        ONE_HTTPX: ("-m", "bench.contenders.send_httpx"),
        SDK: ("-P", str(CONTENDERS / "send_sdk.py")),
    }
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                sender(name, *programs[name], sinch=stub.origin, python=OTHERS_PYTHON if name == SDK else None)
            )
            for name in names
        ]


async def cpu_per_send(size: Size, names: Sequence[str]) -> Table:
    """Milliseconds of processor for each send, by how many are in flight."""
    found: dict[str, dict[str, list[float]]] = {name: {f"{many}": [] for many in AT_ONCE} for name in names}
    async with SinchStub() as stub, _senders(stub, names) as senders:
        for number in range(size.rounds + 1):
            for many in AT_ONCE:
                stub.pause_s = _ALONE_LATENCY_S if many == 1 else LATENCY_S
                for one in senders:
                    took = await one.send(size.some(_FEW[many]), at_once=many)
                    if number:
                        found[one.name][f"{many}"].append(took.cpu_s * 1000 / size.some(_FEW[many]))
    rows = {
        name: {f"{column} in flight": Series(tuple(values), "ms") for column, values in row.items()}
        for name, row in found.items()
    }
    alone, together = (f"{many} in flight" for many in (AT_ONCE[0], AT_ONCE[-1]))
    ours = {f"{CLIENT}, {column}": rows[CLIENT][column] for column in (alone, together)}
    goals = [Goal(f"{CLIENT}, {together}", Better.LOWER, 2.0, f"{CLIENT}, {alone}")]
    return Table("Processor time of a send", CLIENT, rows, goals, together, also=ours)


async def sends_per_second(folder: Path, size: Size, names: Sequence[str]) -> Table:
    """With Sinch at 300 ms and 500 allowed in flight. The worker's come by submit, and each is answered in Slack."""
    rates: dict[str, list[float]] = {name: [] for name in (*names, WORKER)}
    async with (
        SinchStub(LATENCY_S) as stub,
        SlackStub() as slack,
        _senders(stub, names) as senders,
        contestants.bot(WORKER, folder, slack=slack.api_url, sinch=stub.origin) as running,
    ):
        for number in range(size.rounds + 1):
            for one in senders:
                count = size.some(1500 if one.name == CLIENT else 300)
                took = await one.send(count, at_once=ALLOWED)
                if number:
                    rates[one.name].append(count / took.seconds)
            rate = await _through_the_bot(running, slack, size.some(1500))
            if number:
                rates[WORKER].append(rate)
    rows = {name: {"sends/s": Series(tuple(values), "/s")} for name, values in rates.items()}
    goals = [Goal(CLIENT, Better.HIGHER, 4.0, SDK), Goal(WORKER, Better.HIGHER, 2.0, SDK)]
    base = SDK if SDK in rows else CLIENT
    return Table("Sends a second, Sinch at 300 ms, 500 allowed in flight", base, rows, goals, "sends/s")


async def _through_the_bot(running: Running, slack: SlackStub, count: int) -> float:
    """From the first submit to the last answer with its batch ID."""
    half = [shots.submit(user_id) for user_id in shots.PEOPLE]
    first = shots.next_number()
    requests = [shot.many(1)[0] for _ in range(count // 2) for shot in half]
    async with Gun("127.0.0.1", running.port, _CONNECTIONS) as gun:
        volley = await gun.flat_out(requests)
    numbers = range(first, first + len(requests))
    async with asyncio.timeout(_TOLD_WITHIN_S):
        await slack.until_told(numbers)
    return len(requests) / (max(slack.told_at[number] for number in numbers) - volley.began_at)


async def submit_to_accepted(folder: Path, size: Size) -> Table:
    """From the press of Send until its sender has the batch ID in Slack, at 50 a second, Sinch at 0 ms."""
    shot = shots.submit()
    polling = "a worker that polls each second"
    seconds: dict[str, list[list[float]]] = {OURS: [], polling: []}
    async with SinchStub() as stub, SlackStub() as slack, AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(
                contestants.bot(name, folder / where, slack=slack.api_url, sinch=stub.origin, program=program)
            )
            for name, where, program in (
                (OURS, "woken", ("-m", "bot")),
                (polling, "polling", contestants.POLLING),
            )
        ]
        for number in range(size.rounds + 1):
            for one in running:
                count = size.some(200)
                first = shots.next_number()
                async with Gun("127.0.0.1", one.port, _CONNECTIONS) as gun:
                    volley = await gun.at_rate(shot.many(count), 50.0)
                async with asyncio.timeout(_TOLD_WITHIN_S):
                    await slack.until_told(range(first, first + count))
                if number:
                    seconds[one.name].append(
                        [slack.told_at[first + index] - volley.fired_at[index] for index in range(count)]
                    )
    goals = [Goal(OURS, Better.LOWER, 15.0)]
    return Table(
        "From submit to the answer with the batch ID, 50/s, Sinch at 0 ms", OURS, p50_and_p99(seconds), goals, "p50"
    )
