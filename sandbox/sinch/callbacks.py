"""What Sinch tells by itself: delivery reports and inbound messages, posted over real HTTP and repeated.

Source: Sinch SMS API reference, "Webhooks": when, and how often again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from sandbox.sinch.batches import Batch
from sandbox.sinch.inbounds import Inbound
from sandbox.sinch.lives import Message, Step
from sandbox.sinch.plan import ServicePlan
from sandbox.sinch.reports import batch_report, recipient_report
from sandbox.sinch.signing import signature_headers
from sandbox.sinch.wire_values import new_id

FIRST_WAIT = timedelta(seconds=5)  # doubles with each repeat
LAST_REPEAT = timedelta(seconds=81_920)  # after the first failure
SLOWER_FOR, SLOWER = timedelta(seconds=60), timedelta(seconds=1)  # after a 429; Sinch gives no figures, these are ours
ANSWER_WITHIN_S = 10.0  # ours


class Fate(StrEnum):
    WAITING = "waiting"
    TAKEN = "taken"
    DROPPED = "dropped"
    GIVEN_UP = "given up"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Travel:
    """How callbacks get through. Sinch promises neither their order nor that each comes, or comes only once.

    Args:
        newest_first: of those that are due together, the last one comes first.
        times: each is sent so often, whatever the answer.
        late_s: each is sent so much later.
        lose_every: the first one and every so many are never sent; 1 loses all, 0 none.
    """

    newest_first: bool = False
    times: int = 1
    late_s: float = 0.0
    lose_every: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.times <= 100:
            raise ValueError("a callback is sent 1 to 100 times")
        if not 0 <= self.late_s <= LAST_REPEAT.total_seconds() or self.lose_every < 0:
            raise ValueError("a callback is 0 or more seconds late, and less than a day; nobody loses less than none")


AS_IT_HAPPENS = Travel()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request. ``status`` is None when there was no connection, or no answer in time."""

    at: datetime
    status: int | None


@dataclass(slots=True)
class Callback:
    """One callback, and what became of it. ``due_at`` is when it is tried next."""

    url: str
    content: dict[str, Any]
    due_at: datetime
    fate: Fate = Fate.WAITING
    attempts: list[Attempt] = field(default_factory=list)
    signed: dict[str, str] = field(default_factory=dict)


class Callbacks:
    """Sends by itself while it runs; ``flush`` does now what is due now, for clocks that are moved by hand.

    Args:
        plan: what there is to tell, and its clock.
        secret: signs each callback; None as for an account without signatures.
    """

    def __init__(self, plan: ServicePlan, secret: str | None) -> None:
        self.all: list[Callback] = []
        self.secret = secret
        self.travel = AS_IT_HAPPENS  # of those that are made from now on
        self._made = 0
        self._plan = plan
        self._watched: dict[str, Batch] = {}
        self._waiting: list[Callback] = []
        self._slow_until: dict[str, datetime] = {}  # by host
        self._not_before: dict[str, datetime] = {}
        self._session: aiohttp.ClientSession | None = None
        self._runner: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S))
        self._runner = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop sending; what waits is kept."""
        if self._runner is not None:
            self._runner.cancel()
            with suppress(asyncio.CancelledError):
                await self._runner
            self._runner = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    def wake(self) -> None:
        """Look again at what is due."""
        self._woken.set()

    def watch(self, batch: Batch) -> None:
        """Tell what becomes of this batch, as its ``delivery_report`` says."""
        if batch.request.delivery_report != "none":
            self._watched[batch.id] = batch

    async def inbound(self, inbound: Inbound) -> None:
        """Tell of an inbound message, if the plan has an address; returns when it was tried once."""
        if self._plan.callback_url is not None:
            self._add(self._plan.callback_url, inbound.to_json(self._plan.write))
            if self._session is not None:
                await self.flush()

    async def flush(self) -> None:
        """Send everything that is due by the plan's clock, each once; returns when each has its answer or has none.

        Raises:
            RuntimeError: the fake is not running.
        """
        async with self._one_at_a_time:
            self._collect()
            due = [one for one in self._waiting if one.due_at <= self._plan.clock()]
            if self.travel.newest_first:
                due.reverse()
            for callback in due:
                await self._try(callback)
            self._waiting = [one for one in self._waiting if one.fate is Fate.WAITING]
        if due:
            self._plan.changed()

    def _collect(self) -> None:
        """Make callbacks of what has happened since."""
        now, write = self._plan.clock(), self._plan.write
        for batch in list(self._watched.values()):
            kind, url = batch.request.delivery_report, batch.request.fields.get("callback_url", self._plan.callback_url)
            if kind == "none" or url is None or not batch.messages:  # by an update, a change of the plan, a cancel
                del self._watched[batch.id]
                continue
            if kind in ("summary", "full"):
                if all(one.now(now).state.final for one in batch.messages):
                    self._add(url, batch_report(batch, now, write, full=kind == "full"))
                    del self._watched[batch.id]
                continue
            for message, step in _untold(batch, now):
                if kind == "per_recipient" or step.state.final:
                    self._add(url, recipient_report(batch, message, step, write))
            if all(one.told == len(one.steps) and one.steps[-1].state.final for one in batch.messages):
                del self._watched[batch.id]

    def _add(self, url: str, content: dict[str, Any]) -> None:
        travel, due_at = self.travel, self._plan.clock() + timedelta(seconds=self.travel.late_s)
        lost = travel.lose_every > 0 and self._made % travel.lose_every == 0
        self._made += 1
        for _ in range(1 if lost else travel.times):
            callback = Callback(url, content, due_at, Fate.LOST if lost else Fate.WAITING)
            self.all.append(callback)
            if not lost:
                self._waiting.append(callback)

    async def _try(self, callback: Callback) -> None:
        now, host = self._plan.clock(), urlsplit(callback.url).netloc
        slow = now < self._slow_until.get(host, now)
        if slow and now < self._not_before[host]:
            callback.due_at = self._not_before[host]
            return
        status = await self._post(callback, now)
        callback.attempts.append(Attempt(now, status))
        if status == 429:
            self._slow_until[host] = now + SLOWER_FOR
        self._not_before[host] = now + SLOWER
        if status is not None and 200 <= status <= 299:
            callback.fate = Fate.TAKEN
        elif status is not None and status != 429 and status < 500:
            callback.fate = Fate.DROPPED
        else:
            callback.due_at = now + FIRST_WAIT * 2 ** (len(callback.attempts) - 1)
            if callback.due_at > callback.attempts[0].at + LAST_REPEAT:
                callback.fate = Fate.GIVEN_UP

    async def _post(self, callback: Callback, now: datetime) -> int | None:
        if self._session is None:
            raise RuntimeError("the fake is not running")
        body = json.dumps(callback.content, ensure_ascii=False).encode()
        if self.secret is not None and (self._plan.readings.repeats_signed_anew or not callback.signed):
            callback.signed = signature_headers(self.secret, body, nonce=new_id(now), timestamp=int(now.timestamp()))
        headers = {"Content-Type": "application/json", **callback.signed}
        try:
            async with self._session.post(callback.url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            await self.flush()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._woken.wait()

    def _pause_s(self) -> float | None:
        """Until something is due; None when nothing is in sight."""
        now = self._plan.clock()
        times = [one.due_at for one in self._waiting]
        times += [
            step.at for batch in self._watched.values() for one in batch.messages for step in one.steps if step.at > now
        ]
        return None if not times else max(0.0, (min(times) - now).total_seconds())


def _untold(batch: Batch, now: datetime) -> Iterator[tuple[Message, Step]]:
    """Steps that were reached and not told, and are told from now on."""
    for message in batch.messages:
        for step in message.steps[message.told :]:
            if step.at > now:
                break
            message.told += 1
            yield message, step
