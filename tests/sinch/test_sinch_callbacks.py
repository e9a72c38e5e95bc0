"""Callbacks: who is believed, and what is read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch import callbacks
from sinch._errors import CallbackRefusal, CallbackRefused
from sinch._models.inbounds import InboundBinary, InboundMedia, InboundText
from sinch._models.reports import BatchDeliveryReport, DeliveryStatus, RecipientDeliveryReport
from sinch.callbacks import Signature

SAMPLES = Path(__file__).parent / "samples"

SECRET = "an invented secret ✓"
NONCE = "01HZX7D0R6V2W9Z1A3C4E5F6G7"
SIGNED_AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
TIMESTAMP = "1772366400"
BODY = b'{"type": "mo_text", "id": "i", "from": "12015550123", "body": "1.5 \xe2\x9c\x93"}'

SIGNATURE = "x-sinch-webhook-signature"
ALGORITHM = "x-sinch-webhook-signature-algorithm"
NONCE_NAME = "x-sinch-webhook-signature-nonce"
TIMESTAMP_NAME = "x-sinch-webhook-signature-timestamp"


def signature(
    body: bytes = BODY, *, nonce: str = NONCE, timestamp: str = TIMESTAMP, secret: str = SECRET, hash_: Any = None
) -> str:
    """Worked out here on its own, from what Sinch documents: HMAC over body, dot, nonce, dot, timestamp."""
    message = body + b"." + nonce.encode() + b"." + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hash_ or hashlib.sha256).digest()).decode()


def headers(
    changed: dict[str, str] | None = None, *, body: bytes = BODY, nonce: str = NONCE, timestamp: str = TIMESTAMP
) -> dict[str, str]:
    """Those of a callback signed by Sinch, and then ``changed``."""
    return {
        SIGNATURE: signature(body, nonce=nonce, timestamp=timestamp),
        ALGORITHM: "HmacSHA256",
        NONCE_NAME: nonce,
        TIMESTAMP_NAME: timestamp,
    } | (changed or {})


def verify(
    with_headers: dict[str, str] | None = None, body: bytes = BODY, *, now: datetime = SIGNED_AT, **others: Any
) -> Signature:
    return callbacks.verify(headers() if with_headers is None else with_headers, body, secret=SECRET, now=now, **others)


BELIEVED = Signature(nonce=NONCE, timestamp=SIGNED_AT)


def refusal(*args: Any, **kwargs: Any) -> CallbackRefusal:
    with pytest.raises(CallbackRefused) as caught:
        verify(*args, **kwargs)
    return caught.value.reason


# -- verify


def test_what_sinch_signed_is_believed_and_its_nonce_and_time_handed_on() -> None:
    assert verify() == BELIEVED


def test_a_vector_worked_out_by_another_program() -> None:
    # printf '%s' '{"id":"i"}.n-1.1772366400' | openssl dgst -sha256 -hmac secret -binary | base64
    known = {SIGNATURE: "SeGnYWQ1M4qbRMg0S+LPfX7Pq43ATg6h3gzlG7RSmzM=", ALGORITHM: "HmacSHA256", NONCE_NAME: "n-1"}
    known[TIMESTAMP_NAME] = TIMESTAMP
    assert callbacks.verify(known, b'{"id":"i"}', secret="secret", now=SIGNED_AT).nonce == "n-1"


@pytest.mark.parametrize("write", [str.upper, str.title, str.lower])
def test_header_names_and_the_algorithm_count_in_any_case(write: Callable[[str], str]) -> None:
    assert verify({write(name): value for name, value in headers({ALGORITHM: write("HmacSHA256")}).items()}) == BELIEVED


def test_other_headers_say_nothing() -> None:
    assert verify({**headers(), "authorization": "Basic eDp5", "content-type": "text/plain"}) == BELIEVED


@pytest.mark.parametrize("name", [SIGNATURE, ALGORITHM, NONCE_NAME, TIMESTAMP_NAME])
def test_without_one_of_the_four_headers_it_is_unsigned(name: str) -> None:
    without = headers()
    del without[name]
    assert refusal(without) is CallbackRefusal.UNSIGNED
    assert refusal(headers({name: ""})) is CallbackRefusal.UNSIGNED


@pytest.mark.parametrize("algorithm", ["HmacSHA1", "HmacSHA512", "none", "HmacSHA256 ", "ＨmacSHA256"])
def test_another_algorithm_is_refused_even_if_the_signature_fits(algorithm: str) -> None:
    assert refusal(headers({ALGORITHM: algorithm})) is CallbackRefusal.ALGORITHM


@pytest.mark.parametrize(
    "wrong",
    [
        signature(secret="another"),
        signature(hash_=hashlib.sha1),
        signature(BODY + b" "),
        signature(BODY.replace(b" ", b"")),
        signature(nonce="another"),
        signature(timestamp="1772366401"),
        signature().rstrip("="),
        signature().lower(),
        signature() + "=",
        " " + signature(),
        base64.b64decode(signature()).hex(),
        "é" * 44,
        "\udcff",
        "x" * 100_000,
    ],
    ids=range(14),
)
def test_a_signature_that_is_not_that_of_this_body_is_refused(wrong: str) -> None:
    assert refusal(headers({SIGNATURE: wrong})) is CallbackRefusal.SIGNATURE


def test_a_body_is_signed_as_received_and_not_as_parsed() -> None:
    again = json.dumps(json.loads(BODY)).encode()
    assert json.loads(again) == json.loads(BODY)
    assert refusal(body=again) is CallbackRefusal.SIGNATURE


def test_the_end_of_a_body_is_not_taken_for_the_start_of_a_nonce() -> None:
    short, rest = BODY.split(b".", 1)
    shifted = headers({NONCE_NAME: f"{rest.decode()}.{NONCE}"})
    # The very same bytes were signed, only cut in another place.
    assert signature(short, nonce=shifted[NONCE_NAME]) == shifted[SIGNATURE]
    assert refusal(shifted, short) is CallbackRefusal.SIGNATURE


@pytest.mark.parametrize("nonce", ["a\nb", "\x00", " ", "x" * 257])
def test_a_nonce_that_could_not_be_remembered_is_refused(nonce: str) -> None:
    assert refusal(headers(nonce=nonce)) is CallbackRefusal.SIGNATURE


@pytest.mark.parametrize(
    "timestamp",
    [*("", "-1", "+1772366400", "1772366400.0", " 1772366400", "1e9", "0x69", "١٧٧٢٣٦٦٤٠٠", "9" * 12), "9" * 5000],
)
def test_a_timestamp_that_is_no_plain_number_of_seconds_is_refused(timestamp: str) -> None:
    expected = CallbackRefusal.TIMESTAMP if timestamp else CallbackRefusal.UNSIGNED
    assert refusal(headers(timestamp=timestamp)) is expected


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize(
    ("arguments", "window"), [({}, timedelta(hours=24)), ({"window": timedelta(minutes=5)}, timedelta(minutes=5))]
)
def test_a_timestamp_counts_within_the_window_either_way(
    way: int, arguments: dict[str, Any], window: timedelta
) -> None:
    assert verify(now=SIGNED_AT + way * window, **arguments) == BELIEVED
    assert refusal(now=SIGNED_AT + way * (window + timedelta(seconds=1)), **arguments) is CallbackRefusal.TIMESTAMP


def test_the_last_repeat_of_sinch_is_still_within_the_window() -> None:
    assert verify(now=SIGNED_AT + timedelta(seconds=81_920 * 1.05)) == BELIEVED


def test_now_may_be_in_any_time_zone() -> None:
    assert verify(now=SIGNED_AT.astimezone(timezone(timedelta(hours=14))), window=timedelta(0)) == BELIEVED


@pytest.mark.parametrize("timestamp", [TIMESTAMP, "0", "99999999999", "soon"])
def test_who_has_no_secret_learns_nothing_about_the_clock(timestamp: str) -> None:
    forged = headers({TIMESTAMP_NAME: timestamp, SIGNATURE: signature(timestamp=timestamp, secret="guess")})
    assert refusal(forged) is CallbackRefusal.SIGNATURE


def test_an_empty_secret_or_a_time_without_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="secret"):
        callbacks.verify(headers(), BODY, secret="", now=SIGNED_AT)
    with pytest.raises(ValueError, match="time zone"):
        callbacks.verify(headers(), BODY, secret=SECRET, now=SIGNED_AT.replace(tzinfo=None))


def test_a_refusal_quotes_nothing_of_the_request() -> None:
    with pytest.raises(CallbackRefused) as caught:
        verify(headers({SIGNATURE: "dubious"}))
    assert str(caught.value) == "callback refused (signature)"


bodies = st.binary(max_size=80)
nonces = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=30)
seconds = st.integers(0, 99_999_999_999)


@given(bodies, nonces, seconds, st.text(min_size=1, max_size=20))
def test_what_is_signed_here_is_believed_and_is_what_sinch_documents(
    body: bytes, nonce: str, timestamp: int, secret: str
) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=timestamp)
    signed = callbacks.sign(body, secret=secret, nonce=nonce, timestamp=at)
    assert signed == {
        SIGNATURE: signature(body, nonce=nonce, timestamp=str(timestamp), secret=secret),
        ALGORITHM: "HmacSHA256",
        NONCE_NAME: nonce,
        TIMESTAMP_NAME: str(timestamp),
    }
    assert callbacks.verify(signed, body, secret=secret, now=at) == Signature(nonce, at)


@given(st.binary(min_size=1, max_size=80), st.data())
def test_one_bit_of_the_body_changed_is_refused(body: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    changed = bytearray(body)
    changed[bit // 8] ^= 1 << bit % 8
    assert verify(headers(body=body), body) == BELIEVED
    assert refusal(headers(body=body), bytes(changed)) is CallbackRefusal.SIGNATURE


@given(st.sampled_from([NONCE_NAME, TIMESTAMP_NAME]), st.data())
def test_one_bit_of_nonce_or_timestamp_changed_is_refused(name: str, data: st.DataObject) -> None:
    value = bytearray(headers()[name].encode())
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    value[bit // 8] ^= 1 << bit % 8
    # latin-1, as servers decode headers: every byte is a character.
    assert refusal(headers({name: value.decode("latin-1")})) is CallbackRefusal.SIGNATURE


@given(st.dictionaries(st.sampled_from([SIGNATURE, ALGORITHM, NONCE_NAME, TIMESTAMP_NAME]), st.text(), max_size=4))
def test_headers_of_any_kind_are_only_refused(odd: dict[str, str]) -> None:
    for given_headers in (odd, {**headers(), **odd}):
        try:
            verify(given_headers)
        except CallbackRefused:
            continue
        # Only a change that means the same gets through.
        kept = {**headers(), **odd}
        assert {**kept, ALGORITHM: kept[ALGORITHM].lower()} == headers({ALGORITHM: "hmacsha256"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": ""},
        *({"nonce": nonce} for nonce in ("", "a.b", "a\n", "x" * 257)),
        {"timestamp": SIGNED_AT.replace(tzinfo=None)},
        {"timestamp": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)},
        {"timestamp": datetime(9999, 1, 1, tzinfo=UTC)},
    ],
)
def test_nothing_is_signed_that_would_not_be_believed(wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"secret": SECRET, "nonce": NONCE, "timestamp": SIGNED_AT, **wrong}
    with pytest.raises(ValueError, match=r"secret|nonce|timestamp"):
        callbacks.sign(BODY, **arguments)


# -- parse


def unread(body: bytes) -> CallbackRefused:
    with pytest.raises(CallbackRefused) as caught:
        callbacks.parse(body)
    return caught.value


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("delivery_report_full", BatchDeliveryReport),
        ("delivery_report_summary", BatchDeliveryReport),
        ("recipient_delivery_report", RecipientDeliveryReport),
        ("recipient_delivery_report_mms", RecipientDeliveryReport),
        ("inbound_text", InboundText),
        ("inbound_binary", InboundBinary),
        ("inbound_media", InboundMedia),
    ],
)
def test_each_documented_callback_is_read_in_full(name: str, kind: type) -> None:
    body = (SAMPLES / f"{name}.json").read_bytes()
    callback = callbacks.parse(body)
    assert type(callback) is kind
    assert callback.to_json() == json.loads(body)


def test_a_type_counts_in_any_case_and_after_a_byte_order_mark() -> None:
    body = BODY.replace(b"mo_text", b"MO_Text")
    assert isinstance(callbacks.parse(b"\xef\xbb\xbf" + body), InboundText)


def test_of_a_field_that_is_there_twice_the_last_counts() -> None:
    callback = callbacks.parse(b'{"type":"mo_text","id":"a","from":"+12015550123","id":"b"}')
    assert isinstance(callback, InboundText)
    assert callback.id == "b"


RECIPIENT = {"type": "recipient_delivery_report_sms", "batch_id": "b", "recipient": "12015550123", "code": 0}


def test_a_status_from_the_future_does_not_cost_the_report() -> None:
    callback = callbacks.parse(json.dumps({**RECIPIENT, "status": "Teleported", "new": {"x": []}}).encode())
    assert isinstance(callback, RecipientDeliveryReport)
    assert (callback.status, callback.final) == ("Teleported", False)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"null", b"[]", b'"mo_text"', b"7", b"<html>", b"type=mo_text", b"{}", b'{"type": 7}'),
        *(b'{"type": null}', b'{"type": "mo_text"}', b'{"type": "mo_text", "id": "i", "from": ""}'),
        json.dumps({**RECIPIENT, "status": None}).encode(),
        json.dumps({"type": "delivery_report_sms", "batch_id": "b", "statuses": {}}).encode(),
        BODY.decode().encode("utf-16"),
        BODY.decode().encode("utf-32"),
        BODY.replace(b"\xe2\x9c\x93", b"\xe2\x9c"),
        BODY.replace(b"1.5", b"\xed\xa0\x80"),
        BODY + b"\x00",
        b'{"type": "mo_text", "id": "\\ud83d", "from": "12015550123"}',
        b'{"x": ' + b"9" * 5000 + b"}",
        b"[" * 1_000_000,
        b'{"x":' * 200_000,
        b'{"type": "mo_text", "x": ' + b"[" * 500_000 + b"]" * 500_000 + b"}",
        b"\x00" * 1_000_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_no_callback_is_unreadable(body: bytes) -> None:
    assert unread(body).reason is CallbackRefusal.UNREADABLE


def test_a_number_that_json_does_not_know_does_no_harm() -> None:
    report = {**RECIPIENT, "status": "Delivered", "number_of_message_parts": float("nan"), "x": float("-inf")}
    callback = callbacks.parse(json.dumps(report).encode())
    assert isinstance(callback, RecipientDeliveryReport)
    assert (callback.status, callback.number_of_message_parts) == (DeliveryStatus.DELIVERED, None)


def test_a_megabyte_is_read() -> None:
    callback = callbacks.parse(json.dumps({**json.loads(BODY), "body": "x" * 1_000_000}).encode())
    assert isinstance(callback, InboundText)
    assert callback.body == "x" * 1_000_000


@pytest.mark.parametrize(
    ("word", "told"),
    [
        *[("mo_hologram", "mo_hologram"), ("MO_Hologram", "mo_hologram"), ("", None), ("12015550123", None)],
        *[("call ann", None), ("x" * 65, None), ("mo_text\n", None), ("\ud83d", None)],
    ],
)
def test_an_unknown_type_is_told_if_it_is_a_plain_word(word: str, told: str | None) -> None:
    error = unread(json.dumps({"type": word}).encode())
    assert (error.reason, error.why) == (CallbackRefusal.UNKNOWN_TYPE, told)


def test_a_refused_body_is_not_quoted() -> None:
    assert "2015550" not in str(unread(b'{"type": "mo_text", "from": "12015550123", "body": "12015550123"}'))
    assert "2015550" not in str(unread(b'{"type": "mo_text", "from": 12015550123'))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
types = st.sampled_from(
    [
        *("mo_text", "mo_binary", "mo_media", "delivery_report_sms", "delivery_report_mms"),
        *("recipient_delivery_report_sms", "recipient_delivery_report_mms"),
    ]
)
fields = ("id", "batch_id", "from", "to", "body", "udh", "recipient", "code", "status", "statuses", "at", "received_at")
near_callbacks = st.fixed_dictionaries({"type": types}, optional=dict.fromkeys(fields, json_values))


@given(st.binary() | st.one_of(json_values, near_callbacks).map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        callback = callbacks.parse(body)
    except CallbackRefused:
        return
    again = json.dumps(callback.to_json(), ensure_ascii=False).encode()
    assert callbacks.parse(again).to_json() == callback.to_json()


def test_the_values_can_be_imported_first() -> None:
    for module in ("sinch.callbacks", "sinch._models.reports", "sinch._json"):
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, timeout=60)
