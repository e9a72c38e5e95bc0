"""The table of steps is the one table: no transaction makes another step, and none of it is only on paper."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from bot.domain import STEPS, Accepted, Lost, Refused, State, Submission, TryAgain
from bot.reports import Report
from bot.store import Taken
from bot.store.reports import SqlReportStore
from bot.store.sql import SqlStore
from bot.store.tables import message
from tests.bot.conftest import START, anybody
from tests.bot.databases import Database

ROOT = Path(__file__).parents[2]
OWNER, LEASE_S = "w1", 10.0
NOW = START + timedelta(seconds=60)

# Not built yet, and so made by nothing.
TO_COME = {
    (State.SCHEDULED, State.QUEUED): "a time at which a message is to be sent",
}

Call = Callable[[SqlStore, str], Awaitable[object]]


def recording(step: Accepted | Refused | Lost | TryAgain) -> Call:
    return lambda store, reference: store.record(reference, step, owner=OWNER, attempt=1, now=NOW)


def looking_up(batch_id: str | None) -> Call:
    return lambda store, reference: store.record_lookup(reference, batch_id=batch_id, next_at=None, tell=True, now=NOW)


# Everything that the store can do to a message that is there.
CALLS: dict[str, Call] = {
    "claim": lambda store, _: store.claim(owner=OWNER, limit=9, busy={}, per_person=9, now=NOW, lease_s=LEASE_S),
    "begin": lambda store, reference: store.begin(reference, owner=OWNER, now=NOW, lease_s=LEASE_S),
    "record accepted": recording(Accepted("B2")),
    "record refused": recording(Refused("http-400")),
    "record lost": recording(Lost("transport-reset")),
    "record try again": recording(TryAgain("http-429", NOW)),
    "renew": lambda store, reference: store.renew([reference], owner=OWNER, now=NOW, lease_s=LEASE_S),
    "release": lambda store, reference: store.release([reference], owner=OWNER),
    "take up lost": lambda store, _: store.take_up_lost(cause="own-crash", holding=(), now=NOW + timedelta(hours=1)),
    "claim look-ups": lambda store, _: store.claim_lookups(owner=OWNER, limit=9, now=NOW, lease_s=LEASE_S),
    "look-up that finds": looking_up("B3"),
    "look-up that does not": looking_up(None),
    "resume look-ups": lambda store, _: store.resume_lookups(at_most=0, since=START - timedelta(days=1), now=NOW),
    "claim answers": lambda store, _: store.claim_answers(owner=OWNER, limit=9, now=NOW, lease_s=LEASE_S),
    "resume answers": lambda store, _: store.resume_answers(now=NOW),
    "delivery report": lambda store, reference: store.reports.take(
        batch_id="B1", client_reference=reference, reports=[Report("12015550123", "Delivered", 0, NOW)], now=NOW
    ),
    "summary of reports": lambda store, reference: store.reports.poll_soon(
        batch_id=None, client_reference=reference, now=NOW
    ),
    "claim polls": lambda store, _: store.reports.claim_polls(owner=OWNER, limit=9, now=NOW, lease_s=LEASE_S),
    "last poll": lambda store, reference: store.reports.polled(reference, next_at=None, now=NOW),
    "cancelled at Sinch": lambda store, reference: store.reports.cancelled_at_sinch(
        reference, cause="own-cancelled", now=NOW
    ),
    "claim news": lambda store, _: store.reports.claim_news(owner=OWNER, limit=9, now=NOW, lease_s=LEASE_S),
    "unfold": lambda store, reference: store.reports.unfold(reference, unfolded=True, now=NOW),
    "resume news": lambda store, _: store.reports.resume_news(now=NOW),
    "cancel": lambda store, reference: store.cancel([reference], cause="own-forgotten", now=NOW),
    "erase": lambda store, reference: store.erase([reference]),
    "purge": lambda store, _: store.purge(kept_s=0, limit=9, now=NOW),
}
NOT_ABOUT_A_MESSAGE = {
    "access",
    "answer_failed",
    "answer_told",
    "by_batch",
    "close",
    "engine",
    "enqueue",
    "figures",
    "get",
    "kept",
    "now",
    "ping",
    "recent",
    # of the reports
    "callback_key",
    "counts",
    "find",
    "news_failed",
    "news_told",
    "overview",
    "page",
    "recipients",
    "scrub",
    "taken",
    "untold",
    "writes_waiting",
}


async def seen_steps(
    database: Database, store: SqlStore, submission: Callable[..., Submission]
) -> set[tuple[State, State]]:
    """What each call makes of a message in each state, held by its owner."""
    engine = database.engine()
    found = set()
    for start in State:
        for call in CALLS.values():
            taken = await store.enqueue(submission(), may=anybody, now=START)
            assert isinstance(taken, Taken)
            this = message.c.client_reference == taken.client_reference
            held = {
                "state": start,
                "attempts": 1,
                "lease_owner": OWNER,
                "lease_until": NOW.timestamp() + LEASE_S,
                "lookup_due_at": NOW.timestamp() if start is State.UNKNOWN else None,
            }
            with engine.begin() as connection:
                connection.execute(update(message).where(this).values(**held))

            await call(store, taken.client_reference)

            kept = await store.get(taken.client_reference)
            assert kept is not None
            if kept.state is not start:
                found.add((start, kept.state))
    return found


async def test_the_store_makes_just_the_steps_of_the_table(
    database: Database, store: SqlStore, submission: Callable[..., Submission]
) -> None:
    seen = await seen_steps(database, store, submission)

    table = {(start, end) for start, ends in STEPS.items() for end in ends}
    assert seen - table == set()
    assert table - seen == set(TO_COME)


def test_no_method_of_the_store_is_left_out() -> None:
    methods = {name for one in (SqlStore, SqlReportStore) for name in vars(one) if not name.startswith("_")}
    tried = {name for call in CALLS.values() for name in call.__code__.co_names if name in methods}

    assert methods - NOT_ABOUT_A_MESSAGE - {"reports"} == tried - {"reports"}


def test_what_may_have_been_sent_is_sent_again_only_when_it_certainly_never_arrived() -> None:
    into_the_queue = {start for start, ends in STEPS.items() if State.QUEUED in ends}
    into_sending = {start for start, ends in STEPS.items() if State.SENDING in ends}

    assert into_sending == {State.QUEUED}
    assert into_the_queue == {State.SENDING, State.SCHEDULED}  # sending → queued is `TryAgain` alone


def test_every_state_can_come_to_an_end() -> None:
    ends = {state for state, following in STEPS.items() if not following}
    assert ends == {State.REFUSED, State.CANCELLED}
    for state in State:
        reached, waiting = set[State](), [state]
        while waiting:
            one = waiting.pop()
            if one not in reached:
                reached.add(one)
                waiting += STEPS[one]
        assert reached & (ends | {State.ACCEPTED})


def test_the_page_about_the_architecture_has_the_same_table() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| [^|]+ \|([^|]*)\|$", (ROOT / "docs/architecture.md").read_text(encoding="utf-8"), re.M
    )
    documented = {State(start): {State(word) for word in re.findall(r"`(\w+)`", ends)} for start, ends in rows}

    assert documented == {state: set(ends) for state, ends in STEPS.items()}
