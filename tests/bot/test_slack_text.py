"""Slack's encoding, undone for phones and done for Slack."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text import code_span, escape, link_address, plain, printable, unreadable

HEADS = st.one_of(
    st.sampled_from(["@U012AB3", "@W9", "#C01", "#G01", "!subteam^S0", "!here", "!channel", "!date^1^{date}"]),
    st.sampled_from(["https://a.example/b", "mailto:ann@example.com", "tel:+12015550123", "!something"]),
)
LABELS = st.text(st.characters(exclude_characters="<>|\n&", exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    str.strip
)
LABELLED = st.builds("<{}|{}>".format, HEADS, LABELS)
WORDS = st.text(st.characters(exclude_characters="<>&", exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        ("<@U012AB3|ann>", "@ann"),
        ("<@W012AB3|@ann>", "@ann"),
        ("<#C012AB3|general>", "#general"),
        ("<!subteam^S012|@team>", "@team"),
        ("<!subteam^S012|team>", "@team"),
        ("<!here>", "@here"),
        ("<!here|here>", "@here"),
        ("<!channel|@channel>", "@channel"),
        ("<!everyone>", "@everyone"),
        ("<!date^1392734382^{date_short}^https://example.com|Feb 18, 2014>", "Feb 18, 2014"),
        ("<!unheard-of|words>", "<!unheard-of|words>"),
        ("<!toast^x|words>", "words"),
        ("<https://example.com/a>", "https://example.com/a"),
        ("<https://example.com/a|https://example.com/a>", "https://example.com/a"),
        ("<https://example.com/a|our page>", "our page (https://example.com/a)"),
        ("<http://example.com|example.com>", "example.com"),
        ("<http://example.com/|example.com>", "example.com"),
        ("<https://example.com/?a=1&amp;b=2>", "https://example.com/?a=1&b=2"),
        ("<https://evil.example|bank.example>", "bank.example (https://evil.example)"),
        ("<mailto:ann@example.com|ann@example.com>", "ann@example.com"),
        ("<mailto:ann@example.com>", "ann@example.com"),
        ("<tel:+12015550123|(201) 555-0123>", "(201) 555-0123"),
        ("<tel:+12015550123>", "+12015550123"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("&lt;3 &gt; 2", "<3 > 2"),
        ("&amp;lt;", "&lt;"),
        ("&amp;amp;amp;", "&amp;amp;"),
        ("&quot;&#39;&copy;&nbsp;", "&quot;&#39;&copy;&nbsp;"),
        ("&lt;@U012AB3|ann&gt;", "<@U012AB3|ann>"),
        ("<@U012AB3|a&amp;b>", "@a&b"),
        ("Hi <@U1|ann>,\nsee <#C1|ops> &amp; go", "Hi @ann,\nsee #ops & go"),
    ],
)
def test_tokens_become_words_and_entities_are_undone_once(encoded: str, words: str) -> None:
    assert plain(encoded) == words
    assert unreadable(encoded) == ()


@pytest.mark.parametrize(
    "own", ["a < b > c", "<3", "<b>bold</b>", "<>", "x <- y", "<!doctype html>", "<<>>", "if a<b|c>d", "<\n>"]
)
def test_angle_brackets_of_the_persons_own_stay(own: str) -> None:
    assert plain(own) == own
    assert unreadable(own) == ()


@pytest.mark.parametrize(
    "token", ["<@U1>", "<@W1|>", "<#C1>", "<#C1|>", "<!subteam^S1>", "<!date^1^{date}>", "<@U1| >"]
)
def test_a_mention_without_a_name_is_listed_and_left_as_it_is(token: str) -> None:
    assert unreadable(f"Hi {token} and <@U9|ann>") == (token,)
    assert plain(f"Hi {token} and <@U9|ann>") == f"Hi {token} and @ann"


def test_unreadable_mentions_are_listed_once_in_order() -> None:
    assert unreadable("<@U2> <@U1> <@U2>") == ("<@U2>", "<@U1>")


@given(st.lists(st.one_of(WORDS, LABELLED)).map("".join))
def test_no_labelled_token_is_left(text: str) -> None:
    assert not re.search(r"<[@#!][^<>\n]*\|[^<>\n]*>|<(?:https|mailto|tel):", plain(text))


@given(WORDS)
def test_text_without_encoding_is_untouched(text: str) -> None:
    assert plain(text) == text


@given(st.text())
def test_what_is_escaped_comes_back_as_it_was(text: str) -> None:
    assert plain(escape(text)) == text
    assert not set(escape(text)) & set("<>")


@given(st.text(st.sampled_from("<>|&;!@#^USC1altgmp:/ \n")))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    plain(text)
    assert all(token in text for token in unreadable(text))


@pytest.mark.parametrize("hostile", ["<", "<@U1|", "<!date^", "&lt;", "<a:", "<|", "<https://", "<@U1", "&", "<!a^|"])
@pytest.mark.timeout(20)
def test_long_hostile_text_takes_linear_time(hostile: str) -> None:
    plain(hostile * 100_000)
    unreadable(hostile * 100_000)
    plain("<" + hostile.strip("<") * 100_000 + ">")


def test_the_address_of_a_wrapped_link() -> None:
    assert link_address("<https://example.com/?a=1&amp;b=2|words>") == "https://example.com/?a=1&b=2"
    assert link_address("<@U1|ann>") is None
    assert link_address("https://example.com") is None


@given(st.text())
def test_a_code_span_is_one_line_that_its_text_cannot_leave(text: str) -> None:
    span = code_span(text)
    if span:
        assert span[0] == span[-1] == "`"
        assert not set(span[1:-1]) & set("`<>\n")


def test_code_spans_keep_what_can_be_kept() -> None:
    assert code_span("a`b <c>") == "`ab &lt;c&gt;`"
    assert code_span(" ` ") == ""


def test_printable_text_has_no_control_characters_and_one_kind_of_line_end() -> None:
    assert printable("a\x00b\x1bc\r\nd\re\u2028f\tg\ud800h") == "abc\nd\ne\nf\tgh"
    family = "\U0001f468\u200d\U0001f469"  # held together by an invisible character that must stay
    assert printable(family) == family
