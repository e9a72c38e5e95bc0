"""A restored database: what waited in it is looked up, never sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bot.domain import State, Submission
from bot.store.restored import hold_back
from bot.store.sql import SqlStore
from tests.bot.databases import Database
from tests.bot.test_store_contract import T0, claim, queued

NewSubmission = Callable[..., Submission]
LATER = T0 + timedelta(days=1)
LOOK_SOON = timedelta(minutes=1)


async def test_what_waited_is_looked_up_and_never_claimed_for_sending_again(
    database: Database, store: SqlStore, submission: NewSubmission
) -> None:
    waiting = await queued(store, submission("V1"))

    assert hold_back(database.engine()) == 1

    assert await claim(store, now=LATER) == []
    assert await store.take_up_lost(cause="own-restarted", holding=[], now=LATER) == 1
    (lost,) = await store.claim_lookups(owner="anew", limit=9, now=LATER + LOOK_SOON, lease_s=10)
    assert (lost.client_reference, lost.state) == (waiting, State.UNKNOWN)


async def test_what_was_held_back_is_held_back_once(
    database: Database, store: SqlStore, submission: NewSubmission
) -> None:
    await queued(store, submission("V1"))
    assert hold_back(database.engine()) == 1

    assert hold_back(database.engine()) == 0
