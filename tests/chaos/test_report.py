"""The table, and the exit status that goes with it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from chaos.__main__ import DONE, NO, conclude, main
from chaos.campaign import Outcome
from chaos.ledger import Entry, Tally, Word
from chaos.plan import Kind, Round, Trouble

GOOD = Tally(submissions=10, acked=9, accepted=7, refused=1, unknown=1)


def outcome(tally: Tally, *failed: Entry) -> Outcome:
    planned = Round("seed", Kind.SQLITE, 2, socket_mode=False, intents=(), blows=())
    return Outcome(planned, tally, Counter({Trouble.KILL: 3}), restarts=1, seconds=12.4, failed=list(failed))


def test_the_table_has_a_line_for_each_round_and_their_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude([outcome(GOOD), outcome(GOOD)], asked=20) == DONE

    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    assert "submissions | acked | accepted | refused | unknown | told wrongly | doubled | silently lost" in lines[0]
    assert lines[2] == lines[3] == "| sqlite | 2, HTTP | 10 | 9 | 7 | 1 | 1 | 0 | 0 | 0 | 12 |"
    assert re.fullmatch(r"\| all \| *\| 20 \| 18 \| 14 \| 2 \| 2 \| 0 \| 0 \| 0 \| 25 \|", lines[4])
    assert "kill -9 6" in printed


@pytest.mark.parametrize("column", ["doubled", "silently_lost", "told_wrongly"])
def test_one_broken_promise_fails_the_campaign_and_is_named(column: str, capsys: pytest.CaptureFixture[str]) -> None:
    lost = Entry(7, "V7", acked=True, words={Word.UNKNOWN}, batches=2, copies=1)

    assert conclude([outcome(GOOD + Tally(**{column: 1}), lost)], asked=10) == NO

    assert "submission 7" in capsys.readouterr().out


def test_fewer_submissions_than_asked_for_fail_the_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude([outcome(GOOD)], asked=11) == NO

    assert "10 submissions ran, 11 were asked for" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--number", "0"], ["--number", "ten"], ["--database", "mysql"], ["--seconds", "x"]])
def test_wrong_use_is_told_and_nothing_starts(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)

    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err
