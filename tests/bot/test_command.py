"""What people type after the slash command."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.compose import MAX_FIELD
from bot.picture import MAX_URL
from bot.slack.command import Name, Prefill, Suggestion, Word, parse_command

PICTURE = "https://example.com/cat.jpg"


def parse(text: str) -> Word | Suggestion | Prefill:
    return parse_command(text, default_region="US")


@pytest.mark.parametrize("name", list(Name))
@pytest.mark.parametrize("shape", ["{}", " {} ", "\u200b{}\u00a0", "{}\n"])
def test_each_word_alone_is_that_word_in_any_case(name: Name, shape: str) -> None:
    for spelled in (name.value, name.value.upper(), name.value.capitalize()):
        assert parse(shape.format(spelled)) == Word(name, "")


def test_access_log_may_have_more_spaces() -> None:
    assert parse("access   log") == Word(Name.ACCESS_LOG, "")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("status 01FC66621XXXXX119Z8PMV1QPQ", Word(Name.STATUS, "01FC66621XXXXX119Z8PMV1QPQ")),
        ("Allow <@U1|ann>  <!subteam^S1>", Word(Name.ALLOW, "<@U1|ann>  <!subteam^S1>")),
        ("REMOVE\n@ann", Word(Name.REMOVE, "@ann")),
        ("\u200ballow <@U1>", Word(Name.ALLOW, "<@U1>")),
        ("status update for everybody", Word(Name.STATUS, "update for everybody")),
    ],
)
def test_status_allow_and_remove_count_as_first_word(text: str, word: Word) -> None:
    assert parse(text) == word


@pytest.mark.parametrize(
    "text",
    ["help is on the way", "whoami really", "recent news", "admin wanted", "access denied", "access log book",
     "statuses", "helping", "hello", "he", "hepl me", "acess log"],
)  # fmt: skip
def test_other_words_are_a_text(text: str) -> None:
    assert parse(text) == Prefill("", "", text)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("hepl", Name.HELP),
        ("hlep", Name.HELP),
        ("ehlp", Name.HELP),
        ("elp", Name.HELP),
        ("hel", Name.HELP),
        ("helpp", Name.HELP),
        ("xhelp", Name.HELP),
        ("halp", Name.HELP),
        ("HELP!", Name.HELP),
        ("/help", Name.HELP),
        ("who-ami", Name.WHOAMI),
        ("recents", Name.RECENT),
        ("statsu", Name.STATUS),
        ("admni", Name.ADMIN),
        ("acces", Name.ACCESS),
        ("accesslog", Name.ACCESS_LOG),
        ("alow", Name.ALLOW),
        ("remov", Name.REMOVE),
    ],
)
def test_one_single_word_within_one_edit_gets_a_suggestion(typed: str, name: Name) -> None:
    assert parse(typed) == Suggestion(name, typed)


@given(st.sampled_from(list(Name)), st.data())
def test_every_single_edit_of_a_word_is_suggested_or_is_another_word(name: Name, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("abcxyz"))
    edited = data.draw(
        st.sampled_from(
            [
                name[:place] + letter + name[place:],
                name[:place] + letter + name[place + 1 :],
                name[:place] + name[place + 1 :],
                name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
            ]
        )
    )
    if len(edited.split()) == 1:
        assert not isinstance(parse(edited), Prefill)


@pytest.mark.parametrize(
    ("text", "to", "message"),
    [
        ("+1 201 555 0123 Your parcel is here", "+1 201 555 0123", "Your parcel is here"),
        ("(201) 555-0123 hello", "(201) 555-0123", "hello"),
        ("2015550123", "2015550123", ""),
        ("<tel:+12015550123|(201) 555-0123> hi", "+12015550123", "hi"),
        ("<tel:+12015550123>hi", "+12015550123", "hi"),
        ("tel:+12015550123 hi", "tel:+12015550123", "hi"),
        ("+12015550123, 2015550124;(201) 555-0125 hi, you", "+12015550123, 2015550124, (201) 555-0125", "hi, you"),
        ("+12015550123,+12015550124 hi", "+12015550123, +12015550124", "hi"),
        ("+1 201 555 0123 +1 201 555 0124 hi", "+1 201 555 0123, +1 201 555 0124", "hi"),
        ("<tel:2015550123|a> <tel:2015550124|b> hi", "2015550123, 2015550124", "hi"),
        ("+12015550123\n2015550124\nhello\nworld", "+12015550123, 2015550124", "hello\nworld"),
        ("2015550123 2015550124 is our number", "2015550123", "2015550124 is our number"),
        ("+12015550123, your parcel is here", "+12015550123", "your parcel is here"),
        ("+12015550123: your parcel is here", "+12015550123", "your parcel is here"),
        ("+12015550123: 2015550124 is our number", "+12015550123", "2015550124 is our number"),
        ("+12015550123 - your parcel is here", "+12015550123", "your parcel is here"),
        ("+12015550123 (call me)", "+12015550123", "(call me)"),
        ("+1 201 555 0123 2 parcels for you", "+1 201 555 0123", "2 parcels for you"),
        ("\u202a+1\u00a0201 555‑0123\u202c hi", "+1 201 555-0123", "hi"),
        ("0044 20 7946 0018 hi", "0044 20 7946 0018", "hi"),
        ("2 parcels for you", "", "2 parcels for you"),
        ("100, 200 and 300", "", "100, 200 and 300"),
        ("12:30 is fine", "", "12:30 is fine"),
        ("call +12015550123", "", "call +12015550123"),
        ("Hi <tel:+12015550123|555-0123>", "", "Hi 555-0123"),
    ],
)
def test_leading_numbers_go_to_the_recipients(text: str, to: str, message: str) -> None:
    assert parse(text) == Prefill(to, "", message)


@pytest.mark.parametrize(
    ("text", "to", "message"),
    [
        ("+1201555 hello", "+1201555", "hello"),
        ("+1 201 555 01 hello", "+1 201 555 01", "hello"),
        ("+1-201-555-HELP hello", "+1-201-555-HELP", "hello"),
        ("(+1) 201 hello", "(+1) 201", "hello"),
        ("+12015550123, +1201555 hello", "+12015550123, +1201555", "hello"),
        ("<tel:555-12|555-12> hello", "555-12", "hello"),
    ],
)
def test_a_wrong_number_with_a_plus_goes_to_the_recipients_to_be_corrected(text: str, to: str, message: str) -> None:
    assert parse(text) == Prefill(to, "", message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"<{PICTURE}>", ""),
        (PICTURE, ""),
        (f"<{PICTURE}> look at this", "look at this"),
        (f"look <{PICTURE}> at this", "look at this"),
        (f"look\n<{PICTURE}>\nat this", "look\n\nat this"),
        (f"look ({PICTURE}), please", "look please"),
        (f"look (<{PICTURE}>).", "look"),
        (f"pic:{PICTURE} here", "pic: here"),
        (f"<{PICTURE}|our cat> here", "our cat here"),
        (f"<{PICTURE}|example.com/cat.jpg> here", "here"),
        (f"<{PICTURE}|{PICTURE}> here", "here"),
        (f"<https://example.com/page> <{PICTURE}> <https://example.com/dog.png>",
         "https://example.com/page https://example.com/dog.png"),
    ],
)  # fmt: skip
def test_the_first_picture_link_goes_to_the_picture_field(text: str, message: str) -> None:
    assert parse(text) == Prefill("", PICTURE, message)


def test_number_picture_and_text_each_find_their_field_in_any_order_of_link_and_number() -> None:
    expected = Prefill("+12015550123", PICTURE, "AT&T says hi")
    assert parse(f"+12015550123 <{PICTURE}> AT&amp;T says hi") == expected
    assert parse(f"<{PICTURE}> +12015550123 AT&amp;T says hi") == expected
    assert parse(f"+12015550123 AT&amp;T says hi {PICTURE}") == expected


def test_entities_in_a_picture_link_are_undone() -> None:
    assert parse(f"<{PICTURE}?a=1&amp;b=2>") == Prefill("", f"{PICTURE}?a=1&b=2", "")
    assert parse(f"{PICTURE}?a=1&amp;b=2") == Prefill("", f"{PICTURE}?a=1&b=2", "")


def test_a_link_that_is_no_picture_stays_in_the_text() -> None:
    assert parse("see <https://example.com/page.html>") == Prefill("", "", "see https://example.com/page.html")


def test_a_link_longer_than_sinch_takes_stays_in_the_text() -> None:
    long = f"https://example.com/{'a' * MAX_URL}.jpg"
    assert parse(f"<{long}>") == Prefill("", "", long)


def test_the_text_becomes_readable_and_mentions_without_a_name_stay() -> None:
    text = "<@U1|ann> &lt;3 <#C1|ops> <@U2> <https://example.com|our page>"
    assert parse(text) == Prefill("", "", "@ann <3 #ops <@U2> our page (https://example.com)")


def test_numbers_beyond_the_field_stay_in_the_text() -> None:
    typed = [f"+1201555{ending:04}" for ending in range(300)]
    prefill = parse(",".join(typed))
    assert isinstance(prefill, Prefill)
    assert len(prefill.to) <= MAX_FIELD
    assert prefill.to.split(", ") + prefill.message.split(",") == typed


def test_control_characters_do_not_reach_the_dialog() -> None:
    assert parse("hi\x00 there\x1b \ud800") == Prefill("", "", "hi there")


SNIPPETS = st.one_of(
    st.from_regex(r"[a-zA-Z]{2,8}[.!?]?", fullmatch=True),
    st.sampled_from(["+12015550123", "(201) 555-0124", "2", "+99", "a&amp;b", "<@U1|ann>", "<@U2>", "&lt;3"]),
    st.sampled_from([f"<{PICTURE}>", f"<{PICTURE}|our cat>", PICTURE, "<https://example.com/page|page>", "<tel:1|x>"]),
)


@given(st.lists(SNIPPETS, min_size=2, max_size=12), st.sampled_from([" ", ", ", "\n", "; ", "  "]))
def test_no_word_is_lost(snippets: list[str], between: str) -> None:
    parsed = parse(between.join(snippets))
    match parsed:
        case Prefill(to=to, media_url=media_url, message=message):
            kept = f"{to} {media_url} {message}"
        case Word(name=name, rest=rest):
            kept = f"{name} {rest}"
        case Suggestion(typed=typed):
            kept = typed
    words = {"<tel:1|x>": ["1"], "&lt;3": ["3"], "<@U1|ann>": ["ann"], "a&amp;b": ["a", "b"]}
    for snippet in snippets:
        for word in words.get(snippet, re.findall(r"\w+", snippet)):
            assert word.lower() in kept.lower() or (snippet == "<tel:1|x>" and "x" in kept)


@given(st.one_of(st.text(), st.text("+0123456789 ()<>|&;:,tel@U!#ahttps/.jpg\n")))
def test_any_text_is_read_within_the_fields_limits(text: str) -> None:
    parsed = parse(text)
    if isinstance(parsed, Prefill):
        assert len(parsed.to) <= MAX_FIELD
        assert len(parsed.message) <= MAX_FIELD
        assert len(parsed.media_url) <= MAX_URL


@pytest.mark.parametrize(
    "hostile", ["+1 ", "<", "1 ", "+12015550123 ", "https://", "(", "<tel:1>", ", ", "<tel:", '"', "https://a/.jp "]
)
@pytest.mark.timeout(20)
def test_long_hostile_text_takes_no_long_time(hostile: str) -> None:
    parse(hostile * 40_000)
