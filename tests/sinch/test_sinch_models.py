"""Values as Sinch writes them, odd ones included."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sinch import Batch, Malformed
from sinch._models import Page, read_page

BATCH_ID = "01FC66621XXXXX119Z8PMV1QPQ"


def read_batches(value: object) -> Page[Batch]:
    return read_page(value, "batches", Batch.from_json)


def test_a_documented_answer_is_read_in_full() -> None:
    batch = Batch.from_json(
        {
            "id": BATCH_ID,
            "type": "mt_media",
            "to": ["12015550123", "12015550124"],
            "from": "12015550199",
            "canceled": False,
            "client_reference": "ref-00000001",
            "created_at": "2026-03-01T12:00:00.123Z",
            "modified_at": "2026-03-01T13:00:00.123+01:00",
            "a_field_from_the_future": {"x": 1},
        }
    )
    moment = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
    assert batch == Batch(
        id=BATCH_ID,
        type="mt_media",
        to=("12015550123", "12015550124"),
        from_="12015550199",
        client_reference="ref-00000001",
        canceled=False,
        created_at=moment,
        modified_at=moment,
    )


def test_odd_values_in_optional_fields_do_not_cost_the_batch() -> None:
    batch = Batch.from_json(
        {
            "id": BATCH_ID,
            "to": "12015550123",
            "from": 7,
            "type": None,
            "client_reference": {},
            "canceled": [],
            "created_at": "yesterday",
            "modified_at": "0001-01-01T00:00:00+23:59",
        }
    )
    assert batch == Batch(id=BATCH_ID)


@pytest.mark.parametrize(
    ("value", "canceled"), [(True, True), ("True", True), ("true", True), ("False", False), (False, False), (1, False)]
)
def test_canceled_is_read_as_a_word_too(value: object, canceled: bool) -> None:
    assert Batch.from_json({"id": BATCH_ID, "canceled": value}).canceled is canceled


def test_a_time_without_offset_is_utc() -> None:
    batch = Batch.from_json({"id": BATCH_ID, "created_at": "2026-03-01T12:00:00"})
    assert batch.created_at == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_batch_prints_no_recipient() -> None:
    assert "2015550123" not in repr(Batch.from_json({"id": BATCH_ID, "to": ["12015550123"]}))


def test_a_page_leaves_out_what_is_no_batch_but_counts_it() -> None:
    page = read_batches({"count": 3, "page": 0, "page_size": 3, "batches": [{"id": BATCH_ID}, None, {"id": 1}]})
    assert page == Page(items=(Batch(id=BATCH_ID),), entries=3, count=3)


@pytest.mark.parametrize("count", [None, "3", True, 1.5])
def test_a_count_that_is_no_number_is_no_count(count: object) -> None:
    assert read_batches({"count": count, "batches": []}).count is None


@pytest.mark.parametrize("value", [None, [], {}, {"batches": None}, {"batches": {"id": "x"}}])
def test_a_page_without_a_list_is_refused(value: object) -> None:
    with pytest.raises(Malformed, match="it "):
        read_batches(value)
