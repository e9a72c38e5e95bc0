"""Which payloads were here before: for ten minutes, by the minute, and never more than there is room for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.slack import replays
from bot.slack.replays import SEEN_FOR_S, Replays
from tests.bot.conftest import FakeClock

A_MINUTE_S = 60.0
PARTS = st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x", "y"]))
STEPS = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 59.0, 61.0, 300.0, 599.0, 601.0, 700.0]), PARTS), max_size=40)


@given(STEPS)
def test_a_payload_is_a_repeat_for_ten_minutes_and_is_forgotten_a_minute_later(
    steps: list[tuple[float, tuple[str, str]]],
) -> None:
    clock, first_seen = FakeClock(), dict[tuple[str, str], float]()
    seen = Replays(clock)
    for pause, parts in steps:
        clock.jump(pause)
        now = clock.monotonic()
        age = now - first_seen[parts] if parts in first_seen else None

        repeat = seen.is_repeat(*parts)

        if age is None or age > SEEN_FOR_S + A_MINUTE_S:
            assert not repeat
        elif age <= SEEN_FOR_S:
            assert repeat
        if not repeat:
            first_seen[parts] = now


@given(st.lists(st.text(max_size=3), min_size=2, max_size=2), st.lists(st.text(max_size=3), min_size=2, max_size=2))
def test_only_the_very_same_parts_are_a_repeat(one: list[str], other: list[str]) -> None:
    seen = Replays(FakeClock())
    seen.is_repeat(*one)

    assert seen.is_repeat(*other) == (one == other)


def test_a_flood_drops_the_oldest_minute_first() -> None:
    clock = FakeClock()
    seen = Replays(clock)
    seen.is_repeat("the first")
    clock.jump(A_MINUTE_S)
    for number in range(replays.SEEN_MAX):
        assert not seen.is_repeat(str(number))

    assert seen.is_repeat(str(replays.SEEN_MAX - 1))
    assert not seen.is_repeat("the first")


def test_what_was_typed_is_not_kept() -> None:
    seen = Replays(FakeClock())
    seen.is_repeat("trigger", "+12015550123 a private text")

    assert "private" not in repr(vars(seen))
