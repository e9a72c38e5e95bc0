"""Arguments to request, answer to result or error: pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch import BadAnswer, Batch, RateLimited, SinchError, StatusError, _wire

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
URL = "https://sinch.example/xms/v1/plan/batches"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
# Answers that look like Sinch's, with any value in the places that are read.
READ_FIELDS = (
    *("id", "to", "from", "type", "client_reference", "canceled", "created_at", "modified_at"),
    *("count", "batches", "code", "text", "description", "error", "status"),
)
near_answers = st.fixed_dictionaries({}, optional=dict.fromkeys(READ_FIELDS, json_values))


def refusal(status: int, body: object, headers: Mapping[str, str] | None = None) -> StatusError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(StatusError) as caught:
        _wire.read_batch(_wire.Answer(status, headers or {}, raw), now=NOW)
    return caught.value


def bad(status: int, body: bytes, *, truncated: bool = False) -> BadAnswer:
    with pytest.raises(BadAnswer) as caught:
        _wire.read_batch(_wire.Answer(status, {}, body, truncated=truncated), now=NOW)
    return caught.value


def test_a_text_is_an_mt_text_with_a_string_body() -> None:
    assert _wire.text_batch(
        to=["+12015550123"], from_="+12015550199", body="Hi", client_reference="ref-00000001", delivery_report="none"
    ) == {
        "type": "mt_text",
        "to": ["+12015550123"],
        "from": "+12015550199",
        "body": "Hi",
        "delivery_report": "none",
        "client_reference": "ref-00000001",
    }


def media(message: str | None, subject: str | None) -> dict[str, object]:
    return _wire.media_batch(
        to=("+12015550123", "+12015550124"),
        from_="+12015550199",
        url="https://example.com/cat.jpg",
        message=message,
        subject=subject,
        client_reference="ref-00000001",
        delivery_report="none",
        strict_validation=False,
    )


def test_a_picture_is_an_mt_media_with_an_object_body() -> None:
    assert media("A cat", "Cats") == {
        "type": "mt_media",
        "to": ["+12015550123", "+12015550124"],
        "from": "+12015550199",
        "body": {"url": "https://example.com/cat.jpg", "message": "A cat", "subject": "Cats"},
        "delivery_report": "none",
        "client_reference": "ref-00000001",
        "strict_validation": False,
    }


@pytest.mark.parametrize("unset", [None, ""])
def test_what_is_not_set_is_left_out_and_never_null(unset: str | None) -> None:
    assert media(unset, unset)["body"] == {"url": "https://example.com/cat.jpg"}


def test_a_bare_string_of_recipients_is_refused() -> None:
    with pytest.raises(TypeError, match="list of numbers"):
        _wire.text_batch(
            to="+12015550123", from_="+12015550199", body="Hi", client_reference="ref-1", delivery_report="none"
        )


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_any_text_survives_the_way_onto_the_wire(body: str, reference: str, to: list[str]) -> None:
    batch = _wire.text_batch(to=to, from_="Shop", body=body, client_reference=reference, delivery_report="none")
    content = _wire.send_call(URL, batch).content
    assert content is not None
    assert json.loads(content) == batch


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda t: t not in {".", ".."}))
def test_any_batch_id_stays_one_part_of_the_path(batch_id: str) -> None:
    call = _wire.get_call(URL, batch_id)
    part = call.url.removeprefix(f"{URL}/")
    assert not set(part) & set("/?#\\ ")
    assert unquote(part) == batch_id


@pytest.mark.parametrize("batch_id", ["", ".", ".."])
def test_a_batch_id_that_would_be_another_address_is_refused(batch_id: str) -> None:
    with pytest.raises(ValueError, match="batch ID"):
        _wire.get_call(URL, batch_id)


def test_the_list_is_asked_in_utc_with_milliseconds() -> None:
    start = datetime(2026, 3, 1, 7, 30, 0, 123456, tzinfo=timezone(-timedelta(hours=5)))
    call = _wire.list_call(URL, client_reference="ref-1", start_date=start, page=2)
    assert (call.method, call.url) == ("GET", URL)
    assert call.query == {
        "page": "2",
        "page_size": "100",
        "start_date": "2026-03-01T12:30:00.123Z",
        "client_reference": "ref-1",
    }


def test_a_start_date_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        _wire.list_call(URL, client_reference="ref-1", start_date=NOW.replace(tzinfo=None), page=0)


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_with_an_id_is_a_batch(status: int) -> None:
    batch = _wire.read_batch(_wire.Answer(status, {}, b'{"id": "01FC66621XXXXX119Z8PMV1QPQ"}'), now=NOW)
    assert batch == Batch(id="01FC66621XXXXX119Z8PMV1QPQ")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b"  \r\n", "empty"),
        (b"<html>created</html>", "no JSON"),
        (b'{"id": "01FC', "no JSON"),
        (b"\xff\xfe\xfd", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'["01FC66621XXXXX119Z8PMV1QPQ"]', "no JSON object"),
        (b"{}", "no usable id"),
        (b'{"id": null}', "no usable id"),
        (b'{"id": 7}', "no usable id"),
        (b'{"id": ""}', "no usable id"),
        (b'{"id": " "}', "no usable id"),
        (b'{"id": "a\\nb"}', "no usable id"),
        (b'{"id": "\\ud800"}', "no usable id"),
        (b'{"id": "' + b"a" * 257 + b'"}', "no usable id"),
    ],
)
def test_a_2xx_without_a_usable_id_may_have_been_sent(body: bytes, why: str) -> None:
    error = bad(201, body)
    assert (error.status, error.maybe_sent) == (201, True)
    assert why in error.why


def test_a_2xx_that_is_too_large_is_not_read_in_part() -> None:
    assert bad(201, b'{"id": "01FC66621XXXXX119Z8PMV1QPQ"}', truncated=True).why == "it is too large"


# Every body shape of an error that is known: (body, word code, sentence, Sinch's own).
SHAPES = [
    ({"code": "syntax_invalid_json", "text": "Not JSON"}, "syntax_invalid_json", "Not JSON", True),
    ({"code": "unknown_group", "text": "No group", "more": 1}, "unknown_group", "No group", True),
    ({"code": "unknown_group", "description": "No group"}, "unknown_group", "No group", False),
    (
        {"timestamp": "2026-03-01T12:00:00Z", "status": 400, "error": "Bad Request", "path": "/xms"},
        None,
        "Bad Request",
        False,
    ),
    ({"error": {"code": 401, "message": "No", "status": "UNAUTHENTICATED", "details": []}}, None, "No", False),
    ({"error": {"code": "denied", "message": "No"}}, "denied", "No", False),
    ({"code": "only_a_code"}, "only_a_code", None, False),
    ({"code": "two words", "text": "Odd"}, None, "Odd", False),
    ({"code": "", "text": ""}, None, None, False),
    ({"code": "x" * 101, "text": "Odd"}, None, "Odd", False),
    ({"code": "wrong_types", "text": ["a"]}, "wrong_types", None, False),
    ([1, 2], None, None, False),
    (b"", None, None, False),
    (b"<html><h1>502 Bad Gateway</h1></html>", None, None, False),
    (b"\xff\x00", None, None, False),
    (b"[" * 100_000, None, None, False),
]


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize(("body", "code", "text", "own"), SHAPES)
def test_every_known_error_body_is_read(
    status: int, body: object, code: str | None, text: str | None, own: bool
) -> None:
    error = refusal(status, body)
    assert (error.status, error.code, error.text, error.sinch_body) == (status, code, text, own)


def test_the_sentence_of_sinch_is_cut_and_can_be_stored() -> None:
    error = refusal(400, {"code": "syntax_constraint_violation", "text": "\ud800" + "é" * 900})
    assert error.text == "?" + "é" * 499
    assert error.text.encode("utf-8")


def test_the_sentence_of_sinch_is_not_in_the_error_message() -> None:
    error = refusal(400, {"code": "syntax_invalid_parameter_format", "text": "to[0]: 12015550123"})
    assert str(error) == "Sinch answered 400 (syntax_invalid_parameter_format)"


OWN = {"code": "service_unavailable", "text": "Later"}


@pytest.mark.parametrize(
    ("status", "body", "maybe_sent"),
    [
        *[(status, b"", False) for status in (300, 302, 308, 400, 401, 403, 404, 405, 409, 415, 418, 425, 499)],
        *[(status, b"", True) for status in (408, 500, 501, 502, 503, 504, 520, 599, 101, 600)],
        *[(status, OWN, True) for status in (500, 502, 504, 408)],
        (503, OWN, False),
        (503, {"code": "service_unavailable"}, True),
        (503, {"error": "Service Unavailable"}, True),
    ],
)
def test_each_status_says_whether_something_may_have_been_sent(status: int, body: object, maybe_sent: bool) -> None:
    error = refusal(status, body)
    assert error.maybe_sent is maybe_sent
    assert not isinstance(error, RateLimited)


def test_429_is_rate_limited_and_keeps_its_wait_in_full() -> None:
    error = refusal(429, {"code": "too_many", "text": "Slower"}, {"retry-after": "86400"})
    assert isinstance(error, RateLimited)
    assert (error.retry_after_s, error.maybe_sent, error.code, error.status) == (86400.0, False, "too_many", 429)


def test_429_without_a_wait_or_body_is_rate_limited_too() -> None:
    error = refusal(429, b"")
    assert isinstance(error, RateLimited)
    assert (error.retry_after_s, error.maybe_sent) == (None, False)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("1, 2", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),
        ("٣", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("99999999", 99999999.0),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0),
        ("Sunday, 01-Mar-26 12:01:30 GMT", 90.0),
        ("Sun Mar  1 12:01:30 2026", 90.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 99 Mar 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 2026 12:00:00 +999999999999", None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(value: str | None, seconds: float | None) -> None:
    assert _wire.parse_retry_after(value, now=NOW) == seconds


@given(st.integers(0, 10**9))
def test_a_retry_after_date_is_the_same_wait_as_its_seconds(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert _wire.parse_retry_after(date, now=NOW) == _wire.parse_retry_after(str(seconds), now=NOW) == float(seconds)


@given(st.text() | st.from_regex(r"\w{3}, \d{2} \w{3} \d{4} \d\d:\d\d:\d\d [A-Z+-]\w{0,9}"))
def test_no_retry_after_breaks_us(value: str) -> None:
    seconds = _wire.parse_retry_after(value, now=NOW)
    assert seconds is None or 0 <= seconds < float("inf")


@given(
    status=st.integers(100, 999),
    body=st.binary() | (json_values | near_answers).map(lambda value: json.dumps(value).encode()),
    retry_after=st.none() | st.text(),
)
def test_any_answer_is_a_batch_or_an_error_of_ours(status: int, body: bytes, retry_after: str | None) -> None:
    answer = _wire.Answer(status, {} if retry_after is None else {"retry-after": retry_after}, body)
    for read in (_wire.read_batch, _wire.read_page):
        error = outcome_of(read, answer)
        if 200 <= status < 300:
            assert error is None or (isinstance(error, BadAnswer) and error.maybe_sent)
        else:
            assert isinstance(error, StatusError)
            assert str(error).isprintable()
            assert len((error.text or "").encode("utf-8").decode("utf-8")) <= 500


def outcome_of(read: Callable[..., object], answer: _wire.Answer) -> SinchError | None:
    try:
        read(answer, now=NOW)
    except SinchError as error:
        return error
    return None
