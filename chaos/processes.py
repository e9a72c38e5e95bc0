"""The bot's processes: started, killed, stopped, and started anew whenever they end, as a host does it."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from chaos.bot_with_clock import ROOM
from sandbox.bot_process import BotDiedError, BotProcess

PROGRAM = Path(__file__).with_name("bot_with_clock.py")
START_TRIES = 5
_START_AGAIN_AFTER_S = 0.3
_LOOK_EVERY_S = 0.1
_READY_WITHIN_S = 60.0


class HostClock:
    """How far the wall clock of one host is off; every process on it reads the same."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.step(0.0)

    def step(self, offset_s: float) -> None:
        with open(os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(f"{offset_s:{ROOM}.3f}".encode())


class Process:
    """One process of the bot.

    Args:
        program: what runs; the bot with a clock that can be stepped, or one of its broken variants.
    """

    def __init__(
        self, settings: Mapping[str, str], *, folder: Path, clock: HostClock, program: Sequence[str] = (str(PROGRAM),)
    ) -> None:
        self.clock = clock
        self.bot = BotProcess({**settings, "CHAOS_CLOCK": str(clock.file)}, folder=folder, program=program)
        self.ended_by_itself = 0
        self.lock = asyncio.Lock()  # one blow at a time
        self._wanted = False
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises ``BotDiedError`` or ``TimeoutError`` when it does not come up."""
        for tries in range(1, START_TRIES + 1):
            try:
                await self.bot.start(within_s=_READY_WITHIN_S)
                break
            except BotDiedError:
                if tries == START_TRIES:
                    raise
        self._wanted = True
        self._keeper = asyncio.create_task(self._keep())

    async def end(self) -> None:
        self._wanted = False
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self.bot.kill()

    async def kill(self, *, down_s: float) -> None:
        """``kill -9``, and a new start a little later."""
        self._wanted = False
        await self.bot.kill()
        await asyncio.sleep(down_s)
        await self.bot.launch()
        self._wanted = True

    async def stop_for(self, seconds: float) -> None:
        """SIGSTOP and SIGCONT."""
        self.bot.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            if self.bot.running:
                self.bot.send_signal(signal.SIGCONT)

    async def until_ready(self) -> None:
        async with asyncio.timeout(_READY_WITHIN_S):
            while await self.bot.get("/readyz") != 200:  # noqa: ASYNC110  another process is asked
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if self._wanted and not self.bot.running:
                self.ended_by_itself += 1
                await self.bot.wait()
                await asyncio.sleep(_START_AGAIN_AFTER_S)
                if self._wanted:
                    await self.bot.launch()


def limit_files(pid: int, size: int | None) -> None:
    """No file of this process grows beyond ``size`` bytes, as on a full disk; None: as it was. Linux only."""
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if size is None else size, most))
