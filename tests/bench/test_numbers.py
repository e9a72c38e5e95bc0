"""What a table says of measured values: medians, ratios round by round, goals, and a noisy run."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.acks import Table
from bench.numbers import NOISY, Better, Goal, Series, percentile, ratio, shown
from bench.tables import markdown

VALUES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=30)


@given(VALUES, st.floats(0.0, 1.0))
def test_a_percentile_is_a_value_that_was_measured_and_as_many_are_below_it(values: list[float], share: float) -> None:
    found = percentile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert percentile(values, 1.0) == max(values)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@given(VALUES, st.floats(0.1, 10.0))
def test_what_is_slower_in_every_round_is_slower_by_that_much_however_noisy_the_rounds(
    values: list[float], factor: float
) -> None:
    base = Series(tuple(values), "ms")
    other = Series(tuple(value * factor for value in values), "ms")

    assert ratio(other, base) == pytest.approx(factor)


def test_a_ratio_of_series_of_different_lengths_is_that_of_their_medians() -> None:
    assert ratio(Series((2.0, 4.0, 6.0), "ms"), Series((1.0, 3.0), "ms")) == 2.0
    assert ratio(Series((2.0, 4.0, 6.0), "ms"), None) == 4.0


@given(VALUES)
def test_a_series_says_its_median_and_whether_it_was_noisy(values: list[float]) -> None:
    series = Series(tuple(values), "ms")

    assert series.middle == median(values)
    assert series.noisy == (max(values) / min(values) > NOISY)


@pytest.mark.parametrize(
    ("better", "limit", "reached"),
    [(Better.LOWER, 2.0, True), (Better.LOWER, 1.9, False), (Better.HIGHER, 2.0, True), (Better.HIGHER, 2.1, False)],
)
def test_a_goal_is_reached_or_not(better: Better, limit: float, reached: bool) -> None:
    series = {"ours": Series((2.0,), "ms"), "floor": Series((1.0,), "ms")}
    goal = Goal("ours", better, limit, "floor")

    assert goal.reached(series) == reached
    assert goal.sentence(series).endswith(": reached" if reached else ": **not reached**")
    assert "ours: 2.00 × floor" in goal.sentence(series)


def test_a_goal_in_a_unit_says_the_unit() -> None:
    said = Goal("ours", Better.LOWER, 30.0).sentence({"ours": Series((7.5,), "ms")})

    assert said == "ours: 7.50 ms (goal ≤ 30): reached"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (0.0123, "0.012"), (0.5, "0.50"), (12.34, "12.3"), (1234.5, "1,234"), (-12.34, "-12.3")],
)
def test_numbers_are_shown_with_the_digits_that_mean_something(value: float, said: str) -> None:
    assert shown(value) == said


def test_a_table_has_a_line_for_each_with_its_ratio_and_the_goals() -> None:
    rows = {"floor": {"p50": Series((1.0, 1.0), "ms")}, "ours": {"p50": Series((3.0, 3.0), "ms")}}
    goals = [Goal("ours", Better.LOWER, 2.5, "floor"), Goal("ours", Better.LOWER, 2.5, "not there")]

    printed = markdown(Table("Time to ack", "floor", rows, goals, "p50"))

    assert "|  | p50 (ms) | p50, × floor |" in printed
    assert "| ours | 3.00 (3.00–3.00) | 3.00 |" in printed
    assert printed.count("- ours") == 1
    assert "Noisy" not in printed


def test_a_goal_may_be_about_another_column() -> None:
    rows = {
        name: {"p50": Series((middle,), "ms"), "p99": Series((late,), "ms")}
        for name, middle, late in (("floor", 1.0, 2.0), ("ours", 1.0, 8.0))
    }
    goals = [Goal("ours", Better.LOWER, 1.5, "floor"), Goal("ours", Better.LOWER, 1.5, "floor", "p99")]

    printed = markdown(Table("Time to ack", "floor", rows, goals, "p50"))

    assert "- ours: 1.00 × floor (goal ≤ 1.5): reached\n" in printed
    assert "- ours, p99: 4.00 × floor (goal ≤ 1.5): **not reached**" in printed


def test_a_noisy_floor_is_said() -> None:
    rows = {"floor": {"p50": Series((1.0, 1.5), "ms")}}

    assert "Noisy: " in markdown(Table("Time to ack", "floor", rows, [], "p50"))
