"""Several processes on one PostgreSQL: what a second of their processors brings, beside one process alone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from bench import contestants, shots
from bench.acks import BUSY_CONNECTIONS, Size, Table
from bench.contestants import Running, cpu_seconds
from bench.load import Gun
from bench.numbers import Better, Goal, Series
from bench.sinch_stub import SinchStub
from bench.slack_stub import SlackStub
from tests.postgres import running_postgres

ONE, FOUR = "one process", "four processes"
_MANY = 4
_TOLD_WITHIN_S = 120.0


async def on_one_database(folder: Path, size: Size) -> Table:
    """Messages submitted, sent and answered for each second of the bots' processors."""
    found: dict[str, list[float]] = {ONE: [], FOUR: []}
    with running_postgres() as server:
        async with SlackStub() as slack, SinchStub() as stub, AsyncExitStack() as stack:
            crews: dict[str, list[Running]] = {}
            for name, count in ((ONE, 1), (FOUR, _MANY)):
                url = server.url(server.create())
                crews[name] = [
                    await stack.enter_async_context(
                        contestants.bot(
                            f"{name} {number}",
                            folder / f"{count}-{number}",
                            slack=slack.api_url,
                            sinch=stub.origin,
                            database_url=url,
                        )
                    )
                    for number in range(count)
                ]
            for number in range(size.rounds + 1):
                for name, crew in crews.items():
                    rate = await _messages_per_cpu_second(crew, slack, size.some(800))
                    if number:
                        found[name].append(rate)
    rows = {name: {"messages": Series(tuple(values), "per CPU s")} for name, values in found.items()}
    goals = [Goal(FOUR, Better.HIGHER, 0.8, ONE)]
    title = "Messages acked, sent and answered for each second of the bots' processors, PostgreSQL"
    return Table(title, ONE, rows, goals, "messages")


async def _messages_per_cpu_second(crew: list[Running], slack: SlackStub, count: int) -> float:
    before = sum(cpu_seconds(one.pid) for one in crew)
    half = [shots.submit(user_id) for user_id in shots.PEOPLE]
    first = shots.next_number()
    requests = [shot.many(1)[0] for _ in range(count // 2) for shot in half]
    async with AsyncExitStack() as stack:
        guns = [
            await stack.enter_async_context(Gun("127.0.0.1", one.port, BUSY_CONNECTIONS // len(crew))) for one in crew
        ]
        await asyncio.gather(*(gun.flat_out(requests[index :: len(crew)]) for index, gun in enumerate(guns)))
    async with asyncio.timeout(_TOLD_WITHIN_S):
        await slack.until_told(range(first, first + len(requests)))
    return len(requests) / (sum(cpu_seconds(one.pid) for one in crew) - before)
