"""What stands on a phone, drawn from what the fake Sinch delivered. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from sandbox.sinch.phones import PhoneMessage
from sandbox.story.lines import Line, Span, Tone, beside, box, centred, columns, cut, printable, wrap

PHONE_WIDTH = 25
_GAP = 1
_PICTURE = (
    r"      _    .-.  ",
    r"     / \  (   ) ",
    r"  /\/   \  `-'  ",
    r" /  \    \/\    ",
)  # stands for any picture: nothing is fetched
_NORTH_AMERICAN = re.compile(r"\+?1(\d{3})(\d{3})(\d{4})")


def phones(inboxes: Sequence[tuple[str, Sequence[PhoneMessage]]], width: int) -> list[Line]:
    """Phones side by side, as many as fit, the others below; each is its number and what it shows."""
    in_a_row = max(1, (width + _GAP) // (PHONE_WIDTH + _GAP))
    drawn = [phone(number, shown, min(PHONE_WIDTH, width)) for number, shown in inboxes]
    return [
        line for first in range(0, len(drawn), in_a_row) for line in beside(drawn[first : first + in_a_row], gap=_GAP)
    ]


def phone(number: str, messages: Sequence[PhoneMessage], width: int = PHONE_WIDTH) -> list[Line]:
    """One phone, exactly ``width`` columns wide."""
    inside = width - 4
    lines: list[Line] = []
    for message in messages:
        if lines:
            lines.append((Span("─" * inside, Tone.FAINT),))
        lines += _message(message, inside)
    return box(lines or [centred((Span("(nothing)", Tone.FAINT),), inside)], width, title=spaced(number))


def spaced(number: str) -> str:
    """A North American number in groups, any other as it is."""
    match = _NORTH_AMERICAN.fullmatch(number)
    return f"+1 {match[1]} {match[2]} {match[3]}" if match else number


def _message(message: PhoneMessage, width: int) -> list[Line]:
    lines = wrap([Span(f"from {spaced(message.from_)}", Tone.FAINT)], width)
    if message.media_url:
        name = printable(urlsplit(message.media_url).path.rsplit("/", 1)[-1] or message.media_url)
        lines += [centred((Span(row, Tone.CODE),), width) for row in _PICTURE]
        lines.append(centred(cut((Span(name, Tone.FAINT),), width), width))
    if message.subject:
        lines += wrap([Span(message.subject, Tone.STRONG)], width)
    if message.text:
        lines += wrap([Span(message.text)], width)
    kind = message.kind.upper()
    return [*lines, (Span(" " * (width - columns(kind))), Span(kind, Tone.FAINT))]
