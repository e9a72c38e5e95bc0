"""How much a process holds: its memory, its open files, the time it computed. Linux only (``/proc``)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.processes import Process

EVERY_S = 1.0
_RESIDENT = 1  # its place in /proc/PID/statm, in pages
_USER, _SYSTEM = 11, 12  # their places in /proc/PID/stat behind the name, in ticks


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process held ``at_s`` seconds after the start. ``handles`` are open files, sockets among them."""

    at_s: float
    memory_bytes: int
    handles: int
    cpu_s: float


def measure(pid: int, at_s: float) -> Sample:
    """Raises ``OSError`` if there is no such process."""
    of_process = Path("/proc") / str(pid)
    pages = int((of_process / "statm").read_text().split()[_RESIDENT])
    # The name, in brackets, may hold blanks.
    after_name = (of_process / "stat").read_text().rpartition(")")[2].split()
    ticks = int(after_name[_USER]) + int(after_name[_SYSTEM])
    return Sample(
        at_s=at_s,
        memory_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
        handles=len(os.listdir(of_process / "fd")),
        cpu_s=ticks / os.sysconf("SC_CLK_TCK"),
    )


class Gauge:
    """Looks at the first process once a second, for as long as it is let.

    Args:
        looked: is told of each sample.
    """

    def __init__(self, looked: Callable[[Sample], None] = lambda _: None, *, every_s: float = EVERY_S) -> None:
        self.samples: list[Sample] = []
        self._looked = looked
        self._every_s = every_s

    async def watch(self, processes: Sequence[Process]) -> None:
        began = time.monotonic()
        while True:
            if (pid := processes[0].bot.pid) is not None:
                self.samples.append(measure(pid, time.monotonic() - began))
                self._looked(self.samples[-1])
            await asyncio.sleep(self._every_s)
