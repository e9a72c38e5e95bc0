"""What the campaign is there to see does not escape it: three bots, each broken on purpose in one place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chaos import plan
from chaos.campaign import SETTLED_WITHIN_S, Campaign, Outcome
from chaos.databases import SqliteDatabase
from chaos.plan import PATIENT, Kind, Presses, Setting, Trouble
from chaos.processes import PROGRAM
from sandbox.sinch import Fault, Slow

pytestmark = pytest.mark.timeout(400)

BROKEN = str(Path(__file__).with_name("broken_bot.py"))
SUBMISSIONS = 24
AT_MOST_S = 100.0
LOST_AFTER_S = 8.0  # what never became a row is not told, however long one waits
LATE_ANSWER = Slow(2.0, accept_first=True)  # Sinch has it, and says so after the variant's patience has ended


async def _play(
    folder: Path,
    program: Sequence[str],
    *,
    deck: Sequence[Trouble] = (),
    fault: Fault | None = None,
    settled_within_s: float = SETTLED_WITHIN_S,
) -> tuple[Outcome, set[str]]:
    """What came of it, and the views that became rows."""
    (planned,) = plan.rounds(
        seed="broken", number=SUBMISSIONS, kind=Kind.SQLITE, settings=[Setting(2)], long_faults=False, deck=deck
    )
    intents = tuple(replace(intent, fault=fault, presses=Presses.ONCE, patience=PATIENT) for intent in planned.intents)
    database = SqliteDatabase(folder / "mms-bot.db")
    campaign = Campaign(
        replace(planned, intents=intents, blows=planned.blows if deck else ()),
        database,
        folder,
        ends_at=time.monotonic() + AT_MOST_S,
        program=program,
        settled_within_s=settled_within_s,
    )
    outcome = await campaign.run()
    assert outcome.tally.submissions == SUBMISSIONS
    return outcome, {row.view_id for row in database.rows()}


async def test_a_row_that_is_written_after_the_ack_is_lost_with_its_process(tmp_path: Path) -> None:
    outcome, rows = await _play(
        tmp_path, (BROKEN, "row after ack"), deck=[Trouble.KILL] * 3, settled_within_s=LOST_AFTER_S
    )

    assert outcome.tally.silently_lost > 0
    assert any(entry.silently_lost and entry.view_id not in rows for entry in outcome.failed)


async def test_a_repeat_after_a_read_time_out_texts_people_twice(tmp_path: Path) -> None:
    outcome, _ = await _play(tmp_path, (BROKEN, "repeat after a read time-out"), fault=LATE_ANSWER)

    assert outcome.tally.doubled > 0


async def test_without_leases_two_processes_send_the_same_row(tmp_path: Path) -> None:
    outcome, _ = await _play(tmp_path, (BROKEN, "no lease"), fault=LATE_ANSWER)

    assert outcome.tally.doubled > 0


async def test_the_bot_as_it_is_keeps_its_promises_where_those_fail(tmp_path: Path) -> None:
    outcome, _ = await _play(tmp_path, (str(PROGRAM),), fault=LATE_ANSWER)

    assert outcome.tally.promise_kept
    assert outcome.tally.accepted == outcome.tally.acked == SUBMISSIONS
