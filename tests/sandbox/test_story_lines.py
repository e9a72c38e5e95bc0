"""Lines, boxes and colours of the story: nothing is wider than it may be, nothing is lost."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.story.lines import (
    Line,
    Span,
    Tone,
    beside,
    box,
    columns,
    cut,
    indented,
    line_columns,
    padded,
    printable,
    table,
    text_of,
    wrap,
)
from sandbox.story.teller import Teller

TEXTS = st.text(
    st.one_of(st.sampled_from("ab é\u0301 \n漢字🚀👩\u200d🚀\x1b\t\u202e"), st.characters(exclude_categories=["Cs"])),
    max_size=120,
)
SPANS = st.lists(st.builds(Span, TEXTS, st.sampled_from(Tone)), max_size=4)


def letters(text: str) -> str:
    return "".join(text.split())


@given(SPANS, st.integers(2, 90))
def test_wrapped_lines_fit_and_lose_nothing_but_blanks(spans: list[Span], width: int) -> None:
    lines = wrap(spans, width)
    assert all(line_columns(line) <= width for line in lines)
    assert letters(text_of(lines)) == letters(printable("".join(span.text for span in spans)))


@given(SPANS, st.integers(2, 90))
def test_wrapping_keeps_the_tone_of_every_letter(spans: list[Span], width: int) -> None:
    def toned(parts: Iterable[Span]) -> list[tuple[str, Tone]]:
        return [(char, span.tone) for span in parts for char in letters(span.text)]

    seen = toned(span for line in wrap(spans, width) for span in line)
    assert seen == toned(Span(printable(span.text), span.tone) for span in spans)


def test_lines_break_at_blanks_and_at_line_ends() -> None:
    assert text_of(wrap([Span("one two three\n\nfour")], 8)) == "one two\nthree\n\nfour"


def test_a_word_that_is_too_long_is_broken() -> None:
    assert text_of(wrap([Span("ab abcdefghij")], 4)) == "ab\nabcd\nefgh\nij"


def test_wide_characters_count_double_and_accents_not_at_all() -> None:
    assert columns("漢字") == 4
    assert columns("e\u0301") == 1
    assert text_of(wrap([Span("漢字漢")], 5)) == "漢字\n漢"


def test_a_line_of_one_column_is_refused() -> None:
    with pytest.raises(ValueError, match="two columns"):
        wrap([Span("a")], 1)


@given(st.text())
def test_foreign_text_cannot_steer_the_terminal(text: str) -> None:
    left = {unicodedata.category(char) for char in printable(text) if char not in "\n\u200d"}
    assert not left & {"Cc", "Cf", "Cs"}


@given(SPANS, st.integers(6, 90), st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_line_of_a_box_is_exactly_as_wide_as_the_box(spans: list[Span], width: int, title: str) -> None:
    drawn = box(wrap(spans, width), width, title=title)
    assert {line_columns(line) for line in drawn} == {width}


@given(SPANS, st.integers(2, 40))
def test_a_padded_line_is_exactly_as_wide_as_asked(spans: list[Span], width: int) -> None:
    line = wrap(spans, 60)[0]
    assert line_columns(padded(line, width)) == width


def test_a_line_that_is_cut_says_so_and_one_that_fits_does_not() -> None:
    assert text_of([cut((Span("one two"),), 5)]) == "one…"
    assert text_of([cut((Span("one"),), 3)]) == "one"


def test_blocks_beside_each_other_are_level() -> None:
    left, right = box([(Span("a"),)], 7), box([(Span("b"),), (Span("c"),)], 7)
    assert text_of(beside([left, right], gap=1)).split("\n") == [
        "╭─────╮ ╭─────╮",
        "│ a   │ │ b   │",
        "╰─────╯ │ c   │",
        "        ╰─────╯",
    ]


def test_a_table_aligns_its_columns_and_keeps_to_the_width() -> None:
    rows = [(Span("sent"), Span("1")), (Span("refused, told"), Span("22"))]
    assert [line.rstrip() for line in text_of(table(rows, 40)).split("\n")] == ["sent           1", "refused, told  22"]
    assert all(line_columns(line) <= 10 for line in table(rows, 10))


def told(lines: Iterable[Line], **settings: bool) -> str:
    out = io.StringIO()
    Teller(out, **settings).show(lines)
    return out.getvalue()


def test_without_colours_there_is_no_escape_in_the_text() -> None:
    lines: list[Line] = [(Span("well", Tone.GOOD), Span(" "), Span("bad", Tone.BAD))]
    assert told(lines) == "  well bad\n\n"
    assert "\x1b[32mwell\x1b[0m" in told(lines, colour=True)


def test_a_terminal_without_lines_gets_plain_characters() -> None:
    drawn = told(box([(Span("“a…”"),)], 10, title="t"), ascii_only=True)
    assert drawn.isascii()
    assert drawn.startswith("  +- t ----+\n")


class Screen(io.TextIOWrapper):
    """A stream that says what a terminal would."""

    def __init__(self, *, terminal: bool = True, encoding: str = "utf-8") -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding=encoding, errors="replace")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def told(self, environment: dict[str, str]) -> str:
        Teller.on(self, environment).show(box([(Span("x", Tone.BAD),)], 6))
        return self.raw_bytes.getvalue().decode(self.encoding)


def test_colours_are_for_terminals_that_want_them() -> None:
    assert "\x1b" in Screen().told({"TERM": "xterm"})
    assert "\x1b" not in Screen().told({"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b" not in Screen().told({"TERM": "dumb"})
    assert "\x1b" not in Screen(terminal=False).told({"TERM": "xterm"})


def test_an_encoding_without_lines_is_noticed() -> None:
    assert "?" not in Screen(encoding="ascii", terminal=False).told({})


def test_empty_lines_stay_empty_when_they_are_indented() -> None:
    assert indented([(), (Span("a"),)], 2) == [(), (Span("  "), Span("a"))]
