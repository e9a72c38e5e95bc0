"""Reads ``causes.toml`` and checks it, so that a correction by hand that does not fit is named at start. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.causes.entry import (
    NAMED_KINDS,
    NOT_DOCUMENTED,
    PREFIXES,
    SENT_WORDS,
    About,
    Cause,
    Certainty,
    Kind,
    Sent,
    code_of,
    usual_about,
)
from bot.causes.glossary import unexplained

FILE = "causes.toml"
GLOSSARY = "glossary"
MAX_SENTENCE = 280  # our own words, without vendor text, code and reference: a few lines on a phone

# What has no entry of its own falls back on these.
FALLBACKS = (
    "http-3xx",
    "http-4xx",
    "http-5xx",
    "transport-not-connected",
    "transport-other",
    "transport-bad-answer",
    "own-not-sent",
    "delivery-other",
    "slack-http-3xx",
    "slack-http-4xx",
    "slack-http-5xx",
    "slack-other",
)
_NEEDED = ("happened", "sent", "do", "admin", "source", "certainty")
_OPTIONAL = ("kind", "about", "charged", "charged_source", "also")


class CatalogueError(Exception):
    """An entry of the catalogue does not fit; the text names it and says what to do."""


_Wrong = Callable[[str], CatalogueError]


@dataclass(frozen=True, slots=True)
class Book:
    """What the file holds: causes by key, and the words that it explains, in the file's order."""

    causes: Mapping[str, Cause]
    glossary: Mapping[str, str]


def same(name: str) -> str:
    """How names are compared: in any case, and with either dash."""
    return name.casefold().replace("_", "-")


def read(text: str) -> Book:
    """Read and check a catalogue (TOML).

    Raises:
        CatalogueError: something does not fit.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{FILE} is not TOML: {error}") from None
    glossary = _read_glossary(tables.pop(GLOSSARY, {}))
    causes: dict[str, Cause] = {}
    told: dict[str, str] = {}
    named: dict[str, str] = {}
    for key, table in tables.items():
        cause = causes[key] = _read_cause(key, table)
        if (other := told.setdefault(cause.happened, key)) != key:
            raise CatalogueError(f"{FILE}: [{key}] reads just like [{other}]; people could not tell them apart")
        for name in cause.names:
            if (other := named.setdefault(same(name), key)) != key:
                raise CatalogueError(f"{FILE}: [{key}] and [{other}] are both called {name}")
        if missing := unexplained(f"{cause.words} {cause.admin} {cause.charged}", glossary):
            raise CatalogueError(f"{FILE}: [{key}] uses {', '.join(missing)}, which [{GLOSSARY}] does not explain")
    for key in FALLBACKS:
        if key not in causes:
            raise CatalogueError(f"{FILE}: [{key}] is missing; what has no entry of its own falls back on it")
    return Book(causes, glossary)


def _read_glossary(table: Any) -> dict[str, str]:
    if not isinstance(table, dict):
        raise CatalogueError(f"{FILE}: [{GLOSSARY}] is not a table")
    for word, meaning in table.items():
        if not _is_line(meaning) or not meaning.endswith("."):
            raise CatalogueError(f"{FILE}: [{GLOSSARY}] {word} has to be a sentence on one line, with a full stop")
        if missing := unexplained(meaning, table):
            raise CatalogueError(f"{FILE}: [{GLOSSARY}] {word} uses {', '.join(missing)}, which it does not explain")
    return table


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _read_cause(key: str, table: Any) -> Cause:
    def wrong(what: str) -> CatalogueError:
        return CatalogueError(f"{FILE}: [{key}] {what}")

    if not isinstance(table, dict):
        raise wrong("is not a table")
    unknown = set(table) - {*_NEEDED, *_OPTIONAL}
    if unknown:
        raise wrong(f"has fields that nobody reads: {', '.join(sorted(unknown))}")
    for field in _NEEDED:
        if field not in table:
            raise wrong(f"lacks {field}")
    for field, value in table.items():
        if field != "also" and not _is_line(value):
            raise wrong(f"{field} has to be text on one line")
    also = table.get("also", [])
    if not isinstance(also, list) or not all(_is_line(one) for one in also):
        raise wrong("also has to be a list of words")
    if table["sent"] not in list(Sent):
        raise wrong('sent is "yes", "no" or "maybe"')
    if table["certainty"] not in list(Certainty):
        raise wrong(f"certainty is one of {', '.join(Certainty)}")
    if ("charged" in table) != ("charged_source" in table):
        raise wrong('charged and charged_source go together; without them it reads "not documented"')
    for field in ("happened", "do", "admin"):
        if not table[field].endswith("."):
            raise wrong(f"{field} has to end with a full stop")
    for field in ("happened", "do"):
        if any(words in table[field].lower() for words in ("nothing was sent", "been sent")):
            raise wrong(f"{field} must not say whether anything was sent; that comes from sent")
    if table["certainty"] == Certainty.UNCERTAIN and not re.search(r"\b(may|might)\b", table["happened"]):
        raise wrong('happened has to say "may" or "might", since certainty is "uncertain"')
    kind, sent = _kind(key, table.get("kind"), wrong), Sent(table["sent"])
    about = _about(table.get("about", usual_about(kind)), sent, wrong)
    cause = Cause(
        key=key,
        code=code_of(key, kind),
        kind=kind,
        about=about,
        happened=table["happened"],
        sent=sent,
        do=table["do"],
        admin=table["admin"],
        source=table["source"],
        certainty=Certainty(table["certainty"]),
        charged=table.get("charged", NOT_DOCUMENTED),
        charged_source=table.get("charged_source"),
        also=tuple(also),
    )
    if len(cause.words) > MAX_SENTENCE:
        raise wrong(f"is too long: {len(cause.words)} characters with what is added, {MAX_SENTENCE} are the most")
    return cause


def _kind(key: str, given: str | None, wrong: _Wrong) -> Kind:
    prefixed = next((kind for prefix, kind in PREFIXES.items() if key.startswith(prefix)), None)
    if prefixed is not None:
        if given is not None:
            raise wrong(f"needs no kind: its name says already that it is a {prefixed}")
        return prefixed
    if given not in list(NAMED_KINDS):
        names = ", ".join(f'"{kind}"' for kind in NAMED_KINDS)
        raise wrong(f"needs a kind, one of {names}; or a name that begins with its kind: {', '.join(PREFIXES)}")
    return Kind(given)


def _about(given: str, sent: Sent, wrong: _Wrong) -> About:
    if given not in list(About):
        raise wrong(f"about is one of {', '.join(About)}")
    about = About(given)
    if (about, sent) not in SENT_WORDS:
        possible = " or ".join(f'"{one}"' for what, one in SENT_WORDS if what is about)
        raise wrong(f"is about {about}, so sent can only be {possible}")
    return about
