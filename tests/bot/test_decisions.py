"""What follows from a failed attempt, by the rules that people rely on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery import worker
from bot.delivery.decisions import (
    GAVE_UP,
    LOOKUP_PAUSES_S,
    LOOKUPS_IN_ALL,
    RATE_LIMIT_TOO_LONG,
    TELL_AT_LOOKUP,
    after_failure,
    gives_up_at,
    next_lookup,
)
from bot.delivery.sender import Fate, SendError
from bot.delivery.xms import ATTEMPT_LIMIT_S, LOOKUP_LIMIT_S
from bot.domain import AnswerKind, Content, Kind, Lost, Message, Recipient, Refused, ReplyRoute, State, Step, TryAgain
from bot.store.steps import FIRST_LOOKUP_AFTER_S

T0 = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
GIVE_UP_S = 3600.0
CONTENT = Content((Recipient("+12015550123", "US"),), "Hello", None, None, "+12015550123")
MESSAGE = Message(
    client_reference="mms-1",
    view_id="V1",
    team_id="T1",
    state=State.SENDING,
    kind=Kind.SMS,
    recipient_count=1,
    content=CONTENT,
    digest=CONTENT.digest(),
    reply=ReplyRoute("U1"),
    response_url_uses=0,
    created_at=T0,
    attempts=1,
    first_attempt_at=T0,
)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def decide(
    fate: Fate,
    *,
    now: datetime = T0,
    retry_after_s: float | None = None,
    jitter: float = 0.0,
    give_up_after_s: float = GIVE_UP_S,
    **message: object,
) -> Step:
    error = SendError(fate, "cause", vendor_code="word", vendor_text="text", retry_after_s=retry_after_s)
    changed = replace(MESSAGE, **message)  # type: ignore[arg-type]  # any field of a message
    return after_failure(changed, error, now=now, give_up_after_s=give_up_after_s, jitter=jitter)


def pause(step: Step, now: datetime = T0) -> float:
    assert isinstance(step, TryAgain)
    return (step.due_at - now).total_seconds()


# -- Sinch not reachable


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 5), (5, 5), (500, 5)])
def test_pauses_grow_to_five_seconds_while_sinch_is_not_reachable(attempts: int, seconds: float) -> None:
    assert pause(decide(Fate.NEVER_LEFT, attempts=attempts)) == seconds


def test_jitter_only_shortens_the_pause() -> None:
    assert 3.7 < pause(decide(Fate.NEVER_LEFT, attempts=9, jitter=1.0)) < 5


def test_a_blip_is_not_told() -> None:
    step = decide(Fate.NEVER_LEFT, now=at(4.9))
    assert isinstance(step, TryAgain)
    assert step.tell is None


def test_waiting_is_told_after_five_seconds_and_once() -> None:
    step = decide(Fate.NEVER_LEFT, now=at(5))
    assert isinstance(step, TryAgain)
    assert step.tell is AnswerKind.WAITING
    again = decide(Fate.NEVER_LEFT, now=at(10), waiting_told=True)
    assert isinstance(again, TryAgain)
    assert again.tell is None


@given(st.lists(st.tuples(st.floats(0, 6), st.floats(0, 1)), min_size=60, max_size=60))
def test_waiting_is_told_between_five_and_fifteen_seconds(tries: list[tuple[float, float]]) -> None:
    # An attempt that does not get through takes up to the connect limit of the client and a little more.
    message, now = replace(MESSAGE, attempts=0, first_attempt_at=None), T0
    for took, jitter in tries:
        message = replace(message, attempts=message.attempts + 1, first_attempt_at=message.first_attempt_at or now)
        now += timedelta(seconds=took)
        error = SendError(Fate.NEVER_LEFT, "transport-refused")
        step = after_failure(message, error, now=now, give_up_after_s=GIVE_UP_S, jitter=jitter)
        assert isinstance(step, TryAgain)
        if step.tell is not None:
            assert 5 <= (now - T0).total_seconds() <= 15
            return
        now = step.due_at
    pytest.fail("never told")


def test_given_up_when_the_time_is_over() -> None:
    assert decide(Fate.NEVER_LEFT, now=at(GIVE_UP_S)) == Refused(GAVE_UP)
    assert isinstance(decide(Fate.NEVER_LEFT, now=at(GIVE_UP_S - 0.1)), TryAgain)


@given(st.integers(1, 1000), st.floats(0, 1), st.floats(0, 4000), st.floats(1, 4000))
def test_the_next_try_is_never_later_than_giving_up(attempts: int, jitter: float, now: float, give_up: float) -> None:
    step = decide(Fate.NEVER_LEFT, attempts=attempts, jitter=jitter, now=at(now), give_up_after_s=give_up)
    if isinstance(step, TryAgain):
        assert at(now) < step.due_at <= gives_up_at(MESSAGE, give_up_after_s=give_up)
        assert pause(step, at(now)) <= 5
        assert not step.rate_limited
        assert not step.unavailable
    else:
        assert now >= give_up


# -- 429


@pytest.mark.parametrize("seconds", [1.0, 29.0, 30.0, 31.0, 600.0, 3600.0])
@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_the_wait_that_sinch_names_is_kept_in_full(seconds: float, jitter: float) -> None:
    step = decide(Fate.RATE_LIMITED, retry_after_s=seconds, jitter=jitter)
    assert pause(step) == seconds
    assert isinstance(step, TryAgain)
    assert step.rate_limited


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_named_wait_of_next_to_nothing_is_at_least_a_second(seconds: float) -> None:
    assert pause(decide(Fate.RATE_LIMITED, retry_after_s=seconds)) == 1


@pytest.mark.parametrize(("before", "seconds"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30), (400, 30)])
def test_without_a_named_wait_pauses_double_up_to_thirty_seconds(before: int, seconds: float) -> None:
    assert pause(decide(Fate.RATE_LIMITED, rate_limited=before)) == seconds
    assert seconds <= pause(decide(Fate.RATE_LIMITED, rate_limited=before, jitter=1.0)) <= 30


@pytest.mark.parametrize(
    ("before", "seconds", "told"),
    [
        (0, 30.0, False),
        (0, 30.1, True),
        (2, 1.0, False),
        (3, 1.0, True),
        (3, None, True),
        (4, 1.0, False),
        (9, 31, True),
    ],
)
def test_a_long_wait_and_the_fourth_limit_are_told(before: int, seconds: float | None, told: bool) -> None:
    step = decide(Fate.RATE_LIMITED, rate_limited=before, retry_after_s=seconds)
    assert isinstance(step, TryAgain)
    assert (step.tell is AnswerKind.RATE_LIMITED) == told
    assert step.tell in (None, AnswerKind.RATE_LIMITED)


def test_a_wait_that_ends_after_giving_up_is_refused_at_once() -> None:
    step = decide(Fate.RATE_LIMITED, retry_after_s=GIVE_UP_S + 0.1)
    assert step == Refused(RATE_LIMIT_TOO_LONG, "word", "text")
    assert isinstance(decide(Fate.RATE_LIMITED, retry_after_s=100.0, now=at(GIVE_UP_S - 99)), Refused)
    assert isinstance(decide(Fate.RATE_LIMITED, retry_after_s=99.0, now=at(GIVE_UP_S - 100)), TryAgain)


@given(st.none() | st.floats(0, 1e9), st.integers(0, 1000), st.floats(0, 1), st.floats(0, 5000), st.floats(1, 1e6))
def test_a_limit_is_kept_or_refused_and_never_lost(
    wait: float | None, before: int, jitter: float, now: float, give_up: float
) -> None:
    step = decide(
        Fate.RATE_LIMITED,
        retry_after_s=wait,
        rate_limited=before,
        jitter=jitter,
        now=at(now),
        give_up_after_s=give_up,
    )
    if isinstance(step, Refused):
        assert step.cause == RATE_LIMIT_TOO_LONG
    else:
        assert isinstance(step, TryAgain)
        assert step.due_at <= gives_up_at(MESSAGE, give_up_after_s=give_up)
        if wait is not None:
            assert abs(pause(step, at(now)) - max(wait, 1.0)) < 1e-3


# -- 503 and the rest


def test_sinchs_own_503_is_repeated_once_after_a_second_or_more() -> None:
    step = decide(Fate.UNAVAILABLE)
    assert isinstance(step, TryAgain)
    assert step.unavailable
    assert 1 <= pause(step) <= 2
    assert 1 <= pause(decide(Fate.UNAVAILABLE, jitter=1.0)) <= 2
    assert decide(Fate.UNAVAILABLE, unavailable=1) == Lost("cause", "word", "text")


@pytest.mark.parametrize("repeats", [{}, {"rate_limited": 3}, {"unavailable": 1}, {"attempts": 50}])
def test_a_lost_answer_is_never_repeated(repeats: dict[str, Any]) -> None:
    assert decide(Fate.LOST, **repeats) == Lost("cause", "word", "text")


def test_a_refusal_is_a_refusal() -> None:
    assert decide(Fate.REFUSED) == Refused("cause", "word", "text")


@given(st.sampled_from(Fate), st.integers(0, 9), st.integers(0, 9), st.floats(0, 1), st.floats(0, 1e5))
def test_only_what_certainly_took_no_effect_goes_out_again(
    fate: Fate, limited: int, unavailable: int, jitter: float, now: float
) -> None:
    step = decide(fate, rate_limited=limited, unavailable=unavailable, jitter=jitter, now=at(now))
    if isinstance(step, TryAgain):
        assert fate in (Fate.NEVER_LEFT, Fate.RATE_LIMITED) or (fate is Fate.UNAVAILABLE and unavailable == 0)
    if fate is Fate.LOST:
        assert isinstance(step, Lost)


# -- look-ups


def test_look_ups_go_on_for_an_hour() -> None:
    pauses = []
    number = 1
    while (gap := next_lookup(number)) is not None:
        pauses.append(gap.total_seconds())
        number += 1
    assert number == LOOKUPS_IN_ALL
    assert 3600 <= sum(pauses) <= 3900
    assert pauses == sorted(pauses), "with growing pauses"
    assert tuple(pauses) == LOOKUP_PAUSES_S


def test_a_lost_answer_is_told_within_45_seconds_of_the_attempts_start() -> None:
    # The slowest case: a whole attempt, then three look-ups that each take all their time, and a poll before each.
    assert ATTEMPT_LIMIT_S < 20
    assert TELL_AT_LOOKUP >= 3
    before = list(accumulate([FIRST_LOOKUP_AFTER_S, *LOOKUP_PAUSES_S[: TELL_AT_LOOKUP - 1]]))[-1]
    worst = 20 + before + TELL_AT_LOOKUP * (LOOKUP_LIMIT_S + worker.POLL_S)
    assert worst <= 45 - 5, "with something left for telling"


def test_a_crash_is_taken_up_and_told_in_time() -> None:
    # Taken up within 20 s of the next start, told within 45 s: the lease has to end first.
    taken_up = worker.LEASE_S + worker.POLL_S
    assert taken_up <= 20
    told = taken_up + FIRST_LOOKUP_AFTER_S + sum(LOOKUP_PAUSES_S[:2]) + 3 * (LOOKUP_LIMIT_S + worker.POLL_S)
    assert told <= 45 - 5


def test_the_bounds_of_the_worker_are_those_of_the_design() -> None:
    assert worker.LEASE_S == 10
    assert worker.RENEW_EVERY_S * 3 <= worker.LEASE_S
    assert worker.MAX_SENDING >= 100
    assert 100 <= worker.MAX_SENDING_PER_PERSON < worker.MAX_SENDING
