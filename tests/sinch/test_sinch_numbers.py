"""How numbers compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch._numbers import digits, same_number

WRITINGS = (
    "12015550123",
    "+12015550123",
    "0012015550123",
    "1 (201) 555-0123",
    "+1 (201) 555-0123",
    "(+1) 201.555.0123",
    "+1\u00a0201\u2011555\u20130123",
    "[1] 201 555 0123 ",
)


@pytest.mark.parametrize("number", WRITINGS)
def test_every_writing_of_a_number_has_the_same_digits(number: str) -> None:
    assert digits(number) == "12015550123"


@pytest.mark.parametrize(
    "name",
    [
        *("", "+", " - ", "Shop24", "Shop 24", "01HZX6B8P4S0T7X9Y1A2C3D4E5", "+1 201 CALL", "++12015550123"),
        *("1+2015550123", "١٢٠١٥٥٥٠١٢٣", "1²01"),
    ],
)
def test_what_is_no_number_stays_as_it_is(name: str) -> None:
    assert digits(name) == name


@pytest.mark.parametrize(
    ("number", "bare"),
    [("001234567", "1234567"), ("00123456", "00123456"), ("00123", "00123"), ("0201555", "0201555"), ("00", "00")],
)
def test_two_zeros_go_only_if_a_number_remains(number: str, bare: str) -> None:
    assert digits(number) == bare


@given(st.text() | st.text(alphabet="0123 +-().", max_size=30))
def test_reading_twice_changes_nothing(text: str) -> None:
    assert digits(digits(text)) == digits(text)


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.sampled_from(["", "+", "00", " +", "(+"]), st.data())
def test_punctuation_says_nothing(number: str, prefix: str, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.text(alphabet=" -.()", max_size=2), min_size=len(number), max_size=len(number)))
    written = prefix + "".join(digit + gap for digit, gap in zip(number, gaps, strict=True))
    assert same_number(written, number)


def test_other_numbers_and_names_are_not_the_same() -> None:
    assert not same_number("+12015550123", "+12015550124")
    assert not same_number("Shop24", "24")
