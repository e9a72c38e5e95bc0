"""A model of the whole delivery: several processes on one store that crash, stop, come late and are followed by others.

The store is the real one; Sinch is a count of what reached it. A process that is stopped past its lease is one whose
next step simply comes late: what it claimed and began stays in the bundles, whatever the others did meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import RowMapping, select

from bot.delivery.decisions import (
    GAVE_UP,
    LOOKUPS_IN_ALL,
    TELL_AT_LOOKUP,
    after_failure,
    gives_up_at,
    next_lookup,
)
from bot.delivery.sender import Fate, SendError
from bot.delivery.worker import CRASHED, LEASE_S
from bot.domain import (
    STEPS,
    Accepted,
    AnswerKind,
    Content,
    Lost,
    Message,
    Recipient,
    Refused,
    ReplyRoute,
    State,
    Step,
    Submission,
)
from bot.forgetting import FORGOTTEN
from bot.reports import Report, Took
from bot.store import AlreadyTaken, Taken
from bot.store.tables import answer, message
from tests.bot.conftest import anybody
from tests.bot.databases import NewDatabase

_T = TypeVar("_T")
T0 = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
GIVE_UP_S = 300.0
VIEWS = [f"V{number}" for number in range(4)]
SETTLED = (AnswerKind.RESULT, AnswerKind.FOUND, AnswerKind.UNKNOWN)
NEW: list[NewDatabase] = []
PROCESSES = 3
WHO = st.integers(0, PROCESSES - 1)
ROUNDS_TO_THE_END = 60
ROUND_S = 61.0


@dataclass
class Carrier:
    """What Sinch has seen. ``maybe`` counts requests, by reference, that were not certainly without effect."""

    maybe: Counter[str] = field(default_factory=Counter)
    own_503: Counter[str] = field(default_factory=Counter)
    batches: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Claimed:
    owner: str
    message: Message


@dataclass(frozen=True)
class Begun:
    owner: str
    message: Message


class Delivery(RuleBasedStateMachine):
    claimed: Bundle[Claimed] = Bundle("claimed")
    begun: Bundle[Begun] = Bundle("begun")
    answered: Bundle[tuple[Begun, str]] = Bundle("answered")  # accepted at Sinch, the process knows, not yet recorded
    looked: Bundle[tuple[str, Message]] = Bundle("looked")
    recorded: Bundle[tuple[Begun, Step]] = Bundle("recorded")  # written, but its process may not know that it was

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = NEW[0]()
        self.engine = self.database.engine()
        self.store = self.database.store(self.engine)
        self.carrier = Carrier()
        self.now = T0
        self.references: dict[str, str] = {}
        self.seen: dict[str, State] = {}
        self.rows: dict[str, RowMapping] = {}
        self.answers: Sequence[RowMapping] = ()
        self.generation = [0] * PROCESSES

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        """One transaction, and a look at the states that came of it."""
        result = self.runner.run(work)
        self.look()
        return result

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.it_comes_to_an_end()
        finally:
            self.runner.run(self.database.close())
            self.runner.close()

    def owner(self, who: int) -> str:
        return f"process-{who}-{self.generation[who]}"

    def look(self) -> None:
        """Each transaction makes at most one step of each message, and only one of the table."""
        with self.engine.connect() as connection:
            found = connection.execute(select(message)).mappings().all()
            self.answers = connection.execute(select(answer).order_by(answer.c.answer_id)).mappings().all()
        self.rows = {row["client_reference"]: row for row in found}
        for reference, row in self.rows.items():
            end = State(row["state"])
            start = self.seen.get(reference, State.QUEUED)
            assert end is start or end in STEPS[start], f"{start} → {end}"
            self.seen[reference] = end

    @initialize()
    def first_submission(self) -> None:
        self.submit("V0", 0)

    @rule(view=st.sampled_from(VIEWS), variant=st.integers(0, 1))
    def submit(self, view: str, variant: int) -> None:
        content = Content((Recipient("+12015550123", "US"),), f"Text {variant}", None, None, "+12015550123")
        one = Submission(view, "T1", content, ReplyRoute(f"U{variant}"))
        self.now += timedelta(milliseconds=1)  # no two at the same moment: the same story has to go the same way
        taken = self.do(self.store.enqueue(one, may=anybody, now=self.now))
        if view in self.references:
            assert isinstance(taken, AlreadyTaken)
        else:
            assert isinstance(taken, Taken)
        assert self.references.setdefault(view, taken.client_reference) == taken.client_reference

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.5, 5.0, LEASE_S, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(who=WHO)
    def crash_and_start_anew(self, who: int) -> None:
        """Nobody is told of the crash: the old owner's rows just stay, and late outcomes may still arrive."""
        self.generation[who] += 1
        oldest = self.now - timedelta(days=14)
        at_most = LOOKUPS_IN_ALL - TELL_AT_LOOKUP
        self.do(self.store.resume_lookups(at_most=at_most, since=oldest, now=self.now))
        self.do(self.store.resume_answers(now=self.now))

    @rule(target=claimed, who=WHO)
    def claim(self, who: int) -> Any:
        found = self.do(
            self.store.claim(owner=self.owner(who), limit=2, busy={}, per_person=10, now=self.now, lease_s=LEASE_S)
        )
        return multiple(*(Claimed(self.owner(who), one) for one in found))

    @rule(one=consumes(claimed))
    def give_back(self, one: Claimed) -> None:
        self.do(self.store.release([one.message.client_reference], owner=one.owner))

    @rule(target=begun, one=consumes(claimed))
    def begin(self, one: Claimed) -> Any:
        reference = one.message.client_reference
        if self.now >= gives_up_at(one.message, give_up_after_s=GIVE_UP_S):
            self.do(
                self.store.record(
                    reference, Refused(GAVE_UP), owner=one.owner, attempt=one.message.attempts, now=self.now
                )
            )
            return multiple()
        begun = self.do(self.store.begin(reference, owner=one.owner, now=self.now, lease_s=LEASE_S))
        return multiple() if begun is None else Begun(one.owner, begun)

    @rule(one=st.one_of(claimed, begun))
    def renew(self, one: Claimed | Begun) -> None:
        self.do(self.store.renew([one.message.client_reference], owner=one.owner, now=self.now, lease_s=LEASE_S))

    # Whole stretches in one rule, so that long stories are told often enough.

    @rule(target=begun, who=WHO)
    def claim_and_begin(self, who: int) -> Any:
        found = self.claim_only(who)
        return self.begin(found[0]) if found else multiple()

    @rule(who=WHO, fate=st.sampled_from(Fate), reached=st.booleans())
    def a_whole_attempt_fails(self, who: int, fate: Fate, reached: bool) -> None:
        begun = [self.begin(one) for one in self.claim_only(who)]
        for one in begun:
            if isinstance(one, Begun):
                self.failed(one, fate, reached, None, 0.0, crash=False)
        self.now += timedelta(seconds=5)

    @rule(who=WHO)
    def the_next_process_comes_when_the_leases_have_ended(self, who: int) -> None:
        self.crash_and_start_anew(who)
        self.now += timedelta(seconds=LEASE_S)
        self.take_up_lost()

    @rule(target=begun, slow=WHO, quick=WHO)
    def one_is_stopped_before_it_begins_and_another_takes_over(self, slow: int, quick: int) -> Any:
        """The slow one wakes up while the other's request is under way."""
        late = self.claim_only(slow)
        self.now += timedelta(seconds=LEASE_S)
        for one in self.claim_only(quick):
            taken_over = self.begin(one)
            if isinstance(taken_over, Begun):
                self.post(taken_over, accepted=True)
        woken = [self.begin(one) for one in late]
        return multiple(*(one for one in woken if isinstance(one, Begun)))

    def claim_only(self, who: int) -> list[Claimed]:
        owner = self.owner(who)
        found = self.do(self.store.claim(owner=owner, limit=1, busy={}, per_person=10, now=self.now, lease_s=LEASE_S))
        return [Claimed(owner, one) for one in found]

    @rule(target=recorded, who=WHO)
    def it_never_left_and_is_tried_again_at_once(self, who: int) -> Any:
        """The second attempt is under way while the first one's outcome may be written once more."""
        first = self.claim_and_begin(who)
        if not isinstance(first, Begun):
            return multiple()
        pair = self.failed(first, Fate.NEVER_LEFT, reached=False, wait=None, jitter=0.0, crash=False)
        self.now += timedelta(seconds=5)
        again = self.claim_and_begin(who)
        if isinstance(again, Begun) and again.message.client_reference == first.message.client_reference:
            self.post(again, accepted=True)
        self.record_again(pair)
        return pair

    @rule(who=WHO)
    def it_is_lost_told_and_found_late(self, who: int) -> None:
        one = self.claim_and_begin(who)
        if not isinstance(one, Begun):
            return
        self.failed(one, Fate.LOST, reached=True, wait=None, jitter=0.0, crash=False)
        for number in range(TELL_AT_LOOKUP + 1):
            self.now += timedelta(seconds=6)
            for pair in self.do(
                self.store.claim_lookups(owner=self.owner(who), limit=5, now=self.now, lease_s=LEASE_S)
            ):
                self.look_up(("", pair), crash=False, blind=number < TELL_AT_LOOKUP)
            self.tell(who, fails=False)

    # -- what becomes of an attempt; each that consumes without recording is a crash at that point

    @rule(one=consumes(begun))
    def crash_before_the_post(self, one: Begun) -> None:
        pass

    @rule(one=consumes(begun), reached=st.booleans())
    def crash_after_the_post(self, one: Begun, reached: bool) -> None:
        self.post(one, accepted=reached)

    @rule(target=answered, one=consumes(begun))
    def accepted(self, one: Begun) -> tuple[Begun, str]:
        return one, self.post(one, accepted=True)

    @rule(pair=consumes(answered))
    def record_accepted(self, pair: tuple[Begun, str]) -> None:
        """Perhaps late: time may have passed, another process may have taken it up."""
        one, batch_id = pair
        self.do(
            self.store.record(
                one.message.client_reference,
                Accepted(batch_id),
                owner=one.owner,
                attempt=one.message.attempts,
                now=self.now,
            )
        )

    @rule(
        target=recorded,
        one=consumes(begun),
        fate=st.sampled_from(Fate),
        reached=st.booleans(),
        wait=st.sampled_from([None, 0.0, 3.0, 45.0, 1e6]),
        jitter=st.sampled_from([0.0, 1.0]),
        crash=st.booleans(),
    )
    def failed(self, one: Begun, fate: Fate, reached: bool, wait: float | None, jitter: float, crash: bool) -> Any:
        reference = one.message.client_reference
        if fate is Fate.LOST:
            self.post(one, accepted=reached)
        elif fate is Fate.UNAVAILABLE:
            self.carrier.own_503[reference] += 1
        if crash:
            return multiple()
        step = after_failure(
            one.message,
            SendError(fate, "cause", retry_after_s=wait),
            now=self.now,
            give_up_after_s=GIVE_UP_S,
            jitter=jitter,
        )
        self.do(self.store.record(reference, step, owner=one.owner, attempt=one.message.attempts, now=self.now))
        return one, step

    @rule(pair=recorded)
    def record_again(self, pair: tuple[Begun, Step]) -> None:
        """It was not known whether the commit had worked, so it is done once more; others were not idle meanwhile."""
        one, step = pair
        reference, attempt = one.message.client_reference, one.message.attempts
        self.do(self.store.record(reference, step, owner=one.owner, attempt=attempt, now=self.now))

    @rule(one=consumes(begun))
    def cut_off_by_a_stop(self, one: Begun) -> None:
        self.post(one, accepted=True)
        self.do(
            self.store.record(
                one.message.client_reference,
                Lost(CRASHED),
                owner=one.owner,
                attempt=one.message.attempts,
                now=self.now,
            )
        )

    def post(self, one: Begun, *, accepted: bool) -> str:
        """A request that may have taken effect leaves."""
        reference = one.message.client_reference
        self.carrier.maybe[reference] += 1
        if accepted:
            return self.carrier.batches.setdefault(reference, f"batch-of-{reference}")
        return ""

    # -- Sinch speaks by itself

    @rule(view=st.sampled_from(VIEWS), state=st.sampled_from(["Queued", "Delivered", "Failed"]))
    def report(self, view: str, state: str) -> None:
        """At any moment once Sinch has it, also before our own record of that, and as often as it likes."""
        reference = self.references.get(view)
        if batch_id := self.carrier.batches.get(reference or ""):
            told = Report("12015550123", state, None, self.now)
            took = self.do(
                self.store.reports.take(batch_id=batch_id, client_reference=reference, reports=[told], now=self.now)
            )
            assert took is not Took.NOT_OURS
            assert self.seen[reference or ""] in (State.ACCEPTED, State.CANCELLED)

    @rule(view=st.sampled_from(VIEWS))
    def cancel_at_sinch(self, view: str) -> None:
        if reference := self.references.get(view):
            accepted = self.seen[reference] is State.ACCEPTED
            done = self.do(self.store.reports.cancelled_at_sinch(reference, cause="own-cancelled", now=self.now))
            assert done == accepted

    # -- somebody stops it, or its time is over

    @rule(view=st.sampled_from(VIEWS))
    def cancel(self, view: str) -> None:
        """As `forget` does: at any moment, whoever holds it."""
        if reference := self.references.get(view):
            waited = self.seen[reference] is State.QUEUED
            cancelled = self.do(self.store.cancel([reference], cause=FORGOTTEN, now=self.now))
            assert cancelled == int(waited)

    @rule(view=st.sampled_from(VIEWS), kept_s=st.sampled_from([0.0, 60.0]))
    def erase(self, view: str, kept_s: float) -> None:
        """What waits or is being sent keeps what it needs."""
        if reference := self.references.get(view):
            self.do(self.store.erase([reference]))
        self.do(self.store.purge(kept_s=kept_s, limit=5, now=self.now))

    # -- lost answers

    @rule()
    def take_up_lost(self) -> None:
        self.do(self.store.take_up_lost(cause=CRASHED, holding=(), now=self.now))

    @rule(target=looked, who=WHO)
    def claim_lookups(self, who: int) -> Any:
        owner = self.owner(who)
        found = self.do(self.store.claim_lookups(owner=owner, limit=5, now=self.now, lease_s=LEASE_S))
        return multiple(*((owner, one) for one in found))

    @rule(pair=consumes(looked), crash=st.booleans(), blind=st.booleans())
    def look_up(self, pair: tuple[str, Message], crash: bool, blind: bool) -> None:
        if crash:
            return
        _, one = pair
        number = one.lookups + 1
        pause = next_lookup(number)
        self.do(
            self.store.record_lookup(
                one.client_reference,
                batch_id=None if blind else self.carrier.batches.get(one.client_reference),
                next_at=None if pause is None else self.now + pause,
                tell=number >= TELL_AT_LOOKUP,
                now=self.now,
            )
        )

    # -- answers

    @rule(who=WHO, fails=st.booleans())
    def tell(self, who: int, fails: bool) -> None:
        for one in self.do(self.store.claim_answers(owner=self.owner(who), limit=5, now=self.now, lease_s=60)):
            if fails:
                later = self.now + timedelta(seconds=5)
                self.do(self.store.answer_failed(one.answer_id, next_at=later, response_url_used=False))
            else:
                self.do(self.store.answer_told(one.answer_id, by_response_url=False, now=self.now))

    # -- what always holds

    @invariant()
    def one_row_for_each_dialog(self) -> None:
        assert sorted(self.rows) == sorted(self.references.values())

    @invariant()
    def at_most_one_request_may_have_taken_effect(self) -> None:
        for reference, count in self.carrier.maybe.items():
            assert count <= 1, f"{reference} may have been sent {count} times"
        assert all(count <= 2 for count in self.carrier.own_503.values())

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        for row in self.rows.values():
            match State(row["state"]):
                case State.QUEUED:
                    assert row["due_at"] is not None
                    assert row["content"] is not None
                case State.SENDING:
                    assert row["lease_until"] is not None
                    assert row["content"] is not None
                case State.UNKNOWN:
                    assert row["lookup_due_at"] is not None or row["unknown_told"]

    @invariant()
    def every_end_is_told(self) -> None:
        kinds: dict[str, list[AnswerKind]] = {}
        for one in self.answers:
            kinds.setdefault(one["client_reference"], []).append(AnswerKind(one["kind"]))
            assert one["told_at"] is not None or one["due_at"] is not None
        for reference, row in self.rows.items():
            ends = [kind for kind in kinds.get(reference, []) if kind in SETTLED]
            match State(row["state"]):
                case State.CANCELLED if row["batch_id"] is not None:  # Sinch had it, and gave it back
                    assert ends[-1] is AnswerKind.RESULT
                case State.ACCEPTED if row["unknown_told"]:
                    assert ends == [AnswerKind.UNKNOWN, AnswerKind.FOUND]
                case State.ACCEPTED | State.REFUSED | State.CANCELLED:
                    assert ends == [AnswerKind.RESULT]
                case State.UNKNOWN:
                    assert ends == ([AnswerKind.UNKNOWN] if row["unknown_told"] else [])
                case _:
                    assert ends == []

    @invariant()
    def accepted_only_what_sinch_has(self) -> None:
        for reference, row in self.rows.items():
            if row["batch_id"] is not None:
                assert self.carrier.batches[reference] == row["batch_id"]
            if row["state"] in (State.REFUSED, State.CANCELLED) and row["batch_id"] is None:
                assert reference not in self.carrier.batches, "“nothing was sent” has to be true"

    def it_comes_to_an_end(self) -> None:
        """With one process that works, every message ends, and everybody is told."""
        for who in range(PROCESSES):
            self.crash_and_start_anew(who)
        for _ in range(ROUNDS_TO_THE_END):
            self.now += timedelta(seconds=ROUND_S)
            self.take_up_lost()
            for one in self.do(self.store.claim(owner="last", limit=9, busy={}, per_person=9, now=self.now, lease_s=9)):
                begun = self.begin(Claimed("last", one))
                if isinstance(begun, Begun):
                    self.record_accepted(self.accepted(begun))
            for one in self.do(self.store.claim_lookups(owner="last", limit=9, now=self.now, lease_s=9)):
                self.look_up(("last", one), crash=False, blind=False)
            self.tell(0, fails=False)
            if not self.unfinished():
                return
        raise AssertionError(f"this never ends: {self.unfinished()}")

    def unfinished(self) -> list[str]:
        waiting = [f"{one['client_reference']} to be told" for one in self.answers if one["told_at"] is None]
        over = (State.ACCEPTED, State.REFUSED, State.CANCELLED)
        for reference, row in self.rows.items():
            if row["state"] not in over and not (row["state"] == State.UNKNOWN and row["unknown_told"]):
                waiting.append(f"{reference} {row['state']}")
        return waiting


def play(new_database: NewDatabase, *, examples: int = 40, always_the_same: bool = False) -> None:
    """Tell ``examples`` stories of 40 steps each. Raises ``AssertionError`` with the story in which something broke."""
    NEW[:] = [new_database]
    run_state_machine_as_test(
        Delivery,
        settings=settings(
            derandomize=always_the_same,
            # Making a long story shorter takes minutes; a failure shows it as it was found.
            phases=[Phase.generate],
            database=None,
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
