"""A pace that waits instead of running into the plan's limit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
import respx

from sinch import ConnectionFailed, NoRetry, Sinch, TextMessage
from sinch._pace import Pace
from tests.sinch.ticking import TickingClock

BASE = "https://sinch.example"


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        anything = {"id": "batch-1", "number_of_recipients": 10, "number_of_messages": 10}
        router.post().mock(return_value=httpx.Response(201, json=anything))
        router.get().mock(return_value=httpx.Response(200, json={"id": "batch-1"}))
        yield router


def paced(clock: TickingClock, messages_per_second: float) -> Sinch:
    return Sinch(
        service_plan_id="plan-1",
        api_token="token",
        base_url=BASE,
        retry=NoRetry(),
        messages_per_second=messages_per_second,
        clock=clock,
        trust_env=False,
    )


def to(count: int) -> TextMessage:
    return TextMessage(to=[f"+1201555{number:04d}" for number in range(count)], from_="Shop", body="Hi")


async def test_each_recipient_takes_its_part_of_a_second(api: respx.MockRouter) -> None:
    clock = TickingClock()
    async with paced(clock, 10) as client:
        for count in (5, 20, 1, 1):
            await client.batches.send(to(count))
    assert clock.waits == pytest.approx([0.5, 2.0, 0.1])
    assert api.calls.call_count == 4


async def test_time_that_passes_by_itself_is_not_waited_again(api: respx.MockRouter) -> None:
    clock = TickingClock()
    async with paced(clock, 10) as client:
        await client.batches.send(to(5))
        clock.seconds += 60
        await client.batches.send(to(5))
        await client.batches.send(to(5))
    assert clock.waits == pytest.approx([0.5])


async def test_a_turn_beyond_the_time_limit_is_told_at_once_and_not_taken(api: respx.MockRouter) -> None:
    clock = TickingClock()
    async with paced(clock, 1) as client:
        await client.batches.send(to(30))
        with pytest.raises(ConnectionFailed) as caught:
            await client.batches.send(to(1), timeout_s=20.0)
        await client.batches.send(to(1), timeout_s=40.0)
    assert (caught.value.kind, caught.value.maybe_sent) == ("pace", False)
    assert clock.waits == pytest.approx([30.0])
    assert api.calls.call_count == 2


async def test_questions_and_dry_runs_do_not_wait(api: respx.MockRouter) -> None:
    clock = TickingClock()
    async with paced(clock, 1) as client:
        await client.batches.send(to(10))
        await client.batches.get("batch-1")
        await client.batches.dry_run(to(10))
    assert clock.waits == []


async def test_turns_come_in_the_order_of_arrival() -> None:
    clock = TickingClock()
    pace = Pace(2, clock)
    order: list[int] = []

    async def take(number: int) -> None:
        await pace.turn(1, within_s=60)
        order.append(number)

    await asyncio.gather(*(take(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("pace", [0, -1, float("nan")])
def test_a_pace_that_never_comes_to_a_turn_is_refused(pace: float) -> None:
    with pytest.raises(ValueError, match="messages_per_second"):
        paced(TickingClock(), pace)
