"""What the store makes of delivery reports, on every kind of database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from bot.domain import Accepted, AnswerKind, Refused, State, Submission
from bot.reports import POLL_PAUSES_S, Counts, RecipientState, Report, Took
from bot.store.sql import SqlStore
from bot.store.tables import callback_key, message, recipient
from tests.bot.conftest import START
from tests.bot.databases import Database
from tests.bot.report_steps import (
    ANN,
    BEN,
    CAT,
    LEASE_S,
    THREE,
    accepted,
    found,
    queued,
    report,
    sending,
    states,
    take,
    unknown,
)

Submit = Callable[..., Submission]
FIRST_POLL_S = POLL_PAUSES_S[0]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# -- who is on the way


async def test_everybody_is_on_their_way_once_sinch_has_the_message_and_nobody_before(
    database: Database, store: SqlStore, submission: Submit
) -> None:
    begun = await sending(store, submission(to=THREE))
    assert database.rows(recipient) == []
    await store.record(begun.client_reference, Accepted("B1"), owner="w1", attempt=1, now=START)
    assert await store.reports.recipients(begun.client_reference) == [
        RecipientState(position, e164) for position, e164 in enumerate(THREE)
    ]
    assert await store.reports.counts([begun.client_reference, "mms-other"]) == {
        begun.client_reference: Counts(on_their_way=3)
    }
    assert await store.reports.counts([]) == {}


async def test_what_a_look_up_finds_has_recipients_too(store: SqlStore, submission: Submit) -> None:
    reference = await unknown(store, submission(to=THREE))
    await store.record_lookup(reference, batch_id="B1", next_at=None, tell=False, now=at(3))
    assert await states(store, reference) == ["Queued"] * 3
    assert (await found(store, reference)).finished_at == at(3)


async def test_a_thousand_recipients_are_kept_and_moved_on(store: SqlStore, submission: Submit) -> None:
    numbers = tuple(f"+1201555{number:04d}" for number in range(1000))
    reference = await accepted(store, submission(to=numbers), "B1")
    assert await take(store, *(report(e164, "Delivered", 0) for e164 in numbers)) is Took.APPLIED
    assert await store.reports.counts([reference]) == {reference: Counts(delivered=1000)}


# -- taking reports


async def test_a_report_moves_its_recipient_on(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    assert await take(store, report(BEN, "Dispatched", 401, at(1))) is Took.APPLIED
    assert await take(store, report(BEN, "Failed", 417, at(2)), now=at(3)) is Took.APPLIED
    assert await store.reports.recipients(reference) == [
        RecipientState(0, ANN),
        RecipientState(1, BEN, "Failed", 417, at(2), at(1), at(2)),
        RecipientState(2, CAT),
    ]


async def test_a_report_that_comes_again_is_nothing_new(
    database: Database, store: SqlStore, submission: Submit
) -> None:
    await accepted(store, submission(to=THREE), "B1")
    one = report(BEN, "Delivered", 0, at(2))
    assert await take(store, one, now=at(3)) is Took.APPLIED
    before = database.rows(recipient), database.rows(message)
    assert await take(store, one, now=at(900)) is Took.NOTHING_NEW
    assert await take(store, report(BEN, "Dispatched", 401, None), now=at(901)) is Took.APPLIED, "since when is new"
    assert await take(store, report(BEN, "Dispatched", 401, None), now=at(902)) is Took.NOTHING_NEW
    assert (await states(store, before[1][0]["client_reference"]))[1] == "Delivered"
    assert database.rows(message) == before[1]


async def test_a_report_without_a_time_is_as_of_when_it_came(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=(ANN,)), "B1")
    odd = datetime.fromisoformat("9999-12-31T23:59:59.999999+00:00")
    await take(store, report(ANN, "Dispatched", 401, odd), now=at(5))
    await take(store, report(ANN, "Delivered", 0, None), now=at(7))
    await take(store, report(ANN, "Delivered", 0, None), now=at(9))
    assert await store.reports.recipients(reference) == [RecipientState(0, ANN, "Delivered", 0, at(7), at(5), at(7))]


async def test_any_order_and_repetition_of_reports_gives_the_same(store: SqlStore, submission: Submit) -> None:
    reports = [
        report(ANN, "Queued", 400, at(0)),
        report(ANN, "Dispatched", 401, at(3)),
        report(ANN, "Delivered", 0, at(5)),
        report(ANN, "Failed", None, at(2)),
        report(BEN, "Parked", 7, at(1)),
        report(BEN, "Unknown", 1, at(8)),
        report(BEN, "dispatched", 401, at(7)),
        report(BEN, "Rejected", 257, at(6)),
        report(BEN, "Rejected", 60, at(4)),
        report(CAT, "Parked", 9, at(2)),
        report(CAT, "Queued", 400, at(1)),
    ]
    orders = [reports[start:] + reports[:start] for start in range(len(reports))]
    orders += [[*order[::-1], *order[:4]] for order in orders]
    ends = []
    for number, coming in enumerate(orders):
        reference = await accepted(store, submission(to=THREE), f"B{number}")
        for start in range(0, len(coming), 3):
            await take(store, *coming[start : start + 3], batch_id=f"B{number}", now=at(100 + number))
        counts = (await store.reports.counts([reference]))[reference]
        assert counts == Counts(delivered=1, failed=1, on_their_way=1)
        ends.append(await store.reports.recipients(reference))
    assert all(end == ends[0] for end in ends)
    assert [(one.state, one.code, one.at) for one in ends[0]] == [
        ("Delivered", 0, at(5)),
        ("Rejected", 60, at(4)),
        ("Parked", 9, at(2)),
    ]


async def test_two_processes_that_take_reports_of_one_message_lose_none(database: Database, submission: Submit) -> None:
    here, there = database.store(), database.store()
    numbers = tuple(f"+1201555{number:04d}" for number in range(60))
    reference = await accepted(here, submission(to=numbers), "B1")
    took = await asyncio.gather(
        *(
            take((here, there)[number % 2], report(e164, "Delivered", 0, at(number % 60)), now=at(99))
            for number, e164 in enumerate(numbers * 2)
        )
    )
    assert took.count(Took.APPLIED) == len(numbers)
    assert await here.reports.counts([reference]) == {reference: Counts(delivered=60)}


async def test_a_report_of_another_batch_is_not_ours_and_changes_nothing(
    database: Database, store: SqlStore, submission: Submit
) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    before = database.rows(recipient)
    assert await take(store, report(ANN, "Failed", 414), batch_id="B2") is Took.NOT_OURS
    assert await take(store, report(ANN, "Failed", 414), batch_id="B2", client_reference="mms-no") is Took.NOT_OURS
    assert await take(store, report(ANN, "Failed", 414), batch_id="B2", client_reference=reference) is Took.NOT_OURS
    assert await take(store, report(ANN, "Failed", 414), batch_id=None) is Took.NOT_OURS
    assert await take(store, report(ANN, "Failed", 414), batch_id="\0\ud83d", client_reference="\0") is Took.NOT_OURS
    assert database.rows(recipient) == before


async def test_a_recipient_who_is_not_in_the_message_is_left_out(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=(ANN,)), "B1")
    assert await take(store, report(BEN, "Failed", 414)) is Took.NOTHING_NEW
    assert await take(store, Report("\0", "Failed", 1, START), Report("", "", None, None)) is Took.NOTHING_NEW
    assert await states(store, reference) == ["Queued"]


async def test_words_and_codes_that_nobody_knows_are_kept(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=(ANN,)), "B1")
    await take(store, report(ANN, "Par\0ked \ud83d", 2**53 - 1, at(1)))
    assert await store.reports.recipients(reference) == [
        RecipientState(0, ANN, "Par\ufffdked ?", 2**53 - 1, at(1), None, None)
    ]


# -- a report that comes before our own record


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING, State.UNKNOWN])
async def test_a_report_is_proof_that_sinch_has_it(store: SqlStore, submission: Submit, state: State) -> None:
    one = submission(to=THREE)
    if state is State.QUEUED:
        reference = await queued(store, one)
        await store.claim(owner="w1", limit=9, busy={}, per_person=9, now=START, lease_s=LEASE_S)
    else:
        reference = (
            await unknown(store, one) if state is State.UNKNOWN else (await sending(store, one)).client_reference
        )
    took = await take(store, report(ANN, "Delivered", 0), batch_id="B7", client_reference=reference, now=at(2))
    assert took is Took.APPLIED
    kept = await found(store, reference)
    assert (kept.state, kept.batch_id, kept.finished_at) == (State.ACCEPTED, "B7", at(2))
    assert await states(store, reference) == ["Delivered", "Queued", "Queued"]
    told = await store.claim_answers(owner="w1", limit=9, now=at(2), lease_s=LEASE_S)
    assert [answer.kind for answer in told] == [AnswerKind.RESULT]
    assert await store.begin(reference, owner="w1", now=at(3), lease_s=LEASE_S) is None, "it is never sent again"
    late = await store.record(reference, Refused("http-400"), owner="w1", attempt=kept.attempts, now=at(3))
    assert not late
    assert not await store.record(reference, Accepted("B7"), owner="w1", attempt=kept.attempts, now=at(3))
    assert await store.claim_lookups(owner="w1", limit=9, now=at(60), lease_s=LEASE_S) == []
    assert await store.take_up_lost(cause="own-crash", holding=(), now=at(60)) == 0


async def test_an_unknown_that_was_told_is_told_as_found(store: SqlStore, submission: Submit) -> None:
    reference = await unknown(store, submission())
    await store.record_lookup(reference, batch_id=None, next_at=None, tell=True, now=at(9))
    [told] = await store.claim_answers(owner="w1", limit=9, now=at(9), lease_s=LEASE_S)
    await store.answer_told(told.answer_id, by_response_url=False, now=at(9))
    await take(store, report(ANN, "Delivered", 0), client_reference=reference, now=at(4000))
    again = await store.claim_answers(owner="w1", limit=9, now=at(4000), lease_s=LEASE_S)
    assert [answer.kind for answer in again] == [AnswerKind.FOUND]


async def test_a_reference_alone_does_not_make_other_phones_ours(store: SqlStore, submission: Submit) -> None:
    reference = await unknown(store, submission(to=(ANN,)))
    assert await take(store, report(BEN, "Delivered"), batch_id="B7", client_reference=reference) is Took.NOT_OURS
    assert (await found(store, reference)).state is State.UNKNOWN
    assert await take(store, report(ANN, "Delivered"), batch_id=None, client_reference=reference) is Took.NOT_OURS


@pytest.mark.parametrize("end", ["refused", "cancelled"])
async def test_what_never_went_out_stays_so_whatever_is_reported(store: SqlStore, submission: Submit, end: str) -> None:
    if end == "refused":
        begun = await sending(store, submission())
        reference = begun.client_reference
        await store.record(reference, Refused("http-400"), owner="w1", attempt=1, now=START)
    else:
        reference = await queued(store, submission())
        await store.cancel([reference], cause="own-forgotten", now=START)
    assert await take(store, report(ANN, "Delivered"), batch_id="B7", client_reference=reference) is Took.NOT_OURS
    assert (await found(store, reference)).state == end
    assert await states(store, reference) == []


async def test_a_message_that_an_older_version_had_accepted_gets_its_recipients_with_the_first_report(
    database: Database, store: SqlStore, submission: Submit
) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    with database.engine().connect() as connection, connection.begin():
        connection.execute(recipient.delete())
    assert await take(store, report(BEN, "Delivered", 0)) is Took.APPLIED
    assert await states(store, reference) == ["Queued", "Delivered", "Queued"]


# -- asking


async def claim_polls(store: SqlStore, *, now: datetime, owner: str = "w1") -> list[str]:
    claimed = await store.reports.claim_polls(owner=owner, limit=10, now=now, lease_s=LEASE_S)
    return [one.client_reference for one in claimed]


async def test_sinch_is_asked_first_a_little_after_it_took_the_message(database: Database, submission: Submit) -> None:
    here, there = database.store(), database.store()
    reference = await accepted(here, submission(), "B1")
    assert await claim_polls(here, now=at(FIRST_POLL_S - 0.1)) == []
    assert await claim_polls(here, now=at(FIRST_POLL_S)) == [reference]
    assert await claim_polls(there, now=at(FIRST_POLL_S), owner="w2") == [], "one process asks"
    assert await claim_polls(there, now=at(FIRST_POLL_S + LEASE_S), owner="w2") == [reference], "unless it has died"


async def test_it_is_asked_again_when_told_and_those_due_longest_come_first(
    store: SqlStore, submission: Submit
) -> None:
    one, other = [await accepted(store, submission(), batch_id) for batch_id in ("B1", "B2")]
    await store.reports.polled(one, next_at=at(30), now=at(6))
    await store.reports.polled(other, next_at=at(20), now=at(6))
    assert await claim_polls(store, now=at(19)) == []
    assert await claim_polls(store, now=at(30)) == [other, one]
    assert [(await found(store, reference)).polls for reference in (one, other)] == [1, 1]


async def test_when_everybody_is_final_sinch_is_asked_no_more(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(to=(ANN, BEN)), "B1")
    await take(store, report(ANN, "Delivered", 0), now=at(1))
    assert await claim_polls(store, now=at(10)) == [reference]
    await take(store, report(BEN, "Rejected", 257), now=at(11))
    await store.reports.polled(reference, next_at=at(60), now=at(12))  # the answer of who was asking just then
    assert await claim_polls(store, now=at(9999)) == []


async def test_after_the_last_question_those_on_their_way_have_no_final_word(
    store: SqlStore, submission: Submit
) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    await take(store, report(ANN, "Delivered", 0, at(1)), report(BEN, "Dispatched", 401, at(1)))
    await store.reports.polled(reference, next_at=None, now=at(999))
    assert await store.reports.recipients(reference) == [
        RecipientState(0, ANN, "Delivered", 0, at(1), None, at(1)),
        RecipientState(1, BEN, "NoFinalWord", None, at(999), at(1), at(999)),
        RecipientState(2, CAT, "NoFinalWord", None, at(999), None, at(999)),
    ]
    assert await claim_polls(store, now=at(9_999_999)) == []
    assert await take(store, report(CAT, "Delivered", 0, at(990)), now=at(1000)) is Took.APPLIED


async def test_a_summary_makes_the_question_due_unless_all_is_known(store: SqlStore, submission: Submit) -> None:
    reference = await accepted(store, submission(), "B1")
    soon = store.reports.poll_soon
    await store.reports.polled(reference, next_at=at(600), now=at(6))
    assert await soon(batch_id="B1", client_reference=None, now=at(7)) is Took.APPLIED
    assert await claim_polls(store, now=at(7)) == [reference]
    await take(store, report(ANN, "Delivered", 0), now=at(8))
    assert await soon(batch_id="B1", client_reference=reference, now=at(9)) is Took.NOTHING_NEW
    assert await soon(batch_id="B9", client_reference=None, now=at(9)) is Took.NOT_OURS
    assert await claim_polls(store, now=at(9999)) == []


async def test_a_summary_settles_an_unknown(store: SqlStore, submission: Submit) -> None:
    reference = await unknown(store, submission())
    assert await store.reports.poll_soon(batch_id="B1", client_reference=reference, now=at(7)) is Took.APPLIED
    assert (await found(store, reference)).state is State.ACCEPTED
    assert await claim_polls(store, now=at(7)) == [reference]


# -- cancelling


async def test_what_was_cancelled_at_sinch_is_told_once_and_asked_for_at_once(
    store: SqlStore, submission: Submit
) -> None:
    reference = await accepted(store, submission(to=THREE), "B1")
    assert await store.reports.cancelled_at_sinch(reference, cause="own-forgotten", now=at(1))
    assert not await store.reports.cancelled_at_sinch(reference, cause="own-forgotten", now=at(1))
    kept = await found(store, reference)
    assert (kept.state, kept.cause, kept.batch_id) == (State.CANCELLED, "own-forgotten", "B1")
    told = await store.claim_answers(owner="w1", limit=9, now=at(1), lease_s=LEASE_S)
    assert [answer.kind for answer in told] == [AnswerKind.RESULT], "not that it was accepted as well"
    assert await claim_polls(store, now=at(1)) == [reference]
    await take(store, report(ANN, "Delivered", 0, at(0)), now=at(2))
    await store.reports.polled(reference, next_at=None, now=at(3))
    assert await states(store, reference) == ["Delivered", "Cancelled", "Cancelled"]


@pytest.mark.parametrize("state", [State.QUEUED, State.UNKNOWN])
async def test_only_what_sinch_has_is_cancelled_there(store: SqlStore, submission: Submit, state: State) -> None:
    reference = await (queued if state is State.QUEUED else unknown)(store, submission())
    assert not await store.reports.cancelled_at_sinch(reference, cause="own-forgotten", now=at(1))
    assert (await found(store, reference)).state is state
    assert not await store.reports.cancelled_at_sinch("mms-none", cause="own-forgotten", now=at(1))


# -- where Sinch calls back


async def test_the_key_of_the_address_is_made_once_for_all_processes(database: Database) -> None:
    here, there = database.store(), database.store()
    keys = await asyncio.gather(*(store.reports.callback_key() for store in (here, there) * 4))
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 43, "32 bytes of chance"
    assert [row["key"] for row in database.rows(callback_key)] == [keys[0]]
