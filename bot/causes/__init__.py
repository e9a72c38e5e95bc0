"""Why something did not work: the one catalogue of sentences, read from ``bot/causes.toml``.

Keys: the words of Sinch and Slack as they are; everything else begins with its kind (`bot.causes.entry.PREFIXES`).
Whether anything was sent is a field, and its words are added here, so that a sentence can't disagree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources

from bot.causes.entry import About as About
from bot.causes.entry import Cause as Cause
from bot.causes.entry import Certainty as Certainty
from bot.causes.entry import Kind as Kind
from bot.causes.entry import Sent as Sent
from bot.causes.news import News, OnNew
from bot.causes.reading import MAX_SENTENCE as MAX_SENTENCE
from bot.causes.reading import Book, read
from bot.causes.reading import CatalogueError as CatalogueError

MAX_VENDOR_TEXT = 120

_WORD_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_DELIVERY_CODE_END = 1_000_000
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # Unicode categories: controls, marks of direction, unassigned
_SENDING = (Kind.WORD, Kind.HTTP, Kind.TRANSPORT, Kind.OWN)
_REPORTED = (Kind.GATEWAY, Kind.CARRIER, Kind.DELIVERY)  # the last one wins a number that two have
# Codes by which all is well; they count only with the status that Sinch documents for them.
_WELL = {"delivery-0": "Delivered", "delivery-400": "Queued", "delivery-401": "Dispatched"}


class Catalogue:
    """All causes. Made by ``load`` or ``parse``."""

    def __init__(self, book: Book, *, on_new: OnNew | None = None) -> None:
        self._causes = book.causes
        self.glossary: Mapping[str, str] = book.glossary
        self._news = News(on_new)
        self._words = self._by_word(Kind.WORD)
        self._statuses = {word.casefold(): cause for word, cause in self._by_word(Kind.STATUS).items()}
        self._reported = {
            cause.key.partition("-")[2]: cause
            for kind in _REPORTED
            for cause in self._causes.values()
            if cause.kind is kind
        }
        self._slack = {code.removeprefix("SLACK-"): cause for code, cause in self._by_word(Kind.SLACK).items()}

    def _by_word(self, kind: Kind) -> dict[str, Cause]:
        return {name: cause for cause in self._causes.values() if cause.kind is kind for name in cause.names}

    @classmethod
    def load(cls, *, on_new: OnNew | None = None) -> Catalogue:
        """The catalogue that comes with the bot.

        Args:
            on_new: told each code that the catalogue does not know, once.

        Raises:
            CatalogueError: somebody's correction does not fit.
        """
        text = resources.files("bot").joinpath("causes.toml").read_text(encoding="utf-8")
        return cls.parse(text, on_new=on_new)

    @classmethod
    def parse(cls, text: str, *, on_new: OnNew | None = None) -> Catalogue:
        """Read and check a catalogue (TOML). Raises CatalogueError."""
        return cls(read(text), on_new=on_new)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """In the file's order."""
        return tuple(self._causes.values())

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self._causes)

    def get(self, key: str) -> Cause:
        """Raises KeyError when there is no such entry."""
        return self._causes[key]

    # -- sending

    def for_refusal(self, *, status: int, word: str | None) -> Cause:
        """The cause of an HTTP status outside 2xx, with Sinch's word code if there was one. Never raises.

        By the word if it is known; else by the status, else by its class, with the word as the code. A word does not
        make a 5xx a refusal: there, it is only shown.
        """
        by_status = self._by_status(status)
        known = self._words.get(word or "")
        if word is not None and known is not None and by_status.sent is Sent.NO:
            return replace(known, code=word)
        return self._with_word(by_status, word)

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
        if cause is not None and (cause.kind not in _SENDING or cause.about is not About.MESSAGE):
            cause = None
        if cause is not None and cause.sent is sent:
            return self._with_word(cause, vendor_code)
        if cause is not None and cause.kind is Kind.TRANSPORT and not maybe_sent:
            return self._causes["transport-not-connected"]
        fallback = self._causes["transport-other" if maybe_sent else "own-not-sent"]
        return replace(fallback, code=cause.code) if cause else fallback

    def _by_status(self, status: int) -> Cause:
        known = self._causes.get(f"http-{status}")
        if known is not None:
            return known
        if not 300 <= status <= 599:
            return self._causes["transport-bad-answer"]
        self._news.tell(Kind.HTTP, str(status))
        # The key keeps the status, so that it is still known to whoever reads the row later.
        return replace(self._causes[f"http-{status // 100}xx"], key=f"http-{status}", code=f"SINCH-{status}")

    def _with_word(self, cause: Cause, word: str | None) -> Cause:
        """The code with Sinch's own word, where Sinch is what the cause is about and the word can be shown."""
        if word is None or not _WORD_CODE.fullmatch(word):
            return cause
        if word not in self._words:
            self._news.tell(Kind.WORD, word)
        if cause.kind is Kind.WORD:
            return replace(cause, code=word)
        return replace(cause, code=f"{cause.code}, {word}") if cause.kind is Kind.HTTP else cause

    # -- delivery

    def for_delivery(self, *, status: str | None, code: int | str | None) -> Cause:
        """What a delivery report says of one recipient. Never raises.

        By the code, which says more; by the status where the code is unknown, is missing, or contradicts the status
        in whether the message arrived or is still under way. A code that is not told by its own entry stays visible.

        Args:
            status: Sinch's word, in any case. code: as Sinch gives it; carriers' codes and the gateway's too.
        """
        number = _delivery_number(code)
        by_code = self._reported.get(number)
        by_status = self._statuses.get(status.casefold()) if status else None
        if number and by_code is None:
            self._news.tell(Kind.DELIVERY, number)
        if status and by_status is None:
            self._news.tell(Kind.STATUS, status)
        if by_status is None:
            return by_code or self._unknown_report(status, number)
        if by_code is not None and _agree(by_status, by_code):
            return by_code
        if not number:
            return by_status
        came_with = f"the code {number}" if by_code else f"a code ({number}) that the bot does not know"
        happened = f"{by_status.happened} It came with {came_with}."
        return replace(by_status, happened=happened, code=f"{by_status.code}, {number}")

    def _unknown_report(self, status: str | None, number: str) -> Cause:
        other = self._causes["delivery-other"]
        code = f"DELIVERY-{number}" if number else other.code
        return replace(other, code=f"{code}, {status}" if status and _WORD_CODE.fullmatch(status) else code)

    # -- Slack

    def for_slack(self, error: str) -> Cause:
        """The cause of one of Slack's words for an error, or one of the gateway's own. Never raises."""
        known = self._slack.get(error)
        if known is None and (status := re.fullmatch(r"http-([345])[0-9]{2}", error)):
            known = self._causes[f"slack-http-{status.group(1)}xx"]
        elif known is None:
            self._news.tell(Kind.SLACK, error)
            known = self._causes["slack-other"]
        return replace(known, code=f"SLACK-{error}") if _WORD_CODE.fullmatch(error) else known

    def for_dialog(self, error: str) -> Cause:
        """The same where a dialog did not open: whatever the reason, nothing was sent."""
        return replace(self.for_slack(error), about=About.MESSAGE, sent=Sent.NO)

    # -- sentences

    def sentence(self, cause: Cause, *, reference: str | None = None, vendor_text: str | None = None) -> str:
        """The whole answer, as plain text: escape it for wherever it goes.

        Args:
            reference: the message's ``client_reference``; an unknown message can't be told without it.
            vendor_text: Sinch's own sentence; cut, and quoted after ours.

        Raises:
            ValueError: an unknown without its reference.
        """
        if cause.sent is Sent.MAYBE and cause.about is About.MESSAGE and not reference:
            raise ValueError("an unknown is told with its reference")
        quoted = quotable(vendor_text or "")
        vendor = f" Sinch wrote: “{quoted}”" if quoted else ""
        support = f"Code {cause.code}, reference {reference}" if reference else f"Code {cause.code}"
        return f"{cause.words}{vendor} ({support})"

    def own(self, key: str) -> str:
        """The whole sentence of a failure of the bot's own. Raises KeyError when there is no such entry."""
        return self.sentence(self.get(f"own-{key}"))


def _delivery_number(code: int | str | None) -> str:
    """The code as printed; empty if it is no number of a sensible length."""
    if isinstance(code, int):
        code = str(code) if 0 <= code < _DELIVERY_CODE_END else ""  # Python does not print a number of any length
    number = (code or "").strip()
    return number if re.fullmatch(r"[0-9]{1,6}", number) else ""


def _agree(status: Cause, code: Cause) -> bool:
    """Do they say the same about whether the message arrived or is still under way?"""
    if code.key in _WELL or status.key in _WELL.values():
        return _WELL.get(code.key) == status.key
    return True


def visible(text: str) -> str:
    """``text`` on one line, without what can't be seen."""
    shown = "".join(" " if unicodedata.category(one) in _INVISIBLE else one for one in text)
    return " ".join(shown.split())


def quotable(text: str) -> str:
    """A vendor's text for between our quotation marks."""
    shown = visible(re.sub('[“”„"]', "'", text))
    return shown if len(shown) <= MAX_VENDOR_TEXT else shown[: MAX_VENDOR_TEXT - 1].rstrip() + "…"
