"""Slack's encoding of text, both ways: what phones may read, and what Slack shows as it is.

Slack sends ``&``, ``<`` and ``>`` as entities, and mentions, channels, groups, dates and links as ``<…>`` with an
optional label after a bar (docs.slack.dev, "Formatting message text"). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PIECE = re.compile(r"<([^<>\n]*)>")
_ENTITY = re.compile(r"&(lt|gt|amp);")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&"}
_LINE_ENDS = str.maketrans(dict.fromkeys("\r\v\f\x85\u2028\u2029", "\n"))

_PERSON = re.compile(r"@[UW][A-Z0-9]+")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's Cc and Cs, but for \n and \t
_CHANNEL = re.compile(r"#[CDG][A-Z0-9]+")
_GROUP = re.compile(r"!subteam\^S[A-Z0-9]+")
_EVERYBODY = re.compile(r"!(here|channel|everyone|group)")
_DATE = re.compile(r"!date\^.*")
_OTHER_COMMAND = re.compile(r"![a-z_]+(?:\^.*)?")  # Slack's own list is open; only a label makes such a one readable
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://[^\s|]+", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:mailto|tel|sms):([^|]+)", re.IGNORECASE)


def plain(text: str) -> str:
    """What a phone may read: labelled mentions, channels, groups, dates and links as words, entities undone once.

    A mention without a name stays as it is; `unreadable` lists those. ``<`` and ``>`` of another kind are the
    person's own and stay.
    """
    if "<" not in text and "&" not in text:
        return text
    return "".join(
        _undo_entities(piece.source) if piece.word is None else _undo_entities(piece.word) for piece in _pieces(text)
    )


def unreadable(text: str) -> tuple[str, ...]:
    """The mentions, channels, groups and dates that came without a name, each once, as Slack encodes them."""
    return tuple(dict.fromkeys(piece.source for piece in _pieces(text) if piece.nameless)) if "<" in text else ()


def link_address(token: str) -> str | None:
    """The address in Slack's ``<address>`` or ``<address|label>``, entities undone; None when it is no such link."""
    wrapped = _PIECE.fullmatch(token)
    address = wrapped[1].partition("|")[0] if wrapped else ""
    return _undo_entities(address) if _LINK.fullmatch(address) else None


def printable(text: str) -> str:
    """Without control characters and halves of surrogate pairs, line ends as ``\\n``; tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub("", text.replace("\r\n", "\n").translate(_LINE_ENDS))


def for_field(text: str) -> str:
    """`text` as the first value of a dialog's field: what `plain` then makes of it is `text` again."""
    return text if plain(text) == text else escape(text)


def escape(text: str) -> str:
    """For mrkdwn: the three characters that Slack reads as its own, as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code_span(text: str) -> str:
    """For mrkdwn: the text in backticks, escaped, on one line; backticks of its own are dropped. Empty stays empty."""
    inner = " ".join(text.replace("`", "").split())
    return f"`{escape(inner)}`" if inner else ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of text: Slack's token with its ``word``, one of Slack's without a name, or just text."""

    source: str
    word: str | None = None
    nameless: bool = False


def _pieces(text: str) -> Iterator[_Piece]:
    end = 0
    for match in _PIECE.finditer(text):
        yield _Piece(text[end : match.start()])
        yield _token(match[0], match[1])
        end = match.end()
    yield _Piece(text[end:])


def _token(source: str, inner: str) -> _Piece:
    head, _, label = inner.partition("|")
    label = label.strip()
    if _PERSON.fullmatch(head) or _GROUP.fullmatch(head):
        return _Piece(source, _with_sign("@", label)) if label else _Piece(source, nameless=True)
    if _CHANNEL.fullmatch(head):
        return _Piece(source, _with_sign("#", label)) if label else _Piece(source, nameless=True)
    if everybody := _EVERYBODY.fullmatch(head):
        return _Piece(source, _with_sign("@", label or everybody[1]))
    if _DATE.fullmatch(head):
        return _Piece(source, label) if label else _Piece(source, nameless=True)
    if _LINK.fullmatch(head):
        return _Piece(source, _link(head, label))
    if address := _ADDRESS.fullmatch(head):
        return _Piece(source, label or address[1])
    if label and _OTHER_COMMAND.fullmatch(head):
        return _Piece(source, label)
    return _Piece(source)


def _with_sign(sign: str, label: str) -> str:
    return label if label.startswith(sign) else sign + label


def _link(address: str, label: str) -> str:
    if not label or label == address:
        return address
    short = address.partition("://")[2]
    return label if label.rstrip("/") == short.rstrip("/") else f"{label} ({address})"


def _undo_entities(text: str) -> str:
    return _ENTITY.sub(lambda entity: _ENTITIES[entity[1]], text)
