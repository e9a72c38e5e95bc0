"""One thread that writes, and commits for everybody who waits at that moment.

A commit costs one flush to the disk, however many rows it holds: under load, submissions share it.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum, IntEnum
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.store import StoreUnavailableError
from bot.store.engine import BUSY_TIMEOUT_S, is_locked_out, is_passing

_T = TypeVar("_T")
_Work = Callable[[Connection], Any]

CLOSE_WITHIN_S = 2.0  # a locked database must not hold up the end of the process
GROUP_MAX = 256  # jobs in one commit; bounds how long the first of them waits for the last
OTHERS_MAX = 8  # of jobs for which nobody waits in Slack: a submission waits for one commit of theirs. Ours
SETTLED_AT_ONCE = 8  # each goes on for up to a millisecond. Ours
TRIES = 3  # of a transaction that ended by no fault of its own
AGAIN_AFTER_S = 0.02  # the other of two that waited for each other has to get on meanwhile
SHORTEST_WAIT_S = 0.005
ONE_BY_ONE_WITHIN_S = 5.0  # nobody who waits is still there after that


class Needs(IntEnum):
    """What a job does with the list of who may send. In this order the jobs of a group run, and before those that do
    nothing with it: whoever asks the list waits for an ack.

    Two processes that both read the list, and then both want to change it, would wait for each other for ever: so a
    group that changes it has locked it against everybody before anything else.
    """

    LIST_ALONE = 0
    LIST = 1
    NOTHING = 2


class _Stage(Enum):
    """How far a transaction came. What fails before its commit has certainly changed nothing."""

    BEGIN = 1
    WORK = 2
    COMMIT = 3


class _Job(NamedTuple):
    needs: Needs
    of: str
    work: _Work

    def turn(self) -> tuple[int, bool, str]:
        return self.needs, not self.of, self.of

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Writer:
    """Runs functions on the one writing connection. Each sees the others' effects and is atomic by itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(writes=True)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._first: deque[_Job] = deque()  # of these, somebody waits for the ack
        self._others: deque[_Job] = deque()
        self._kept: Connection | None = None  # to fetch one and give it back costs as much as to write a row
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], _T], *, needs: Needs = Needs.NOTHING, of: str = "") -> _T:
        """Run ``work`` in a transaction; returns once it is committed.

        ``work`` may run again (what it did before is undone), so it must do nothing but talk to the connection.

        Args:
            of: the reference of the one message whose row it locks. Those of a group run in this order, so that two
                processes do not wait for each other; after them whatever has none, which takes what is free.

        Raises:
            StoreUnavailableError: not committed, or the outcome of the commit is not known.
        """
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(_Job(needs, of, work, loop, future))
        return cast(_T, await future)

    @property
    def waiting(self) -> int:
        """Jobs that nobody has begun with."""
        return self._jobs.qsize() + len(self._first) + len(self._others)

    async def close(self) -> None:
        """Finish what is waiting, as far as that goes in a moment, then end the thread."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join, CLOSE_WITHIN_S)

    def _run(self) -> None:
        still_open = True
        while still_open or self._first or self._others:
            still_open = still_open and self._collect(wait=not (self._first or self._others))
            for jobs, most in ((self._first, GROUP_MAX), (self._others, OTHERS_MAX)):
                if group := [jobs.popleft() for _ in range(min(most, len(jobs)))]:
                    self._commit_all(sorted(group, key=_Job.turn))
        if self._kept is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                self._kept.detach()  # the pool may be closed by now, and would forget to close this one
            self._let_go(self._kept)

    def _collect(self, *, wait: bool) -> bool:
        """Sort what was asked for meanwhile; False when there will be no more."""
        while True:
            try:
                job = self._jobs.get(block=wait)
            except queue.Empty:
                return True
            if job is None:
                return False
            (self._others if job.needs is Needs.NOTHING else self._first).append(job)
            wait = False

    def _commit_all(self, group: list[_Job]) -> None:
        """All of them together; if one of them fails, each again by itself, so that only the culprit fails."""
        fault = self._commit(group)
        if fault is None:
            return
        # If they waited for a lock together, each of them might: as long again for all of them, not for each.
        wait_s = max(BUSY_TIMEOUT_S / len(group), SHORTEST_WAIT_S) if is_locked_out(fault) else None
        end = time.monotonic() + ONE_BY_ONE_WITHIN_S
        for job in group:
            if time.monotonic() < end:
                self._commit([job], wait_s=wait_s)
            else:
                self._answer([job], _told(fault))

    def _commit(self, group: list[_Job], *, wait_s: float | None = None) -> Exception | None:
        """Run and commit a group, and answer it. If one job of several failed, its fault, and nothing is answered."""
        tries = 0
        while True:
            tries += 1
            results: list[Any] = []
            stage = _Stage.BEGIN
            connection: Connection | None = None
            try:
                connection = self._connect(wait_s)
                with connection.begin() as transaction:
                    stage = _Stage.WORK
                    results.extend(job.work(connection) for job in group)
                    stage = _Stage.COMMIT
                    try:
                        transaction.commit()
                    except BaseException:  # whatever stopped it, this connection is not used again
                        connection.invalidate()  # it may still hold the transaction, and its lock with it
                        raise
            except (
                Exception
            ) as error:  # whatever it is, those who wait have to hear of it, and the thread has to live on
                self._let_go(connection)
                if stage is not _Stage.COMMIT and is_passing(error) and tries < TRIES:
                    time.sleep(AGAIN_AFTER_S)
                    continue
                if stage is _Stage.WORK and len(group) > 1:
                    return error
                self._answer(group, _told(error))
            else:
                self._answer(group, *results)
                if wait_s is not None:
                    self._let_go(connection)
            return None

    def _connect(self, wait_s: float | None) -> Connection:
        """The connection that is kept, or another one for work that waits for locks as long as it is told."""
        if wait_s is not None:
            return self._engine.execution_options(wait_s=wait_s).connect()
        if self._kept is None:
            self._kept = self._engine.connect()
        return self._kept

    def _let_go(self, connection: Connection | None) -> None:
        if connection is self._kept:
            self._kept = None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):  # it is broken, then: the next one is a new one
                connection.close()

    @staticmethod
    def _answer(group: list[_Job], *outcomes: Any) -> None:
        failed = outcomes[0] if len(outcomes) == 1 and isinstance(outcomes[0], Exception) else None
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for index, job in enumerate(group):
            outcome = failed if failed is not None else outcomes[index]
            by_loop.setdefault(job.loop, []).append((job.future, outcome))
        for loop, told in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop that asked is gone: nobody waits any more
                loop.call_soon_threadsafe(_settle, loop, told)


def _settle(loop: asyncio.AbstractEventLoop, told: list[tuple[asyncio.Future[Any], Any]]) -> None:
    """Let those go on who wait, a few in each turn of the loop: a request that comes meanwhile is not behind them."""
    now, later = told[:SETTLED_AT_ONCE], told[SETTLED_AT_ONCE:]
    if later:
        loop.call_soon(_settle, loop, later)
    for future, outcome in now:
        if future.done():  # the caller gave up waiting
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def _told(error: Exception) -> Exception:
    """A fault of the database as our own: the driver's kind of it, and none of its words, for they may hold values."""
    if not isinstance(error, SQLAlchemyError | OSError):
        return error
    kind = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    unavailable = StoreUnavailableError(kind)
    unavailable.__cause__ = error
    return unavailable
