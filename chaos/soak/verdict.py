"""From samples to a verdict and a table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from chaos.soak.gauge import Sample

PARTS = 10  # with as many samples in each; the table has a line for each
LEAST_IN_A_PART = 2  # a share of the processor is a difference
WARM_UP_PARTS = 3  # caches fill, connections are opened, the database's pages come into memory
MOST_GROWTH = 0.05  # of memory, from the first part after the warm-up to the last
MOST_HANDLES_MORE = 5  # a leak adds one for each of something that happens all the time
_MEGABYTE = 1_000_000


class TooFewSamplesError(ValueError):
    """There is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Part:
    """A tenth of the samples.

    ``memory_bytes`` is the median. ``handles`` is the least: connections come and go with what is under way at the
    moment, what leaks stays.
    """

    until_s: float
    memory_bytes: float
    handles: int
    cpu_share: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """``growth`` is a fraction of the memory after the warm-up, ``handles_more`` a number of open files."""

    parts: tuple[Part, ...]
    growth: float
    handles_more: int

    @property
    def flat(self) -> bool:
        return self.growth < MOST_GROWTH and self.handles_more <= MOST_HANDLES_MORE

    def table(self) -> str:
        """In Markdown."""
        head = ["seconds", "memory (MB)", "open files (least)", "processor"]
        lines = [
            [
                f"{part.until_s:.0f}{' (warm-up)' if place < WARM_UP_PARTS else ''}",
                f"{part.memory_bytes / _MEGABYTE:.1f}",
                str(part.handles),
                f"{part.cpu_share:.0%}",
            ]
            for place, part in enumerate(self.parts)
        ]
        rule = ["--:"] * len(head)
        return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))

    def sentence(self) -> str:
        grew = "grew" if self.growth >= 0 else "shrank"
        return (
            f"After the warm-up memory {grew} by {abs(self.growth):.1%} (limit {MOST_GROWTH:.0%}), "
            f"open files changed by {self.handles_more:+d} (limit +{MOST_HANDLES_MORE})."
        )


def judge(samples: Sequence[Sample]) -> Verdict:
    """Compare the last tenth of the samples with the first one after the warm-up.

    Tenths of the samples and not of the clock's time: a machine that stands still for a moment takes fewer of them, and
    nothing was seen of the process meanwhile.

    Raises:
        TooFewSamplesError: a tenth has no two samples.
    """
    if len(samples) < PARTS * LEAST_IN_A_PART:
        raise TooFewSamplesError(f"{len(samples)} samples, at least {PARTS * LEAST_IN_A_PART} are needed")
    ends = [len(samples) * place // PARTS for place in range(PARTS + 1)]
    parts = tuple(_part(samples[start:end]) for start, end in pairwise(ends))
    first, last = parts[WARM_UP_PARTS], parts[-1]
    return Verdict(parts, last.memory_bytes / first.memory_bytes - 1.0, last.handles - first.handles)


def _part(inside: Sequence[Sample]) -> Part:
    return Part(
        until_s=inside[-1].at_s,
        memory_bytes=median(sample.memory_bytes for sample in inside),
        handles=min(sample.handles for sample in inside),
        cpu_share=(inside[-1].cpu_s - inside[0].cpu_s) / (inside[-1].at_s - inside[0].at_s),
    )
