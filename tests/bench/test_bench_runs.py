"""The bench runs: the load arrives, is counted, and ends; how fast it was is not looked at here."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bench import acks, contestants, sends, shots, start
from bench.acks import FLOOR, OURS, SMALLEST, Size
from bench.contestants import AT_REST
from bench.dialogs import RECIPIENTS, large_dialogs
from bench.load import Gun
from bench.numbers_typed import thousand_numbers
from bench.processes import on_one_database
from bench.slack_stub import SlackStub
from bench.slow_sinch import BUSY, QUICK, acks_while_sinch_is_slow
from bench.socket_mode import envelopes
from bench.tables import markdown

TINY = Size(rounds=2, requests=20, flat_out=128, share=0.02)
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


@pytest.mark.timeout(240)
async def test_each_other_table_has_a_value_for_each_round_and_says_what_became_of_its_goals(tmp_path: Path) -> None:
    senders = [sends.CLIENT, sends.ONE_HTTPX]
    beside_the_sdk = await sends.sends_per_second(tmp_path / "c", TINY, senders)
    tables = [
        await large_dialogs(tmp_path / "a", TINY),
        await envelopes(tmp_path / "b", TINY, others=False),
        await sends.cpu_per_send(TINY, senders),
        await sends.submit_to_accepted(tmp_path / "d", TINY),
        await start.start(tmp_path / "e", TINY),
        await start.memory(tmp_path / "f", TINY),
        await on_one_database(tmp_path / "g", TINY),
    ]

    for table in [beside_the_sdk, *tables]:
        assert len(table.rows) >= 2
        assert all(len(series.values) == TINY.rounds for row in table.rows.values() for series in row.values())
        assert all(value >= 0 for row in table.rows.values() for series in row.values() for value in series.values)
    assert all("(goal" in markdown(table) for table in tables)
    assert sends.WORKER in markdown(beside_the_sdk)


@pytest.mark.timeout(120)
async def test_a_slow_sinch_holds_as_many_sends_as_it_is_said(tmp_path: Path) -> None:
    table = await acks_while_sinch_is_slow(tmp_path, TINY, others=False)
    assert list(table.rows) == [QUICK, BUSY]


@pytest.mark.timeout(120)
async def test_what_is_counted_as_a_large_submit_is_taken_as_one(tmp_path: Path) -> None:
    """Without its review it would only be shown again, and nothing would be committed."""
    async with SlackStub() as slack, contestants.bot("one", tmp_path, slack=slack.api_url, program=AT_REST) as one:
        async with Gun("127.0.0.1", one.port, 2) as gun:
            await gun.flat_out(shots.large_submit(RECIPIENTS).many(2))
        with closing(sqlite3.connect(tmp_path / "mms-bot.db")) as rows:
            assert rows.execute("SELECT recipient_count FROM message").fetchall() == [(RECIPIENTS,)] * 2
