"""How soon Slack hears back: the bot beside the floor, the smallest program that does the same, and the usual ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import contestants, shots
from bench.contestants import AT_REST, Running
from bench.load import Gun
from bench.numbers import Better, Goal, Series, percentile
from bench.shots import Shot
from bench.slack_stub import SlackStub
from tests.postgres import running_postgres

PER_SECOND = 400.0
KEPT_CONNECTIONS = 16
BUSY_CONNECTIONS = 64
OURS, OURS_ON_POSTGRES = "the bot", "the bot on PostgreSQL"
FLOOR, SMALLEST = "floor", "smallest program"
BOLT, BOLT_AIOSQLITE, BOLT_SYNC = "Bolt, async", "Bolt, async, with aiosqlite", "Bolt on Flask, gunicorn"
_CONTENDERS: Mapping[str, str] = {
    FLOOR: "floor",
    SMALLEST: "smallest",
    BOLT: "bolt_async",
    BOLT_AIOSQLITE: "bolt_aiosqlite",
    BOLT_SYNC: "bolt_sync",
}
SLOW_ONES = frozenset({BOLT, BOLT_AIOSQLITE, BOLT_SYNC})  # get fewer requests where they are driven flat out
_OPENED_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. ``requests`` at the fixed rate, ``flat_out`` with all connections busy.

    ``share`` is the part of everything else, from 0 to 1.
    """

    rounds: int
    requests: int
    flat_out: int
    share: float = 1.0

    def some(self, count: int) -> int:
        """So many of ``count``, and an even number of them."""
        return max(2, round(count * self.share / 2) * 2)


FULL = Size(rounds=5, requests=1600, flat_out=4000)
QUICK = Size(rounds=5, requests=400, flat_out=1000)


@dataclass(frozen=True, slots=True)
class Table:
    """What one measurement came to: contender → column → series, and the goals.

    ``also`` are series that goals name beside the rows of ``column_of_goals``.
    """

    title: str
    base: str
    rows: Mapping[str, Mapping[str, Series]]
    goals: Sequence[Goal]
    column_of_goals: str
    also: Mapping[str, Series] = field(default_factory=dict)


@asynccontextmanager
async def _all(names: Sequence[str], folder: Path, slack: SlackStub, *, at_rest: bool) -> AsyncIterator[list[Running]]:
    """Those that are asked for, each a process, one after the other so that starting disturbs nobody."""
    async with AsyncExitStack() as stack:
        running = []
        program = AT_REST if at_rest else ("-m", "bot")
        for name in names:
            where = folder / name.replace(" ", "-").replace(",", "")
            if name == OURS:
                one = contestants.bot(name, where, slack=slack.api_url, program=program)
            elif name == OURS_ON_POSTGRES:
                server = stack.enter_context(running_postgres())
                url = server.url(server.create())
                one = contestants.bot(name, where, slack=slack.api_url, program=program, database_url=url)
            else:
                one = contestants.contender(name, _CONTENDERS[name], where, slack=slack.api_url)
            running.append(await stack.enter_async_context(one))
        yield running


async def submits(folder: Path, size: Size, names: Sequence[str]) -> Table:
    """A signed submit of the dialog with its durable row, at 400 a second."""
    shot = shots.submit()
    async with SlackStub() as slack, _all(names, folder, slack, at_rest=True) as running:
        seconds = await _rounds(running, size, lambda one: _at_rate(one, shot, size.requests))
    goals = [Goal(OURS, Better.LOWER, 1.15, SMALLEST), Goal(OURS, Better.LOWER, 1.3, SMALLEST, "p99")]
    return Table("Submit with its commit, 400/s: time to ack", FLOOR, p50_and_p99(seconds), goals, "p50")


async def commands(folder: Path, size: Size, names: Sequence[str]) -> Table:
    """``/mms`` up to the call of ``views.open``, at 400 a second; the floor only answers."""
    shot = shots.command()

    async with SlackStub() as slack, _all(names, folder, slack, at_rest=True) as running:

        async def opened(one: Running) -> list[float]:
            if one.name == FLOOR:
                return await _at_rate(one, shot, size.requests)
            return await _until_opened(one, shot, size.requests, slack)

        seconds = await _rounds(running, size, opened)
    goals = [Goal(OURS, Better.LOWER, 2.5, FLOOR)]
    return Table("`/mms` up to the call of views.open, 400/s", FLOOR, p50_and_p99(seconds), goals, "p50")


async def saturation(folder: Path, size: Size, names: Sequence[str], *, submit: bool) -> Table:
    """Answers a second of one process with 64 connections."""
    shot = shots.submit() if submit else shots.command()

    async def flat_out(one: Running) -> list[float]:
        number = size.flat_out // (4 if one.name in SLOW_ONES else 1)
        async with Gun("127.0.0.1", one.port, BUSY_CONNECTIONS) as gun:
            await gun.flat_out(shot.many(number // 10))
            volley = await gun.flat_out(shot.many(number))
        return [len(volley.seconds) / volley.took_s]

    async with SlackStub() as slack, _all(names, folder, slack, at_rest=True) as running:
        rates = await _rounds(running, size, flat_out)
    rows = {name: {"acks/s": Series(tuple(one[0] for one in each), "/s")} for name, each in rates.items()}
    if submit:
        goals = [Goal(one, Better.HIGHER, 0.9, SMALLEST) for one in (OURS, OURS_ON_POSTGRES) if one in rows]
        return Table("Submits with their commit, 64 connections flat out", FLOOR, rows, goals, "acks/s")
    return Table("`/mms`, 64 connections flat out", FLOOR, rows, [Goal(OURS, Better.HIGHER, 0.25, FLOOR)], "acks/s")


async def _rounds(
    running: Sequence[Running], size: Size, measure: Callable[[Running], Awaitable[list[float]]]
) -> dict[str, list[list[float]]]:
    """Each in turn, round by round; the first round warms up and is not counted."""
    found: dict[str, list[list[float]]] = {one.name: [] for one in running}
    for number in range(size.rounds + 1):
        for one in running:
            values = await measure(one)
            if number:
                found[one.name].append(values)
    return found


async def _at_rate(one: Running, shot: Shot, number: int) -> list[float]:
    async with Gun("127.0.0.1", one.port, KEPT_CONNECTIONS) as gun:
        await gun.at_rate(shot.many(number // 10), PER_SECOND)
        return (await gun.at_rate(shot.many(number), PER_SECOND)).seconds


async def _until_opened(one: Running, shot: Shot, number: int, slack: SlackStub) -> list[float]:
    async with Gun("127.0.0.1", one.port, KEPT_CONNECTIONS) as gun:
        await gun.at_rate(shot.many(number // 10), PER_SECOND)
        first, requests = shots.next_number(), shot.many(number)
        volley = await gun.at_rate(requests, PER_SECOND)
        async with asyncio.timeout(_OPENED_WITHIN_S):
            await slack.until_opened(range(first, first + number))
    return [slack.opened_at[first + index] - volley.fired_at[index] for index in range(number)]


def p50_and_p99(seconds: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, dict[str, Series]]:
    """The two columns of a table, in ms, from each contender's seconds in each round."""
    return {
        name: {
            label: Series(tuple(percentile(one, share) * 1000 for one in each), "ms")
            for label, share in (("p50", 0.5), ("p99", 0.99))
        }
        for name, each in seconds.items()
    }
