"""Runs one round: starts its world, lets everybody press while the blows fall, heals, and waits for the last word."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.blows import Blows
from chaos.databases import Database
from chaos.ledger import Entry, Tally, tally
from chaos.people import Desk, Office, hire
from chaos.plan import Intent, Kind, Round, Trouble
from chaos.processes import PROGRAM, HostClock, Process
from chaos.reading import Reader
from sandbox.sinch import FakeSinch
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, Person

STARTS_PER_S = 30.0  # new submissions; the machine is to be busy with faults, not with its own hurry
BLOWS_PER_S = 1.0  # everything at once would only be one long outage
AT_KEYBOARDS = 60
CROWD = 90
SETTLED_WITHIN_S = 180.0  # 45 s for an unknown, 40 s for a clock that was ahead, 60 s for Slack's longest pause
_LOOK_EVERY_S = 1.0
_LAST_LOOK_AFTER_S = 2.0  # a double that follows the last word is a double


@dataclass(slots=True)
class Outcome:
    """What came of a round. ``mistakes`` are what the fakes refused of the bot, by their sentence."""

    round: Round
    tally: Tally
    dealt: Counter[Trouble]
    restarts: int
    seconds: float
    mistakes: Counter[str] = field(default_factory=Counter)
    failed: list[Entry] = field(default_factory=list)


class Campaign:
    """One world with several processes of the bot.

    Args:
        folder: empty; holds the clocks, and the database if it is a file.
        program: what each process runs.
        settled_within_s: whoever has heard nothing so long after everything was mended will not hear any more.
        ends_at: when nothing new is started any more (``time.monotonic``).
        starts_per_s: how many new submissions are begun in a second, at most.
        beside: runs while everybody presses, and is cancelled when they have; it is given the processes.
    """

    def __init__(
        self,
        planned: Round,
        database: Database,
        folder: Path,
        *,
        ends_at: float,
        program: Sequence[str] = (str(PROGRAM),),
        settled_within_s: float = SETTLED_WITHIN_S,
        starts_per_s: float = STARTS_PER_S,
        beside: Callable[[Sequence[Process]], Coroutine[None, None, None]] | None = None,
    ) -> None:
        self._round = planned
        self._database = database
        self._folder = folder
        self._program = program
        self._settled_within_s = settled_within_s
        self._ends_at = ends_at
        self._starts_per_s = starts_per_s
        self._beside = beside
        self._slack = FakeSlack()
        self._sinch = FakeSinch()
        self._crowd = hire(self._slack, CROWD)
        self._entries: dict[str, Entry] = {}
        self._started = 0

    async def run(self) -> Outcome:
        began = time.monotonic()
        await self._slack.start()
        await self._sinch.start()
        processes = self._new_processes()
        blows = Blows(self._slack, self._sinch, self._database, processes)
        desks = [Desk(self._slack, one) for one in processes]
        if self._round.socket_mode:
            desks = [Desk(self._slack, None)]
        try:
            await processes[0].start()  # it makes the tables
            await asyncio.gather(*(process.start() for process in processes[1:]))
            async with self._with_company(processes):
                await self._everybody_presses(Office(self._slack, desks), blows)
            await blows.heal()
            await asyncio.gather(*(process.until_ready() for process in processes))
            await self._until_settled()
        finally:
            await asyncio.gather(*(process.end() for process in processes))
            for desk in desks:
                await desk.delivery.stop()
            await self._slack.stop()
            await self._sinch.stop()
        entries = self._entries.values()
        return Outcome(
            round=self._round,
            tally=tally(entries),
            dealt=blows.dealt,
            restarts=sum(process.ended_by_itself for process in processes),
            seconds=time.monotonic() - began,
            mistakes=Counter(f"{one.where}: {one.problem}" for one in self._slack.refusals),
            failed=[one for one in entries if one.doubled or one.silently_lost or one.told_wrongly],
        )

    def _new_processes(self) -> list[Process]:
        slack = self._slack.socket_settings() if self._round.socket_mode else self._slack.http_settings()
        settings = {
            **slack,
            **self._sinch.settings(),
            "SLACK_ALLOWED_USERS": ",".join(person.id for person in self._crowd),
            "SLACK_ADMIN_USERS": ADA,
            "DATABASE_URL": self._database.url,
            "LOG_LEVEL": "INFO",
        }
        # With a file, all processes are on one host, and have one clock.
        files = [self._folder / f"clock-{index}" for index in range(self._round.processes)]
        clocks = [HostClock(files[0 if self._round.kind is Kind.SQLITE else index]) for index in range(len(files))]
        return [Process(settings, folder=self._folder, clock=clock, program=self._program) for clock in clocks]

    @asynccontextmanager
    async def _with_company(self, processes: Sequence[Process]) -> AsyncIterator[None]:
        if self._beside is None:
            yield
            return
        company = asyncio.create_task(self._beside(processes))
        try:
            yield
        finally:
            company.cancel()
            with suppress(asyncio.CancelledError):
                await company

    async def _everybody_presses(self, office: Office, blows: Blows) -> None:
        idle: asyncio.Queue[Person] = asyncio.Queue()
        for person in self._crowd[:AT_KEYBOARDS]:
            idle.put_nowait(person)
        waiting = list(self._round.blows)
        pause_s = max(1.0 / self._starts_per_s, len(waiting) / BLOWS_PER_S / max(1, len(self._round.intents)))
        due_at = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for intent in self._round.intents:
                if time.monotonic() >= self._ends_at:
                    break
                while waiting and waiting[0].before <= intent.number:
                    tasks.create_task(blows.deal(waiting.pop(0)))
                tasks.create_task(self._one(office, intent, await idle.get(), idle))
                due_at = max(due_at + pause_s, time.monotonic())  # steady; what is late is not caught up with
                await asyncio.sleep(due_at - time.monotonic())

    async def _one(self, office: Office, intent: Intent, person: Person, idle: asyncio.Queue[Person]) -> None:
        if intent.fault is not None:
            self._sinch.faults.add("send", intent.fault, text=intent.text)
        try:
            chance = random.Random(f"{self._round.seed}/{intent.number}")
            self._started += await office.submit(intent, person, chance, self._entries)
        finally:
            idle.put_nowait(person)

    async def _until_settled(self) -> None:
        """Everybody whose submission was taken has heard of it, and nothing is under way any more."""
        reader = Reader(self._slack.state.messages, self._sinch, self._entries)
        end = time.monotonic() + self._settled_within_s
        while True:
            rows = await asyncio.to_thread(self._database.rows)
            reader.read({row.client_reference: row.view_id for row in rows})
            waiting = sum(entry.silently_lost for entry in self._entries.values())
            if (waiting == 0 and not any(row.under_way for row in rows)) or time.monotonic() > end:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        await asyncio.sleep(_LAST_LOOK_AFTER_S)
        rows = await asyncio.to_thread(self._database.rows)
        reader.read({row.client_reference: row.view_id for row in rows})
