"""The small values of the XMS wire: numbers, times, IDs, and how an answer writes them. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.sinch.readings import Readings

# International form. E.164 ends at 15 digits; Sinch publishes no lower bound, 7 is ours. Old pages let blanks, dashes
# and brackets through; the fake does not, since no current page promises it.
_MSISDN = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")
_GROUP_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")  # a ULID, as in every sample of the docs
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def msisdn_digits(text: str) -> str | None:
    """The digits that Sinch answers with (no ``+``, no ``00``), or None when it is not an international number."""
    found = _MSISDN.fullmatch(text)
    return found.group(1) if found else None


def bare_digits(number: str) -> str:
    """A number however it is written, as Sinch keys it."""
    return msisdn_digits(number) or number


def is_group_id(text: str) -> bool:
    return _GROUP_ID.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """An alphanumeric sender: up to 11 letters and digits, at least one letter."""
    return _NAME.fullmatch(text) is not None


def is_sender(text: str) -> bool:
    return bool(_MSISDN.fullmatch(text) or _SHORT_CODE.fullmatch(text) or _NAME.fullmatch(text))


def read_time(text: str) -> datetime | None:
    """An ISO-8601 time, in UTC; without an offset it is UTC. None when it is not one."""
    if not _TIME.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def write_time(at: datetime) -> str:
    """UTC with ``Z`` and milliseconds, as every answer has it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id(at: datetime) -> str:
    """26 characters that look like a ULID: 48 bits of time in ms, 80 random bits. Callers must treat it as opaque."""
    number = (int(at.timestamp() * 1000) & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes values as one reading of the documents has them."""

    readings: Readings

    def number(self, text: str) -> str:
        """A number however it came; short codes, names and group IDs stay as they are."""
        digits = msisdn_digits(text)
        return text if digits is None else f"+{digits}" if self.readings.plus_in_answers else digits

    def numbers(self, texts: Iterable[str]) -> list[str]:
        return [self.number(text) for text in texts]

    def status(self, state: str) -> str:
        return state.upper() if self.readings.capital_statuses else state
