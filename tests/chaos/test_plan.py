"""From a seed to a plan: the same one again, whole, and with everything in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos import plan
from chaos.plan import DECK, Kind, Round

KINDS = st.sampled_from(list(Kind))


def rounds(seed: str, number: int, kind: Kind, *, short: bool = False) -> Sequence[Round]:
    settings = plan.SHORT[kind] if short else plan.FULL[kind]
    return plan.rounds(seed=seed, number=number, kind=kind, settings=settings, long_faults=not short)


@given(st.text(max_size=8), st.integers(1, 300), KINDS)
def test_the_same_seed_plans_the_same_and_all_that_was_asked_for(seed: str, number: int, kind: Kind) -> None:
    planned = rounds(seed, number, kind)

    assert planned == rounds(seed, number, kind)
    assert sum(len(one.intents) for one in planned) == number


@pytest.mark.parametrize("kind", list(Kind))
def test_another_seed_plans_something_else(kind: Kind) -> None:
    assert rounds("a", 50, kind) != rounds("b", 50, kind)


@given(st.text(max_size=8), st.integers(8, 300), KINDS)
def test_everything_breaks_in_every_round_at_a_moment_that_comes(seed: str, number: int, kind: Kind) -> None:
    for one in rounds(seed, number, kind):
        befores = [blow.before for blow in one.blows]
        assert {blow.trouble for blow in one.blows} == set(DECK[kind])
        assert befores == sorted(befores)
        assert all(0 <= before < len(one.intents) for before in befores)
        assert all(blow.process < one.processes for blow in one.blows)


@given(st.text(max_size=8), KINDS)
def test_no_two_submissions_of_a_round_have_the_same_text(seed: str, kind: Kind) -> None:
    for one in rounds(seed, 200, kind):
        texts = {intent.text for intent in one.intents}
        assert len(texts) == len(one.intents)
        assert not any(text in other for text in texts for other in texts if text != other)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_process_is_stopped_for_longer_than_its_lease(kind: Kind) -> None:
    stops = [b for one in rounds("a", 400, kind) for b in one.blows if b.trouble is plan.Trouble.STOP]

    assert stops
    assert all(stop.for_s > plan.LEASE_S for stop in stops)


def test_the_campaign_has_one_to_four_processes_and_both_ways_from_slack() -> None:
    assert {setting.processes for setting in plan.FULL[Kind.POSTGRES]} == {1, 2, 3, 4}
    assert {setting.processes for setting in plan.FULL[Kind.SQLITE]} == {1, 2}
    for settings in plan.FULL.values():
        assert {setting.socket_mode for setting in settings} == {True, False}
