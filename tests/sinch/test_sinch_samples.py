"""Every value against the documented samples, and against whatever else JSON can hold."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sinch._errors import Malformed
from sinch._frozen import FrozenMapping
from sinch._models.batches import Batch, BatchType, DryRun, Encoding, MediaBody, ReportType
from sinch._models.groups import AutoUpdate, Group, Keywords, read_members
from sinch._models.inbounds import (
    InboundBinary,
    InboundMedia,
    InboundMediaBody,
    InboundMedium,
    InboundText,
    MediumStatus,
    read_inbound,
)
from sinch._models.pages import Page, read_page
from sinch._models.reports import BatchDeliveryReport, DeliveryStatus, RecipientDeliveryReport, StatusCount
from sinch._numbers import digits

SAMPLES = Path(__file__).parent / "samples"


class Value(Protocol):
    def to_json(self) -> dict[str, object]: ...


Reader = Callable[[object], Value]

READERS: dict[str, Reader] = {
    "batch_text": Batch.from_json,
    "batch_binary": Batch.from_json,
    "batch_media": Batch.from_json,
    "batch_as_some_deployments_write_it": Batch.from_json,
    "dry_run": DryRun.from_json,
    "dry_run_as_older_deployments_write_it": DryRun.from_json,
    "delivery_report_full": BatchDeliveryReport.from_json,
    "delivery_report_summary": BatchDeliveryReport.from_json,
    "delivery_report_of_a_batch_cancelled_in_time": BatchDeliveryReport.from_json,
    "recipient_delivery_report": RecipientDeliveryReport.from_json,
    "recipient_delivery_report_mms": RecipientDeliveryReport.from_json,
    "recipient_delivery_report_as_older_deployments_write_it": RecipientDeliveryReport.from_json,
    "inbound_text": read_inbound,
    "inbound_binary": read_inbound,
    "inbound_media": read_inbound,
    "inbound_media_as_some_pages_write_it": read_inbound,
    "group": Group.from_json,
    "group_without_a_name": Group.from_json,
}
PAGES: dict[str, tuple[str, Reader]] = {
    "batches_page": ("batches", Batch.from_json),
    "delivery_reports_page": ("delivery_reports", RecipientDeliveryReport.from_json),
    "inbounds_page": ("inbounds", read_inbound),
    "groups_page": ("groups", Group.from_json),
}
PARTS: tuple[Reader, ...] = (
    *(MediaBody.from_json, StatusCount.from_json, AutoUpdate.from_json, Keywords.from_json),
    *(InboundMedium.from_json, InboundMediaBody.from_json),
    *(InboundText.from_json, InboundBinary.from_json, InboundMedia.from_json),
)
ALL_READERS = (*dict.fromkeys(READERS.values()), *PARTS)
OTHER_WRITINGS = "_write_it"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def read(name: str) -> Any:
    return READERS[name](sample(name))


def test_every_sample_is_read_by_a_test() -> None:
    assert {file.stem for file in SAMPLES.glob("*.json")} == {*READERS, *PAGES, "group_members"}


# -- documented samples


@pytest.mark.parametrize("name", [name for name in READERS if not name.endswith(OTHER_WRITINGS)])
def test_a_documented_sample_is_read_and_written_again_in_full(name: str) -> None:
    assert read(name).to_json() == sample(name)


@pytest.mark.parametrize(("name", "key", "reader"), [(name, *how) for name, how in PAGES.items()])
def test_a_documented_page_is_read_in_full(name: str, key: str, reader: Reader) -> None:
    page = read_page(sample(name), key, reader)
    assert [item.to_json() for item in page.items] == sample(name)[key]
    assert page.entries == page.count == len(page.items) == sample(name)["count"]


def test_the_members_of_a_group_are_a_bare_list() -> None:
    assert read_members(sample("group_members")) == ("12015550123", "12015550124")
    assert read_members(["+12015550123", None, "", 7]) == ("12015550123",)


def test_a_batch_is_written_in_the_usual_way_however_it_was_written() -> None:
    assert read("batch_as_some_deployments_write_it").to_json() == {
        "id": "01HZX4T6M2Q8R5V7W9Y0A1B2C3",
        "type": "mt_text",
        "to": ["12015550123", "12015550124"],
        "from": "12015550199",
        "body": "Hello",
        "delivery_report": "none",
        "canceled": False,
        "created_at": "2026-03-01T12:00:00.000Z",
        "modified_at": "2026-03-01T12:00:00.000Z",
    }


def test_a_dry_run_of_an_older_deployment_is_understood() -> None:
    [recipient] = read("dry_run_as_older_deployments_write_it").per_recipient
    assert (recipient.recipient, recipient.number_of_parts, recipient.encoding) == ("12015550123", 1, Encoding.TEXT)


def test_a_recipient_report_of_an_older_deployment_is_understood() -> None:
    report = read("recipient_delivery_report_as_older_deployments_write_it")
    assert (report.recipient, report.code, report.status) == ("12015550123", 0, DeliveryStatus.DELIVERED)
    assert (report.at, report.number_of_message_parts) == (datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC), 1)


def test_an_inbound_medium_is_understood_in_both_writings() -> None:
    [medium] = read("inbound_media_as_some_pages_write_it").body.media
    assert medium == InboundMedium(
        url="https://example.com/media/1.jpg", content_type="image/jpeg", status=MediumStatus.UPLOADED, code=0
    )


# -- what the values say


def test_the_open_words_of_a_batch_are_members() -> None:
    batch = read("batch_media")
    assert batch.type is BatchType.MEDIA
    assert batch.delivery_report is ReportType.SUMMARY
    assert batch.body == MediaBody(
        url="https://example.com/parcel.jpg", message="Your parcel is here", subject="Parcel"
    )


def test_a_word_that_is_not_known_stays_as_it_is() -> None:
    batch = Batch.from_json({"id": "x", "type": "mt_Hologram", "delivery_report": "Weekly"})
    assert (batch.type, batch.delivery_report) == ("mt_Hologram", "Weekly")
    assert not isinstance(batch.type, BatchType)


def test_parameters_keep_their_keys_and_can_not_be_changed() -> None:
    parameters = read("batch_text").parameters
    assert parameters == {"name": {"12015550123": "Ann", "+12015550124": "Bob", "default": "customer"}}
    for mapping in (parameters, parameters["name"]):
        assert isinstance(mapping, Mapping)
        assert not hasattr(mapping, "__setitem__")


def test_parameters_that_are_odd_are_left_out() -> None:
    batch = Batch.from_json({"id": "x", "parameters": {"a": {"default": "A", "1": 2}, "b": "B", "c": None}})
    assert batch.parameters == {"a": {"default": "A"}}


@pytest.mark.parametrize("name", READERS)
def test_a_value_can_be_hashed_copied_and_pickled(name: str) -> None:
    value = read(name)
    assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)  # noqa: S301 - our own bytes
    assert hash(value) == hash(read(name))
    assert dataclasses.asdict(value)


@pytest.mark.parametrize("name", READERS)
def test_no_number_no_text_and_no_address_is_printed(name: str) -> None:
    printed = repr(read(name))
    for personal in ("2015550", "Hello", "Ann", "parcel", "Parcel", "Yes", "Is it", "SGVs", "example.com", "Customers"):
        assert personal not in printed


def test_only_two_statuses_are_not_final() -> None:
    assert {status for status in DeliveryStatus if not status.final} == {
        DeliveryStatus.QUEUED,
        DeliveryStatus.DISPATCHED,
    }


@pytest.mark.parametrize(
    ("status", "final"),
    [("Delivered", True), ("unknown", True), ("QUEUED", False), ("Dispatched", False), ("Teleported", False)],
)
def test_a_recipient_report_is_final_only_with_a_status_known_to_be(status: str, final: bool) -> None:
    report = RecipientDeliveryReport.from_json({"batch_id": "b", "recipient": "1", "code": 1, "status": status})
    assert report.final is final


@pytest.mark.parametrize(
    ("kind", "is_mms"), [("delivery_report_mms", True), ("delivery_report_sms", False), (None, False), (7, False)]
)
def test_a_report_knows_whether_it_is_about_mms(kind: object, is_mms: bool) -> None:
    assert BatchDeliveryReport.from_json({"batch_id": "b", "statuses": [], "type": kind}).is_mms is is_mms
    recipient = {"batch_id": "b", "recipient": "1", "code": 0, "status": "Delivered", "type": kind}
    assert RecipientDeliveryReport.from_json(recipient).is_mms is is_mms


def test_a_total_written_as_a_string_is_a_number() -> None:
    assert BatchDeliveryReport.from_json({"batch_id": "b", "statuses": [], "total_message_count": "3"}) == (
        BatchDeliveryReport(batch_id="b", statuses=(), total_message_count=3)
    )


def test_a_status_without_a_count_counts_its_recipients() -> None:
    named = StatusCount.from_json({"code": 0, "status": "Delivered", "recipients": ["12015550123", "12015550124"]})
    assert named.count == 2
    report = BatchDeliveryReport.from_json({"batch_id": "b", "statuses": [{"code": 0, "status": "Delivered"}]})
    assert report.statuses == ()


def test_the_bytes_of_a_binary_message_are_decoded() -> None:
    assert read("inbound_binary").data == b"Hello there"


@pytest.mark.parametrize("body", [None, 7, "not base64!", "é", "SGVsbG8"])
def test_what_is_no_base64_has_no_bytes(body: object) -> None:
    assert InboundBinary.from_json({"id": "i", "from": "12015550123", "body": body}).data is None


def test_a_group_joins_and_leaves_by_words() -> None:
    assert read("group").auto_update == AutoUpdate(
        to="12015550199", add=Keywords(first_word="JOIN", second_word="PARCELS"), remove=Keywords(first_word="LEAVE")
    )


def test_half_a_character_becomes_a_question_mark() -> None:
    batch = Batch.from_json({"id": "x", "body": "a\ud83d", "client_reference": "\udc00", "parameters": {"\ud83d": {}}})
    assert (batch.body, batch.client_reference, dict(batch.parameters)) == ("a?", "?", {"?": {}})


@pytest.mark.parametrize("wrong", [None, "", " ", "x" * 257, "a\nb", "a\x00", "\ud83d", 7, ["x"]])
@pytest.mark.parametrize(("name", "key"), [("batch_text", "id"), ("group", "id"), ("inbound_text", "id")])
def test_without_a_usable_id_there_is_no_value(name: str, key: str, wrong: object) -> None:
    with pytest.raises(Malformed, match="no usable id"):
        READERS[name]({**sample(name), key: wrong})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("recipient_delivery_report", key) for key in ("batch_id", "recipient", "code", "status")),
        *(("delivery_report_full", key) for key in ("batch_id", "statuses")),
        *(("dry_run", key) for key in ("number_of_recipients", "number_of_messages")),
        *(("inbound_text", key) for key in ("id", "from", "type")),
        ("inbound_media", "from"),
    ],
)
def test_what_a_value_can_not_do_without_is_demanded(name: str, key: str) -> None:
    incomplete = sample(name)
    del incomplete[key]
    with pytest.raises(Malformed):
        READERS[name](incomplete)


INDISPENSABLE = {"id", "batch_id", "recipient", "code", "status", "statuses", "from", "type", "number_of_recipients"}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (name, key)
        for name in READERS
        for key in json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        if key not in INDISPENSABLE | {"number_of_messages"} or (name.startswith("batch") and key in ("from", "type"))
    ],
)
def test_everything_else_may_be_missing_or_odd(name: str, key: str) -> None:
    expected = read(name).to_json()
    expected.pop(key, None)
    incomplete = sample(name)
    del incomplete[key]
    if key == "canceled":
        expected[key] = False
    assert READERS[name](incomplete).to_json() == expected
    assert READERS[name]({**incomplete, key: 1.5}).to_json() == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [(0, 0), ("0", 0), ("0414", 414), (2**53 - 1, 2**53 - 1)]
    + [(wrong, None) for wrong in (True, -1, "-1", 1.0, 2**53, "9" * 5000, "", "٣", "1e3", " 1")],
)
def test_a_whole_number_is_a_number_or_its_digits(value: object, code: int | None) -> None:
    assert InboundMedium.from_json({"code": value}).code == code


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-03-01T12:00:00.123Z", datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)),
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00-05:00", datetime(2026, 3, 1, 17, tzinfo=UTC)),
        *((wrong, None) for wrong in ("yesterday", "", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-01:00", 0)),
    ],
)
def test_a_time_is_aware_and_utc_or_nothing(value: object, moment: datetime | None) -> None:
    read_at = Batch.from_json({"id": "x", "send_at": value}).send_at
    assert read_at == moment
    assert read_at is None or read_at.tzinfo is UTC


# -- pages


def test_a_page_leaves_out_what_can_not_be_read_but_counts_it() -> None:
    page = read_page({"count": 7, "batches": [{"id": "x"}, None, {"id": 1}]}, "batches", Batch.from_json)
    assert page == Page(items=(Batch(id="x"),), entries=3, count=7)


@pytest.mark.parametrize("count", [None, "3", True, 1.5, -1])
def test_a_count_that_is_no_number_is_no_count(count: object) -> None:
    assert read_page({"count": count, "groups": []}, "groups", Group.from_json).count is None


@pytest.mark.parametrize("value", [None, [], {}, {"batches": None}, {"batches": {"id": "x"}}, {"groups": []}])
def test_a_page_without_its_list_is_refused(value: object) -> None:
    with pytest.raises(Malformed):
        read_page(value, "batches", Batch.from_json)


@pytest.mark.parametrize("value", [None, {}, "12015550123"])
def test_members_that_are_no_list_are_refused(value: object) -> None:
    with pytest.raises(Malformed):
        read_members(value)


# -- properties


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
# What comes close to being right, where any value may stand.
near_values = json_values | st.sampled_from(
    ["True", "0", "+12015550123", "0012015550124", "Delivered", "mo_text", "2026-03-01T12:00:00", "\ud83d", "a\x00"]
)


def mutate(value: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    """The value with one place in it replaced, taken away, or a new one put in."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        rest = {name: inner for name, inner in value.items() if name != key}
        return rest if draw(st.integers(0, 3)) == 0 else {**rest, key: mutate(value[key], draw)}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], mutate(value[place], draw), *value[place + 1 :]]
    return draw(near_values)


@st.composite
def near_samples(draw: st.DrawFn) -> tuple[str, Any]:
    name = draw(st.sampled_from([*READERS, *PAGES]))
    value = sample(name)
    for _ in range(draw(st.integers(1, 3))):
        value = mutate(value, draw)
    return name, value


def settles(reader: Reader, value: object) -> None:
    """The reader takes the value or refuses it as malformed; what it took, it writes, reads and writes the same."""
    try:
        found = reader(value)
    except Malformed:
        return
    written = found.to_json()
    again = reader(written)
    assert again.to_json() == written
    # As bytes, too: nothing in it that JSON or UTF-8 does not take.
    assert json.loads(json.dumps(written, ensure_ascii=False, allow_nan=False).encode("utf-8")) == written
    hash(found)


@given(json_values)
@example({"id": "x", "created_at": "2026-03-01T12:00:00.123456"})
def test_any_json_is_read_or_refused_as_malformed(value: object) -> None:
    for reader in ALL_READERS:
        settles(reader, value)
    for key, reader in PAGES.values():
        for page in (value, {key: value, "count": value}, {key: [value]}):
            try:
                read_page(page, key, reader)
            except Malformed:
                continue


@given(near_samples())
def test_a_sample_gone_wrong_is_read_or_refused_as_malformed(named: tuple[str, Any]) -> None:
    name, value = named
    if name in READERS:
        settles(READERS[name], value)
        return
    key, reader = PAGES[name]
    try:
        page = read_page(value, key, reader)
    except Malformed:
        return
    assert len(page.items) <= page.entries == len(value[key])


WRITINGS: tuple[Callable[[str], str], ...] = (
    lambda number: number,
    lambda number: f"+{number}",
    lambda number: f"00{number}",
    lambda number: f"+{number[0]} ({number[1:4]}) {number[4:7]}-{number[7:]}",
)


def rewritten(value: Any, draw: Callable[[st.SearchStrategy[Any]], Any], key: str = "") -> Any:
    """The same JSON, with its numbers written in other ways. Keys stay: those of parameters are kept as sent."""
    if isinstance(value, dict):
        return {name: rewritten(inner, draw, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [rewritten(entry, draw, key) for entry in value]
    if isinstance(value, str) and digits(value).startswith("1201555"):
        return draw(st.sampled_from(WRITINGS))(digits(value))
    return value


@given(st.sampled_from(sorted(READERS)), st.data())
def test_values_are_equal_however_their_numbers_are_written(name: str, data: st.DataObject) -> None:
    assert READERS[name](rewritten(sample(name), data.draw)) == read(name)


@given(st.dictionaries(st.text(max_size=4), st.dictionaries(st.text(max_size=4), st.text(max_size=4))))
def test_a_frozen_mapping_is_its_mapping(entries: dict[str, dict[str, str]]) -> None:
    frozen = FrozenMapping({name: FrozenMapping(inner) for name, inner in entries.items()})
    assert frozen == entries
    assert hash(frozen) == hash(FrozenMapping({name: frozen[name] for name in reversed(list(frozen))}))
    entries["a new one"] = {}
    assert frozen != entries
