"""One answer to its value, or to the error that says what to do: pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch import (
    BadAnswer,
    Batch,
    Conflict,
    NotFound,
    OutOfService,
    RateLimited,
    Refused,
    ServerFailed,
    SinchError,
    StatusError,
    Unauthorized,
)
from sinch._answers import Answer, parse_retry_after, read_json
from sinch._models import read_page

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

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


def read_batch(answer: Answer, *, has_effect: bool = True) -> Batch:
    return read_json(answer, Batch.from_json, now=NOW, has_effect=has_effect)


def read_batches(answer: Answer, *, has_effect: bool = True) -> object:
    return read_json(answer, lambda value: read_page(value, "batches", Batch.from_json), now=NOW, has_effect=has_effect)


def refusal(status: int, body: object, headers: Mapping[str, str] | None = None) -> StatusError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(StatusError) as caught:
        read_batch(Answer(status, headers or {}, raw))
    return caught.value


def bad(status: int, body: bytes, *, truncated: bool = False) -> BadAnswer:
    with pytest.raises(BadAnswer) as caught:
        read_batch(Answer(status, {}, body, truncated=truncated))
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_with_an_id_is_a_batch(status: int) -> None:
    batch = read_batch(Answer(status, {}, b'{"id": "01FC66621XXXXX119Z8PMV1QPQ"}'))
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
    assert parse_retry_after(value, now=NOW) == seconds


@given(st.integers(0, 10**9))
def test_a_retry_after_date_is_the_same_wait_as_its_seconds(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(date, now=NOW) == parse_retry_after(str(seconds), now=NOW) == float(seconds)


@given(st.text() | st.from_regex(r"\w{3}, \d{2} \w{3} \d{4} \d\d:\d\d:\d\d [A-Z+-]\w{0,9}"))
def test_no_retry_after_breaks_us(value: str) -> None:
    seconds = parse_retry_after(value, now=NOW)
    assert seconds is None or 0 <= seconds < float("inf")


@given(
    status=st.integers(100, 999),
    body=st.binary() | (json_values | near_answers).map(lambda value: json.dumps(value).encode()),
    retry_after=st.none() | st.text(),
)
def test_any_answer_is_a_batch_or_an_error_of_ours(status: int, body: bytes, retry_after: str | None) -> None:
    answer = Answer(status, {} if retry_after is None else {"retry-after": retry_after}, body)
    for read in (read_batch, read_batches):
        error = outcome_of(read, answer)
        if 200 <= status < 300:
            assert error is None or (isinstance(error, BadAnswer) and error.maybe_sent)
        else:
            assert isinstance(error, StatusError)
            assert str(error).isprintable()
            assert len((error.text or "").encode("utf-8").decode("utf-8")) <= 500


def outcome_of(read: Callable[..., object], answer: Answer) -> SinchError | None:
    try:
        read(answer)
    except SinchError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        *[(status, b"", Refused) for status in (300, 308, 400, 403, 405, 413, 415, 499)],
        (401, b"", Unauthorized),
        (404, b"", NotFound),
        (409, b"", Conflict),
        (429, b"", RateLimited),
        (503, OWN, OutOfService),
        *[(status, b"", ServerFailed) for status in (408, 500, 502, 503, 504, 101, 600)],
    ],
)
def test_each_status_has_the_class_that_says_what_to_do(status: int, body: object, kind: type[StatusError]) -> None:
    assert type(refusal(status, body)) is kind


@pytest.mark.parametrize("status", [200, 408, 500, 502, 503, 599])
def test_a_question_has_sent_nothing_whatever_was_answered(status: int) -> None:
    with pytest.raises(SinchError) as caught:
        read_batch(Answer(status, {}, b"<html>"), has_effect=False)
    assert caught.value.maybe_sent is False
