"""What reports make of a recipient, whatever order they come in; what is told of it, and when Sinch is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reports import (
    ASKED_FOR,
    CHANGES_TOGETHER,
    FAILURES,
    FAILURES_TOGETHER,
    FINAL_WITHIN,
    POLL_PAUSES_S,
    SAFETY_NET_PAUSES_S,
    Counts,
    RecipientState,
    Report,
    Standing,
    counts_from,
    counts_of,
    counts_word,
    first_poll,
    is_final,
    known_word,
    merge,
    news_due,
    next_poll,
    no_final_word,
    standing_of,
)

T0 = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
NOBODY_YET = RecipientState(0, "+12015550123")
WORDS = ("Queued", "Dispatched", "Delivered", "Unknown", *sorted(FAILURES), "dispatched", "DELIVERED", "Parked", "")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


reports = st.builds(
    Report,
    recipient=st.just("12015550123"),
    state=st.sampled_from(WORDS),
    code=st.none() | st.sampled_from([0, 257, 400, 401, 414]),
    at=st.none() | st.integers(0, 5).map(at),
)
histories = st.lists(reports, max_size=8)


def after(history: Sequence[Report], start: RecipientState = NOBODY_YET) -> RecipientState:
    return reduce(merge, history, start)


# -- one recipient


@given(histories.flatmap(lambda history: st.tuples(st.just(history), st.permutations(history))), st.data())
def test_any_order_and_any_repetition_end_in_the_same(
    both: tuple[Sequence[Report], Sequence[Report]], data: st.DataObject
) -> None:
    history, other_order = both
    again = data.draw(st.lists(st.sampled_from(history), max_size=5)) if history else []
    assert after([*other_order, *again]) == after(history)
    assert after([*again, *other_order]) == after(history)


@given(histories, reports)
def test_a_state_never_moves_back(history: Sequence[Report], report: Report) -> None:
    before = after(history)
    then = merge(before, report)
    assert not (is_final(before.state) and not is_final(then.state))
    assert not (before.state == "Dispatched" and then.state in ("Queued", "Parked", ""))
    assert not (before.state == "Delivered" and then.state != "Delivered")
    assert (then.position, then.e164) == (before.position, before.e164)


@given(histories)
def test_what_is_final_says_since_when_and_what_is_not_does_not(history: Sequence[Report]) -> None:
    state = after(history)
    assert state.final_at == (state.at if is_final(state.state) else None)
    handed_over = [one.at for one in history if known_word(one.state) == "Dispatched" and one.at is not None]
    assert state.dispatched_at == min(handed_over, default=None)


def test_the_usual_way_of_a_message() -> None:
    state = after(
        [
            Report("12015550123", "Queued", 400, at(0)),
            Report("12015550123", "Dispatched", 401, at(1)),
            Report("12015550123", "Delivered", 0, at(4)),
        ]
    )
    assert state == RecipientState(0, "+12015550123", "Delivered", 0, at(4), at(1), at(4))


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        ("Delivered", "Failed", "Delivered"),
        ("Failed", "Delivered", "Delivered"),
        ("Unknown", "Expired", "Expired"),
        ("Expired", "Unknown", "Expired"),
        ("Dispatched", "Parked", "Dispatched"),
        ("Queued", "Parked", "Parked"),
        ("Parked", "Rejected", "Rejected"),
    ],
)
def test_of_two_words_the_one_that_says_more_stays(first: str, second: str, stays: str) -> None:
    assert after([Report("1", first, 1, at(1)), Report("1", second, 2, at(2))]).state == stays


def test_of_two_failures_the_earlier_one_stays() -> None:
    late, early = Report("1", "Aborted", 414, at(5)), Report("1", "Rejected", 257, at(2))
    assert after([late, early]) == after([early, late])
    assert after([late, early]).code == 257


def test_three_days_without_a_final_word_end_the_wait_and_a_word_that_comes_later_still_counts() -> None:
    waiting = after([Report("1", "Dispatched", 401, at(1))])
    ended = no_final_word(waiting, cancelled=False, now=at(100))
    assert (ended.state, ended.code, ended.final_at, ended.dispatched_at) == ("NoFinalWord", None, at(100), at(1))
    assert merge(ended, Report("1", "Delivered", 0, at(50))).state == "Delivered"
    assert no_final_word(after([Report("1", "Delivered", 0, at(4))]), cancelled=True, now=at(9)).state == "Delivered"


def test_what_did_not_go_out_of_a_cancelled_message_is_cancelled() -> None:
    ended = no_final_word(NOBODY_YET, cancelled=True, now=at(100))
    assert (ended.state, ended.code) == ("Cancelled", 407)


# -- standings and counts


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        ("Queued", Standing.ON_ITS_WAY),
        ("dispatched", Standing.ON_ITS_WAY),
        ("Parked", Standing.ON_ITS_WAY),
        ("DELIVERED", Standing.DELIVERED),
        ("Unknown", Standing.NO_FINAL_WORD),
        ("NoFinalWord", Standing.NO_FINAL_WORD),
        *((word, Standing.FAILED) for word in sorted(FAILURES)),
    ],
)
def test_each_state_is_one_of_four_things_to_a_person(state: str, standing: Standing) -> None:
    assert standing_of(state) is standing


@given(st.lists(histories, max_size=6), st.lists(histories, max_size=6))
def test_counts_add_up(some: Sequence[Sequence[Report]], others: Sequence[Sequence[Report]]) -> None:
    here, there = ([after(history) for history in one] for one in (some, others))
    assert counts_of(here).total == len(here)
    assert counts_of(here) + counts_of(there) == counts_of([*here, *there])


@given(st.builds(Counts, *(st.integers(0, 1000) for _ in range(4))))
def test_counts_are_read_as_they_were_written(counts: Counts) -> None:
    assert counts_from(counts_word(counts)) == counts


@pytest.mark.parametrize("word", [None, "", "1/2/3", "1/2/3/x", "all delivered"])
def test_another_word_is_no_counts(word: str | None) -> None:
    assert counts_from(word) == Counts()


# -- what is told, and when


def test_nothing_is_told_while_all_goes_well() -> None:
    some, none = Counts(delivered=2, on_their_way=1), Counts(on_their_way=3)
    assert news_due(Counts(), none, told_at=None, now=T0) is None
    assert news_due(Counts(), some, told_at=None, now=T0) is None


def test_the_end_is_told_at_once() -> None:
    assert news_due(Counts(), Counts(delivered=3), told_at=None, now=at(7)) == at(7)
    told = Counts(failed=1, on_their_way=2)
    assert news_due(told, Counts(failed=1, delivered=2), told_at=at(6), now=at(7)) == at(7)


def test_a_first_failure_is_told_at_once_and_further_ones_within_a_minute_together() -> None:
    first, second = Counts(failed=1, on_their_way=9), Counts(failed=2, on_their_way=8)
    assert news_due(Counts(), first, told_at=None, now=at(7)) == at(7)
    assert news_due(Counts(delivered=1, on_their_way=9), first, told_at=at(6), now=at(7)) == at(7)
    assert news_due(first, second, told_at=at(7), now=at(8)) == at(7) + FAILURES_TOGETHER
    assert news_due(first, second, told_at=at(7), now=at(500)) == at(500)


def test_once_something_was_told_the_rest_follows_now_and_then() -> None:
    told, more = Counts(failed=1, on_their_way=9), Counts(failed=1, delivered=3, on_their_way=6)
    assert news_due(told, more, told_at=at(7), now=at(8)) == at(7) + CHANGES_TOGETHER
    assert news_due(told, told, told_at=at(7), now=at(500)) is None


@given(st.lists(st.tuples(st.integers(0, 3), reports, st.integers(0, 90)), max_size=30))
def test_nobody_is_told_twice_the_same_and_the_end_is_always_told(
    happens: Sequence[tuple[int, Report, int]],
) -> None:
    recipients = [RecipientState(position, None) for position in range(4)]
    told: list[Counts] = []
    told_at: datetime | None = None
    due: datetime | None = None
    now = T0

    def tell(counts: Counts, when: datetime) -> None:
        nonlocal told_at, due
        told.append(counts)
        told_at, due = when, None

    for position, report, pause in happens:
        now += timedelta(seconds=pause)
        if due is not None and due <= now:
            tell(counts_of(recipients), due)
        recipients[position] = merge(recipients[position], report)
        counts = counts_of(recipients)
        due = news_due(told[-1] if told else Counts(), counts, told_at=told_at, now=now)
        assert due is None or due >= now
    if due is not None:
        tell(counts_of(recipients), due)
    assert all(one != other for one, other in pairwise(told))
    last = counts_of(recipients)
    if last.settled or last.failed:
        assert told
        assert told[-1] == last


# -- asking for reports


@pytest.mark.parametrize("callbacks", [False, True])
def test_the_pauses_between_questions_grow_and_end_with_the_third_day(callbacks: bool) -> None:
    age, pauses = first_poll(callbacks=callbacks), []
    for polls in range(1, 1000):
        pause = next_poll(polls, age, callbacks=callbacks)
        if pause is None:
            break
        assert pause > timedelta(0)
        pauses.append(pause)
        age += pause
    assert age == FINAL_WITHIN, "the last question comes when nothing final is to be expected any more"
    assert pauses[:-1] == sorted(pauses[:-1])
    assert len(pauses) < (30 if callbacks else 100)


def test_whoever_is_called_back_asks_much_less() -> None:
    assert first_poll(callbacks=False) == timedelta(seconds=POLL_PAUSES_S[0])
    assert first_poll(callbacks=True) == timedelta(seconds=SAFETY_NET_PAUSES_S[0])
    assert min(SAFETY_NET_PAUSES_S) >= 600


def test_a_question_that_was_not_answered_is_no_end() -> None:
    assert next_poll(50, FINAL_WITHIN, answered=False) == timedelta(seconds=POLL_PAUSES_S[-1])
    assert next_poll(50, ASKED_FOR, answered=False) is None
    assert next_poll(50, FINAL_WITHIN, answered=True) is None
