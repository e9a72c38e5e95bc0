"""Each blow: how it is dealt, and how it heals."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chaos.databases import Database, PostgresDatabase
from chaos.plan import Blow, Trouble
from chaos.processes import Process, limit_files
from sandbox.sinch import FakeSinch, Invisible, Operation, Status
from sandbox.slack import FakeSlack
from sandbox.slack.faults import EVERY_METHOD, RESPONSE_URL

_HIDDEN_LOOK_UPS = 2
_SLACK_RETRY_S = 1


@dataclass(slots=True)
class Blows:
    """Deals blows to one world, and remembers how many of each kind it has dealt."""

    slack: FakeSlack
    sinch: FakeSinch
    database: Database
    processes: Sequence[Process]
    dealt: Counter[Trouble] = field(default_factory=Counter)
    _sinch_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _slack_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _database_turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def deal(self, blow: Blow) -> None:
        """Break it, wait, and mend it; mended also when cancelled."""
        process = self.processes[blow.process]
        match blow.trouble:
            case Trouble.KILL:
                async with process.lock:
                    await process.kill(down_s=blow.for_s)
            case Trouble.STOP:
                async with process.lock:
                    await process.stop_for(blow.for_s)
            case Trouble.CLOCK:
                await self._step(process, blow)
            case Trouble.SINCH_AWAY:
                async with self._sinch_turn:
                    await self._sinch_away(blow.for_s)
            case Trouble.BLIND:
                self._blind(blow)
            case Trouble.SLACK_AWAY:
                async with self._slack_turn:
                    await self._slack_away(blow.for_s)
            case Trouble.SLACK_ERRORS:
                self._wrong_answers(round(blow.size))
            case Trouble.LOCKED:
                await asyncio.to_thread(self.database.lock, blow.for_s)
            case Trouble.DISK_FULL:
                async with self._database_turn:
                    await self._fill_disk(blow)
            case Trouble.CUT | Trouble.CLOSED | Trouble.CRASHED | Trouble.READ_ONLY:
                async with self._database_turn:
                    await self._strike_server(blow)
        self.dealt[blow.trouble] += 1

    async def heal(self) -> None:
        """Whatever is on that ends by itself only when it is used."""
        for process in self.processes:
            process.clock.step(0.0)
        self.sinch.faults.clear()
        self.slack.faults.clear()
        await self.sinch.come_back()
        await self.slack.come_back()

    @staticmethod
    async def _step(process: Process, blow: Blow) -> None:
        process.clock.step(blow.size)
        try:
            await asyncio.sleep(blow.for_s)
        finally:
            process.clock.step(0.0)

    async def _sinch_away(self, for_s: float) -> None:
        await self.sinch.go_away()
        try:
            await asyncio.sleep(for_s)
        finally:
            await self.sinch.come_back()

    async def _slack_away(self, for_s: float) -> None:
        await self.slack.go_away()
        try:
            await asyncio.sleep(for_s)
        finally:
            await self.slack.come_back()

    def _blind(self, blow: Blow) -> None:
        """The next batches are found late, and some look-ups fail."""
        times = max(1, round(blow.for_s))
        self.sinch.faults.add(Operation.LIST, Status(503), times)
        for _ in range(times):
            self.sinch.faults.add(Operation.LIST, Invisible(look_ups=_HIDDEN_LOOK_UPS))

    def _wrong_answers(self, count: int) -> None:
        """Refused, cut off, and cut off after it was posted."""
        faults = self.slack.faults
        for number in range(count):
            target = RESPONSE_URL if number % 2 else EVERY_METHOD
            match number % 5:
                case 0:
                    faults.add(target, status=500)
                case 1:
                    faults.add(target, status=429, retry_after=_SLACK_RETRY_S)
                case 2:
                    faults.add(target, drop=True)
                case 3:
                    faults.add(target, drop=True, after=True)
                case _:
                    faults.add(target, error="internal_error")

    async def _fill_disk(self, blow: Blow) -> None:
        """Nothing that the bot writes may grow."""
        pids = [process.bot.pid for process in self.processes if process.bot.pid is not None]
        for pid in pids:
            with suppress(ProcessLookupError):
                limit_files(pid, round(blow.size))
        try:
            await asyncio.sleep(blow.for_s)
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):  # killed meanwhile
                    limit_files(pid, None)

    async def _strike_server(self, blow: Blow) -> None:
        database = self.database
        if not isinstance(database, PostgresDatabase):
            raise TypeError(f"{blow.trouble} is for PostgreSQL")
        match blow.trouble:
            case Trouble.CUT:
                await asyncio.to_thread(database.cut)
            case Trouble.CRASHED:
                await asyncio.to_thread(database.crash)
            case Trouble.READ_ONLY:
                await _for_a_while(database.close_for_writing, database.open_for_writing, blow.for_s)
            case _:
                await _for_a_while(database.shut, database.open, blow.for_s)


async def _for_a_while(strike: Callable[[], None], mend: Callable[[], None], for_s: float) -> None:
    await asyncio.to_thread(strike)
    try:
        await asyncio.sleep(for_s)
    finally:
        await asyncio.to_thread(mend)
