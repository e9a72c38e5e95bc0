"""What stands after ``allow`` and ``remove``: mentions of people and user groups, and nothing guessed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.access import GROUP_ID, USER_ID
from bot.slack.text import plain, printable

_WORD_MAX = 60  # of a word that is no mention; it is only shown
_TOKEN = re.compile(r"<([^<>\n]*)>")
_MENTION = re.compile(rf"(?:@({USER_ID})|!subteam\^({GROUP_ID}))(?:\|.*)?")
_SEPARATORS = re.compile(r"(?:[\s,，；、]|(?<!&lt)(?<!&gt)(?<!&amp);)+")  # not the end of an entity
_AS_ADMIN = re.compile(r"(?:^|(?<=[\s,;，；、>]))as\s+admins?[\s.!]*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mentions:
    """What was read.

    Attributes:
        members: user and user group IDs, each once, in order.
        as_admin: the text ended with "as admin" or "as admins".
        not_mentions: the words that are no mention, readable, each once: to be told, never guessed at.
    """

    members: tuple[str, ...]
    as_admin: bool
    not_mentions: tuple[str, ...]


def parse_mentions(rest: str) -> Mentions:
    """Read the text after the word, in Slack's encoding. Never raises."""
    named, ending = _without_ending(rest.strip())
    members: dict[str, None] = {}
    others: dict[str, None] = {}
    for piece in _pieces(named):
        wrapped = _TOKEN.fullmatch(piece)
        if wrapped and (mention := _MENTION.fullmatch(wrapped[1])):
            members[mention[1] or mention[2]] = None
        elif word := _readable(piece):
            others[word] = None
    return Mentions(tuple(members), ending, tuple(others))


def _without_ending(text: str) -> tuple[str, bool]:
    ending = _AS_ADMIN.search(text)
    return (text[: ending.start()], True) if ending else (text, False)


def _pieces(text: str) -> Iterator[str]:
    """Slack's tokens, and the words between them."""
    end = 0
    for token in _TOKEN.finditer(text):
        yield from filter(None, _SEPARATORS.split(text[end : token.start()]))
        yield token[0]
        end = token.end()
    yield from filter(None, _SEPARATORS.split(text[end:]))


def _readable(piece: str) -> str:
    words = plain(piece)
    if words == piece and (token := _TOKEN.fullmatch(piece)):  # one of Slack's without a name
        words = plain(token[1].partition("|")[0]) or words
    return " ".join(printable(words).split())[:_WORD_MAX]
