"""One thread that writes, and commits for everybody who waits at that moment.

A commit costs one flush to the disk, however many rows it holds: under load, submissions share it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.store import StoreUnavailableError

_T = TypeVar("_T")
_Work = Callable[[Connection], Any]
_Job = tuple[_Work, asyncio.AbstractEventLoop, "asyncio.Future[Any]"]

CLOSE_WITHIN_S = 2.0  # a locked database must not hold up the end of the process
GROUP_MAX = 256  # jobs in one commit; bounds how long the first of them waits for the last


class Writer:
    """Runs functions on the one writing connection. Each sees the others' effects and is atomic by itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(writes=True)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Run ``work`` in a transaction; returns once it is committed.

        ``work`` may run twice (the first time undone), so it must do nothing but talk to the connection.

        Raises:
            StoreUnavailableError: not committed, or the outcome of the commit is not known.
        """
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put((work, loop, future))
        return cast(_T, await future)

    async def close(self) -> None:
        """Finish what is waiting, as far as that goes in a moment, then end the thread."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join, CLOSE_WITHIN_S)

    def _run(self) -> None:
        while True:
            first = self._jobs.get()
            if first is None:
                return
            group = [first]
            last = False
            while len(group) < GROUP_MAX:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    last = True
                    break
                group.append(job)
            if not self._commit(group):
                # One of them failed and undid all: each again by itself, so that only the culprit fails.
                for job in group:
                    self._commit([job])
            if last:
                return

    def _commit(self, group: list[_Job]) -> bool:
        """Run and commit a group, and answer it. False, with nothing answered, if one job of several failed."""
        results: list[Any] = []
        working = False
        try:
            with self._engine.connect() as connection, connection.begin() as transaction:
                working = True
                results.extend(work(connection) for work, _, _ in group)
                working = False
                try:
                    transaction.commit()
                except BaseException:  # whatever stopped it, this connection is not used again
                    connection.invalidate()  # it may still hold the transaction, and its lock with it
                    raise
        except Exception as error:  # whatever it is, those who wait have to hear of it, and the thread has to live on
            if working and len(group) > 1:
                return False
            self._answer(group, _unavailable(error) if isinstance(error, SQLAlchemyError | OSError) else error)
            return True
        self._answer(group, *results)
        return True

    @staticmethod
    def _answer(group: list[_Job], *outcomes: Any) -> None:
        failed = outcomes[0] if len(outcomes) == 1 and isinstance(outcomes[0], Exception) else None
        for index, (_, loop, future) in enumerate(group):
            outcome = failed if failed is not None else outcomes[index]
            try:
                loop.call_soon_threadsafe(_settle, future, outcome)
            except RuntimeError:  # the loop that asked is gone: nobody waits for this one any more
                continue


def _settle(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():  # the caller gave up waiting
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _unavailable(error: Exception) -> StoreUnavailableError:
    """Our own error, with the driver's kind of fault and none of its words: they may hold values."""
    kind = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    unavailable = StoreUnavailableError(kind)
    unavailable.__cause__ = error
    return unavailable
