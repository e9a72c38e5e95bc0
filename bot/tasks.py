"""Work in the background that is not forgotten: strong references, and an end that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class Tasks:
    """A set of running tasks. asyncio keeps only weak references to tasks, so that a forgotten one may vanish."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background_fault", error=type(error).__name__, exc_info=error)

    async def drain(self, within_s: float) -> None:
        """Wait for all of it; what is not done by then is cancelled."""
        if self._running:
            _, late = await asyncio.wait(set(self._running), timeout=within_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
