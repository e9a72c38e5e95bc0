"""The bot as ``mms-bot run`` composes it, with a store that kills its own process at one chosen step.

``CRASH_AT`` is a method of the store or of its ``access``, ``CRASH_WHEN`` is ``before`` or ``after``. Steps that loops
take all the time count only when they matter: once the step before them was done, and with ``after`` when they found
something to do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, cast

import uvloop

from bot.app import run
from bot.logs import configure
from bot.settings import Settings
from bot.store import AccessStore, ReportStore, Store
from bot.store.engine import open_engine
from bot.store.migrate import migrate
from bot.store.sql import SqlStore

# What has to have happened before a step counts: the loops that poll take it before there is anything to do, too.
NEEDS = {"claim": "enqueue", "claim_answers": "record", "claim_notices": "ask"}
POLLING = frozenset({"claim", "claim_answers", "take_up_lost", "claim_lookups", "claim_notices"})


class CrashingStore:
    """Passes everything on, and dies at its step."""

    def __init__(self, store: Store | AccessStore | ReportStore, *, at: str, when: str) -> None:
        self._store = store
        self._at = at
        self._when = when
        self._done: set[str] = set()
        if isinstance(store, SqlStore):
            self.access = CrashingStore(store.access, at=at, when=when)
            self.reports = CrashingStore(store.reports, at=at, when=when)

    def now(self) -> datetime | None:
        assert isinstance(self._store, SqlStore)
        return self._store.now()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        return self._dying(method) if name == self._at else self._noting(name, method)

    def _noting(self, name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            result = await method(*args, **kwargs)
            self._done.add(name)
            return result

        return call

    def _dying(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if self._when == "before" and self._armed():
                _die()
            result = await method(*args, **kwargs)
            # Asked now: what it needs may have been done by the same commit, while it waited.
            if self._when == "after" and self._armed() and (result or self._at not in POLLING):
                _die()
            return result

        return call

    def _armed(self) -> bool:
        return NEEDS.get(self._at, "") in {"", *self._done}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    _, _, _, host, _, port = sys.argv  # as BotProcess gives them: run --host HOST --port PORT
    settings = Settings.from_env({**os.environ, "HOST": host, "PORT": port})
    configure(level=settings.log_level, log_format=settings.log_format)
    engine = open_engine(settings.database_url.reveal())
    migrate(engine)
    store = CrashingStore(SqlStore(engine), at=os.environ["CRASH_AT"], when=os.environ["CRASH_WHEN"])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings, cast(Store, store)))


if __name__ == "__main__":
    main()
