"""Puts the story on a terminal, in a file or through a pipe."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from typing import TextIO

from sandbox.story.lines import Line, Span, Tone, columns, indented, wrap

WIDTH = 80
NARROWEST = 40
_MARGIN = 2
_ESCAPES = {
    Tone.PLAIN: "",
    Tone.STRONG: "\x1b[1m",
    Tone.FAINT: "\x1b[2m",
    Tone.GOOD: "\x1b[32m",
    Tone.BAD: "\x1b[31m",
    Tone.CODE: "\x1b[36m",
    Tone.TITLE: "\x1b[1;36m",
}
_END = "\x1b[0m"
# For terminals whose encoding has no lines.
_ASCII = str.maketrans("╭╮╰╯─│┃…✓✗•═·“”", '++++-||~+x*=-""')


class Teller:
    """Writes at once what it is given.

    Args:
        width: the columns that may be used.
        colour: mark the tones with ANSI colours.
        ascii_only: draw without line characters.
    """

    def __init__(self, out: TextIO, *, width: int = WIDTH, colour: bool = False, ascii_only: bool = False) -> None:
        self._out = out
        self._colour = colour
        self._ascii = ascii_only
        self.width = width - _MARGIN

    @classmethod
    def on(cls, out: TextIO, environment: Mapping[str, str]) -> Teller:
        """As fits the stream: colours in a terminal only, and not where ``NO_COLOR`` is set (no-color.org)."""
        terminal = out.isatty()
        across = shutil.get_terminal_size((WIDTH, 24)).columns if terminal else WIDTH
        colour = terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        try:
            "╭─┃✓…".encode(out.encoding or "ascii")
        except UnicodeEncodeError:
            ascii_only = True
        else:
            ascii_only = False
        return cls(out, width=max(NARROWEST, min(WIDTH, across)), colour=colour, ascii_only=ascii_only)

    def title(self, text: str) -> None:
        self._write([(), (Span(text, Tone.TITLE),), (Span("═" * columns(text), Tone.FAINT),), ()])

    def heading(self, text: str) -> None:
        """A rule with words at its start, a blank line before and after it."""
        rule = "─" * (self.width - columns(text) - 1)
        self._write([(), (Span(f"{text} ", Tone.TITLE), Span(rule, Tone.FAINT)), ()])

    def say(self, *content: str | Span) -> None:
        """A paragraph of the story."""
        spans = [part if isinstance(part, Span) else Span(part) for part in content]
        self._write([*wrap(spans, self.width), ()])

    def show(self, lines: Iterable[Line]) -> None:
        """Something drawn, and a blank line."""
        self._write([*lines, ()])

    def items(self, entries: Iterable[Iterable[Span]], *, indent: int = 2) -> None:
        """Entries below each other, each wrapped, and a blank line."""
        rows = [line for entry in entries for line in wrap(entry, self.width - indent)]
        self._write([*indented(rows, indent), ()])

    def mark(self, text: str, *, good: bool) -> None:
        """One line with a tick or a cross."""
        sign = Span("✓ ", Tone.GOOD) if good else Span("✗ ", Tone.BAD)
        first, *others = wrap([Span(text, Tone.PLAIN if good else Tone.BAD)], self.width - 2)
        self._write([(sign, *first), *indented(others, 2)])

    def _write(self, lines: Iterable[Line]) -> None:
        for line in indented(lines, _MARGIN):
            text = "".join(map(self._rendered, line)).rstrip()
            self._out.write((text.translate(_ASCII) if self._ascii else text) + "\n")
        self._out.flush()

    def _rendered(self, span: Span) -> str:
        escape = _ESCAPES[span.tone] if self._colour else ""
        return f"{escape}{span.text}{_END}" if escape and span.text.strip() else span.text
