"""The caller's values to the request: pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch import _calls
from sinch._calls import Effect

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
PLAN = "https://sinch.example/xms/v1/plan"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(json_values.filter(lambda value: value is not None))
def test_any_value_survives_the_way_onto_the_wire(value: object) -> None:
    call = _calls.change("POST", PLAN, value, effect=Effect.EACH)
    assert call.content is not None
    assert json.loads(call.content) == value


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda t: t not in {".", ".."}))
def test_any_id_stays_one_part_of_the_path(batch_id: str) -> None:
    part = _calls.address(PLAN, "batches", batch_id).removeprefix(f"{PLAN}/batches/")
    assert not set(part) & set("/?#\\ ")
    assert unquote(part) == batch_id


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_an_id_that_would_be_another_address_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="an ID in an address"):
        _calls.address(PLAN, "batches", part, "delivery_report")


def test_times_are_asked_in_utc_with_milliseconds() -> None:
    at = datetime(2026, 3, 1, 7, 30, 0, 123456, tzinfo=timezone(-timedelta(hours=5)))
    assert _calls.moment(at, "start_date") == "2026-03-01T12:30:00.123Z"


def test_a_time_without_zone_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="end_date needs a time zone"):
        _calls.between(NOON, NOON.replace(tzinfo=None))


def test_what_is_not_asked_is_not_in_the_query() -> None:
    call = _calls.read(PLAN, {"page": "0", "client_reference": None, **_calls.between(None, NOON)})
    assert call.query == {"page": "0", "end_date": "2026-03-01T12:00:00.000Z"}


def test_several_values_are_asked_with_commas_and_none_is_not_asked() -> None:
    assert _calls.commas((400, 405), "code") == "400,405"
    assert _calls.commas((), "code") is None


@pytest.mark.parametrize("bare", ["+12015550123", b"+12015550123"])
def test_a_bare_string_where_a_list_belongs_is_refused(bare: str) -> None:
    with pytest.raises(TypeError, match="to is a list"):
        _calls.several(bare, "to")


def test_a_call_without_a_body_has_no_content() -> None:
    assert _calls.change("DELETE", PLAN, effect=Effect.ONCE).content is None
    assert _calls.change("POST", PLAN, {}, effect=Effect.ONCE).content == b"{}"
