"""Numbers of +1, which are most of what is typed, judged by patterns made of the library's own metadata.

The library asks a dozen patterns about each number, up to three times; these say the same about ten digits, ten times
as fast. A test compares the two.
"""

from __future__ import annotations

import re
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

COUNTRY_CODE = 1
DIGITS = 10

_INTERNATIONAL = re.compile(r"\+1([2-9][0-9]{9})")
_NATIONAL = re.compile(r"[2-9][0-9]{9}")
# What makes a number valid is that it is one of these; the names are the library's.
_KINDS = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")
_EVERYDAY_KINDS = ("fixed_line", "mobile")


def national_number(dialled: str, default_region: str) -> str | None:
    """The ten digits, if this is a number of +1 in one of its usual spellings; None: ask the library."""
    if written := _INTERNATIONAL.fullmatch(dialled):
        return written[1]
    return dialled if default_region in regions() and _NATIONAL.fullmatch(dialled) else None


def region_of(national: str) -> str | None:
    """The country of a number of ten digits; None if there is no such number."""
    for region, leading, valid in _plan():
        if leading is not None:
            if leading.match(national):
                return region if valid.fullmatch(national) else None
        elif valid.fullmatch(national):
            return region
    return None


@cache
def regions() -> tuple[str, ...]:
    """The countries of +1, in the order in which the library asks them."""
    return tuple(COUNTRY_CODE_TO_REGION_CODE[COUNTRY_CODE])


@cache
def _plan() -> tuple[tuple[str, re.Pattern[str] | None, re.Pattern[str]], ...]:
    """For each country: how its numbers start, if that alone says that they are its, and which of them there are."""
    plan = []
    for region in regions():
        metadata = PhoneMetadata.metadata_for_region(region)
        if metadata is None:
            continue
        kinds = [getattr(metadata, kind) for kind in (*_KINDS, *_EVERYDAY_KINDS)]
        any_kind = "|".join(f"(?:{pattern})" for kind in kinds if (pattern := _pattern(kind)) is not None)
        general = _pattern(metadata.general_desc)
        valid = re.compile(f"(?=(?:{general})\\Z)(?:{any_kind})" if general and any_kind else r"(?!)")
        leading = None if metadata.leading_digits is None else re.compile(metadata.leading_digits)
        plan.append((region, leading, valid))
    return tuple(plan)


def _pattern(kind: PhoneNumberDesc | None) -> str | None:
    """What the ten digits of this kind look like; None if there are none of it."""
    if kind is None or kind.national_number_pattern is None:
        return None
    if kind.possible_length and DIGITS not in kind.possible_length:
        return None
    pattern: str = kind.national_number_pattern
    return pattern
