"""The bot with one of its seams broken, to show that the campaign sees it: ``broken_bot.py VARIANT run …``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, update

from bot.access import Denied
from bot.cli import main
from bot.delivery import decisions, worker, xms
from bot.delivery.sender import Fate, SendError
from bot.domain import Message, State, Step, Submission, TryAgain
from bot.store import AlreadyTaken, May, Taken
from bot.store.sql import SqlStore
from bot.store.tables import message

LATE_S = 0.5
IMPATIENT_S = 1.0
KEPT_BYTES = 400_000  # a soak of seconds is to see what a soak of minutes sees in bytes

_claim, _enqueue, _after_failure = SqlStore.claim, SqlStore.enqueue, decisions.after_failure
_late: set[asyncio.Task[Any]] = set()
_kept: list[bytearray] = []
_open: list[int] = []


async def enqueue_after_the_ack(store: SqlStore, submission: Submission, *, may: May, now: datetime) -> Taken:
    async def later() -> None:
        await asyncio.sleep(LATE_S)
        await _enqueue(store, submission, may=may, now=now)

    task = asyncio.create_task(later())
    _late.add(task)
    task.add_done_callback(_late.discard)
    return Taken("mms-not-yet")


def repeat_what_was_lost(
    lost: Message, error: SendError, *, now: datetime, give_up_after_s: float, jitter: float
) -> Step:
    if error.fate is Fate.LOST:
        return TryAgain(error.cause, now + timedelta(seconds=LATE_S))
    return _after_failure(lost, error, now=now, give_up_after_s=give_up_after_s, jitter=jitter)


async def claim_whatever_the_lease(store: SqlStore, *, owner: str, **how: Any) -> Sequence[Message]:
    def take_away(connection: Connection) -> None:
        others = (message.c.state.in_((State.QUEUED, State.SENDING)), message.c.lease_owner != owner)
        free = {"state": State.QUEUED, "due_at": 0.0, "lease_owner": None, "lease_until": None}
        connection.execute(update(message).where(*others).values(**free))

    await store._writer.run(take_away)
    return await _claim(store, owner=owner, **how)


async def keep_everything(
    store: SqlStore, submission: Submission, *, may: May, now: datetime
) -> Taken | AlreadyTaken | Denied:
    _kept.append(bytearray(os.urandom(KEPT_BYTES)))
    return await _enqueue(store, submission, may=may, now=now)


async def close_nothing(
    store: SqlStore, submission: Submission, *, may: May, now: datetime
) -> Taken | AlreadyTaken | Denied:
    _open.append(os.open(os.devnull, os.O_RDONLY))
    return await _enqueue(store, submission, may=may, now=now)


VARIANTS: Mapping[str, Callable[[], Sequence[AbstractContextManager[object]]]] = {
    "row after ack": lambda: [patch.object(SqlStore, "enqueue", enqueue_after_the_ack)],
    "repeat after a read time-out": lambda: [
        patch.object(worker, "after_failure", repeat_what_was_lost),
        patch.object(xms, "ATTEMPT_LIMIT_S", IMPATIENT_S),
    ],
    "keeps everything": lambda: [patch.object(SqlStore, "enqueue", keep_everything)],
    "closes nothing": lambda: [patch.object(SqlStore, "enqueue", close_nothing)],
    "no lease": lambda: [patch.object(SqlStore, "claim", claim_whatever_the_lease)],
}


def run() -> int:
    _, variant, *arguments = sys.argv
    with ExitStack() as broken:
        for seam in VARIANTS[variant]():
            broken.enter_context(seam)
        return main(arguments)


if __name__ == "__main__":
    sys.exit(run())
