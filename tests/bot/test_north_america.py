"""The quick judgement of numbers of +1 and the library's are the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.north_america import national_number, region_of, regions
from bot.phone import existing_by_library

DEFAULTS = st.sampled_from([*regions(), "GB", "DE", "AU"])


def quick(national: str) -> tuple[str, str] | None:
    country = region_of(national)
    return None if country is None else (f"+1{national}", country)


def by_library(dialled: str, default_region: str) -> tuple[str, str] | None:
    found = existing_by_library(dialled, default_region)
    return None if found is None else (found.e164, found.region)


def test_every_area_code_is_judged_as_the_library_judges_it() -> None:
    exchanges = ("200", "211", "456", "555", "700", "911", "976", "999")
    for area in range(200, 1000):
        for exchange in exchanges:
            national = f"{area}{exchange}0123"
            assert quick(national) == by_library(f"+1{national}", "US"), national


@given(st.from_regex(r"[2-9][0-9]{9}", fullmatch=True), DEFAULTS, st.booleans())
@settings(max_examples=1500)
def test_any_ten_digits_are_judged_as_the_library_judges_them(national: str, default: str, international: bool) -> None:
    dialled = f"+1{national}" if international else national
    read = national_number(dialled, default)
    if read is None:
        assert not international
        assert default not in regions()
    else:
        assert quick(read) == by_library(dialled, default)


@given(st.text("+0123456789", max_size=14), DEFAULTS)
def test_only_ten_digits_are_judged_here(dialled: str, default: str) -> None:
    read = national_number(dialled, default)
    assert read is None or (len(read) == 10 and read[0] >= "2" and dialled in (read, f"+1{read}"))
