"""How phone numbers compare: by their digits. Pure."""

from __future__ import annotations

import re

# Fewer digits behind "00" are no number in international form; then the zeros may belong to a short code.
MIN_DIGITS_AFTER_ZEROS = 7

_PUNCTUATION = re.compile(r"[\s().\[\]\u2010-\u2015\u2212-]+")  # with the dashes that people and programs write
_INTERNATIONAL_PREFIX = "00"


def digits(number: str) -> str:
    """The digits of a number in international form: ``+1 (201) 555-0123`` and ``0012015550123`` → ``12015550123``.

    Sinch takes ``+``, ``00`` and neither, and answers mostly with neither. What is no number (a sender's name, a group
    ID) stays as it is. ``digits(digits(x)) == digits(x)``.

    Source: Sinch SMS API, "International phone numbers".
    """
    bare = _PUNCTUATION.sub("", number).removeprefix("+")
    if not (bare.isascii() and bare.isdigit()):
        return number
    zeros = len(bare) - len(bare.lstrip("0"))
    # As often as it is there, so that reading twice changes nothing.
    times = max(0, min(zeros, len(bare) - MIN_DIGITS_AFTER_ZEROS)) // len(_INTERNATIONAL_PREFIX)
    return bare[times * len(_INTERNATIONAL_PREFIX) :]


def same_number(a: str, b: str) -> bool:
    """Whether two writings mean the same number (or are the same name, the same group ID)."""
    return digits(a) == digits(b)
