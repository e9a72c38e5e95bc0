"""Slack's rate limits: whatever is asked for and when, no minute and no conversation gets more calls than it may."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.pace import LIMITS, PAUSE_S, POST, UPDATE, Pace, TooSoonError
from sandbox.slack.rates import RATES, RateLimits
from tests.bot.conftest import FakeClock

if TYPE_CHECKING:
    from collections.abc import Sequence


ASKED = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.7, 1.3, 20.0]), st.sampled_from("AB")), max_size=250)


@pytest.mark.parametrize("method", [UPDATE, POST])
@given(asked=ASKED)
def test_the_fake_slack_takes_every_call_that_has_its_turn(method: str, asked: Sequence[tuple[float, str]]) -> None:
    """At the letter of the limits, with calls that each take up to 20 ms to arrive."""

    async def play() -> None:
        clock = FakeClock()
        pace = Pace(clock)
        begun: list[tuple[float, str]] = []
        for pause, channel in asked:
            clock.jump(pause)
            now = clock.monotonic()
            begins = max(line.begins_at(now) for line in pace._lines(method, channel, now))
            turn = asyncio.create_task(pace.turn(method, channel=channel, within_s=3.0))
            await asyncio.sleep(0)
            if not (turn.done() and turn.exception()):
                begun.append((begins, channel))
            turn.cancel()
        arrived = 0.0
        strict = RateLimits(lambda: arrived)
        strict.on = True
        for number, (begins, channel) in enumerate(sorted(begun)):
            arrived = begins + (0.02 if number % 7 == 0 else 0.0)
            assert strict.wait_s(method, channel) is None

    asyncio.run(play())


async def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    order: list[int] = []

    async def one(number: int) -> None:
        await pace.turn(UPDATE, within_s=99)
        order.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(10)]
    await asyncio.sleep(0)
    assert order == [0, 1, 2]
    await clock.advance(LIMITS[UPDATE].each_s * 7.5)
    await asyncio.gather(*tasks)
    assert order == list(range(10))


async def test_those_who_come_back_when_they_were_told_find_a_turn() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    backlog = [0.0] * 100
    calls = refused = 0
    while backlog:
        backlog.sort()
        clock.jump(max(0.0, backlog.pop(0) - clock.monotonic() + 1000.0))
        try:
            await pace.turn(UPDATE, within_s=0)
            calls += 1
        except TooSoonError as soon:
            refused += 1
            backlog.append(clock.monotonic() - 1000.0 + soon.after_s + 1e-6)
    assert calls == 100
    assert refused == 100 - LIMITS[UPDATE].burst, "each is sent away once at most"
    assert clock.monotonic() - 1000.0 == pytest.approx(LIMITS[UPDATE].each_s * 97, abs=0.01)


@pytest.mark.parametrize(("named", "held"), [(30.0, 30.0), (None, PAUSE_S)])
async def test_a_429_is_obeyed_and_then_nothing_is_caught_up_on(named: float | None, held: float) -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.hold_up(UPDATE, named)
    clock.jump(held - 0.01)
    with pytest.raises(TooSoonError):
        await pace.turn(UPDATE, within_s=0)
    clock.jump(0.02)
    await pace.turn(UPDATE, within_s=0)
    with pytest.raises(TooSoonError):
        await pace.turn(UPDATE, within_s=0)


async def test_a_method_without_a_limit_never_waits() -> None:
    pace = Pace(FakeClock())
    pace.hold_up("views.open", 99)
    for _ in range(1000):
        await pace.turn("views.open", channel="D1", within_s=0)


async def test_conversations_that_are_quiet_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.pace._LINES_KEPT", 10)
    clock = FakeClock()
    pace = Pace(clock)
    for number in range(100):
        await pace.turn(POST, channel=f"U{number}", within_s=99)
        clock.jump(2)
    assert len(pace._channels) <= 11
    await pace.turn(POST, channel="U99", within_s=0)
    with pytest.raises(TooSoonError):
        await pace.turn(POST, channel="U99", within_s=0)


def test_the_pace_stays_below_what_slack_enforces() -> None:
    for method, limit in LIMITS.items():
        assert limit.in_a_minute <= RATES[method].in_a_minute
        assert limit.each_channel_s >= RATES[method].each_channel_s
