"""Lines of text for a terminal: how wide they are, how they wrap, boxes around them. Pure; colours come later.

A column is one cell of the terminal: most characters take one, East Asian wide ones and emoji two, accents none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, zip_longest

ELLIPSIS = "…"
_JOINER = "\u200d"  # holds an emoji together; every other invisible character is left out
_WIDE = "WF"  # Unicode, East Asian Width: wide and fullwidth
_NARROWEST = 2  # room for one wide character


class Tone(StrEnum):
    """What a piece of text is; a terminal with colours shows it."""

    PLAIN = "plain"
    STRONG = "strong"
    FAINT = "faint"
    GOOD = "good"
    BAD = "bad"
    CODE = "code"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text of one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]
_Cell = tuple[str, Tone]  # one character


def columns(text: str) -> int:
    """How many columns a text takes. It has no line ends."""
    return sum(map(_char_columns, text))


def line_columns(line: Line) -> int:
    return sum(columns(span.text) for span in line)


def text_of(lines: Iterable[Line]) -> str:
    """The lines without their tones."""
    return "\n".join("".join(span.text for span in line) for line in lines)


def printable(text: str) -> str:
    """Foreign text without anything that could steer a terminal; line ends stay, tabs become blanks."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(
        char for char in kept if char in ("\n", _JOINER) or unicodedata.category(char) not in ("Cc", "Cf", "Cs")
    )


def wrap(content: Iterable[Span], width: int) -> list[Line]:
    """Text in lines of at most ``width`` columns, broken at blanks, or inside a word that is too long.

    Raises:
        ValueError: ``width`` is below 2.
    """
    if width < _NARROWEST:
        raise ValueError("lines are at least two columns wide")
    cells = [(char, span.tone) for span in content for char in printable(span.text)]
    lines: list[Line] = []
    start = 0
    for end in [*(place for place, (char, _) in enumerate(cells) if char == "\n"), len(cells)]:
        lines += [_joined(row) for row in _rows(cells[start:end], width)]
        start = end + 1
    return lines


def cut(line: Line, width: int) -> Line:
    """The line, or as much of it as fits with an ellipsis."""
    if line_columns(line) <= width:
        return line
    kept: list[_Cell] = []
    room = width - columns(ELLIPSIS)
    for char, tone in _cells(line):
        room -= _char_columns(char)
        if room < 0:
            kept = _without_blank_end(kept)
            return (*_joined(kept), Span(ELLIPSIS, kept[-1][1] if kept else tone))
        kept.append((char, tone))
    return line


def padded(line: Line, width: int) -> Line:
    """The line, cut or filled up with blanks to exactly ``width`` columns."""
    fitting = cut(line, width)
    missing = width - line_columns(fitting)
    return (*fitting, Span(" " * missing)) if missing else fitting


def centred(line: Line, width: int) -> Line:
    left = max(0, (width - line_columns(line)) // 2)
    return padded((Span(" " * left), *line) if left else line, width)


def box(content: Sequence[Line], width: int, *, title: str = "") -> list[Line]:
    """A frame of exactly ``width`` columns around lines, with a title in its upper edge."""
    inside = width - 4
    if inside < _NARROWEST:
        raise ValueError("a box is at least six columns wide")
    side = Span("│", Tone.FAINT)
    head: Line = ()
    if title:
        head = (Span(" "), *cut((Span(printable(title).replace("\n", " "), Tone.STRONG),), inside - 2), Span(" "))
    edge = Span("─" * (width - 3 - line_columns(head)), Tone.FAINT)
    return [
        (Span("╭─", Tone.FAINT), *head, edge, Span("╮", Tone.FAINT)),
        *((side, Span(" "), *padded(line, inside), Span(" "), side) for line in content),
        (Span("╰" + "─" * (width - 2) + "╯", Tone.FAINT),),
    ]


def bar(content: Iterable[Line]) -> list[Line]:
    """Lines with a bar at their left."""
    return [(Span("┃ ", Tone.FAINT), *line) for line in content]


def beside(blocks: Sequence[Sequence[Line]], *, gap: int = 2) -> list[Line]:
    """Blocks next to each other, their upper edges level."""
    widths = [max(map(line_columns, block), default=0) for block in blocks]
    rows = zip_longest(*blocks, fillvalue=())
    between = Span(" " * gap)
    return [
        tuple(
            span
            for place, (line, width) in enumerate(zip(row, widths, strict=True))
            for span in (*((between,) if place else ()), *padded(line, width))
        )
        for row in rows
    ]


def table(rows: Sequence[Sequence[Span]], width: int, *, gap: int = 2) -> list[Line]:
    """Rows whose cells stand below each other; each row has as many. What does not fit into ``width`` is cut."""
    widths = [max(columns(span.text) for span in column) for column in zip(*rows, strict=True)]
    lines: list[Line] = []
    for row in rows:
        cells = [padded((span,), wide + gap) for span, wide in zip(row, widths, strict=True)]
        lines.append(cut(tuple(span for cell in cells for span in cell), width))
    return lines


def indented(lines: Iterable[Line], by: int) -> list[Line]:
    return [(Span(" " * by), *line) if line else () for line in lines]


def _char_columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1


def _cells(line: Line) -> list[_Cell]:
    return [(char, span.tone) for span in line for char in span.text]


def _joined(cells: Sequence[_Cell]) -> Line:
    return tuple(
        Span("".join(char for char, _ in group), tone) for tone, group in groupby(cells, key=lambda cell: cell[1])
    )


def _without_blank_end(cells: list[_Cell]) -> list[_Cell]:
    while cells and cells[-1][0] == " ":
        cells = cells[:-1]
    return cells


def _rows(cells: Sequence[_Cell], width: int) -> list[list[_Cell]]:
    """One paragraph, broken greedily."""
    rows: list[list[_Cell]] = []
    row: list[_Cell] = []
    used = 0
    blank: int | None = None  # the last blank of the row, where it can be broken
    for cell in cells:
        need = _char_columns(cell[0])
        if used + need > width:
            at = len(row) if cell[0] == " " or blank is None else blank
            rows.append(_without_blank_end(row[:at]))
            row, blank = row[at + 1 :], None
            used = sum(_char_columns(char) for char, _ in row)
            if cell[0] == " ":
                continue
        if cell[0] == " " and row:
            blank = len(row)
        row.append(cell)
        used += need
    return [*rows, _without_blank_end(row)]
