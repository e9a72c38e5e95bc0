"""Messages and updates to the JSON that is posted: pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch import (
    CLEAR,
    BinaryMessage,
    BinaryUpdate,
    MediaMessage,
    MediaUpdate,
    ReportType,
    TextMessage,
    TextUpdate,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HI = TextMessage(to=["+12015550123"], from_="+12015550199", body="Hi")
CAT = MediaMessage(to=["+12015550123", "+12015550124"], from_="+12015550199", url="https://example.com/cat.jpg")


def test_a_text_is_an_mt_text_with_a_string_body() -> None:
    assert HI.to_json() == {"type": "mt_text", "to": ["+12015550123"], "from": "+12015550199", "body": "Hi"}


def test_a_picture_is_an_mt_media_with_an_object_body() -> None:
    assert replace(CAT, message="A cat", subject="Cats", strict_validation=False).to_json() == {
        "type": "mt_media",
        "to": ["+12015550123", "+12015550124"],
        "from": "+12015550199",
        "body": {"url": "https://example.com/cat.jpg", "message": "A cat", "subject": "Cats"},
        "strict_validation": False,
    }


def test_a_binary_message_is_base64_with_its_header_in_hexadecimal() -> None:
    message = BinaryMessage(to=["+12015550123"], from_="+12015550199", body=b"\x00\xff\x10", udh=bytes([6, 5, 4]))
    assert message.to_json() == {
        "type": "mt_binary",
        "to": ["+12015550123"],
        "from": "+12015550199",
        "body": "AP8Q",
        "udh": "060504",
    }


def test_every_field_has_sinchs_name() -> None:
    message = TextMessage(
        to=("+12015550123",),
        from_="Shop",
        body="Hi ${name}",
        parameters={"name": {"12015550123": "Ann", "default": "you"}},
        delivery_report=ReportType.PER_RECIPIENT,
        send_at=NOON,
        expire_at=datetime(2026, 3, 2, 7, 0, tzinfo=timezone(-timedelta(hours=5))),
        callback_url="https://example.com/reports",
        client_reference="ref-1",
        feedback_enabled=True,
        flash_message=False,
        truncate_concat=True,
        max_number_of_message_parts=3,
        from_ton=5,
        from_npi=0,
    )
    assert json.loads(json.dumps(message.to_json())) == {
        "type": "mt_text",
        "to": ["+12015550123"],
        "from": "Shop",
        "body": "Hi ${name}",
        "parameters": {"name": {"12015550123": "Ann", "default": "you"}},
        "delivery_report": "per_recipient",
        "send_at": "2026-03-01T12:00:00.000Z",
        "expire_at": "2026-03-02T12:00:00.000Z",
        "callback_url": "https://example.com/reports",
        "client_reference": "ref-1",
        "feedback_enabled": True,
        "flash_message": False,
        "truncate_concat": True,
        "max_number_of_message_parts": 3,
        "from_ton": 5,
        "from_npi": 0,
    }


@pytest.mark.parametrize("unset", [None, ""])
def test_a_picture_without_text_is_its_address_alone(unset: str | None) -> None:
    assert replace(CAT, message=unset, subject=unset).to_json()["body"] == {"url": "https://example.com/cat.jpg"}


def test_a_bare_string_of_recipients_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="to is a list"):
        TextMessage(to="+12015550123", body="Hi")
    with pytest.raises(TypeError, match="to_remove is a list"):
        TextUpdate(to_remove="+12015550123")


@pytest.mark.parametrize("field", ["send_at", "expire_at"])
def test_a_time_without_zone_is_refused_at_once(field: str) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match=f"{field} needs a time zone"):
        TextMessage(to=["+12015550123"], body="Hi", **{field: naive})  # type: ignore[arg-type] # one of two fields
    with pytest.raises(ValueError, match=f"{field} needs a time zone"):
        TextUpdate(**{field: naive})  # type: ignore[arg-type] # one of two fields


def test_an_update_names_what_changes_and_nothing_else() -> None:
    assert TextUpdate().to_json() == {"type": "mt_text"}
    assert TextUpdate(to_add=["+12015550124"], to_remove=("+12015550123",), body="Hello").to_json() == {
        "type": "mt_text",
        "to_add": ["+12015550124"],
        "to_remove": ["+12015550123"],
        "body": "Hello",
    }


def test_what_an_update_clears_is_null() -> None:
    cleared = TextUpdate(send_at=CLEAR, callback_url=CLEAR, parameters=CLEAR, from_npi=CLEAR).to_json()
    assert cleared == {"type": "mt_text", "send_at": None, "callback_url": None, "parameters": None, "from_npi": None}


def test_an_update_of_a_picture_gives_its_whole_body() -> None:
    assert MediaUpdate(url="https://example.com/dog.jpg", subject="Dogs").to_json() == {
        "type": "mt_media",
        "body": {"url": "https://example.com/dog.jpg", "subject": "Dogs"},
    }
    with pytest.raises(ValueError, match="together with url"):
        MediaUpdate(subject="Dogs")


def test_an_update_of_a_binary_message_may_change_either_part() -> None:
    assert BinaryUpdate(body=b"\x01").to_json() == {"type": "mt_binary", "body": "AQ=="}
    assert BinaryUpdate(udh=b"\x01").to_json() == {"type": "mt_binary", "udh": "01"}


def test_no_number_and_no_text_is_in_the_repr() -> None:
    shown = [
        repr(replace(HI, parameters={"n": {"12015550123": "Ann"}})),
        repr(replace(CAT, message="A secret", subject="A secret")),
        repr(TextUpdate(to_add=["+12015550123"], body="A secret")),
        repr(BinaryMessage(to=["+12015550123"], body=b"A secret", udh=b"A secret")),
    ]
    assert not [text for text in shown if "5550123" in text or "secret" in text or "Ann" in text]


@given(
    to=st.lists(st.text(), min_size=1, max_size=3),
    text=st.text(),
    parameters=st.none() | st.dictionaries(st.text(), st.dictionaries(st.text(), st.text(), max_size=2), max_size=2),
    reference=st.none() | st.text(),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    flag=st.none() | st.booleans(),
)
def test_no_message_has_a_null_and_all_of_it_is_json(
    to: list[str],
    text: str,
    parameters: dict[str, dict[str, str]] | None,
    reference: str | None,
    at: datetime | None,
    flag: bool | None,
) -> None:
    common = {"parameters": parameters, "client_reference": reference, "send_at": at, "feedback_enabled": flag}
    for message in (
        TextMessage(to=to, body=text, flash_message=flag, **common),  # type: ignore[arg-type] # a mixed dict
        MediaMessage(to=to, url=text, message=text, strict_validation=flag, **common),  # type: ignore[arg-type]
        BinaryMessage(to=to, body=text.encode("utf-8", "replace"), udh=b"", **common),  # type: ignore[arg-type]
    ):
        written = message.to_json()
        assert json.loads(json.dumps(written)) == written
        assert None not in written.values()
        assert written["to"] == to
