"""The real bot, ``mms-bot run``, as a process of its own, cut off from every setting of the shell that starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0
_ASK_EVERY_S = 0.02
_LINES_SHOWN = 12


class BotDiedError(RuntimeError):
    """The bot ended although it was to run; the text holds its last lines."""


class BotProcess:
    """One ``mms-bot run`` on loopback.

    Args:
        settings: the whole environment that the bot sees. Nothing is inherited but what Python itself needs, and
            ``folder``, its working folder, has no ``.env``: it can never reach a real account.
        folder: holds its database; kept over restarts.
        program: what Python runs; another one than the bot itself starts the bot with something on its way.
    """

    def __init__(self, settings: Mapping[str, str], *, folder: Path, program: Sequence[str] = ("-m", "bot")) -> None:
        if (folder / ".env").exists():
            raise ValueError("the bot's folder must hold no .env: the sandbox never reads one")
        self.settings = dict(settings)
        self.folder = folder
        self.program = tuple(program)
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._listening = asyncio.Event()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def events_url(self) -> str:
        return f"{self.origin}/slack/events"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Of the process that runs; None if none does."""
        return self._process.pid if self._process is not None and self.running else None

    async def launch(self) -> None:
        """Start the process, on the same port as before if it ran before, and wait for nothing."""
        self._listening.clear()
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": f"sqlite:///{self.folder / 'mms-bot.db'}",
            "LOG_LEVEL": "DEBUG",
            **self.settings,
        }
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", *self.program, "run", "--host", "127.0.0.1", "--port", str(self._port)),
            cwd=self.folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None  # noqa: S101  asked for above
        assert self._process.stderr is not None  # noqa: S101  asked for above
        self._readers = [
            asyncio.create_task(self._read(self._process.stdout, self.lines)),
            asyncio.create_task(self._read(self._process.stderr, self.errors)),
        ]

    async def start(self, *, within_s: float = READY_WITHIN_S) -> None:
        """Start the process and wait until ``/readyz`` is 200.

        Raises:
            BotDiedError: it ended instead.
            TimeoutError: it is not ready in time.
        """
        await self.launch()
        async with asyncio.timeout(within_s):
            await self.listening()
            while await self.get("/readyz") != 200:
                self._must_run()
                await asyncio.sleep(_ASK_EVERY_S)

    async def listening(self) -> None:
        """Until it says that it listens.

        Raises:
            BotDiedError: it ended instead.
        """
        while not self._listening.is_set():
            self._must_run()
            with suppress(TimeoutError):
                async with asyncio.timeout(_ASK_EVERY_S):
                    await self._listening.wait()

    async def get(self, path: str) -> int | None:
        """The HTTP status of a GET; None if nobody answers."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return None
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            status = (await reader.readline()).split(b" ")
            await reader.read()
            return int(status[1]) if len(status) > 1 else None
        except OSError:
            return None
        finally:
            writer.close()

    async def kill(self) -> None:
        """``kill -9``: it gets no chance to do anything."""
        await self._signal(signal.SIGKILL)

    async def stop(self, *, within_s: float = STOPPED_WITHIN_S) -> int:
        """SIGTERM; its exit status."""
        async with asyncio.timeout(within_s):
            return await self._signal(signal.SIGTERM)

    async def wait(self, *, within_s: float = STOPPED_WITHIN_S) -> int:
        """Wait for its own end; its exit status."""
        async with asyncio.timeout(within_s):
            return await self._end()

    def send_signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log lines about one event, oldest first."""
        return [line for line in map(_parsed, self.lines) if line.get("event") == name]

    async def _signal(self, number: int) -> int:
        if self.running:
            self.send_signal(number)
        return await self._end()

    async def _end(self) -> int:
        if self._process is None:
            return 0
        status = await self._process.wait()
        await asyncio.gather(*self._readers)
        return status

    def _must_run(self) -> None:
        if not self.running:
            last = "\n".join([*self.lines[-_LINES_SHOWN:], *self.errors[-_LINES_SHOWN:]])
            raise BotDiedError(f"the bot ended at once:\n{last}")

    async def _read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        while line := await stream.readline():
            lines.append(line.decode("utf-8", "replace").rstrip())
            if (said := _parsed(lines[-1])).get("event") == "listening":
                self._port = int(said["port"])
                self._listening.set()


def _parsed(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
