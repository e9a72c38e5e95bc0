"""The compose dialog's fields → one message, or every fault of the form at once, each under its field. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain import Content, Recipient
from bot.phone import MAX_SHOWN, NO_COUNTRY, NumberFault, Reading, ordinal, read
from bot.picture import MAX_URL, UrlFault, check_media_url
from bot.slack.ids import MEDIA_URL, MESSAGE, SUBJECT, TO
from bot.slack.text import plain, printable, unreadable

MAX_TEXT = 2000  # Sinch SMS API: mt_text `body`, mt_media `body.message`
MAX_SUBJECT = 80  # Sinch SMS API: mt_media `body.subject`
MAX_LISTED = 10  # wrong entries named one by one; more would not be read. Our choice
MAX_FIELD = 3000  # Slack, plain_text_input: max_length
MAX_READ = 20_000  # more is not read at all: only a forged dialog holds it, and everybody's acks would wait
REVIEW_ABOVE = 10  # recipients; more are shown once more before they are taken. Our choice


@dataclass(frozen=True, slots=True)
class Fields:
    """The dialog's fields as typed; None where Slack says that nothing was."""

    to: str | None = None
    message: str | None = None
    subject: str | None = None
    media_url: str | None = None


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong, by block ID: one or more whole sentences each, plain text. Never empty."""

    by_block: Mapping[str, str]


def check(fields: Fields, *, default_region: str, mms_countries: frozenset[str]) -> Content | Faults:
    """Check and clean a filled-in form. Never raises.

    Args:
        fields: as typed.
        default_region: ISO 3166 code; how national numbers are read.
        mms_countries: regions that pictures can go to; `Recipient.region` of the others is a fault with a picture.

    Returns:
        The content, within every limit, or all faults at once.
    """
    if too_long := _too_long(fields):
        return Faults(too_long)  # nothing that Slack's own dialog lets through: not worth reading
    sentences: dict[str, list[str]] = {TO: [], MESSAGE: [], SUBJECT: [], MEDIA_URL: []}

    typed_url = _clean(fields.media_url)
    media_url: str | None = None
    if with_picture := bool(typed_url):
        checked = check_media_url((fields.media_url or "").strip())
        if isinstance(checked, UrlFault):
            sentences[MEDIA_URL].append(checked.sentence())
        else:
            media_url = checked

    typed_to = _clean(fields.to)
    readings = read(typed_to, default_region=default_region)
    recipients = tuple(reading.outcome for reading in readings if isinstance(reading.outcome, Recipient))
    sentences[TO] += _recipient_faults(readings, mms_countries if with_picture else None)

    typed_message = _clean(fields.message)
    text = _without_blank_edges(plain(typed_message))
    sentences[MESSAGE] += _text_faults("text", typed_message, text, MAX_TEXT)
    if not text and not with_picture:
        sentences[MESSAGE].append("Write a text or give a picture's address; a message needs one of them.")

    typed_subject = _clean(fields.subject)
    subject = " ".join(plain(typed_subject).split())
    sentences[SUBJECT] += _text_faults("subject", typed_subject, subject, MAX_SUBJECT)
    if subject and not with_picture:
        sentences[SUBJECT].append("A subject goes with a picture only: give a picture's address or leave this empty.")

    by_block = {block: " ".join(said) for block, said in sentences.items() if said}
    if by_block:
        return Faults(by_block)
    return Content(recipients, text, media_url, subject or None, typed_to)


def needs_review(content: Content) -> bool:
    """Do so many phones get this that the person should see the number once more?"""
    return len(content.recipients) > REVIEW_ABOVE


def _too_long(fields: Fields) -> dict[str, str]:
    """Fields far beyond what Slack's own inputs let through, whatever limit they have: reading them takes too long."""
    typed = {
        TO: (fields.to, MAX_FIELD),
        MESSAGE: (fields.message, MAX_TEXT),
        SUBJECT: (fields.subject, MAX_SUBJECT),
        MEDIA_URL: (fields.media_url, MAX_URL),
    }
    return {
        block: f"This field takes {limit:,} characters at most, and these are {len(text):,}."
        for block, (text, limit) in typed.items()
        if text and len(text) > MAX_READ
    }


def _clean(typed: str | None) -> str:
    """The field as typed, without what no phone shows; nothing to see is the empty text."""
    kept = printable(typed or "")
    return kept if any(not c.isspace() and unicodedata.category(c) != "Cf" for c in kept) else ""


def _without_blank_edges(text: str) -> str:
    lines = text.split("\n")
    filled = [place for place, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]).rstrip() if filled else ""


def _recipient_faults(readings: Sequence[Reading], mms_countries: frozenset[str] | None) -> list[str]:
    """Sentences about the recipients; ``mms_countries`` is None when no picture goes along."""
    if not readings:
        return ["Give at least one phone number."]
    sentences = []
    if wrong := [reading.outcome.sentence() for reading in readings if isinstance(reading.outcome, NumberFault)]:
        listed = _list(wrong, joined_by="; ")
        sentences.append(f"{listed[0].upper()}{listed[1:]}.")
    if mms_countries is not None and (abroad := [_abroad(r) for r in readings if _is_outside(r, mms_countries)]):
        where = _enumerated(sorted(mms_countries))
        reach = f"Pictures go to numbers of {where} only" if where else "Pictures go to no country at present"
        sentences.append(f"{reach}, not to {_list(abroad, joined_by=', ')}.")
    return sentences


def _is_outside(reading: Reading, countries: frozenset[str]) -> bool:
    return isinstance(reading.outcome, Recipient) and reading.outcome.region not in countries


def _abroad(reading: Reading) -> str:
    region = reading.outcome.region
    country = "of no country" if region == NO_COUNTRY else region
    return f"the {ordinal(reading.position)}, '{reading.typed}' ({country})"


def _list(said: Sequence[str], *, joined_by: str) -> str:
    more = len(said) - MAX_LISTED
    return joined_by.join([*said[:MAX_LISTED], *([f"and {more} more"] if more > 0 else [])])


def _enumerated(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _text_faults(name: str, typed: str, text: str, limit: int) -> list[str]:
    sentences = []
    if len(text) > limit:
        sentences.append(f"The {name} has {len(text)} characters; {limit} are possible.")
    if blank := _placeholder(text):
        sentences.append(
            f"The {name} has {blank} in it, which Sinch may take for a blank to be filled in; leave that out."
        )
    if nameless := unreadable(typed) or unreadable(text):
        sentences.append(
            f"Slack gave no name for {_list(nameless, joined_by=', ')}; write the name instead, "
            "so that a phone can show it."
        )
    return sentences


def _placeholder(text: str) -> str:
    """The first ``${…}``, cut to show it, or nothing."""
    start = text.find("${")
    end = text.find("}", start)
    if start < 0 or end < 0:
        return ""
    blank = " ".join(text[start : end + 1].split())
    return blank if len(blank) <= MAX_SHOWN else blank[: MAX_SHOWN - 2] + "…}"
