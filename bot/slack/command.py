"""What stands after the slash command: one of its words, a near miss of one, or what fills the dialog in. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from bot.compose import MAX_FIELD
from bot.domain import Recipient
from bot.phone import TEL_LINK, read, tidy
from bot.picture import MAX_URL, looks_like_picture
from bot.slack.text import for_field, link_address, plain, printable

MAX_NUMBER_LENGTH = 60  # 15 digits with room for spaces, brackets and dashes; our choice


class Name(StrEnum):
    """The words after the command that are not a message."""

    HELP = "help"
    WHOAMI = "whoami"
    RECENT = "recent"
    STATUS = "status"
    ADMIN = "admin"
    ACCESS = "access"
    ACCESS_LOG = "access log"
    ALLOW = "allow"
    REMOVE = "remove"


_JOINER = ", "
_TRAILING = " -/.([,"  # belongs to the text around a number, not to it
_PEEK = 8  # enough to see a plus sign and a digit behind invisible characters

_TAKE_MORE = frozenset({Name.STATUS, Name.ALLOW, Name.REMOVE})  # count as first word; the others only alone


@dataclass(frozen=True, slots=True)
class Word:
    """One of the words, and what follows it, still in Slack's encoding."""

    name: Name
    rest: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One single word that is nearly one of ours: ask, and open no dialog."""

    word: Name
    typed: str


@dataclass(frozen=True, slots=True)
class Prefill:
    """First contents of the dialog's fields, each within its limit; empty where nothing was typed for it."""

    to: str
    media_url: str
    message: str


def parse_command(text: str, *, default_region: str) -> Word | Suggestion | Prefill:
    """Read the text of a slash command, as Slack encodes it. Never raises.

    A leading number (several by comma, semicolon, new line, or each with its ``+``) goes to ``to``, the first
    picture link to ``media_url``, everything else is the message. No word is dropped: what fits no field stays in
    the message.
    """
    tidied = tidy(text)
    words = tidied.split()
    if not words:
        return Prefill("", "", "")
    whole = " ".join(words).lower()
    for name in Name:
        if whole == name:
            return Word(name, "")
    if len(words) == 1:
        for name in Name:
            if _within_one_edit(whole, name):
                return Suggestion(name, words[0])
    for name in _TAKE_MORE:
        if words[0].lower() == name:
            return Word(name, tidied.split(maxsplit=1)[1].strip())
    return _prefill(printable(text), default_region)


def _within_one_edit(typed: str, word: str) -> bool:
    """Is at most one letter too many, missing or wrong, or are two neighbours swapped?"""
    if abs(len(typed) - len(word)) > 1:
        return False
    start = 0
    while start < min(len(typed), len(word)) and typed[start] == word[start]:
        start += 1
    left, right = typed[start:], word[start:]
    swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]


def _prefill(text: str, default_region: str) -> Prefill:
    numbers, rest = _leading_numbers(text, default_region)
    media_url, rest, came_first = _picture_link(rest)
    if came_first and not numbers:
        numbers, rest = _leading_numbers(rest, default_region)
    return Prefill(to=_JOINER.join(numbers), media_url=media_url, message=for_field(plain(rest.strip()))[:MAX_FIELD])


# --- leading numbers ---

# A number ends before white space, a separator, a colon or one of Slack's tokens.
_BIT = re.compile(r"(?:tel:)?[^\s,;，；、<:]+", re.IGNORECASE)
_GAP = re.compile(r"[^\S\n]*")
_SEPARATORS = re.compile(r"[\s,;，；、]*")
_INTERNATIONAL = re.compile(r"[(\[]?\+\d")
_DIGITS = re.compile(r"[-()\[\]./]*\d[-\d()\[\]./]*")


def _leading_numbers(text: str, default_region: str) -> tuple[list[str], str]:
    """The numbers that the text begins with, and the text after them."""
    numbers: list[str] = []
    length = 0
    rest = text.strip()
    while found := _leading_number(rest, default_region):
        number, end = found
        length += len(number) + len(_JOINER)
        if length > MAX_FIELD:  # what the field does not take stays in sight, in the message
            break
        numbers.append(number)
        after = _SEPARATORS.sub("", rest[end:], count=1)
        between = rest[end : len(rest) - len(after)]
        rest = after
        # After mere spaces only what cannot be a word of the message is one more number.
        if (not between.strip() and "\n" not in between) and not (_is_international(rest) or TEL_LINK.match(rest)):
            break
    return numbers, rest.removeprefix(":").lstrip() if numbers else rest


def _leading_number(text: str, default_region: str) -> tuple[str, int] | None:
    """The number at the very start, and where it ends: the longest that exists, else one that is to be corrected.

    A ``tel:`` link, and a word that starts with ``+`` and a digit, are meant as a number, right or wrong.
    """
    if link := TEL_LINK.match(text):
        number = tidy(unquote(link[1])).strip()
        return (number, link.end()) if number else None
    ends = _possible_ends(text)
    for end in reversed(ends):
        number = tidy(text[:end]).strip().rstrip(_TRAILING)
        readings = read(number, default_region=default_region)
        if len(readings) == 1 and isinstance(readings[0].outcome, Recipient):
            return number, end
    if not ends or not _is_international(text):
        return None
    end = ends[0]
    for longer in ends[1:]:
        if not _DIGITS.fullmatch(tidy(text[end:longer]).strip()):
            break
        end = longer
    return tidy(text[:end]).strip(), end


def _possible_ends(text: str) -> list[int]:
    """Where a number that starts here could end: after each word, up to a separator, the next number or letters."""
    ends: list[int] = []
    position = 0
    while bit := _BIT.match(text, position):
        if bit.end() > MAX_NUMBER_LENGTH or (ends and (_is_international(bit[0]) or _has_letters(bit[0]))):
            break
        ends.append(bit.end())
        gap = _GAP.match(text, bit.end())
        position = gap.end() if gap else bit.end()
    return ends


def _has_letters(text: str) -> bool:
    """No number goes on with such a word: `bot.phone` takes none with letters in it."""
    return any(map(str.isalpha, tidy(text)))


def _is_international(text: str) -> bool:
    return _INTERNATIONAL.match(tidy(text[:_PEEK]).lstrip()) is not None


# --- the picture link ---

_LINK = re.compile(r"<[^<>\n]*>|https?://[^\s<]+", re.IGNORECASE)
_OPENING = "([{\"'«“‘"
_CLOSING = ")]}\"'»”’.,;:!?"


def _picture_link(text: str) -> tuple[str, str, bool]:
    """The first picture link's address (or nothing), the text without it, and whether the text began with it."""
    for match in _LINK.finditer(text):
        token = match[0]
        label = ""
        if token.startswith("<"):
            address = link_address(token) or ""
            label = token[1:-1].partition("|")[2]
            if plain(label) in (address, address.partition("://")[2]):
                label = ""
        else:
            address = plain(token).rstrip(_CLOSING + ">")
        if looks_like_picture(address) and len(address) <= MAX_URL:
            before, after = _without_punctuation(text[: match.start()], text[match.end() :])
            return address, _join(_join(before, label), after), not before.strip()
    return "", text, False


def _without_punctuation(before: str, after: str) -> tuple[str, str]:
    """Both sides of the link without the brackets, quotes, commas and stops that belonged to it."""
    bare_before, bare_after = before.rstrip(_OPENING), after.lstrip(_CLOSING)
    if not bare_before or bare_before[-1].isspace():
        before = bare_before
    if not bare_after or bare_after[0].isspace():
        after = bare_after
    return before, after


def _join(left: str, right: str) -> str:
    left, right = left.rstrip(" \t"), right.lstrip(" \t")
    glue = "" if not left or not right or left.endswith("\n") or right.startswith("\n") else " "
    return left + glue + right
