"""The compose dialog's fields, all faults at once."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.compose import MAX_LISTED, MAX_SUBJECT, MAX_TEXT, REVIEW_ABOVE, Faults, Fields, check, needs_review
from bot.domain import Content, Kind, Recipient
from bot.picture import MAX_URL

COUNTRIES = frozenset({"US", "CA", "PR", "AU"})
ANN = "+1 201 555 0123"
PICTURE = "https://example.com/cat.jpg"
MAX_ERROR = 2000  # a Slack error is a line or two; even the longest of ours stays below this


def checked(fields: Fields) -> Content | Faults:
    return check(fields, default_region="US", mms_countries=COUNTRIES)


def content(fields: Fields) -> Content:
    result = checked(fields)
    assert isinstance(result, Content), result
    return result


def faults(fields: Fields) -> Mapping[str, str]:
    result = checked(fields)
    assert isinstance(result, Faults), result
    return result.by_block


def numbers(count: int) -> str:
    return ", ".join(f"+1201555{ending:04}" for ending in range(count))


def test_a_picture_message_comes_out_clean() -> None:
    fields = Fields(
        to=f" {ANN}; 201 555 0124", message="\n Hello \n\n", subject=" Your\nparcel ", media_url=f"<{PICTURE}>"
    )
    assert content(fields) == Content(
        recipients=(Recipient("+12015550123", "US"), Recipient("+12015550124", "US")),
        text=" Hello",
        media_url=PICTURE,
        subject="Your parcel",
        typed_to=f" {ANN}; 201 555 0124",
    )
    assert content(fields).kind is Kind.MMS


def test_only_text_is_an_sms_to_any_country() -> None:
    result = content(Fields(to="+44 20 7946 0018, +800 1234 5678", message="Hello"))
    assert result.kind is Kind.SMS
    assert [recipient.region for recipient in result.recipients] == ["GB", "001"]


def test_only_a_picture_is_enough() -> None:
    assert content(Fields(to=ANN, media_url=PICTURE)).text == ""


def test_slacks_tokens_and_entities_become_words() -> None:
    result = content(
        Fields(to=ANN, message="<@U1|ann> &amp; <https://example.com|us> &lt;3", subject="<#C1|ops>", media_url=PICTURE)
    )
    assert result.text == "@ann & us (https://example.com) <3"
    assert result.subject == "#ops"


def test_the_persons_own_angle_brackets_stay() -> None:
    assert content(Fields(to=ANN, message="a < b > c <3 <b>")).text == "a < b > c <3 <b>"


def test_lines_inside_the_text_stay_and_blank_ones_around_it_go() -> None:
    assert content(Fields(to=ANN, message="\r\n \n  one\r\n\n two\t.\x00\x1b\n \n")).text == "  one\n\n two\t."


def test_an_empty_form_has_its_faults_under_recipients_and_text() -> None:
    assert faults(Fields()) == {
        "to": "Give at least one phone number.",
        "message": "Write a text or give a picture's address; a message needs one of them.",
    }


@pytest.mark.parametrize("blank", ["", "  \n\t", "\u200b", "\x00", "\ufeff \u00a0"])
def test_what_nobody_sees_is_nothing(blank: str) -> None:
    assert set(faults(Fields(to=blank, message=blank, subject=blank, media_url=blank))) == {"to", "message"}


def test_all_faults_are_told_at_once_under_their_fields() -> None:
    told = faults(Fields(to="555-12", message="${name}", subject="s" * 81, media_url="http://example.com"))
    assert set(told) == {"to", "message", "subject", "media_url"}


def test_a_wrong_number_is_named_and_the_good_ones_are_not() -> None:
    told = faults(Fields(to=f"{ANN}, 201 555 0124, 555-12, 201-555-HELP", message="Hello"))
    assert told == {
        "to": "The 3rd, '555-12', is too short for a US number; the 4th, '201-555-HELP', has letters in it."
    }


def test_many_wrong_numbers_are_counted_after_the_tenth() -> None:
    told = faults(Fields(to=", ".join(["555-12"] * 22), message="Hello"))["to"]
    assert told.endswith("the 10th, '555-12', is too short for a US number; and 12 more.")
    assert "the 11th" not in told
    assert len(told) < MAX_ERROR


def test_more_than_a_thousand_numbers_are_refused() -> None:
    assert len(content(Fields(to=numbers(1000), message="Hello")).recipients) == 1000
    assert "1000 numbers at most" in faults(Fields(to=numbers(1001), message="Hello"))["to"]


def test_with_a_picture_a_number_elsewhere_is_named_by_place_and_country() -> None:
    to = f"{ANN}, 555-12, +44 20 7946 0018, +1 787 234 5678, +800 1234 5678"
    told = faults(Fields(to=to, media_url=PICTURE))
    assert told == {
        "to": "The 2nd, '555-12', is too short for a US number. Pictures go to numbers of AU, CA, PR and US only, "
        "not to the 3rd, '+44 20 7946 0018' (GB), the 5th, '+800 1234 5678' (of no country)."
    }


def test_a_wrong_picture_address_still_counts_as_a_picture() -> None:
    told = faults(Fields(to="+44 20 7946 0018", subject="Hello", media_url="http://example.com"))
    assert set(told) == {"to", "media_url"}


def test_without_countries_no_picture_goes_anywhere() -> None:
    result = check(Fields(to=ANN, media_url=PICTURE), default_region="US", mms_countries=frozenset())
    assert isinstance(result, Faults)
    assert result.by_block["to"].startswith("Pictures go to no country at present")


def test_the_text_is_measured_in_code_points_after_cleaning() -> None:
    assert len(content(Fields(to=ANN, message="&amp;" * MAX_TEXT + "\n")).text) == MAX_TEXT
    assert len(content(Fields(to=ANN, message="\U0001f600" * MAX_TEXT)).text) == MAX_TEXT
    told = faults(Fields(to=ANN, message="a" * (MAX_TEXT + 145)))
    assert told == {"message": "The text has 2145 characters; 2000 are possible."}


@pytest.mark.parametrize("text", ["Hi ${name}", "${}", "$${a}", "${a\nb}", "Hi <https://example.com|${name}>"])
def test_a_placeholder_in_text_or_subject_is_refused(text: str) -> None:
    told = faults(Fields(to=ANN, message=text, subject=text, media_url=PICTURE))
    assert "blank to be filled in" in told["message"]
    assert "blank to be filled in" in told["subject"]


@pytest.mark.parametrize("text", ["$5 {a}", "${", "{name}", "$ {name}", "} ${"])
def test_dollars_and_braces_of_another_kind_are_fine(text: str) -> None:
    assert content(Fields(to=ANN, message=text)).text == text


def test_a_mention_without_a_name_is_asked_for() -> None:
    told = faults(Fields(to=ANN, message="Hi <@U012AB3> in <#C1|> and <@U9|ann>"))
    assert told == {
        "message": "Slack gave no name for <@U012AB3>, <#C1|>; write the name instead, so that a phone can show it."
    }


def test_a_subject_goes_with_a_picture_only() -> None:
    told = faults(Fields(to=ANN, message="Hello", subject="Parcel"))
    assert told == {"subject": "A subject goes with a picture only: give a picture's address or leave this empty."}


def test_a_subject_has_eighty_characters_at_most() -> None:
    assert content(Fields(to=ANN, subject="s" * MAX_SUBJECT, media_url=PICTURE)).subject == "s" * MAX_SUBJECT
    told = faults(Fields(to=ANN, subject="s" * (MAX_SUBJECT + 1), media_url=PICTURE))
    assert told == {"subject": "The subject has 81 characters; 80 are possible."}


def test_a_wrong_address_has_its_sentence_under_the_picture() -> None:
    assert faults(Fields(to=ANN, message="Hi", media_url="http://example.com/cat.jpg")) == {
        "media_url": "The address must start with https://."
    }


def test_more_than_ten_recipients_are_shown_once_more() -> None:
    assert not needs_review(content(Fields(to=numbers(REVIEW_ABOVE), message="Hello")))
    assert needs_review(content(Fields(to=numbers(REVIEW_ABOVE + 1), message="Hello")))
    assert MAX_LISTED == 10


TYPED = st.one_of(
    st.none(),
    st.text(),
    st.sampled_from([ANN, "+12015550124, 555-12", numbers(12), "+44 20 7946 0018", PICTURE, f"<{PICTURE}>", "${a}"]),
    st.text("<>@U1|#!&amp;lt ${}\n\x00\ud800\u200b", max_size=60),
    st.integers(1990, 2010).map("a".__mul__),
)


@given(TYPED, TYPED, TYPED, TYPED)
def test_any_form_gives_content_within_every_limit_or_faults_under_real_fields(
    to: str | None, message: str | None, subject: str | None, media_url: str | None
) -> None:
    result = checked(Fields(to, message, subject, media_url))
    if isinstance(result, Faults):
        assert result.by_block
        assert set(result.by_block) <= {"to", "message", "subject", "media_url"}
        assert all(said and len(said) < MAX_ERROR for said in result.by_block.values())
        json.dumps(result.by_block, ensure_ascii=False).encode()
        return
    assert 1 <= len(result.recipients) <= 1000
    assert len(result.text) <= MAX_TEXT
    assert result.text or result.media_url
    assert result.media_url is None or len(result.media_url) <= MAX_URL
    assert result.subject is None or (result.media_url and 1 <= len(result.subject) <= MAX_SUBJECT)
    assert "\n" not in (result.subject or "")
    shown = result.text + (result.subject or "") + result.typed_to
    assert not any(c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs") for c in shown)
    if result.media_url:
        assert {recipient.region for recipient in result.recipients} <= COUNTRIES
