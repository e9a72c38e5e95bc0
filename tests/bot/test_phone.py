"""Numbers as people write them."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from bot.domain import Recipient
from bot.phone import MAX_RECIPIENTS, MAX_SHOWN, Reason, mask, ordinal, parse_recipients, read

ANN = Recipient("+12015550123", "US")
BEN = Recipient("+12015550124", "US")

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FORMATS = (
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
)
# What people's messages are made of when they go wrong: digits, signs, separators, letters, links, invisible marks.
HOSTILE = st.text(
    st.one_of(
        st.sampled_from("0123456789+-.()[]/;,#xe<>|:\n\t \u00a0\u202a\u200b\uff0b\uff10\u0660\u2011tel="),
        st.characters(),
    ),
    max_size=200,
)


def numbers(text: str, region: str = "US") -> list[str]:
    recipients, faults = parse_recipients(text, default_region=region)
    assert not faults
    return [recipient.e164 for recipient in recipients]


def reasons(text: str, region: str = "US") -> list[Reason]:
    return [fault.reason for fault in parse_recipients(text, default_region=region)[1]]


def sentences(text: str, region: str = "US") -> list[str]:
    return [fault.sentence() for fault in parse_recipients(text, default_region=region)[1]]


@pytest.mark.parametrize(
    "typed",
    [
        "+12015550123",
        "+1 201 555 0123",
        "1-201-555-0123",
        "(201) 555-0123",
        "[201] 555.0123",
        "201/555/0123",
        "(+1) 201 555 0123",
        "001 201 555 0123",
        "tel:+1-201-555-0123",
        "TEL: 201 555 0123",
        "<tel:+12015550123|(201) 555-9999>",
        "<tel:+12015550123>",
        "<tel:2015550123|201-555-0123>",
        "<tel:+1%20201%20555%200123|call>",
        "+1 201 555‑0123",
        "+1 201 555–0123",
        "+1 201 555−0123",
        "\u202a+1\u00a0201\u2009555\u00ad0123\u202c",
        "\ufeff2015550123\u200b",
        "＋１（２０１）５５５－０１２３",
        "٢٠١٥٥٥٠١٢٣",
        "201·555·0123",
        "  2015550123\t",
        "201 555 0123.",
        "- 201 555 0123",
    ],
)
def test_one_number_is_read_in_every_way_people_write_it(typed: str) -> None:
    assert numbers(typed) == [ANN.e164]


@pytest.mark.parametrize(
    "between", [",", ", ", ";", " ; ", "\n", "\r\n", "\n\n", "，", "；", "、", "\u2028", ",;,\n", " +1"]
)
def test_several_numbers_are_separated_by_comma_semicolon_or_new_line(between: str) -> None:
    assert numbers(f"+12015550123{between}2015550124") == [ANN.e164, BEN.e164]


def test_a_plus_after_a_space_starts_the_next_number() -> None:
    assert numbers("+1 201 555 0123 +1 (201) 555-0124 (+1) 201 555 0125") == [ANN.e164, BEN.e164, "+12015550125"]


def test_two_links_beside_each_other_are_two_numbers() -> None:
    assert numbers("<tel:2015550123|201> <tel:2015550124|202>") == [ANN.e164, BEN.e164]


def test_each_number_is_kept_once_where_it_stood_first() -> None:
    assert numbers("2015550124, +1 201 555 0123, 1 201 555 0124") == [BEN.e164, ANN.e164]


def test_recipients_carry_their_country() -> None:
    recipients, _ = parse_recipients(
        "+12015550123, +1 787 234 5678, +44 20 7946 0018, +800 1234 5678", default_region="US"
    )
    assert [recipient.region for recipient in recipients] == ["US", "PR", "GB", "001"]


def test_national_numbers_follow_the_default_region() -> None:
    assert numbers("020 7946 0018", "GB") == ["+442079460018"]
    assert numbers("+44 (0)20 7946 0018") == ["+442079460018"]
    assert numbers("011 44 20 7946 0018") == ["+442079460018"]
    assert numbers("00 44 20 7946 0018") == ["+442079460018"]


def test_a_prefix_that_two_countries_read_differently_is_not_guessed() -> None:
    assert reasons("0049 1512 3456789", "SG") == [Reason.AMBIGUOUS]
    assert numbers("+49 1512 3456789", "SG") == ["+4915123456789"]


def test_australias_own_prefix_is_not_read_as_an_american_number() -> None:
    assert numbers("0011 65 6234 5678", "AU") == ["+6562345678"]
    assert reasons("0011 65 6234 5678", "US") != []


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("555-12", "the 1st, '555-12', is too short for a US number"),
        ("555-0123", "the 1st, '555-0123', is too short for a US number"),
        ("12345", "the 1st, '12345', is too short for a US number"),
        ("+44 20 1", "the 1st, '+44 20 1', is too short for a GB number"),
        ("+61 2", "the 1st, '+61 2', is too short for a phone number"),
        ("+61 212", "the 1st, '+61 212', is too short for an AU number"),
        ("+800 1234", "the 1st, '+800 1234', is too short for a +800 number"),
        ("+1", "the 1st, '+1', is too short for a phone number"),
        ("201 555 0123 4567", "the 1st, '201 555 0123 4567', is too long for a US number"),
        ("9" * 300, f"the 1st, '{'9' * 24}…', is too long for a US number"),
        ("201-555-HELP", "the 1st, '201-555-HELP', has letters in it"),
        ("201-555-01xx", "the 1st, '201-555-01xx', has letters in it"),
        ("<@U123|ann>", "the 1st, '<@U123|ann>', has letters in it"),
        ("@ann", "the 1st, '@ann', has letters in it"),
        ("+999 123 456", "the 1st, '+999 123 456', starts with a country code that does not exist"),
        ("+1 555 555 5555", "the 1st, '+1 555 555 5555', is not a US number that exists"),
        ("--", "the 1st, '--', is not a phone number"),
        ("+", "the 1st, '+', is not a phone number"),
        ("*67 2015550123", "the 1st, '*67 2015550123', is not a phone number"),
        ("+1201555+0123", "the 1st, '+1201555+0123', is not a phone number"),
    ],
)
def test_a_wrong_number_is_named_with_what_is_wrong(typed: str, sentence: str) -> None:
    assert sentences(typed) == [sentence]
    assert not parse_recipients(typed, default_region="US")[0]


@pytest.mark.parametrize(
    "ending",
    ["x12", " x 12", " ext. 5", " ext 5", " extension 5", " extn5", "#5", " #5", ";ext=5", "; ext = 5", "ｘ12"],
)
def test_an_extension_is_refused_and_never_dropped(ending: str) -> None:
    recipients, faults = parse_recipients(f"+1 201 555 0123{ending}", default_region="US")
    assert recipients == ()
    assert [fault.reason for fault in faults] == [Reason.EXTENSION]


def test_positions_count_the_entries_that_are_not_empty() -> None:
    recipients, faults = parse_recipients(",2015550123,, 2015550124 ;\n555-12, \u200b, nobody", default_region="US")
    assert recipients == (ANN, BEN)
    assert [fault.sentence() for fault in faults] == [
        "the 3rd, '555-12', is too short for a US number",
        "the 4th, 'nobody', has letters in it",
    ]


def test_a_reading_keeps_its_place_and_spelling() -> None:
    readings = read("2015550123, 201 555 0123, (201) 555-0124", default_region="US")
    assert [(r.position, r.typed, r.outcome) for r in readings] == [(1, "2015550123", ANN), (3, "(201) 555-0124", BEN)]


def test_the_thousand_and_first_number_is_one_too_many() -> None:
    thousand = [f"+1201555{ending:04}" for ending in range(MAX_RECIPIENTS)]
    assert len(numbers(",".join(thousand + thousand))) == MAX_RECIPIENTS
    recipients, faults = parse_recipients(",".join([*thousand, "+12015559999", "+12015559998"]), default_region="US")
    assert len(recipients) == MAX_RECIPIENTS
    assert [fault.sentence() for fault in faults] == [
        "the 1001st, '+12015559999', is one too many: a message goes to 1000 numbers at most"
    ]


def test_every_countrys_example_numbers_survive_every_format() -> None:
    for region in REGIONS:
        example = phonenumbers.example_number(region)
        if example is None:
            continue
        e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
        for number_format in FORMATS:
            typed = phonenumbers.format_number(example, number_format)
            assert numbers(typed, region) == [e164], typed


@given(st.lists(st.tuples(st.sampled_from(REGIONS), st.sampled_from(FORMATS[:2] + FORMATS[3:])), max_size=8))
def test_a_list_of_formatted_numbers_comes_back_as_those_numbers(chosen: list[tuple[str, int]]) -> None:
    examples = [(phonenumbers.example_number(region), number_format) for region, number_format in chosen]
    known = [(example, number_format) for example, number_format in examples if example is not None]
    typed = "; ".join(phonenumbers.format_number(example, number_format) for example, number_format in known)
    expected = dict.fromkeys(phonenumbers.format_number(example, PhoneNumberFormat.E164) for example, _ in known)
    assert numbers(typed) == list(expected)


@given(HOSTILE, st.sampled_from(["US", "DE", "AU", "SG", "ZZ"]))
def test_any_text_gives_valid_numbers_or_short_faults(text: str, region: str) -> None:
    recipients, faults = parse_recipients(text, default_region=region)
    assert len(set(recipients)) == len(recipients)
    for recipient in recipients:
        assert recipient.e164[0] == "+"
        assert recipient.e164[1:].isascii()
        assert recipient.e164[1:].isdigit()
        assert 7 <= len(recipient.e164) - 1 <= 15
    for fault in faults:
        assert 0 < len(fault.typed) <= MAX_SHOWN
        assert fault.sentence().encode()


@pytest.mark.parametrize("hostile", [";", " ", "; ", "<tel:", "+ ", "1 +", "x", "1#", "(+", "\u202a ", "ext"])
@pytest.mark.timeout(20)
def test_long_hostile_text_takes_linear_time(hostile: str) -> None:
    parse_recipients(hostile * 100_000, default_region="US")


def test_a_masked_number_shows_the_country_code_and_two_digits() -> None:
    assert mask("+12015550123") == "+1 •••• 23"
    assert mask("+442079460018") == "+44 •••• 18"
    assert mask("nobody") == "••••"


def test_ordinals() -> None:
    spoken = " ".join(ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 101, 111))
    assert spoken == "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 23rd 101st 111th"
