"""Time as something that is passed in, so that tests decide what it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, running time and waiting."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward; the zero is arbitrary."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SharedClock(SystemClock):
    """The machine's own, but for the wall clock where several hosts go by one: ``shared`` reads it, if it is there."""

    def __init__(self, shared: Callable[[], datetime | None]) -> None:
        self._shared = shared

    def now(self) -> datetime:
        return self._shared() or super().now()
