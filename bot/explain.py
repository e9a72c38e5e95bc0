"""``mms-bot explain``: finds the entries that a code means, and prints them; or all of them, as a page. Pure."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.causes import Catalogue, Cause, Certainty, Kind, Sent, visible
from bot.causes.entry import CODE_PREFIXES, PREFIXES
from bot.causes.glossary import words_in
from bot.causes.reading import same

MAX_ASKED = 10  # codes in one line: more is no line of ours
MAX_SHOWN = 60  # of what somebody pasted
_NEAREST = 3
_WIDTH = 100
_LABEL = 18

_BETWEEN = re.compile(r"[\s,;()\[\]{}<>\"'“”„‘’`*|]+")
_NO_CODE = "This is not a code. Give one as it stands at the end of an answer, such as SINCH-401."
_BESIDE_CODES = frozenset({"code", "codes", "reference"})  # what an answer of the bot's has around them
_REFERENCE = re.compile(r"(?i)\breference\s+mms-[0-9a-f]{32}\b")

_SENT = {Sent.YES: "Yes.", Sent.NO: "No.", Sent.MAYBE: "May be."}
_CERTAINTY = {
    Certainty.AGREED: "well known",
    Certainty.SINGLE: "one source",
    Certainty.OLD: "old pages only",
    Certainty.READING: "our reading",
    Certainty.UNCERTAIN: "not known well",
}
_GENERAL = {
    Kind.TRANSPORT: "transport-other",
    Kind.INBOUND: "inbound-other",
    Kind.MEDIUM: "inbound-media-other",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """What is to be printed, and whether there was an entry."""

    found: bool
    text: str


def explain(asked: str, *, catalogue: Catalogue) -> Explained:
    """Everything that the catalogue says of what somebody typed or pasted. Never raises.

    Args:
        asked: a code, a key, a number, or a line with codes in it, such as ``(Code SINCH-403, some_word)``.
    """
    tokens = _tokens(asked)
    if not tokens:
        return Explained(False, f"{_NO_CODE}\n")
    index = _Index(catalogue)
    blocks: list[str] = []
    told: dict[str, None] = {}
    for token in tokens:
        causes = index.find(token)
        if not causes:
            blocks.append(_unknown(token, index))
        for cause in causes:
            if cause.key not in told:
                told[cause.key] = None
                blocks.append(_entry(cause, catalogue))
    return Explained(bool(told), "\n".join(blocks))


def _tokens(asked: str) -> list[str]:
    line = _REFERENCE.sub(" ", visible(asked))
    found = (part.strip(".:!?…-") for part in _BETWEEN.split(line))
    words = (part for part in found if part and part.casefold() not in _BESIDE_CODES)
    return list(dict.fromkeys(words))[:MAX_ASKED]


class _Index:
    """Causes by every name, and by the numbers in their names."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.names = {same(name): cause for cause in catalogue.causes for name in cause.names}

    def find(self, token: str) -> list[Cause]:
        if _is_number(token):
            return list(self._with_number(token))
        cause = self.names.get(same(token))
        return [cause] if cause else []

    def _with_number(self, number: str) -> Iterator[Cause]:
        for cause in self.catalogue.causes:
            if number in cause.key.split("-"):
                yield cause

    def nearest(self, token: str) -> list[str]:
        """The keys of what somebody may have meant; there is always one."""
        kind, rest = _family(token)
        if _is_number(rest):
            keys = self._nearest_numbers(int(rest), kind) or self._nearest_numbers(int(rest), None)
        else:
            wanted = same(token)
            names = difflib.get_close_matches(wanted, self.names, n=_NEAREST * 2)
            names = names or difflib.get_close_matches(wanted, self.names, n=1, cutoff=0.0)
            keys = [self.names[name].key for name in names]
        return list(dict.fromkeys(keys))[:_NEAREST]

    def _nearest_numbers(self, number: int, kind: Kind | None) -> list[str]:
        away: list[tuple[int, str]] = []
        for cause in self.catalogue.causes:
            if kind is None or cause.kind is kind:
                away += [(abs(int(part) - number), cause.key) for part in cause.key.split("-") if _is_number(part)]
        return [key for _, key in sorted(away, key=lambda one: one[0])]

    def general(self, token: str) -> Cause | None:
        """What can be said of a code of which only the kind is known."""
        kind, rest = _family(token)
        if kind is Kind.HTTP and re.fullmatch(r"[345][0-9]{2}", rest):
            return self.catalogue.for_refusal(status=int(rest), word=None)
        if kind in (Kind.DELIVERY, Kind.CARRIER, Kind.GATEWAY):
            return self.catalogue.for_delivery(status=None, code=rest)
        if kind is Kind.SLACK:
            return self.catalogue.for_slack(rest)
        return self.catalogue.get(_GENERAL[kind]) if kind in _GENERAL else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _family(token: str) -> tuple[Kind | None, str]:
    """The kind that a code begins with, and the rest of it."""
    begun = {**PREFIXES, **{prefix.lower(): kind for kind, prefix in CODE_PREFIXES.items()}}
    name = token.casefold().replace("_", "-")
    for prefix in sorted(begun, key=len, reverse=True):
        if name.startswith(prefix) and len(name) == len(token):  # some letters are longer in another case
            return begun[prefix], token[len(prefix) :]
    return None, token


def _unknown(token: str, index: _Index) -> str:
    shown = token if len(token) <= MAX_SHOWN else f"{token[: MAX_SHOWN - 1]}…"
    lines = [
        f"The bot does not know {shown}. The nearest that it knows: {', '.join(index.nearest(token[:MAX_SHOWN]))}."
    ]
    if general := index.general(token):
        lines += ["What can be said in general:", "", _entry(general, index.catalogue).rstrip("\n")]
    return "\n".join(lines) + "\n"


def _entry(cause: Cause, catalogue: Catalogue) -> str:
    charged = f"{_capital(cause.charged)}."
    rows = [
        ("What happened", cause.happened),
        ("Was anything sent", f"{_SENT[cause.sent]} {cause.sent_words}"),
        ("Was it charged", f"{charged} ({cause.charged_source})" if cause.charged_source else charged),
        ("The sender", cause.do),
        ("An admin", cause.admin),
        ("Source", f"{_capital(cause.source)} ({_CERTAINTY[cause.certainty]})"),
    ]
    words = words_in(" ".join((cause.happened, cause.do, cause.admin)), catalogue.glossary)
    rows += [("" if row else "Words", f"{word}: {catalogue.glossary[word]}") for row, word in enumerate(words)]
    shown_as = "" if cause.code == cause.key else f", shown as {cause.code}"
    lines = [f"{cause.key} ({cause.kind}{shown_as})"]
    for label, text in rows:
        lines += textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=f"  {label:{_LABEL}} ",
            subsequent_indent=" " * (_LABEL + 3),
            break_on_hyphens=False,
        )
    return "\n".join(lines) + "\n"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:].removesuffix(".")


# -- the page


_PAGE = """# Codes and what they mean

Every code that the bot shows or that stands in its log, with what happened and what to do. `mms-bot explain CODE`
prints one of them on the host, without settings or network. This page is made from
[`bot/causes.toml`](../bot/causes.toml) by `make docs`; correct the file, not the page.

How sure we are of the source: *well known* (several of the vendor's own sources), *one source*, *old pages only*
(2017 to 2021), *our reading* (the vendor does not say it), *not known well*.
"""

_TITLES = ("Code", "What happened", "Sent?", "Charged?", "The sender", "An admin", "Source")
_HEADINGS = {
    Kind.WORD: "Words of Sinch's for a request that it refused",
    Kind.HTTP: "HTTP statuses of Sinch's answers",
    Kind.TRANSPORT: "The connection to Sinch",
    Kind.OWN: "The bot itself",
    Kind.STATUS: "Delivery statuses",
    Kind.DELIVERY: "Delivery codes",
    Kind.CARRIER: "Carriers' codes",
    Kind.GATEWAY: "Codes of the MMS gateway",
    Kind.INBOUND: "What comes in",
    Kind.MEDIUM: "Pictures that come in",
    Kind.CALLBACK: "Callbacks that the bot does not take",
    Kind.SLACK: "Slack",
}


def table(catalogue: Catalogue) -> str:
    """All entries and the glossary, as Markdown."""
    parts = [_PAGE]
    for kind, heading in _HEADINGS.items():
        rows = [_row(cause) for cause in catalogue.causes if cause.kind is kind]
        parts.append(f"## {heading}\n\n{_rows(_TITLES, rows)}")
    words = [[word, meaning] for word, meaning in catalogue.glossary.items()]
    parts.append(f"## The words of the trade\n\n{_rows(['Word', 'Meaning'], words)}")
    return "\n".join(parts)


def _row(cause: Cause) -> list[str]:
    charged = _capital(cause.charged)
    return [
        "<br>".join(f"`{name}`" for name in dict.fromkeys(cause.names)),
        cause.happened,
        f"{_SENT[cause.sent].rstrip('.')}: {cause.sent_words}",
        f"{charged} ({cause.charged_source})" if cause.charged_source else charged,
        cause.do,
        cause.admin,
        f"{_capital(cause.source)} (*{_CERTAINTY[cause.certainty]}*)",
    ]


def _rows(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
