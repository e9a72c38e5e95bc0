"""How long the bot takes until it listens, and what it holds while nothing happens, beside its imports alone."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench import contestants
from bench.acks import OURS, Size, Table
from bench.contestants import ROOT, resident_mb
from bench.numbers import Better, Goal, Series
from bench.slack_stub import SlackStub
from sandbox.bot_process import BotProcess

IMPORTS = "its imports alone"
LIBRARIES = "Bolt, httpx, phonenumbers, SQLAlchemy imported"
_ALL = "import bot.app, bot.cli, bot.store.sql, bot.store.sqlite"
_FOUR = (
    "import sqlite3, httpx, phonenumbers, slack_bolt.async_app, sqlalchemy.dialects.sqlite, uvicorn, starlette.routing"
)
_WAIT = "; print(flush=True); import sys; sys.stdin.read()"
_SETTLED_S = 2.0


async def start(folder: Path, size: Size) -> Table:
    """Seconds from the start of the process until it listens, the database being there."""
    found: dict[str, list[float]] = {OURS: [], IMPORTS: []}
    async with SlackStub() as slack:
        for number in range(size.rounds + 1):
            running = BotProcess(contestants.settings(slack.api_url), folder=_made(folder))
            began = time.perf_counter()
            await running.launch()
            await running.listening()
            took = time.perf_counter() - began
            await running.kill()
            began = time.perf_counter()
            async with _imported(_ALL):
                imported = time.perf_counter() - began
            if number:
                found[OURS].append(took)
                found[IMPORTS].append(imported)
    rows = {name: {"until it listens": Series(tuple(values), "s")} for name, values in found.items()}
    return Table("Start", IMPORTS, rows, [Goal(OURS, Better.LOWER, 1.5, IMPORTS)], "until it listens")


async def memory(folder: Path, size: Size) -> Table:
    """What a process that is ready and idle has for itself."""
    found: dict[str, list[float]] = {OURS: [], LIBRARIES: []}
    async with SlackStub() as slack:
        for _ in range(size.rounds):
            async with contestants.bot(OURS, folder, slack=slack.api_url) as one:
                await asyncio.sleep(_SETTLED_S)
                found[OURS].append(resident_mb(one.pid))
            async with _imported(_FOUR) as pid:
                found[LIBRARIES].append(resident_mb(pid))
    rows = {name: {"memory": Series(tuple(values), "MB")} for name, values in found.items()}
    return Table("Memory of an idle process", LIBRARIES, rows, [Goal(OURS, Better.LOWER, 1.4, LIBRARIES)], "memory")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@asynccontextmanager
async def _imported(code: str) -> AsyncIterator[int]:
    """A Python that has run ``code`` and does nothing more; its process ID."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code + _WAIT),
        cwd=ROOT,
        env={"PATH": os.defpath},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None  # noqa: S101  asked for above
        await process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        await process.wait()
