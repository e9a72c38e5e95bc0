"""``/metrics``: what the parts tell (``bot.telemetry``) and what the database holds, for Prometheus.

Counters and histograms are this process's own: add them up over processes. The database's figures are the same in each
process: take the largest. No label holds more than a word of ours: no number, no text, no name, no path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.clock import Clock
from bot.domain import State
from bot.store import Figures, StoreUnavailableError
from bot.telemetry import Payload, Telemetry, Telling, Turned

READ_LIMIT_S = 1.0  # a scrape is not held up by a database that is locked or away
READ_EVERY_S = 2.0  # anybody may ask, as often as they like; the database is asked this often
LAG_EVERY_S = 0.5
OTHER = "other"  # what the catalogue has no word for

# Upper bounds in seconds. Acks: our budget is 100 ms, Slack's 3 s; a commit takes a few milliseconds.
ACK_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
# An attempt ends after 20 s at the latest.
ATTEMPT_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
# From the submit to Sinch: at once, or after waits of minutes, and given up after an hour.
ACCEPTED_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 45.0, 120.0, 600.0, 3600.0)
# How late the loop is; what is late by 20 ms makes others wait visibly.
LAG_BUCKETS_S = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)

_ATTEMPT_OUTCOMES = {"tryagain": "retried"}


class Work(Protocol):
    """What is asked of the store."""

    async def figures(self) -> Figures: ...

    def writes_waiting(self) -> int: ...


class Metrics(Telemetry):
    """Counts into a registry of its own.

    Args:
        codes: the catalogue's keys; any other one is counted as ``other``.
        mode: ``http`` or ``socket``; ``database``: ``sqlite`` or ``postgresql``.
        sinch_in_flight: calls to Sinch that are under way, and ``sinch_limit``, how many may be.
    """

    def __init__(
        self,
        *,
        store: Work,
        clock: Clock,
        codes: Collection[str],
        version: str,
        mode: str,
        database: str,
        sinch_in_flight: Callable[[], int],
        sinch_limit: int,
    ) -> None:
        self._clock = clock
        self._codes = frozenset(codes)
        disable_created_metrics()  # a second series for each, which nothing here asks for
        self._registry = registry = CollectorRegistry()
        self._database = _DatabaseFigures(store, clock)
        registry.register(self._database)
        ProcessCollector(namespace="mms_bot", registry=registry)

        build = Gauge("mms_bot_build_info", "This process.", ["version", "mode", "database"], registry=registry)
        build.labels(version, mode, database).set(1)
        self._ack = Histogram(
            "mms_bot_ack_seconds",
            "From a whole payload of Slack's to its answer.",
            ["payload"],
            buckets=ACK_BUCKETS_S,
            registry=registry,
        )
        self._turned_away = Counter(
            "mms_bot_requests_turned_away", "Requests that got a 4xx.", ["reason"], registry=registry
        )
        self._denied = Counter("mms_bot_denied", "Times somebody asked for what they may not do.", registry=registry)
        self._attempts = Counter(
            "mms_bot_attempts", "Attempts at Sinch by what came of them.", ["outcome", "code"], registry=registry
        )
        self._attempt = Histogram(
            "mms_bot_attempt_seconds", "One attempt at Sinch.", buckets=ATTEMPT_BUCKETS_S, registry=registry
        )
        self._messages = Counter(
            "mms_bot_messages", "Messages that came to a state, by cause.", ["state", "code"], registry=registry
        )
        self._accepted = Histogram(
            "mms_bot_accepted_seconds",
            "From the submit until Sinch had it.",
            buckets=ACCEPTED_BUCKETS_S,
            registry=registry,
        )
        self._lookups = Counter("mms_bot_lookups", "Look-ups of lost answers.", ["result"], registry=registry)
        self._answers = Counter("mms_bot_answers", "Tries to tell somebody an answer.", ["result"], registry=registry)
        in_flight = Gauge("mms_bot_sinch_in_flight", "Calls to Sinch under way.", registry=registry)
        in_flight.set_function(lambda: float(sinch_in_flight()))
        Gauge("mms_bot_sinch_limit", "Calls to Sinch that may be under way.", registry=registry).set(sinch_limit)
        writes = Gauge("mms_bot_writes_waiting", "Writes that wait for their turn.", registry=registry)
        writes.set_function(lambda: float(store.writes_waiting()))
        self._lag = Histogram(
            "mms_bot_loop_lag_seconds", "How late the event loop is.", buckets=LAG_BUCKETS_S, registry=registry
        )
        # A series that appears only with its first event has no rate of it: what can be named is there from the start.
        self._acks = {payload: self._ack.labels(payload) for payload in Payload}
        for why in Turned:
            self._turned_away.labels(why)
        for telling in Telling:
            self._answers.labels(telling)
        for result in ("found", "not_found"):
            self._lookups.labels(result)

    async def page(self) -> bytes:
        """What a scrape gets, in Prometheus' text format."""
        await self._database.read()
        return generate_latest(self._registry)

    async def watch_lag(self) -> None:
        """Until cancelled."""
        while True:
            began = self._clock.monotonic()
            await self._clock.sleep(LAG_EVERY_S)
            self._lag.observe(max(0.0, self._clock.monotonic() - began - LAG_EVERY_S))

    # -- what the parts tell

    def acked(self, payload: Payload, seconds: float) -> None:
        self._acks[payload].observe(seconds)

    def turned_away(self, why: Turned) -> None:
        self._turned_away.labels(why).inc()

    def denied(self) -> None:
        self._denied.inc()

    def attempted(self, outcome: str, cause: str | None, seconds: float) -> None:
        self._attempt.observe(seconds)
        self._attempts.labels(_ATTEMPT_OUTCOMES.get(outcome, outcome), self._code(cause)).inc()

    def settled(self, state: str, cause: str | None) -> None:
        self._messages.labels(state, self._code(cause)).inc()

    def accepted_after(self, seconds: float) -> None:
        self._accepted.observe(seconds)

    def looked_up(self, *, found: bool) -> None:
        self._lookups.labels("found" if found else "not_found").inc()

    def told(self, telling: Telling) -> None:
        self._answers.labels(telling).inc()

    def _code(self, cause: str | None) -> str:
        if cause is None:
            return ""
        return cause if cause in self._codes else OTHER


class _DatabaseFigures(Collector):
    """What the database holds, as it was read last; nothing but ``up`` 0 when it could not be read."""

    def __init__(self, store: Work, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._figures: Figures | None = None
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def read(self) -> None:
        """Bring the figures up to date; those who ask at the same time share one read."""
        async with self._reading:
            now = self._clock.monotonic()
            if self._read_at is not None and now - self._read_at < READ_EVERY_S:
                return
            self._figures = None
            with suppress(StoreUnavailableError, TimeoutError):
                async with asyncio.timeout(READ_LIMIT_S):
                    self._figures = await self._store.figures()
            self._read_at = self._clock.monotonic()

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        yield GaugeMetricFamily("mms_bot_database_up", "Whether the database could be read.", value=figures is not None)
        if figures is None:
            return
        queue = GaugeMetricFamily("mms_bot_queue_messages", "Messages with work still to be done.", labels=["state"])
        for state, count in (
            (State.QUEUED, figures.queued),
            (State.SENDING, figures.sending),
            (State.UNKNOWN, figures.looking_up),
        ):
            queue.add_metric([state], count)
        yield queue
        now = self._clock.now()
        for name, text, since in (
            ("mms_bot_queue_oldest_seconds", "Age of the oldest message that waits or is sent.", figures.oldest_since),
            ("mms_bot_answers_oldest_seconds", "Age of the oldest untold answer.", figures.oldest_untold_since),
        ):
            age = 0.0 if since is None else max(0.0, (now - since).total_seconds())
            yield GaugeMetricFamily(name, text, value=age)
        yield GaugeMetricFamily(
            "mms_bot_answers_waiting", "Answers that somebody is still to be told.", value=figures.untold
        )
