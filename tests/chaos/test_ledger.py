"""The verdict: what counts as doubled, silently lost and told wrongly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.ledger import Entry, Tally, Word, tally

ENTRIES = st.lists(
    st.builds(
        Entry,
        number=st.integers(0, 9),
        view_id=st.text(max_size=3),
        acked=st.booleans(),
        words=st.sets(st.sampled_from(Word)),
        batches=st.integers(0, 3),
        copies=st.integers(0, 3),
    )
)


def entry(*words: Word, acked: bool = True, batches: int = 0, copies: int = 0) -> Entry:
    return Entry(1, "V1", acked=acked, words=set(words), batches=batches, copies=copies)


@pytest.mark.parametrize(
    "kept",
    [
        entry(Word.ACCEPTED, batches=1, copies=1),
        entry(Word.UNKNOWN, batches=1, copies=1),
        entry(Word.UNKNOWN),
        entry(Word.UNKNOWN, Word.ACCEPTED, batches=1, copies=1),
        entry(Word.REFUSED),
        entry(acked=False),
        entry(acked=False, batches=1, copies=1),
    ],
)
def test_a_submission_that_was_sent_once_at_most_and_told_truly_keeps_the_promise(kept: Entry) -> None:
    assert tally([kept]).promise_kept


@pytest.mark.parametrize(
    ("broken", "column"),
    [
        (entry(), "silently_lost"),
        (entry(batches=1, copies=1), "silently_lost"),
        (entry(Word.ACCEPTED, batches=2, copies=1), "doubled"),
        (entry(Word.ACCEPTED, batches=1, copies=2), "doubled"),
        (entry(acked=False, batches=2), "doubled"),
        (entry(Word.REFUSED, batches=1, copies=1), "told_wrongly"),
        (entry(Word.REFUSED, Word.UNKNOWN), "told_wrongly"),
        (entry(Word.ACCEPTED), "told_wrongly"),
    ],
)
def test_what_breaks_the_promise_is_counted_in_its_column(broken: Entry, column: str) -> None:
    counted = tally([entry(Word.REFUSED), broken])

    assert not counted.promise_kept
    assert [name for name in ("doubled", "silently_lost", "told_wrongly") if getattr(counted, name)] == [column]


@given(ENTRIES)
def test_every_acked_submission_is_in_one_column(entries: list[Entry]) -> None:
    counted = tally(entries)

    assert counted.acked == counted.accepted + counted.refused + counted.unknown + counted.silently_lost


@given(ENTRIES, ENTRIES)
def test_two_rounds_together_are_the_sum_of_their_tallies(one: list[Entry], other: list[Entry]) -> None:
    assert tally(one) + tally(other) == tally([*one, *other])
    assert tally(one) + Tally() == tally(one)
