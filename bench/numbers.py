"""From measured values to what a table says of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

NOISY = 1.2  # a floor that is slower than itself by this factor between rounds: the machine did something else


class Better(Enum):
    """Which way is good."""

    LOWER = "≤"
    HIGHER = "≥"


@dataclass(frozen=True, slots=True)
class Series:
    """One value a round, of one contender. ``unit`` is a word such as ms, /s, MB or 1 (none)."""

    values: tuple[float, ...]
    unit: str

    @property
    def middle(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> str:
        """The least and the most."""
        return f"{shown(min(self.values))}–{shown(max(self.values))}"

    @property
    def noisy(self) -> bool:
        return min(self.values) > 0 and max(self.values) / min(self.values) > NOISY


@dataclass(frozen=True, slots=True)
class Goal:
    """``ours`` against ``limit`` times ``other``; ``other`` None: against the limit itself, in the series' unit.

    ``column`` is the one that counts, where it is not the table's own.
    """

    ours: str
    better: Better
    limit: float
    other: str | None = None
    column: str | None = None

    def reached(self, series: Mapping[str, Series]) -> bool:
        value = self.value(series)
        return value <= self.limit if self.better is Better.LOWER else value >= self.limit

    def value(self, series: Mapping[str, Series]) -> float:
        return ratio(series[self.ours], None if self.other is None else series[self.other])

    def sentence(self, series: Mapping[str, Series]) -> str:
        unit = "" if self.other is not None else f" {series[self.ours].unit}"
        against = f" × {self.other}" if self.other is not None else unit
        verdict = "reached" if self.reached(series) else "**not reached**"
        whose = self.ours if self.column is None else f"{self.ours}, {self.column}"
        return f"{whose}: {shown(self.value(series))}{against} (goal {self.better.value} {self.limit:g}): {verdict}"


def ratio(ours: Series, other: Series | None) -> float:
    """Of the medians. Round by round where both have as many, so that a slow minute hits both sides."""
    if other is None:
        return ours.middle
    if len(ours.values) == len(other.values):
        return median(a / b for a, b in zip(ours.values, other.values, strict=True))
    return ours.middle / other.middle


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` (0 to 1) of all are not above. Raises ``ValueError`` for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * len(ordered) * 1000) // 1000) - 1))]


def shown(value: float) -> str:
    """With three digits that mean something."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"
