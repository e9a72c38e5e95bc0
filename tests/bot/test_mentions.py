"""Who is meant after ``allow`` and ``remove``: only what Slack says is a mention, and nothing guessed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.access.mentions import Mentions, parse_mentions

user_ids = st.from_regex(r"[UW][A-Z0-9]{1,12}", fullmatch=True)
group_ids = st.from_regex(r"S[A-Z0-9]{1,12}", fullmatch=True)
labels = st.sampled_from(["", "|ann", "|@support", "|Ann as admin", "|", "|a|b"])
separators = st.sampled_from([" ", ", ", ";", "\n", "", " , ; ", "\t", "，"])
others = st.sampled_from(
    ["@ann", "U0ANN", "<!here>", "<#C1|general>", "ann", "<@u1>", "<@U1", "<!subteam^U1>", "<@S1>"]
)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Mentions as Slack writes them, and whose they are."""
    members = draw(st.lists(user_ids | group_ids, max_size=8))
    text = ""
    for member in members:
        sign = "!subteam^" if member.startswith("S") else "@"
        text += f"{draw(separators)}<{sign}{member}{draw(labels)}>"
    return text + draw(separators), members


@given(written())
def test_every_mention_is_read_once_and_in_order(given: tuple[str, list[str]]) -> None:
    text, members = given
    assert parse_mentions(text) == Mentions(tuple(dict.fromkeys(members)), False, ())


@given(written(), st.sampled_from(["as admin", "as admins", "AS Admin", "as\nadmins", "as  admin "]))
def test_the_ending_says_as_what(given: tuple[str, list[str]], ending: str) -> None:
    text, members = given
    assert parse_mentions(f"{text} {ending}") == Mentions(tuple(dict.fromkeys(members)), True, ())


@given(written(), others)
def test_what_is_no_mention_is_told_and_never_guessed(given: tuple[str, list[str]], other: str) -> None:
    text, members = given
    read = parse_mentions(f"{text} {other}")
    assert read.members == tuple(dict.fromkeys(members))
    assert len(read.not_mentions) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@ann", ("@ann",)),
        ("U0ANN", ("U0ANN",)),
        ("<!here>", ("@here",)),
        ("<#C1|general>", ("#general",)),
        ("<#C1|>", ("#C1",)),
        ("ann, ann; ben", ("ann", "ben")),
        ("a&amp;b &lt;x&gt;", ("a&b", "<x>")),
        ("<mailto:ann@host.example|ann@host.example>", ("ann@host.example",)),
        ("<@u0ann>", ("@u0ann",)),
        ("<!subteam^S0X", ("<!subteam^S0X",)),
        ("<@S0X>", ("@S0X",)),
        ("<!subteam^U0ANN>", ("!subteam^U0ANN",)),
        ("<>", ("<>",)),
        ("admin", ("admin",)),
        ("as", ("as",)),
        ("<@U0ANN> as boss", ("as", "boss")),
        ("as admin <@U0ANN>", ("as", "admin")),
        ("x" * 500, ("x" * 60,)),
    ],
)
def test_words_are_shown_as_they_can_be_read(text: str, words: tuple[str, ...]) -> None:
    assert parse_mentions(text).not_mentions == words


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", Mentions((), False, ())),
        ("as admin", Mentions((), True, ())),
        ("<@U0ANN>as admin", Mentions(("U0ANN",), True, ())),
        ("<@U0ANN> as admin.", Mentions(("U0ANN",), True, ())),
        ("<@U0ANN>,as admin", Mentions(("U0ANN",), True, ())),
        ("<@U0ANN> has admin", Mentions(("U0ANN",), False, ("has", "admin"))),
        ("<@U0ANN> as administrator", Mentions(("U0ANN",), False, ("as", "administrator"))),
        ("<@U0ANN|x as admin>", Mentions(("U0ANN",), False, ())),
        ("<@U0ANN><@U0ANN><@W0BEN>", Mentions(("U0ANN", "W0BEN"), False, ())),
    ],
)
def test_an_admin_is_made_only_by_the_very_words_at_the_end(text: str, read: Mentions) -> None:
    assert parse_mentions(text) == read


@given(st.text() | st.text("<>@!|^US0 asdmin,;&amp\n"))
def test_no_text_raises_and_every_member_stands_in_it(text: str) -> None:
    read = parse_mentions(text)
    for member in read.members:
        assert re.search(rf"<(@|!subteam\^){member}[|>]", text)
    assert len(set(read.not_mentions)) == len(read.not_mentions)
    assert all(0 < len(word) <= 60 and word.split() for word in read.not_mentions)
