"""The soak: what it measures, what it says of it, and that what grows does not escape it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos import plan
from chaos.campaign import Outcome
from chaos.ledger import Entry, Tally, Word
from chaos.plan import Kind
from chaos.soak import verdict
from chaos.soak.__main__ import DONE, NO, conclude, main, soak
from chaos.soak.gauge import Gauge, Sample, measure
from chaos.soak.verdict import MOST_GROWTH, MOST_HANDLES_MORE, TooFewSamplesError, judge

BROKEN = str(Path(__file__).with_name("broken_bot.py"))
SUBMISSIONS, RATE = 100, 20.0
WHOLE = Tally(submissions=10, acked=10, accepted=9, refused=1)


def samples(*, grows_by: float = 0.0, handles_more: int = 0, warm_up_bytes: int = 0) -> Sequence[Sample]:
    """A hundred seconds; what grows does so in equal steps, the warm-up ends after 30."""
    return [
        Sample(
            at_s=at,
            memory_bytes=round(100_000_000 * (1 + grows_by * max(0, at - 35) / 60)) + min(at, 30) * warm_up_bytes,
            handles=30 + round(handles_more * max(0, at - 35) / 60),
            cpu_s=at / 2,
        )
        for at in range(101)
    ]


def outcome(tally: Tally = WHOLE, *failed: Entry, restarts: int = 0) -> Outcome:
    planned = plan.steady(seed="a", number=1, kind=Kind.SQLITE)
    return Outcome(planned, tally, Counter(), restarts=restarts, seconds=10.0, failed=list(failed))


def test_what_stays_as_it_is_after_the_warm_up_is_flat() -> None:
    judged = judge(samples(warm_up_bytes=1_000_000))

    assert judged.flat
    assert len(judged.parts) == verdict.PARTS
    assert all(part.cpu_share == pytest.approx(0.5) for part in judged.parts)
    assert judged.table().count("(warm-up)") == verdict.WARM_UP_PARTS


@given(st.floats(MOST_GROWTH * 1.1, 3.0))
def test_memory_that_grows_is_not_flat(grows_by: float) -> None:
    judged = judge(samples(grows_by=grows_by))

    assert not judged.flat
    assert judged.growth == pytest.approx(grows_by, rel=0.05)


@given(st.integers(MOST_HANDLES_MORE + 1, 500))
def test_open_files_that_grow_are_not_flat(more: int) -> None:
    assert not judge(samples(handles_more=more)).flat


def test_less_memory_and_fewer_open_files_are_no_fault() -> None:
    judged = judge(samples(grows_by=-0.2, handles_more=-20))

    assert judged.flat
    assert "memory shrank by 20.0%" in judged.sentence()


def test_a_machine_that_stood_still_for_most_of_the_time_does_not_hide_growth() -> None:
    late = [
        replace(sample, at_s=sample.at_s + (900.0 if sample.at_s > 60 else 0.0)) for sample in samples(grows_by=0.2)
    ]

    assert judge(late).growth == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("few", [0, 1, 19])
def test_too_few_samples_are_not_judged(few: int) -> None:
    with pytest.raises(TooFewSamplesError):
        judge([Sample(float(at), 1, 1, 0.0) for at in range(few)])


def test_a_process_is_measured_as_the_system_sees_it(tmp_path: Path) -> None:
    before = measure(os.getpid(), 0.0)
    with ExitStack() as files:
        for number in range(7):
            files.enter_context((tmp_path / str(number)).open("w"))
        held = bytearray(os.urandom(50_000_000))
        during = measure(os.getpid(), 1.0)
    assert len(held) == 50_000_000

    assert during.handles == before.handles + 7
    assert during.memory_bytes - before.memory_bytes > 40_000_000
    assert during.cpu_s >= before.cpu_s > 0


def test_a_good_soak_ends_with_its_tables_and_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude(outcome(), judge(samples()), asked=10) == DONE

    printed = capsys.readouterr().out
    assert "| 100 | 100.0 | 30 | 50% |" in printed
    assert "After the warm-up memory grew by 0.0% (limit 5%), open files changed by +0 (limit +5)." in printed
    assert "| sqlite | 1, HTTP | 10 | 10 | 9 | 1 | 0 | 0 | 0 | 0 | 10 |" in printed


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (outcome(WHOLE + Tally(doubled=1), Entry(7, "V7", words={Word.ACCEPTED}, batches=2)), "submission 7"),
        (outcome(WHOLE + Tally(silently_lost=1), Entry(8, "V8", acked=True)), "submission 8"),
        (outcome(restarts=1), "The process ended by itself 1 times."),
        (outcome(Tally(submissions=9, acked=9, accepted=9)), "9 submissions ran, 10 were asked for."),
    ],
)
def test_whatever_else_went_wrong_fails_the_soak_and_is_said(
    came: Outcome, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert conclude(came, judge(samples()), asked=10) == NO

    assert said in capsys.readouterr().out


def test_growth_fails_the_soak() -> None:
    assert conclude(outcome(), judge(samples(grows_by=0.06)), asked=10) == NO
    assert conclude(outcome(), judge(samples(handles_more=9)), asked=10) == NO


@pytest.mark.parametrize("wrong", [["--seconds", "5"], ["--rate", "0"], ["--rate", "many"], ["--database", "other"]])
def test_wrong_use_ends_with_two(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)

    assert ended.value.code == 2


def test_a_day_like_any_other_has_a_few_lost_answers_and_no_blows() -> None:
    planned = plan.steady(seed="a", number=2000, kind=Kind.SQLITE)

    troubled = [intent for intent in planned.intents if intent.fault is not None]
    assert planned == plan.steady(seed="a", number=2000, kind=Kind.SQLITE)
    assert planned.blows == ()
    assert 60 < len(troubled) < 200
    assert len({intent.text for intent in planned.intents}) == 2000


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", list(Kind))
async def test_a_short_soak_measures_the_real_bot_and_keeps_every_promise(kind: Kind, tmp_path: Path) -> None:
    gauge = Gauge(every_s=0.02)

    came = await soak(kind, tmp_path, number=SUBMISSIONS, rate=RATE, gauge=gauge)

    assert came.tally.promise_kept
    assert came.tally.submissions == came.tally.acked == SUBMISSIONS
    assert came.mistakes == {}
    assert len(gauge.samples) > 10
    assert all(sample.memory_bytes > 20_000_000 and sample.handles > 5 for sample in gauge.samples)


@pytest.mark.timeout(240)
async def test_a_bot_that_keeps_everything_is_seen(tmp_path: Path) -> None:
    judged = await _broken("keeps everything", tmp_path)

    assert judged.growth > MOST_GROWTH
    assert not judged.flat


@pytest.mark.timeout(240)
async def test_a_bot_that_closes_nothing_is_seen(tmp_path: Path) -> None:
    judged = await _broken("closes nothing", tmp_path)

    assert judged.handles_more > MOST_HANDLES_MORE
    assert not judged.flat


async def _broken(variant: str, folder: Path) -> verdict.Verdict:
    gauge = Gauge(every_s=0.02)
    await soak(Kind.SQLITE, folder, number=SUBMISSIONS, rate=RATE, gauge=gauge, program=(BROKEN, variant))
    return judge(gauge.samples)
