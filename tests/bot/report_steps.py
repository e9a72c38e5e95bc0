"""What the tests of delivery reports do again and again: a message that Sinch has, a report of it, a look at it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain import Accepted, Lost, Message, Submission
from bot.reports import DeliveryNews, RecipientState, Report, Took, counts_of, counts_word
from bot.store import Store, Taken
from tests.bot.conftest import START, anybody

ANN, BEN, CAT = "+12015550123", "+12015550124", "+12015550125"
THREE = (ANN, BEN, CAT)
LEASE_S = 10.0


async def queued(store: Store, submission: Submission, *, now: datetime = START) -> str:
    taken = await store.enqueue(submission, may=anybody, now=now)
    assert isinstance(taken, Taken)
    return taken.client_reference


async def sending(store: Store, submission: Submission, *, now: datetime = START) -> Message:
    reference = await queued(store, submission, now=now)
    await store.claim(owner="w1", limit=1000, busy={}, per_person=1000, now=now, lease_s=LEASE_S)
    begun = await store.begin(reference, owner="w1", now=now, lease_s=LEASE_S)
    assert begun is not None
    return begun


async def accepted(store: Store, submission: Submission, batch_id: str, *, now: datetime = START) -> str:
    begun = await sending(store, submission, now=now)
    reference = begun.client_reference
    assert await store.record(reference, Accepted(batch_id), owner="w1", attempt=begun.attempts, now=now)
    return reference


async def unknown(store: Store, submission: Submission, *, now: datetime = START) -> str:
    begun = await sending(store, submission, now=now)
    lost = Lost("transport-reset")
    assert await store.record(begun.client_reference, lost, owner="w1", attempt=begun.attempts, now=now)
    return begun.client_reference


def report(e164: str, state: str, code: int | None = None, at: datetime | None = START) -> Report:
    return Report(e164.removeprefix("+"), state, code, at)


async def take(
    store: Store,
    *reports: Report,
    batch_id: str | None = "B1",
    client_reference: str | None = None,
    now: datetime = START,
) -> Took:
    return await store.reports.take(batch_id=batch_id, client_reference=client_reference, reports=reports, now=now)


async def states(store: Store, reference: str) -> list[str]:
    return [one.state for one in await store.reports.recipients(reference)]


async def found(store: Store, reference: str) -> Message:
    one = await store.get(reference)
    assert one is not None
    return one


async def due_news(store: Store, *, now: datetime, owner: str = "w1") -> list[str]:
    return [one.client_reference for one in await claim_news(store, now=now, owner=owner)]


async def claim_news(store: Store, *, now: datetime, owner: str = "w1") -> Sequence[DeliveryNews]:
    return await store.reports.claim_news(owner=owner, limit=100, now=now, lease_s=LEASE_S)


async def tell(store: Store, reference: str, *, now: datetime, shown: str | None = None) -> str:
    """Tell the counts as they are, or ``shown``; the word for them."""
    word = shown or word_of(await store.reports.recipients(reference))
    await store.reports.news_told(reference, shown=word, channel_id="D1", ts="1.1", by_response_url=False, now=now)
    return word


def word_of(recipients: Sequence[RecipientState]) -> str:
    return counts_word(counts_of(recipients))
