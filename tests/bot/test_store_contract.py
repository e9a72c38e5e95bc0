"""What every store keeps to, whatever the database behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import Denied
from bot.domain import STEPS, Accepted, AnswerKind, Lost, Message, Refused, State, Step, Submission, TryAgain
from bot.store import AlreadyTaken, Store, StoreUnavailableError, Taken
from bot.store.sql import PROGRESS_AFTER_S, SqlStore
from bot.store.steps import FIRST_LOOKUP_AFTER_S
from bot.store.tables import answer, message
from bot.store.turns import AT_ONCE, Places, Waiting, fair_turns
from tests.bot.conftest import anybody

if TYPE_CHECKING:
    from tests.bot.databases import Database

T0 = datetime.fromisoformat("2026-01-02T12:00:00+00:00")
LEASE_S = 10.0
Submit = Callable[..., Submission]


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


async def claim(
    store: Store,
    *,
    owner: str = "w1",
    limit: int = 100,
    busy: Mapping[str, int] | None = None,
    per_person: int = 100,
    now: datetime = T0,
) -> Sequence[Message]:
    return await store.claim(owner=owner, limit=limit, busy=busy or {}, per_person=per_person, now=now, lease_s=LEASE_S)


async def queued(store: Store, submission: Submission, *, now: datetime = T0) -> str:
    taken = await store.enqueue(submission, may=anybody, now=now)
    assert isinstance(taken, Taken)
    return taken.client_reference


async def sending(store: Store, submission: Submission, *, owner: str = "w1", now: datetime = T0) -> Message:
    reference = await queued(store, submission, now=now)
    await claim(store, owner=owner, now=now)
    begun = await store.begin(reference, owner=owner, now=now, lease_s=LEASE_S)
    assert begun is not None
    return begun


async def record(store: Store, begun: Message, step: Step, *, owner: str = "w1", now: datetime = T0) -> bool:
    return await store.record(begun.client_reference, step, owner=owner, attempt=begun.attempts, now=now)


async def unknown(store: Store, submission: Submission, *, now: datetime = T0) -> str:
    begun = await sending(store, submission, now=now)
    assert await record(store, begun, Lost("transport-reset"), now=now)
    return begun.client_reference


async def state_of(store: Store, reference: str) -> State:
    found = await store.get(reference)
    assert found is not None
    return found.state


# -- one submission


async def test_a_submission_is_kept_as_it_came(store: Store, submission: Submit) -> None:
    one = submission(
        "V1",
        user="U0BEN",
        channel="C1",
        response_url="https://hooks.slack.example/1",
        expires_at=at(1740),
        to=("+12015550123", "+12015550124"),
        media_url="https://host.example/a.png",
        subject="Hi",
        text="lone \ud83d half, 日本 and \u2028",
    )
    reference = await queued(store, one)
    kept = await store.get(reference)
    assert kept is not None
    assert (kept.view_id, kept.team_id, kept.content, kept.reply) == (one.view_id, one.team_id, one.content, one.reply)
    assert (kept.state, kept.kind, kept.recipient_count) == (State.QUEUED, "mms", 2)
    assert (kept.created_at, kept.digest) == (T0, one.content.digest())
    assert 8 <= len(reference) <= 128
    assert reference.isascii()
    assert "U0BEN" not in reference


async def test_fifty_presses_of_one_dialog_are_one_row(database: Database, submission: Submit) -> None:
    one = submission("V1")
    here, there = database.store(), database.store()
    answers = await asyncio.gather(*((here, there)[i % 2].enqueue(one, may=anybody, now=T0) for i in range(50)))
    assert sum(isinstance(answer, Taken) for answer in answers) == 1
    assert len({answer.client_reference for answer in answers if not isinstance(answer, Denied)}) == 1
    assert all(answer.digest == one.content.digest() for answer in answers if isinstance(answer, AlreadyTaken))
    assert len(database.rows(message)) == 1


async def test_the_same_dialog_with_other_content_changes_nothing(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission("V1", text="First"))
    again = await store.enqueue(submission("V1", text="Second"), may=anybody, now=at(1))
    assert again == AlreadyTaken(reference, digest=submission("V1", text="First").content.digest())
    assert await store.taken("V1") == again
    assert await store.taken("V2") is None
    kept = await store.get(reference)
    assert kept is not None
    assert kept.content is not None
    assert kept.content.text == "First"


async def test_the_same_recipients_in_another_order_are_the_same_content(store: Store, submission: Submit) -> None:
    await queued(store, submission("V1", to=("+12015550123", "+12015550124")))
    other = submission("V1", to=("+12015550124", "+12015550123"))
    again = await store.enqueue(other, may=anybody, now=T0)
    assert isinstance(again, AlreadyTaken)
    assert again.digest == other.content.digest()


async def test_equal_content_in_two_dialogs_is_two_messages(store: Store, submission: Submit) -> None:
    assert await queued(store, submission("V1")) != await queued(store, submission("V2"))


async def test_a_finished_message_still_holds_its_dialog(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission("V1"))
    await record(store, begun, Accepted("B1"))
    again = await store.enqueue(submission("V1"), may=anybody, now=at(1000))
    assert again == AlreadyTaken(begun.client_reference, digest=submission("V1").content.digest())


# -- claiming


async def test_nothing_is_claimed_before_it_is_due(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    await record(store, begun, TryAgain("transport-refused", at(5)))
    assert await claim(store, now=at(4.9)) == []
    assert [m.client_reference for m in await claim(store, now=at(5))] == [begun.client_reference]


async def test_two_processes_never_claim_the_same_message(database: Database, submission: Submit) -> None:
    here, there = database.store(), database.store()
    for _ in range(20):
        await queued(here, submission())
    claimed: list[str] = []
    while found := [
        message.client_reference
        for take in await asyncio.gather(
            *(claim(store, owner=owner, limit=3) for store, owner in [(here, "a"), (there, "b")] * 5)
        )
        for message in take
    ]:
        claimed += found
    assert len(claimed) == len(set(claimed)) == 20


async def test_a_lease_ends_and_another_owner_takes_over(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission())
    assert len(await claim(store, owner="dead")) == 1
    assert await claim(store, owner="next", now=at(LEASE_S - 0.1)) == []
    assert [m.client_reference for m in await claim(store, owner="next", now=at(LEASE_S))] == [reference]


async def test_a_renewed_lease_goes_on(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission())
    await claim(store, owner="w1")
    await store.renew([reference], owner="w1", now=at(8), lease_s=LEASE_S)
    assert await claim(store, owner="other", now=at(17.9)) == []
    assert len(await claim(store, owner="other", now=at(18))) == 1


async def test_nobody_renews_what_is_another_owners(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission())
    await claim(store, owner="w1")
    await store.renew([reference], owner="thief", now=at(9), lease_s=LEASE_S)
    assert len(await claim(store, owner="other", now=at(LEASE_S))) == 1


async def test_a_released_message_can_be_claimed_at_once(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission())
    await claim(store, owner="w1")
    await store.release([reference], owner="other")
    assert await claim(store, owner="w2") == []
    await store.release([reference], owner="w1")
    assert len(await claim(store, owner="w2")) == 1


async def test_a_message_under_way_is_not_released(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    await store.release([begun.client_reference], owner="w1")
    assert await record(store, begun, Refused("http-400"))


async def test_one_persons_hundred_messages_do_not_stop_anothers_one(store: Store, submission: Submit) -> None:
    for i in range(100):
        await queued(store, submission(user="U0ANN"), now=at(i / 1000))
    await queued(store, submission(user="U0BEN"), now=at(1))
    claimed = await claim(store, limit=2, now=at(2))
    assert {m.reply.user_id for m in claimed} == {"U0ANN", "U0BEN"}


async def test_a_person_has_only_so_many_under_way(store: Store, submission: Submit) -> None:
    for _ in range(10):
        await queued(store, submission(user="U0ANN"))
    assert len(await claim(store, per_person=4, busy={"U0ANN": 1})) == 3
    assert await claim(store, per_person=4, busy={"U0ANN": 4}) == []


async def test_a_persons_messages_go_in_the_order_they_came(store: Store, submission: Submit) -> None:
    references = [await queued(store, submission(), now=at(i)) for i in range(5)]
    assert [m.client_reference for m in await claim(store, now=at(10))] == references


people = st.sampled_from("ABCDE")


@given(
    owners=st.lists(people, max_size=60),
    busy=st.dictionaries(people, st.integers(0, 10), max_size=5),
    per_person=st.integers(1, 12),
    limit=st.integers(0, 40),
)
def test_turns_are_fair(owners: list[str], busy: dict[str, int], per_person: int, limit: int) -> None:
    waiting = [Waiting(f"m{i}", owner, owners[: i + 1].count(owner)) for i, owner in enumerate(owners)]
    chosen = fair_turns(waiting, Places(limit, busy, per_person))
    of = {one.client_reference: one.user_id for one in waiting}
    load = {p: busy.get(p, 0) for p in "ABCDE"}
    for reference in chosen:
        load[of[reference]] += 1
    taken = {p: sum(of[reference] == p for reference in chosen) for p in "ABCDE"}
    left = {p: owners.count(p) - taken[p] for p in "ABCDE"}
    assert len(set(chosen)) == len(chosen) <= limit
    assert all(load[p] <= per_person for p in "ABCDE" if taken[p])
    # Nobody was served while somebody with less under way still waited.
    for p in "ABCDE":
        for q in "ABCDE":
            if taken[p] and left[q] and load[q] < per_person:
                assert load[p] <= load[q] + 1
    # Nothing stays behind that there was room for.
    if len(chosen) < limit:
        assert all(left[p] == 0 or load[p] >= per_person for p in "ABCDE")
    for p in "ABCDE":
        own = [int(reference[1:]) for reference in chosen if of[reference] == p]
        assert own == sorted(own)


@given(
    owners=st.lists(people, max_size=60),
    busy=st.dictionaries(people, st.integers(0, 10), max_size=5),
    per_person=st.integers(1, 12),
    limit=st.integers(0, 40),
)
def test_what_is_chosen_is_always_among_what_is_looked_at(
    owners: list[str], busy: dict[str, int], per_person: int, limit: int
) -> None:
    waiting = [Waiting(f"m{i}", owner, owners[: i + 1].count(owner)) for i, owner in enumerate(owners)]
    places = Places(limit, {person: count for person, count in busy.items() if count}, per_person)
    in_turn = sorted(waiting, key=lambda one: one.turn)  # as the database gives them: by turn, the oldest first
    assert fair_turns(in_turn[: places.reach // AT_ONCE], places) == fair_turns(in_turn, places)


# -- the attempt


async def test_an_attempt_is_counted_when_it_begins(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission(), now=at(1))
    assert (begun.state, begun.attempts, begun.first_attempt_at, begun.attempt_started_at) == (
        State.SENDING,
        1,
        at(1),
        at(1),
    )
    await record(store, begun, TryAgain("transport-dns", at(3)), now=at(2))
    await claim(store, now=at(3))
    again = await store.begin(begun.client_reference, owner="w1", now=at(3), lease_s=LEASE_S)
    assert again is not None
    assert (again.attempts, again.first_attempt_at, again.attempt_started_at) == (2, at(1), at(3))


async def test_nothing_begins_after_the_lease_was_lost(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission())
    await claim(store, owner="slow")
    assert await store.begin(reference, owner="slow", now=at(LEASE_S), lease_s=LEASE_S) is None
    await claim(store, owner="next", now=at(LEASE_S))
    assert await store.begin(reference, owner="slow", now=at(LEASE_S + 1), lease_s=LEASE_S) is None
    assert await store.begin(reference, owner="next", now=at(LEASE_S + 1), lease_s=LEASE_S) is not None


async def test_nothing_begins_without_a_claim(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission())
    assert await store.begin(reference, owner="w1", now=T0, lease_s=LEASE_S) is None


async def test_nothing_begins_twice(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    assert await store.begin(begun.client_reference, owner="w1", now=T0, lease_s=LEASE_S) is None


# -- what came of it

NOT_ACCEPTED: list[Step] = [
    Refused("http-400", "syntax_invalid_json", "bad"),
    Lost("transport-timeout"),
    TryAgain("transport-refused", at(60)),
]


@pytest.mark.parametrize("step", NOT_ACCEPTED, ids=lambda step: type(step).__name__)
async def test_an_outcome_counts_only_for_its_own_attempt_and_owner(
    store: Store, submission: Submit, step: Step
) -> None:
    begun = await sending(store, submission())
    reference = begun.client_reference
    assert not await store.record(reference, step, owner="w1", attempt=begun.attempts + 1, now=T0)
    assert not await store.record(reference, step, owner="other", attempt=begun.attempts, now=T0)
    assert not await store.record("mms-nobody", step, owner="w1", attempt=1, now=T0)
    assert await state_of(store, reference) is State.SENDING
    assert await record(store, begun, step)
    assert not await record(store, begun, step)


async def test_an_accepted_batch_counts_from_whomever_it_comes(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    assert await store.record(begun.client_reference, Accepted("B1"), owner="late", attempt=77, now=T0)
    kept = await store.get(begun.client_reference)
    assert kept is not None
    assert (kept.state, kept.batch_id, kept.cause) == (State.ACCEPTED, "B1", None)


async def test_a_late_accepted_batch_settles_an_unknown(store: Store, submission: Submit) -> None:
    reference = await unknown(store, submission())
    assert await store.record(reference, Accepted("B1"), owner="w1", attempt=1, now=at(30))
    kept = await store.get(reference)
    assert kept is not None
    assert (kept.state, kept.batch_id, kept.cause) == (State.ACCEPTED, "B1", None)


async def test_an_accepted_batch_does_not_change_what_was_settled(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    await record(store, begun, Refused("http-400"))
    assert not await record(store, begun, Accepted("B1"))
    assert await state_of(store, begun.client_reference) is State.REFUSED


async def test_an_accepted_batch_does_not_count_for_what_was_never_sent(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission())
    await claim(store)
    assert not await store.record(reference, Accepted("B1"), owner="w1", attempt=0, now=T0)


async def test_the_first_batch_id_stays(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    await record(store, begun, Accepted("B1"))
    assert not await record(store, begun, Accepted("B2"))
    kept = await store.get(begun.client_reference)
    assert kept is not None
    assert kept.batch_id == "B1"


async def test_a_message_can_be_given_up_before_any_attempt(store: Store, submission: Submit) -> None:
    reference = await queued(store, submission())
    await claim(store)
    assert not await store.record(reference, Refused("own-gave-up"), owner="other", attempt=0, now=T0)
    assert await store.record(reference, Refused("own-gave-up"), owner="w1", attempt=0, now=T0)
    assert await state_of(store, reference) is State.REFUSED


async def test_repeats_are_counted_by_what_caused_them(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    await record(store, begun, TryAgain("http-429", at(1), rate_limited=True))
    await claim(store, now=at(1))
    again = await store.begin(begun.client_reference, owner="w1", now=at(1), lease_s=LEASE_S)
    assert again is not None
    await record(store, again, TryAgain("http-503", at(2), unavailable=True, tell=AnswerKind.WAITING), now=at(1))
    kept = await store.get(begun.client_reference)
    assert kept is not None
    assert (kept.rate_limited, kept.unavailable, kept.waiting_told) == (1, 1, True)


_ALL_STEPS: list[Step] = [Accepted("B1"), *NOT_ACCEPTED]
_REACHED = {"Accepted": State.ACCEPTED, "Refused": State.REFUSED, "Lost": State.UNKNOWN, "TryAgain": State.QUEUED}


@pytest.mark.parametrize("step", _ALL_STEPS, ids=lambda step: type(step).__name__)
@pytest.mark.parametrize("start", [s for s in State if s not in (State.SCHEDULED, State.CANCELLED)])
async def test_no_step_is_made_that_is_not_in_the_table(
    store: Store, submission: Submit, start: State, step: Step
) -> None:
    one = submission()
    attempts = 1
    if start is State.QUEUED:
        reference, attempts = await queued(store, one), 0
        await claim(store)
    else:
        begun = await sending(store, one)
        reference = begun.client_reference
        ways: dict[State, Step] = {
            State.ACCEPTED: Accepted("B0"),
            State.REFUSED: Refused("http-400"),
            State.UNKNOWN: Lost("transport-reset"),
        }
        if start in ways:
            await record(store, begun, ways[start])
    assert await state_of(store, reference) is start
    taken = await store.record(reference, step, owner="w1", attempt=attempts, now=at(1))
    end = await state_of(store, reference)
    assert end is start or end in STEPS[start], f"{start} → {end}"
    if start is State.SENDING:
        assert taken
        assert end is _REACHED[type(step).__name__]


def test_the_table_of_steps_covers_every_state() -> None:
    assert set(STEPS) == set(State)
    assert {state for ends in STEPS.values() for state in ends} <= set(State)
    assert State.SENDING not in STEPS[State.UNKNOWN]
    assert State.QUEUED not in STEPS[State.UNKNOWN]


# -- lost answers


async def test_a_message_cut_off_becomes_unknown_when_its_lease_ends(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    waiting = await queued(store, submission())
    assert await store.take_up_lost(cause="own-crash", holding=(), now=at(LEASE_S - 0.1)) == 0
    assert await store.take_up_lost(cause="own-crash", holding=(), now=at(LEASE_S)) == 1
    kept = await store.get(begun.client_reference)
    assert kept is not None
    assert (kept.state, kept.cause) == (State.UNKNOWN, "own-crash")
    assert await state_of(store, waiting) is State.QUEUED
    assert await claim(store, owner="w9", now=at(100)) != [kept]


async def test_what_was_cut_off_is_never_claimed_for_sending_again(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    assert await claim(store, owner="next", now=at(LEASE_S * 3)) == []
    await store.take_up_lost(cause="own-crash", holding=(), now=at(LEASE_S))
    assert await claim(store, owner="next", now=at(LEASE_S * 3)) == []
    assert await store.begin(begun.client_reference, owner="w1", now=at(1), lease_s=LEASE_S) is None


async def lookups(store: Store, now: datetime, *, owner: str = "w1", limit: int = 10) -> list[str]:
    found = await store.claim_lookups(owner=owner, limit=limit, now=now, lease_s=LEASE_S)
    return [m.client_reference for m in found]


async def test_an_unknown_is_looked_up_when_due_by_one_owner(store: Store, submission: Submit) -> None:
    reference = await unknown(store, submission())
    assert await lookups(store, at(FIRST_LOOKUP_AFTER_S - 0.1)) == []
    assert await lookups(store, at(FIRST_LOOKUP_AFTER_S)) == [reference]
    assert await lookups(store, at(FIRST_LOOKUP_AFTER_S + 1), owner="other") == []
    assert await lookups(store, at(FIRST_LOOKUP_AFTER_S + LEASE_S), owner="other") == [reference]


async def test_what_was_looked_up_least_comes_first(store: Store, submission: Submit) -> None:
    often, seldom = await unknown(store, submission()), await unknown(store, submission(), now=at(0.5))
    assert await lookups(store, at(1), limit=1) == [often]
    await store.record_lookup(often, batch_id=None, next_at=at(1.2), tell=False, now=at(1.1))
    assert await lookups(store, at(20), limit=1) == [seldom]


async def test_a_look_up_that_finds_it_settles_it(store: Store, submission: Submit) -> None:
    reference = await unknown(store, submission())
    await store.record_lookup(reference, batch_id="B1", next_at=None, tell=True, now=at(2))
    kept = await store.get(reference)
    assert kept is not None
    assert (kept.state, kept.batch_id) == (State.ACCEPTED, "B1")
    assert await lookups(store, at(10_000)) == []
    assert await told(store, at(2)) == [AnswerKind.RESULT]


async def test_an_unknown_is_told_once_and_a_late_find_as_a_find(store: Store, submission: Submit) -> None:
    reference = await unknown(store, submission())
    await store.record_lookup(reference, batch_id=None, next_at=at(4), tell=False, now=at(1))
    assert await told(store, at(1)) == []
    await store.record_lookup(reference, batch_id=None, next_at=at(8), tell=True, now=at(4))
    await store.record_lookup(reference, batch_id=None, next_at=at(20), tell=True, now=at(8))
    assert await told(store, at(8)) == [AnswerKind.UNKNOWN]
    kept = await store.get(reference)
    assert kept is not None
    assert (kept.lookups, kept.unknown_told) == (3, True)
    await store.record_lookup(reference, batch_id="B1", next_at=None, tell=True, now=at(20))
    assert await told(store, at(20)) == [AnswerKind.FOUND]


async def test_a_look_up_does_not_disturb_what_was_accepted_meanwhile(store: Store, submission: Submit) -> None:
    reference = await unknown(store, submission())
    await store.record(reference, Accepted("B1"), owner="w1", attempt=1, now=at(1))
    await store.record_lookup(reference, batch_id=None, next_at=at(4), tell=True, now=at(2))
    kept = await store.get(reference)
    assert kept is not None
    assert (kept.state, kept.lookups, kept.unknown_told) == (State.ACCEPTED, 0, False)
    assert await lookups(store, at(100)) == []
    assert await told(store, at(100)) == [AnswerKind.RESULT]


async def test_look_ups_end_and_start_again_with_the_process(store: Store, submission: Submit) -> None:
    reference = await unknown(store, submission())
    for number in range(21):
        await store.record_lookup(reference, batch_id=None, next_at=None, tell=False, now=at(number))
    assert await lookups(store, at(10_000)) == []
    await store.resume_lookups(at_most=18, since=at(1), now=at(10_000))
    assert await lookups(store, at(10_000)) == [], "taken too long ago to be found"
    await store.resume_lookups(at_most=18, since=T0, now=at(10_000))
    [resumed] = await store.claim_lookups(owner="w2", limit=10, now=at(10_000), lease_s=LEASE_S)
    assert (resumed.client_reference, resumed.lookups) == (reference, 18)


async def test_resuming_keeps_a_smaller_number_of_look_ups(store: Store, submission: Submit) -> None:
    reference = await unknown(store, submission())
    await store.resume_lookups(at_most=18, since=T0, now=at(0.1))
    kept = await store.get(reference)
    assert kept is not None
    assert kept.lookups == 0
    assert await lookups(store, at(0.1)) == [reference]


# -- answers


async def told(store: Store, now: datetime, *, owner: str = "n1") -> list[AnswerKind]:
    """Claim what is due and say that it was told."""
    kinds = []
    while due := await store.claim_answers(owner=owner, limit=50, now=now, lease_s=60):
        for one in due:
            kinds.append(one.kind)
            await store.answer_told(one.answer_id, by_response_url=False, now=now)
    return kinds


async def test_progress_is_told_only_when_the_result_takes_longer_than_a_moment(
    store: Store, submission: Submit
) -> None:
    await queued(store, submission())
    assert await told(store, at(PROGRESS_AFTER_S - 0.1)) == []
    assert await told(store, at(PROGRESS_AFTER_S)) == [AnswerKind.PROGRESS]
    assert await told(store, at(PROGRESS_AFTER_S + 1)) == []


@pytest.mark.parametrize("step", [Accepted("B1"), Refused("http-400")], ids=["accepted", "refused"])
async def test_no_progress_is_told_after_the_result(store: Store, submission: Submit, step: Step) -> None:
    begun = await sending(store, submission())
    await record(store, begun, step, now=at(1))
    assert await told(store, at(10)) == [AnswerKind.RESULT]


async def test_news_of_what_was_going_on_is_dropped_when_there_is_a_result(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    assert await store.claim_answers(owner="n1", limit=0, now=at(3), lease_s=60) == []  # it is to be told by now
    await record(store, begun, TryAgain("transport-dns", at(6), tell=AnswerKind.WAITING), now=at(5))
    await claim(store, now=at(6))
    again = await store.begin(begun.client_reference, owner="w1", now=at(6), lease_s=LEASE_S)
    assert again is not None
    await record(store, again, Accepted("B1"), now=at(7))
    assert await told(store, at(7)) == [AnswerKind.RESULT]


async def test_a_wait_that_was_told_makes_the_progress_needless(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    await record(store, begun, TryAgain("http-429", at(60), rate_limited=True, tell=AnswerKind.RATE_LIMITED), now=at(1))
    [due] = await store.claim_answers(owner="n1", limit=5, now=at(30), lease_s=60)
    assert (due.kind, due.until) == (AnswerKind.RATE_LIMITED, at(60))


async def test_answers_about_one_message_come_in_order(store: Store, submission: Submit) -> None:
    reference = await unknown(store, submission())
    await store.record_lookup(reference, batch_id=None, next_at=at(4), tell=True, now=at(4))
    [first] = await store.claim_answers(owner="n1", limit=50, now=at(4), lease_s=60)
    assert first.kind is AnswerKind.UNKNOWN
    await store.record_lookup(reference, batch_id="B1", next_at=None, tell=True, now=at(5))
    assert await store.claim_answers(owner="n2", limit=50, now=at(6), lease_s=60) == []
    await store.answer_failed(first.answer_id, next_at=at(20), response_url_used=False)
    assert await store.claim_answers(owner="n2", limit=50, now=at(10), lease_s=60) == []
    assert await told(store, at(20)) == [AnswerKind.UNKNOWN, AnswerKind.FOUND]


async def test_an_unknown_that_nobody_was_told_yet_is_no_news_once_the_message_is_found(
    store: Store, submission: Submit
) -> None:
    reference = await unknown(store, submission())
    await store.record_lookup(reference, batch_id=None, next_at=at(4), tell=True, now=at(4))
    await store.record_lookup(reference, batch_id="B1", next_at=None, tell=True, now=at(5))
    assert await told(store, at(6)) == [AnswerKind.RESULT]


async def test_answers_about_two_messages_do_not_wait_for_each_other(store: Store, submission: Submit) -> None:
    for _ in range(2):
        await record(store, await sending(store, submission()), Accepted("B"))
    assert len(await store.claim_answers(owner="n1", limit=50, now=T0, lease_s=60)) == 2


async def test_an_answer_whose_teller_crashed_is_told_by_another(store: Store, submission: Submit) -> None:
    await record(store, await sending(store, submission()), Accepted("B1"))
    assert len(await store.claim_answers(owner="dead", limit=5, now=T0, lease_s=60)) == 1
    assert await store.claim_answers(owner="next", limit=5, now=at(59), lease_s=60) == []
    assert len(await store.claim_answers(owner="next", limit=5, now=at(60), lease_s=60)) == 1


async def test_an_answer_that_was_told_is_told_no_more(store: Store, submission: Submit) -> None:
    await record(store, await sending(store, submission()), Accepted("B1"))
    assert await told(store, T0) == [AnswerKind.RESULT]
    await store.resume_answers(now=at(100_000))
    assert await told(store, at(100_000)) == []


async def test_a_late_failure_does_not_bring_back_what_was_told(store: Store, submission: Submit) -> None:
    await record(store, await sending(store, submission()), Accepted("B1"))
    [one] = await store.claim_answers(owner="n1", limit=5, now=T0, lease_s=60)
    await store.answer_told(one.answer_id, by_response_url=False, now=T0)
    await store.answer_failed(one.answer_id, next_at=at(1), response_url_used=False)
    assert await told(store, at(10)) == []


async def test_an_answer_that_failed_waits_and_counts_its_tries(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission())
    await record(store, begun, Accepted("B1"))
    [one] = await store.claim_answers(owner="n1", limit=5, now=T0, lease_s=60)
    await store.answer_failed(one.answer_id, next_at=at(30), response_url_used=True)
    assert await store.claim_answers(owner="n1", limit=5, now=at(29), lease_s=60) == []
    [again] = await store.claim_answers(owner="n1", limit=5, now=at(30), lease_s=60)
    assert (again.answer_id, again.tries, again.message.response_url_uses) == (one.answer_id, 1, 1)
    await store.answer_told(again.answer_id, by_response_url=True, now=at(30))
    kept = await store.get(begun.client_reference)
    assert kept is not None
    assert kept.response_url_uses == 2


async def test_a_start_makes_waiting_answers_due(store: Store, submission: Submit) -> None:
    await record(store, await sending(store, submission()), Accepted("B1"))
    [one] = await store.claim_answers(owner="n1", limit=5, now=T0, lease_s=60)
    await store.answer_failed(one.answer_id, next_at=at(600), response_url_used=False)
    await store.resume_answers(now=at(10))
    assert len(await store.claim_answers(owner="n2", limit=5, now=at(10), lease_s=60)) == 1


async def test_an_answer_given_up_is_kept_for_the_persons_next_command(store: Store, submission: Submit) -> None:
    await record(store, await sending(store, submission(user="U0ANN")), Accepted("B1"))
    await record(store, await sending(store, submission(user="U0BEN")), Accepted("B2"))
    for one in await store.claim_answers(owner="n1", limit=5, now=T0, lease_s=60):
        await store.answer_failed(one.answer_id, next_at=None, response_url_used=False)
    assert await told(store, at(1_000_000)) == []
    [late] = await store.untold("U0ANN", limit=10)
    assert (late.message.batch_id, late.tries) == ("B1", 1)
    await store.answer_told(late.answer_id, by_response_url=False, now=at(9))
    assert await store.untold("U0ANN", limit=10) == []
    assert len(await store.untold("U0BEN", limit=10)) == 1


async def test_untold_answers_come_oldest_first_and_no_more_than_asked(store: Store, submission: Submit) -> None:
    for number in range(4):
        await record(store, await sending(store, submission()), Accepted(f"B{number}"))
    assert [a.message.batch_id for a in await store.untold("U0ANN", limit=3)] == ["B0", "B1", "B2"]


# -- history


async def test_recent_lists_only_the_persons_own_newest_first(store: Store, submission: Submit) -> None:
    for number in range(12):
        await queued(store, submission(user="U0ANN", text=f"{number}"), now=at(number))
    await queued(store, submission(user="U0BEN"), now=at(99))
    found = await store.recent("U0ANN", limit=10)
    assert [m.created_at for m in found] == [at(number) for number in range(11, 1, -1)]
    assert all(later.created_at > earlier.created_at for later, earlier in pairwise(found))
    assert await store.recent("U0SAM", limit=10) == []


async def test_a_batch_is_found_by_its_own_sender_alone(store: Store, submission: Submit) -> None:
    begun = await sending(store, submission(user="U0ANN"))
    await record(store, begun, Accepted("B1"))
    mine = await store.by_batch("U0ANN", "B1")
    assert mine is not None
    assert mine.client_reference == begun.client_reference
    assert await store.by_batch("U0BEN", "B1") is None
    assert await store.by_batch("U0ANN", "b1") is None
    assert await store.by_batch("U0ANN", "' OR 1=1 --") is None


async def test_what_is_not_there_is_none(store: Store) -> None:
    assert await store.get("mms-nobody") is None
    await store.ping()


# -- when it can't be used


async def test_a_closed_store_says_that_it_is_unavailable(store: SqlStore, submission: Submit) -> None:
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await store.enqueue(submission(), may=anybody, now=T0)
    with pytest.raises(StoreUnavailableError):
        await store.recent("U0ANN", limit=1)


async def test_closing_finishes_what_was_asked_for(database: Database, submission: Submit) -> None:
    store = database.store()
    asked = [asyncio.ensure_future(store.enqueue(submission(), may=anybody, now=T0)) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert all(isinstance(taken, Taken) for taken in await asyncio.gather(*asked))
    assert len(database.rows(message)) == 20


async def test_a_result_and_its_answer_are_one_change(database: Database, submission: Submit) -> None:
    store = database.store()
    begun = await sending(store, submission())
    await record(store, begun, Accepted("B1"))
    [row] = database.rows(answer)
    assert (row["client_reference"], row["kind"], row["user_id"]) == (begun.client_reference, "result", "U0ANN")
