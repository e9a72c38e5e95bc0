"""Text → phone numbers in E.164, or what is wrong with each one. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from bot import north_america
from bot.domain import Recipient

MAX_RECIPIENTS = 1000  # Sinch SMS API, "Send": `to` has 1 to 1000 entries
NO_COUNTRY = "001"  # the library's region of numbers that belong to no country, such as +800
MIN_DIGITS = 7  # the shortest numbers of small countries, country code included
MAX_DIGITS = 15  # ITU-T E.164
MAX_SHOWN = 25  # characters of a wrong entry that are shown again; our choice

# Slack's clients turn a run of digits into such a link; the label is only what it looked like.
TEL_LINK = re.compile(r"<tel:([^<>|]*)(?:\|[^<>]*)?>", re.IGNORECASE)
# A semicolon separates, unless it begins a parameter of a tel: address (RFC 3966).
_SEPARATOR = re.compile(r"[,\n]|;(?! ?(?:ext|isub|phone-context) ?=)", re.IGNORECASE)
_NEXT_NUMBER = re.compile(r"(?<=[\d)]) (?=[(\[]?\+)")
_EXTENSION = re.compile(r"(?<![a-z])(?:ext(?:ension|n)?|x)(?![a-z])|\d\D{0,3}#", re.IGNORECASE)
_DIALLED = re.compile(r"\+?[0-9]+")
_SPACES = re.compile(r" +")

_NEW_LINES = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_LOOK_ALIKES = {
    **dict.fromkeys(_NEW_LINES, "\n"),
    **dict.fromkeys("،、﹐", ","),
    **dict.fromkeys("؛﹔", ";"),
    **dict.fromkeys("·•․∙⋅", "."),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("−ー", "-"),
    "﹢": "+",
    "\t": " ",
    "\x1f": " ",
}
_PUNCTUATION = str.maketrans("", "", " -.()[]/")
_FULL_WIDTH = range(0xFF01, 0xFF5F)  # Unicode's copies of "!" to "~"
_FULL_WIDTH_OFFSET = 0xFEE0

# Letters whose spoken name begins with a vowel: "an AU number", but "a US number".
_SPOKEN_WITH_AN = "AEFHILMNORSX"


class Reason(StrEnum):
    """Why an entry is not taken."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    LETTERS = "letters"
    EXTENSION = "extension"
    UNKNOWN_COUNTRY = "unknown_country"
    NOT_IN_USE = "not_in_use"
    AMBIGUOUS = "ambiguous"
    NOT_A_NUMBER = "not_a_number"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class NumberFault:
    """One entry that is not taken.

    ``position`` counts the entries that are not empty, from 1. ``typed`` is the entry without invisible characters,
    at most `MAX_SHOWN` long. ``region`` is the country it was measured against: an ISO 3166 code, a country code
    such as ``+800``, or empty when unknown.
    """

    position: int
    typed: str
    reason: Reason
    region: str

    def sentence(self) -> str:
        """Such as "the 3rd, '555-12', is too short for a US number": no capital, no full stop."""
        return f"the {ordinal(self.position)}, '{self.typed}', {self._what()}"

    def _what(self) -> str:
        match self.reason:
            case Reason.TOO_SHORT:
                return f"is too short for {_a_number(self.region)}"
            case Reason.TOO_LONG:
                return f"is too long for {_a_number(self.region)}"
            case Reason.LETTERS:
                return "has letters in it"
            case Reason.EXTENSION:
                return "has an extension, and a message cannot go to an extension"
            case Reason.UNKNOWN_COUNTRY:
                return "starts with a country code that does not exist"
            case Reason.NOT_IN_USE:
                return f"is not {_a_number(self.region)} that exists"
            case Reason.AMBIGUOUS:
                return "can be read as two numbers: start it with + and the country code"
            case Reason.NOT_A_NUMBER:
                return "is not a phone number"
            case Reason.TOO_MANY:
                return f"is one too many: a message goes to {MAX_RECIPIENTS} numbers at most"


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry of the field: where it stood, what was typed, and what it was read as."""

    position: int
    typed: str
    outcome: Recipient | NumberFault


def parse_recipients(text: str, *, default_region: str) -> tuple[tuple[Recipient, ...], tuple[NumberFault, ...]]:
    """Read a recipients field as people fill it in.

    Args:
        text: numbers separated by comma, semicolon or new line; a ``+`` after a space starts a new one too.
        default_region: ISO 3166 code of the country whose national numbers are understood.

    Returns:
        The numbers, each once, and the faults, both in the order typed. Never raises.
    """
    outcomes = [reading.outcome for reading in read(text, default_region=default_region)]
    return (
        tuple(outcome for outcome in outcomes if isinstance(outcome, Recipient)),
        tuple(outcome for outcome in outcomes if isinstance(outcome, NumberFault)),
    )


def read(text: str, *, default_region: str) -> tuple[Reading, ...]:
    """Like `parse_recipients`, with the place of every entry. A number that stood before is left out.

    Reading stops at the first number beyond `MAX_RECIPIENTS`, which is a fault.
    """
    readings: list[Reading] = []
    judged: dict[str, Recipient | tuple[Reason, str]] = {}
    taken: set[str] = set()
    for position, entry in enumerate(_entries(text), start=1):
        verdict = judged.get(entry)
        if verdict is None:
            verdict = judged[entry] = _judge(entry, default_region)
        shown = entry if len(entry) <= MAX_SHOWN else entry[: MAX_SHOWN - 1] + "…"
        if not isinstance(verdict, Recipient):
            readings.append(Reading(position, shown, NumberFault(position, shown, *verdict)))
        elif verdict.e164 not in taken:
            if len(taken) == MAX_RECIPIENTS:
                fault = NumberFault(position, shown, Reason.TOO_MANY, verdict.region)
                readings.append(Reading(position, shown, fault))
                break
            taken.add(verdict.e164)
            readings.append(Reading(position, shown, verdict))
    return tuple(readings)


def tidy(text: str) -> str:
    """The text with invisible characters gone and digits, dashes and separators in their plain form."""
    return text if text.isascii() and text.isprintable() else "".join(map(_plain_character, text))


def mask(e164: str) -> str:
    """A number for other eyes than the sender's: the country code and the last two digits, ``+1 •••• 23``."""
    try:
        country_code = phonenumbers.parse(e164).country_code
    except NumberParseException:
        return "••••"
    return f"+{country_code} •••• {e164[-2:]}"


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``11th``, …"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _entries(text: str) -> Iterator[str]:
    """The entries that are not empty, tidy, with single spaces."""
    unlinked = TEL_LINK.sub(lambda link: f"\n{unquote(link[1])}\n", text)
    for piece in _SEPARATOR.split(_SPACES.sub(" ", tidy(unlinked))):
        for entry in _NEXT_NUMBER.split(piece):
            if stripped := entry.strip():
                yield stripped


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    if ord(character) in _FULL_WIDTH:
        return chr(ord(character) - _FULL_WIDTH_OFFSET)
    if character in _LOOK_ALIKES:
        return _LOOK_ALIKES[character]
    match unicodedata.category(character):
        case "Nd":
            return str(unicodedata.decimal(character))
        case "Zs":
            return " "
        case "Pd":
            return "-"
        case "Cf" | "Cc":
            return ""
        case "Cs":
            return "\N{REPLACEMENT CHARACTER}"  # half a character: no encoding takes it
        case _:
            return character


def _judge(entry: str, default_region: str) -> Recipient | tuple[Reason, str]:
    number = entry[4:] if entry[:4].lower() == "tel:" else entry
    if _EXTENSION.search(number):
        return Reason.EXTENSION, default_region
    if any(map(str.isalpha, number)):
        return Reason.LETTERS, default_region
    dialled = number.translate(_PUNCTUATION)
    if not _DIALLED.fullmatch(dialled):
        return Reason.NOT_A_NUMBER, default_region
    # 00 is what most of the world dials for +. Some countries dial something longer that begins with 00 too (0011 in
    # Australia), and one string can then be a number here and another one there: nobody guesses between two phones.
    spellings = ["+" + dialled[2:], dialled] if dialled.startswith("00") else [dialled]
    found = {recipient for spelling in spellings if (recipient := _existing(spelling, default_region)) is not None}
    if len(found) == 1:
        return found.pop()
    return (Reason.AMBIGUOUS, default_region) if found else _why_not(spellings[0], default_region)


def _existing(dialled: str, default_region: str) -> Recipient | None:
    # No area code of +1 begins with 1; the library would drop that digit and so read Australia's 0011 65… as +1 65….
    if dialled.startswith("+11"):
        return None
    national = north_america.national_number(dialled, default_region)
    if national is not None:
        country = north_america.region_of(national)
        return None if country is None else Recipient(f"+{north_america.COUNTRY_CODE}{national}", country)
    return existing_by_library(dialled, default_region)


def existing_by_library(dialled: str, default_region: str) -> Recipient | None:
    """What the library makes of it; None if no such number exists."""
    try:
        number = phonenumbers.parse(dialled, default_region)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    if region is None or not phonenumbers.is_valid_number_for_region(number, region):
        return None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not MIN_DIGITS <= len(e164) - 1 <= MAX_DIGITS:
        return None
    return Recipient(e164, region)


def _why_not(dialled: str, default_region: str) -> tuple[Reason, str]:
    """Why no number exists that is dialled like this, and the country (or country code) that says so."""
    try:
        number = phonenumbers.parse(dialled, default_region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return Reason.UNKNOWN_COUNTRY, ""
        too_long = error.error_type == NumberParseException.TOO_LONG
        return Reason.TOO_LONG if too_long else Reason.TOO_SHORT, "" if dialled.startswith("+") else default_region
    country_code = number.country_code or 0
    region = phonenumbers.region_code_for_country_code(country_code)
    if phonenumbers.country_code_for_region(default_region) == country_code:
        region = default_region  # +1 and +44 belong to several countries: the nearest one names the fault
    elif region == NO_COUNTRY:
        region = f"+{country_code}"
    digits = len(phonenumbers.format_number(number, PhoneNumberFormat.E164)) - 1
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.INVALID_COUNTRY_CODE:
            return Reason.UNKNOWN_COUNTRY, ""
        case ValidationResult.TOO_SHORT | ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return Reason.TOO_SHORT, region
        case ValidationResult.TOO_LONG:
            return Reason.TOO_LONG, region
        case _ if digits < MIN_DIGITS:
            return Reason.TOO_SHORT, region
        case _ if digits > MAX_DIGITS:
            return Reason.TOO_LONG, region
        case _:
            return Reason.NOT_IN_USE, region


def _a_number(region: str) -> str:
    if not region:
        return "a phone number"
    return f"{'an' if region[0] in _SPOKEN_WITH_AN else 'a'} {region} number"
