"""Why a message was not accepted: the one catalogue of sentences, read from ``causes.toml``.

Keys: Sinch's word codes as they are, ``http-…`` for statuses, ``transport-…`` for connections, ``own-…`` for what the
bot decided. Whether anything was sent is a field, and its words are added here, so that a sentence can't disagree.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import resources
from typing import Any

MAX_SENTENCE = 280  # our own words, without vendor text, code and reference: a few lines on a phone
MAX_VENDOR_TEXT = 120

_WORD_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_FALLBACKS = (
    "http-3xx",
    "http-4xx",
    "http-5xx",
    "transport-not-connected",
    "transport-other",
    "transport-bad-answer",
    "own-not-sent",
)
_CODE_FAMILIES = {"http-": "SINCH-", "transport-": "NET-", "own-": "MMS-"}
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # Unicode categories: controls, marks of direction, unassigned


class CatalogueError(Exception):
    """An entry of the catalogue does not fit; the text names it and says what to do."""


class Sent(StrEnum):
    """Whether anything was sent."""

    NO = "no"
    MAYBE = "maybe"

    @property
    def words(self) -> str:
        return "Nothing was sent." if self is Sent.NO else "The message may have been sent."


class Certainty(StrEnum):
    """How well a cause is known; ``causes.toml`` says what the words mean."""

    AGREED = "agreed"
    SINGLE = "single"
    OLD = "old"
    READING = "reading"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause. ``code`` is what people pass on: ``SINCH-401``, ``NET-RESET``, ``MMS-CRASH``, or Sinch's word code."""

    key: str
    code: str
    happened: str
    sent: Sent
    do: str
    admin: str | None
    source: str
    certainty: Certainty

    @property
    def words(self) -> str:
        """What happened; was anything sent; what to do now."""
        return f"{self.happened} {self.sent.words} {self.do}"


class Catalogue:
    """All causes."""

    def __init__(self, causes: Mapping[str, Cause], spellings: Mapping[str, str]) -> None:
        self._causes = dict(causes)
        self._spellings = dict(spellings)

    @classmethod
    def load(cls) -> Catalogue:
        """The catalogue that comes with the bot.

        Raises:
            CatalogueError: somebody's correction does not fit.
        """
        return cls.parse(resources.files("bot").joinpath("causes.toml").read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> Catalogue:
        """Read and check a catalogue (TOML). Raises CatalogueError."""
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise CatalogueError(f"causes.toml is not TOML: {error}") from None
        causes: dict[str, Cause] = {}
        spellings: dict[str, str] = {}
        told: dict[str, str] = {}
        for key, table in tables.items():
            cause = causes[key] = _read_cause(key, table)
            if (other := told.setdefault(cause.words, key)) != key:
                raise CatalogueError(
                    f"causes.toml: [{key}] reads just like [{other}]; people could not tell them apart"
                )
            spellings |= dict.fromkeys(table.get("also", []), key)
        for key in _FALLBACKS:
            if key not in causes:
                raise CatalogueError(f"causes.toml: [{key}] is missing; what has no entry of its own falls back on it")
        return cls(causes, spellings)

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self._causes)

    def get(self, key: str) -> Cause:
        """Raises KeyError when there is no such entry."""
        return self._causes[key]

    def for_refusal(self, *, status: int, word: str | None) -> Cause:
        """The cause of an HTTP status outside 2xx, with Sinch's word code if there was one. Never raises.

        By the word if it is known; else by the status, else by its class, with the word as the code. A word does not
        make a 5xx a refusal: there, it is only shown.
        """
        by_status = self._by_status(status)
        if word is not None and by_status.sent is Sent.NO:
            known = self._causes.get(self._spellings.get(word, word))
            if known is not None and _is_word_cause(known.key):
                return replace(known, code=word)
        return _with_word(by_status, word)

    def describe(self, key: str, *, vendor_code: str | None = None, maybe_sent: bool) -> Cause:
        """The cause for what a row remembers. Never raises, and its ``sent`` is always as ``maybe_sent`` says.

        Args:
            key: a key of the catalogue, or ``http-`` with any status; ``_`` and ``-`` are the same in ``transport-…``.
                A key that is unknown, or that disagrees with ``maybe_sent``, gets a sentence that says less.
            vendor_code: Sinch's word code, if there was one.
        """
        sent = Sent.MAYBE if maybe_sent else Sent.NO
        cause = self._causes.get(key) or self._causes.get(key.replace("_", "-"))
        if cause is None and (status := re.fullmatch(r"http-([0-9]{3})", key)):
            cause = self._by_status(int(status.group(1)))
        if cause is not None and cause.sent is sent:
            return _with_word(cause, vendor_code)
        if cause is not None and key.startswith("transport-") and not maybe_sent:
            return self._causes["transport-not-connected"]
        fallback = self._causes["transport-other" if maybe_sent else "own-not-sent"]
        return replace(fallback, code=cause.code) if cause else fallback

    def sentence(self, cause: Cause, *, reference: str | None = None, vendor_text: str | None = None) -> str:
        """The whole answer, as plain text: escape it for wherever it goes.

        Args:
            reference: the message's ``client_reference``; an unknown can't be told without it.
            vendor_text: Sinch's own sentence; cut, and quoted after ours.

        Raises:
            ValueError: an unknown without its reference.
        """
        if cause.sent is Sent.MAYBE and not reference:
            raise ValueError("an unknown is told with its reference")
        quoted = _quotable(vendor_text or "")
        vendor = f" Sinch wrote: “{quoted}”" if quoted else ""
        support = f"Code {cause.code}, reference {reference}" if reference else f"Code {cause.code}"
        return f"{cause.words}{vendor} ({support})"

    def _by_status(self, status: int) -> Cause:
        known = self._causes.get(f"http-{status}")
        if known is not None:
            return known
        if not 300 <= status <= 599:
            return self._causes["transport-bad-answer"]
        # The key keeps the status, so that it is still known to whoever reads the row later.
        return replace(self._causes[f"http-{status // 100}xx"], key=f"http-{status}", code=f"SINCH-{status}")


def _is_word_cause(key: str) -> bool:
    return not key.startswith(tuple(_CODE_FAMILIES))


def _with_word(cause: Cause, word: str | None) -> Cause:
    """The code with Sinch's own word, where Sinch is what the cause is about and the word can be shown."""
    if word is None or not _WORD_CODE.fullmatch(word) or cause.key.startswith(("transport-", "own-")):
        return cause
    return replace(cause, code=word if _is_word_cause(cause.key) else f"{cause.code}, {word}")


def _quotable(text: str) -> str:
    shown = "".join(" " if unicodedata.category(one) in _INVISIBLE else one for one in text)
    shown = " ".join(re.sub('[“”„"]', "'", shown).split())
    return shown if len(shown) <= MAX_VENDOR_TEXT else shown[: MAX_VENDOR_TEXT - 1].rstrip() + "…"


def _code(key: str) -> str:
    for start, family in _CODE_FAMILIES.items():
        if key.startswith(start):
            return family + key.removeprefix(start).upper()
    return key


def _read_cause(key: str, table: Any) -> Cause:
    def wrong(what: str) -> CatalogueError:
        return CatalogueError(f"causes.toml: [{key}] {what}")

    if not isinstance(table, dict):
        raise wrong("is not a table")
    unknown = set(table) - {"happened", "sent", "do", "admin", "source", "certainty", "also"}
    if unknown:
        raise wrong(f"has fields that nobody reads: {', '.join(sorted(unknown))}")
    for field in ("happened", "sent", "do", "source", "certainty"):
        if field not in table:
            raise wrong(f"lacks {field}")
    for field, value in table.items():
        if field != "also" and (not isinstance(value, str) or not value.strip() or not value.isprintable()):
            raise wrong(f"{field} has to be text on one line")
    also = table.get("also", [])
    if not isinstance(also, list) or not all(isinstance(one, str) and one for one in also):
        raise wrong("also has to be a list of words")
    if table["sent"] not in list(Sent):
        raise wrong('sent is "no" or "maybe"')
    if table["certainty"] not in list(Certainty):
        raise wrong(f"certainty is one of {', '.join(Certainty)}")
    for field in ("happened", "do"):
        if not table[field].endswith("."):
            raise wrong(f"{field} has to end with a full stop")
        if any(words in table[field].lower() for words in ("nothing was sent", "been sent")):
            raise wrong(f"{field} must not say whether anything was sent; that comes from sent")
    if table["certainty"] == Certainty.UNCERTAIN and not re.search(r"\b(may|might)\b", table["happened"]):
        raise wrong('happened has to say "may" or "might", since certainty is "uncertain"')
    cause = Cause(
        key=key,
        code=_code(key),
        happened=table["happened"],
        sent=Sent(table["sent"]),
        do=table["do"],
        admin=table.get("admin"),
        source=table["source"],
        certainty=Certainty(table["certainty"]),
    )
    if len(cause.words) > MAX_SENTENCE:
        raise wrong(f"is too long: {len(cause.words)} characters with what is added, {MAX_SENTENCE} are the most")
    return cause
