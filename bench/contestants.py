"""Starts and ends what is measured: the bot itself, and the programs beside it. Each is a process of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.shots import SECRET
from sandbox.bot_process import BotProcess

ROOT = Path(__file__).parent.parent
OTHERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
AT_REST = (str(ROOT / "bench" / "bot_at_rest.py"),)
TOKEN = "xoxb-bench"
NOWHERE = "http://127.0.0.1:9"  # discard: nothing is ever sent there
START_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """Something that listens. ``pid`` is its process."""

    name: str
    port: int
    pid: int


@asynccontextmanager
async def contender(name: str, module: str, folder: Path, *, slack: str) -> AsyncIterator[Running]:
    """One of ``bench.contenders``."""
    folder.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(str(OTHERS_PYTHON), "-m", f"bench.contenders.{module}", "--slack", slack),
        *("--database", str(folder / "rows.db"), "--secret", SECRET, "--token", TOKEN),
        cwd=ROOT,
        env={"PATH": os.defpath, "HOME": str(folder), "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101  asked for above
    try:
        async with asyncio.timeout(START_WITHIN_S):
            port = int(await process.stdout.readline())
        yield Running(name, port, process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def bot(
    name: str,
    folder: Path,
    *,
    slack: str,
    sinch: str = NOWHERE,
    program: Sequence[str] = ("-m", "bot"),
    database_url: str | None = None,
    **settings: str,
) -> AsyncIterator[Running]:
    """The real ``mms-bot run``, over HTTP."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = {
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_BASE_URL": slack,
        "SLACK_ALLOWED_USERS": "U0ANN",
        "SLACK_ADMIN_USERS": "U0ANN",
        "SINCH_SERVICE_PLAN_ID": "bench",
        "SINCH_API_TOKEN": "bench-token",
        "SINCH_NUMBER": "+12015550100",
        "SINCH_API_BASE_URL": sinch,
        "LOG_LEVEL": "INFO",
        **({"DATABASE_URL": database_url} if database_url else {}),
        **settings,
    }
    running = BotProcess(everything, folder=folder, program=program)
    await running.start(within_s=START_WITHIN_S)
    try:
        pid = running.pid
        assert pid is not None  # noqa: S101  it has just become ready
        yield Running(name, int(running.origin.rpartition(":")[2]), pid)
    finally:
        await running.kill()
