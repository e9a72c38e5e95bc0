"""The bench runs: the load arrives, is counted, and ends; how fast it was is not looked at here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import acks, contestants
from bench.acks import FLOOR, OURS, SMALLEST, Size
from bench.numbers_typed import thousand_numbers
from bench.tables import markdown

TINY = Size(rounds=2, requests=20, flat_out=128)
NAMES = [FLOOR, SMALLEST, OURS]


@pytest.fixture(autouse=True)
def _contenders_that_need_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants, "OTHERS_PYTHON", Path(sys.executable))


@pytest.mark.timeout(240)
async def test_each_table_has_everybody_and_its_goals(tmp_path: Path) -> None:
    tables = [
        await acks.submits(tmp_path / "a", TINY, NAMES),
        await acks.commands(tmp_path / "b", TINY, NAMES),
        await acks.saturation(tmp_path / "c", TINY, NAMES, submit=True),
        await acks.saturation(tmp_path / "d", TINY, NAMES, submit=False),
        thousand_numbers(TINY),
    ]

    for table in tables[:4]:
        assert list(table.rows) == NAMES
        assert all(len(series.values) == TINY.rounds for row in table.rows.values() for series in row.values())
        assert all(value > 0 for row in table.rows.values() for series in row.values() for value in series.values)
    assert all("(goal" in markdown(table) for table in tables)
