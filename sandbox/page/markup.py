"""From mrkdwn to HTML. Everything is escaped here or by the templates; nothing of the bot's becomes an element."""

from __future__ import annotations

from markupsafe import Markup, escape

from sandbox.story.lines import Tone
from sandbox.story.mrkdwn import NameOf, spans

_DRAWN = {Tone.STRONG: Markup("<strong>{}</strong>"), Tone.CODE: Markup("<code>{}</code>")}


def mrkdwn(text: str, name_of: NameOf) -> Markup:
    """A mrkdwn text: bold, code, names for IDs, line breaks."""
    parts = []
    for span in spans(text, name_of):
        words = Markup("<br>").join(escape(line) for line in span.text.split("\n"))
        parts.append(_DRAWN[span.tone].format(words) if span.tone in _DRAWN else words)
    return Markup("").join(parts)


def plain(text: str) -> Markup:
    """Plain text with its line breaks."""
    return Markup("<br>").join(escape(line) for line in text.split("\n"))
