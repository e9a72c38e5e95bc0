"""The campaign, short: everything breaks once on each database, and both promises hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from chaos import plan, report
from chaos.campaign import Campaign, Outcome
from chaos.databases import database_of
from chaos.plan import DECK, Kind

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

SUBMISSIONS = 60
AT_MOST_S = 240.0  # it takes 45; a busy machine has its time


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Kind, Outcome]:
    """Both at once: they wait most of the time."""
    played = await asyncio.gather(*(_play(kind, tmp_path_factory.mktemp(kind)) for kind in Kind))
    return dict(zip(Kind, played, strict=True))


async def _play(kind: Kind, folder: Path) -> Outcome:
    (planned,) = plan.rounds(
        seed="make test",
        number=SUBMISSIONS,
        kind=kind,
        settings=plan.SHORT[kind],
        long_faults=False,
        deck=list(DECK[kind]),
    )
    with database_of(kind, folder) as database:
        return await Campaign(planned, database, folder, ends_at=time.monotonic() + AT_MOST_S).run()


@pytest.mark.parametrize("kind", list(Kind))
async def test_whatever_breaks_no_phone_gets_a_submission_twice_and_everybody_hears_the_truth(
    outcomes: Mapping[Kind, Outcome], kind: Kind
) -> None:
    outcome = outcomes[kind]

    assert outcome.tally.promise_kept, report.failures(outcome.failed)
    assert outcome.tally.submissions == SUBMISSIONS
    assert outcome.tally.acked > SUBMISSIONS // 2
    assert set(outcome.dealt) == set(DECK[kind])
    assert outcome.mistakes == {}
