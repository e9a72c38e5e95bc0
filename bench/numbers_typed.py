"""How long it takes to read a field full of phone numbers, beside the library alone."""

from __future__ import annotations

import time

import phonenumbers

from bench.acks import OURS, Size, Table
from bench.numbers import Better, Goal, Series
from bot.phone import read

COUNT = 1000
LIBRARY = "phonenumbers alone"
_TYPED = [f"+1 201 555 {number:04d}" for number in range(COUNT)]


def thousand_numbers(size: Size) -> Table:
    """A thousand recipients through the parser."""
    field = "\n".join(_TYPED)
    values: dict[str, list[float]] = {LIBRARY: [], OURS: []}
    for number in range(size.rounds + 1):
        for name, work in ((LIBRARY, _by_library), (OURS, lambda: read(field, default_region="US"))):
            began = time.perf_counter()
            work()
            if number:  # the first round warms up: the library loads its tables at first use
                values[name].append((time.perf_counter() - began) * 1000)
    rows = {name: {"1,000 numbers": Series(tuple(each), "ms")} for name, each in values.items()}
    return Table(
        "A thousand numbers, read and checked", LIBRARY, rows, [Goal(OURS, Better.LOWER, 30.0)], "1,000 numbers"
    )


def _by_library() -> None:
    for typed in _TYPED:
        number = phonenumbers.parse(typed, "US")
        if phonenumbers.is_valid_number(number):
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
