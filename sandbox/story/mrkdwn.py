"""Slack's mrkdwn as a person sees it: bold, code, names instead of IDs, entities undone. Pure.

Source: docs.slack.dev, "Formatting message text".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sandbox.story.lines import Span, Tone

NameOf = Callable[[str], str]  # an ID of a person, a channel or a group → what people see, such as "@ada"

_PIECE = re.compile(
    r"<(?P<token>[^<>\n]+)>"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?<![\w*])\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])"
)


def spans(text: str, name_of: NameOf) -> list[Span]:
    """A mrkdwn text in pieces. Italic, strike and quotes stay as they are written."""
    return list(_pieces(text, name_of, Tone.PLAIN))


def _pieces(text: str, name_of: NameOf, tone: Tone) -> Iterator[Span]:
    start = 0
    for match in _PIECE.finditer(text):
        if before := text[start : match.start()]:
            yield Span(_undone(before), tone)
        start = match.end()
        if match["token"]:
            yield Span(_shown(match["token"], name_of), Tone.STRONG)
        elif match["code"]:
            yield Span(_undone(match["code"]), Tone.CODE)
        else:
            yield from _pieces(match["bold"], name_of, Tone.STRONG)
    if rest := text[start:]:
        yield Span(_undone(rest), tone)


def _shown(token: str, name_of: NameOf) -> str:
    """What stands for ``<token>``: a label when there is one, else the name, else the address."""
    target, _, label = token.partition("|")
    if label:
        return _undone(label)
    if target.startswith(("@", "#")):
        return name_of(target[1:])
    if target.startswith("!subteam^"):
        return name_of(target.removeprefix("!subteam^"))
    if target.startswith("!"):
        return "@" + target[1:]
    return _undone(target)


def _undone(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
