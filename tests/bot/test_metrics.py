"""What a scrape gets: the parts' own words, the database's figures, and nothing that a person typed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from bot.causes import Catalogue
from bot.delivery.worker import LEASE_S
from bot.domain import Accepted, Lost, Refused, Submission
from bot.metrics import LAG_EVERY_S, OTHER, READ_EVERY_S, Metrics, Work
from bot.store import Figures, StoreUnavailableError, Taken
from bot.store.sql import SqlStore
from bot.telemetry import Payload, Telling, Turned
from tests.bot.conftest import START, FakeClock, anybody
from tests.bot.databases import Database

Submit = Callable[..., Submission]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
EMPTY = Figures(0, 0, 0, None, 0, None)
CODES = Catalogue.load().keys


class FakeStore:
    """A store of which only the figures are asked."""

    def __init__(self) -> None:
        self.found: Figures | None = EMPTY
        self.hangs = False
        self.reads = 0

    async def figures(self) -> Figures:
        self.reads += 1
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.found is None:
            raise StoreUnavailableError("away")
        return self.found

    def writes_waiting(self) -> int:
        return 3


def metrics_of(store: Work, clock: FakeClock | None = None) -> Metrics:
    return Metrics(
        store=store,
        clock=clock or FakeClock(),
        codes=CODES,
        version="0.1.0",
        mode="http",
        database="sqlite",
        sinch_in_flight=lambda: 7,
        sinch_limit=400,
    )


async def scrape(metrics: Metrics) -> Samples:
    text = (await metrics.page()).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


async def test_what_the_parts_tell_is_counted_under_their_words() -> None:
    metrics = metrics_of(FakeStore())
    metrics.acked(Payload.SUBMIT, 0.004)
    metrics.turned_away(Turned.SIGNATURE)
    metrics.denied()
    metrics.attempted("tryagain", "http-429", 0.2)
    metrics.attempted("accepted", None, 0.3)
    metrics.settled("accepted", None)
    metrics.settled("refused", "http-401")
    metrics.accepted_after(0.7)
    metrics.looked_up(found=True)
    metrics.told(Telling.GIVEN_UP)

    found = await scrape(metrics)

    assert value(found, "mms_bot_ack_seconds_count", payload="submit") == 1
    assert value(found, "mms_bot_ack_seconds_bucket", payload="submit", le="0.005") == 1
    assert value(found, "mms_bot_ack_seconds_bucket", payload="submit", le="0.002") == 0
    assert value(found, "mms_bot_requests_turned_away_total", reason="signature") == 1
    assert value(found, "mms_bot_denied_total") == 1
    assert value(found, "mms_bot_attempts_total", outcome="retried", code="http-429") == 1
    assert value(found, "mms_bot_attempts_total", outcome="accepted", code="") == 1
    assert value(found, "mms_bot_attempt_seconds_sum") == pytest.approx(0.5)
    assert value(found, "mms_bot_messages_total", state="refused", code="http-401") == 1
    assert value(found, "mms_bot_accepted_seconds_bucket", le="1.0") == 1
    assert value(found, "mms_bot_lookups_total", result="found") == 1
    assert value(found, "mms_bot_answers_total", result="given_up") == 1
    assert value(found, "mms_bot_sinch_in_flight") == 7
    assert value(found, "mms_bot_writes_waiting") == 3
    assert value(found, "mms_bot_build_info", version="0.1.0", mode="http", database="sqlite") == 1


@given(st.lists(st.text(max_size=30), max_size=20))
def test_whatever_the_causes_are_called_there_are_no_more_series_than_the_catalogue_has_entries(
    causes: list[str],
) -> None:
    metrics = metrics_of(FakeStore())
    for cause in causes:
        metrics.settled("refused", cause)

    found = asyncio.run(scrape(metrics))

    codes = {dict(labels)["code"] for name, labels in found if name == "mms_bot_messages_total"}
    assert codes <= CODES | {OTHER, ""}


async def test_a_database_that_is_away_is_told_and_its_old_figures_are_not() -> None:
    store, clock = FakeStore(), FakeClock()
    metrics = metrics_of(store, clock)
    assert value(await scrape(metrics), "mms_bot_queue_messages", state="queued") == 0

    store.found = None
    clock.jump(READ_EVERY_S)
    found = await scrape(metrics)

    assert value(found, "mms_bot_database_up") == 0
    assert not any(name.startswith(("mms_bot_queue", "mms_bot_answers_w", "mms_bot_answers_o")) for name, _ in found)


async def test_a_database_that_does_not_answer_holds_no_scrape_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.metrics.READ_LIMIT_S", 0.02)
    store = FakeStore()
    store.hangs = True

    assert value(await scrape(metrics_of(store)), "mms_bot_database_up") == 0


async def test_many_scrapes_are_one_read() -> None:
    store, clock = FakeStore(), FakeClock()
    metrics = metrics_of(store, clock)

    await asyncio.gather(*(metrics.page() for _ in range(20)))
    assert store.reads == 1

    clock.jump(READ_EVERY_S)
    await metrics.page()
    assert store.reads == 2


async def test_a_loop_that_is_late_is_seen() -> None:
    clock = FakeClock()
    metrics = metrics_of(FakeStore(), clock)
    watch = asyncio.create_task(metrics.watch_lag())
    await asyncio.sleep(0)  # it sleeps now
    clock.jump(LAG_EVERY_S + 0.03)  # something held the loop up
    await clock.advance(0)
    watch.cancel()

    found = await scrape(metrics)

    assert value(found, "mms_bot_loop_lag_seconds_sum") == pytest.approx(0.03)
    assert value(found, "mms_bot_loop_lag_seconds_bucket", le="0.02") == 0


async def test_the_figures_are_those_of_the_database(
    database: Database, store: SqlStore, submission: Submit, clock: FakeClock
) -> None:
    assert await store.figures() == EMPTY

    references = []
    for number in range(5):
        taken = await store.enqueue(
            submission(view_id=f"V{number}"), may=anybody, now=START + timedelta(seconds=number)
        )
        assert isinstance(taken, Taken)
        references.append(taken.client_reference)
    now = START + timedelta(seconds=60)
    claimed = await store.claim(owner="a", limit=4, busy={}, per_person=9, now=now, lease_s=LEASE_S)
    steps = (Accepted("01FC66621XXXXX119Z8PMV1QPQ"), Refused("http-401"), Lost("transport-read-timeout"), None)
    for one, step in zip(claimed, steps, strict=True):
        begun = await store.begin(one.client_reference, owner="a", now=now, lease_s=LEASE_S)
        assert begun is not None
        if step is not None:
            await store.record(one.client_reference, step, owner="a", attempt=begun.attempts, now=now)

    found = await store.figures()

    # The fourth is being sent, the fifth waits; the accepted and the refused one are still to be told.
    assert found == Figures(
        queued=1,
        sending=1,
        looking_up=1,
        oldest_since=START + timedelta(seconds=3),
        untold=2,
        oldest_untold_since=now,
    )
    shown = await scrape(metrics_of(store, _at(clock, 90)))
    assert value(shown, "mms_bot_queue_messages", state="unknown") == 1
    assert value(shown, "mms_bot_queue_oldest_seconds") == 87
    assert value(shown, "mms_bot_answers_waiting") == 2
    assert value(shown, "mms_bot_answers_oldest_seconds") == 30


def _at(clock: FakeClock, seconds: float) -> FakeClock:
    clock.jump(seconds)
    return clock


async def test_a_page_holds_no_long_number_but_in_its_values() -> None:
    store = FakeStore()
    store.found = replace(EMPTY, queued=12345678)
    metrics = metrics_of(store)
    metrics.settled("refused", "+12015550123")

    text = (await metrics.page()).decode()

    labels = re.findall(r"\{(.*?)\}", text)
    assert labels
    assert not re.search(r"\d{7}", " ".join(labels))
