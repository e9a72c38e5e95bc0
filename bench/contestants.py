"""Starts and ends what is measured: the bot itself, and the programs beside it. Each is a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.shots import PEOPLE, SECRET
from bench.sinch_stub import PLAN
from sandbox.bot_process import BotProcess

ROOT = Path(__file__).parent.parent
OTHERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
AT_REST = (str(ROOT / "bench" / "bot_at_rest.py"),)
CONTENDERS = ROOT / "bench" / "contenders"
POLLING = (str(ROOT / "bench" / "bot_polling.py"),)
TOKEN = "xoxb-bench"
NOWHERE = "http://127.0.0.1:9"  # discard: nothing is ever sent there
START_WITHIN_S = 30.0
SENT_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Running:
    """Something that listens. ``pid`` is its process."""

    name: str
    port: int
    pid: int


@asynccontextmanager
async def contender(name: str, module: str, folder: Path, *, slack: str, sinch: str = "") -> AsyncIterator[Running]:
    """One of ``bench.contenders``; one that sends is a program, for the vendor's package has the name of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(str(OTHERS_PYTHON), *_program(module, sends=bool(sinch)), "--slack", slack, "--sinch", sinch),
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


def settings(slack: str, *, sinch: str = NOWHERE) -> dict[str, str]:
    """What the bot is told, over HTTP."""
    return {
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_BASE_URL": slack,
        "SLACK_ALLOWED_USERS": ",".join(PEOPLE),
        "SLACK_ADMIN_USERS": PEOPLE[0],
        "SINCH_SERVICE_PLAN_ID": PLAN,
        "SINCH_API_TOKEN": "bench-token",
        "SINCH_NUMBER": "+12015550100",
        "SINCH_API_BASE_URL": sinch,
        "LOG_LEVEL": "INFO",
    }


@asynccontextmanager
async def bot(
    name: str,
    folder: Path,
    *,
    slack: str,
    sinch: str = NOWHERE,
    program: Sequence[str] = ("-m", "bot"),
    database_url: str | None = None,
    **overrides: str,
) -> AsyncIterator[Running]:
    """The real ``mms-bot run``, over HTTP."""
    folder.mkdir(parents=True, exist_ok=True)
    more = {**({"DATABASE_URL": database_url} if database_url else {}), **overrides}
    running = BotProcess({**settings(slack, sinch=sinch), **more}, folder=folder, program=program)
    await running.start(within_s=START_WITHIN_S)
    try:
        pid = running.pid
        assert pid is not None  # noqa: S101  it has just become ready
        yield Running(name, int(running.origin.rpartition(":")[2]), pid)
    finally:
        await running.kill()


def _program(module: str, *, sends: bool) -> tuple[str, ...]:
    return ("-P", str(CONTENDERS / f"{module}.py")) if sends else ("-m", f"bench.contenders.{module}")


@dataclass(frozen=True, slots=True)
class Took:
    """What some sends cost: seconds by the clock, and of processor."""

    seconds: float
    cpu_s: float


class Sender:
    """A program that sends when it is asked to: one of ``bench.contenders.sending``."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process

    async def send(self, count: int, *, at_once: int) -> Took:
        """Have it send ``count`` messages, ``at_once`` at a time."""
        assert self._process.stdin is not None  # noqa: S101  asked for below
        assert self._process.stdout is not None  # noqa: S101  asked for below
        self._process.stdin.write(json.dumps({"count": count, "at_once": at_once}).encode() + b"\n")
        async with asyncio.timeout(SENT_WITHIN_S):
            return Took(**json.loads(await self._process.stdout.readline()))


@asynccontextmanager
async def sender(name: str, *program: str, sinch: str, python: Path | None = None) -> AsyncIterator[Sender]:
    """Start one. ``program``: what to run, as for Python's command line; ``python``: by which, ours unless told."""
    process = await asyncio.create_subprocess_exec(
        *(str(python or sys.executable), *program, "--sinch", sinch, "--plan", PLAN),
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Sender(name, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def cpu_seconds(pid: int) -> float:
    """What a process has had of the processors since it started, its threads included (proc(5), ``stat``)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Memory that is a process's own or its share of what several have (proc(5), ``smaps_rollup``: Pss)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(kilobytes) / 1024
