"""Log lines: IDs and counts; never a token, an address, a number, nor the words of a library or an exception."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import configure, redact

NUMBER_SPELLINGS = [
    "+12015550123",
    "12015550123",
    "2015550123",
    "+1 201 555 0123",
    "+1-201-555-0123",
    "+1.201.555.0123",
    "201-555-0123",
    "201.555.0123",
    "(201) 555-0123",
    "+1 (201) 555-0123",
    "(201)555-0123",
    "+1/201/555/0123",
    "+49 30 23125 000",
    "00 1 201 555 0123",
    "tel:+12015550123",
    "<tel:+12015550123|201-555-0123>",
    "+1\u00a0201\u00a0555\u00a00123",
    "+1\u2011201\u2011555\u20110123",
]
SURROUNDINGS = ["{}", "to {}", "{} failed", "number={}", "'{}'", '{{"to": ["{}"]}}', "is {}.", "is {}, and", "({})"]


@pytest.mark.parametrize("spelling", NUMBER_SPELLINGS)
def test_a_phone_number_is_redacted_however_it_is_written(spelling: str) -> None:
    shown = [redact(around.format(spelling)) for around in SURROUNDINGS]
    assert [text for text in shown if sum(c.isdigit() for c in text) > 3] == []


TOKENS = [
    "xoxb-0000-0000-sandbox",
    "xoxp-0000-0000-sandbox",
    "xoxe.xoxb-1-0000-sandbox",
    "xoxe-1-0000",
    "xapp-1-A0MMSBOT-0000-sandbox",
    "Bearer sandbox-api-token",
    "bearer   sandbox-api-token",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", ["{}", "token={}", "'{}'", '{{"Authorization": "{}"}}', "refused {}, again"])
def test_a_token_is_redacted(token: str, around: str) -> None:
    assert "sandbox" not in redact(around.format(token))
    assert "0000" not in redact(around.format(token))


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.example/commands/T0/123/abcsecret",
        "http://127.0.0.1:4000/response/1/secret",
        "wss://wss.slack.example/link/?ticket=secret",
        "HTTPS://host.example/secret.png",
    ],
)
@pytest.mark.parametrize("around", ["{}", "post to {} failed", "<{}|here>", "url='{}'"])
def test_an_address_is_redacted(url: str, around: str) -> None:
    shown = redact(around.format(url))
    assert "secret" not in shown
    assert "example" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "mms-5d2db2ee7d954f488fa980c32b679c7e",
        "01HV6WZ3B0X5Q4S9Y2K7N8M1PD",
        "lookup 3 of 21, 240 bytes, 0.512 s",
        "T0SANDBOX U0ANN C0GENERAL V0001ABCD",
        "http-429 after 3600 s",
        "new_code delivery code 999999",
    ],
)
def test_what_support_needs_stays(text: str) -> None:
    assert redact(text) == text


@given(
    st.text("23456789", min_size=7, max_size=15),
    st.lists(st.sampled_from(["", " ", "-", "."]), min_size=14, max_size=14),
)
def test_no_run_of_seven_digits_with_single_separators_survives(digits: str, between: list[str]) -> None:
    written = "".join(digit + gap for digit, gap in zip(digits, [*between[: len(digits) - 1], ""], strict=True))
    shown = redact(f"sent to {written} now")
    assert sum(c.isdigit() for c in shown) < 7


@given(st.text())
def test_redacting_never_raises_and_is_settled_after_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


# -- the whole chain

Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Logging as the process has it, at DEBUG."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    configure(level="DEBUG", log_format="json")
    return lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_our_own_line_is_one_json_object_with_its_values(logged: Lines) -> None:
    structlog.get_logger("bot.delivery").info("attempt", client_reference="mms-1", recipients=3)
    [line] = logged()
    assert (line["event"], line["client_reference"], line["recipients"], line["level"]) == (
        "attempt",
        "mms-1",
        3,
        "info",
    )
    assert str(line["timestamp"]).startswith("20")


def test_values_are_redacted(logged: Lines) -> None:
    log = structlog.get_logger("bot.slack")
    log.warning("x", number="+12015550123", url="https://h.example/s", token="xoxb-1-s", text="call 201-555-0123")
    [line] = logged()
    assert [line[name] for name in ("number", "url", "token", "text")] == [
        "[number]",
        "[address]",
        "[token]",
        "call [number]",
    ]


def test_values_inside_values_are_redacted(logged: Lines) -> None:
    structlog.get_logger("bot.slack").warning("x", to=["+12015550123"], body={"url": "https://h.example/secret"})
    [line] = logged()
    assert "2015550123" not in json.dumps(line)
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize(
    "name", ["httpx", "aiohttp.client", "asyncio", "sqlalchemy.engine", "slack_bolt.App", "uvicorn.access"]
)
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL])
def test_a_librarys_line_says_where_not_what(logged: Lines, name: str, level: int) -> None:
    logging.getLogger(name).log(level, "body: %s", "payload of ann", extra={"x": "y"})
    lines = logged()
    assert "ann" not in json.dumps(lines)
    for line in lines:
        assert line["event"] == "library"
        assert line["library"] == name
    assert len(lines) <= 1
    if level < logging.WARNING:
        assert lines == []


def test_a_librarys_exception_is_told_by_its_kind_alone(logged: Lines) -> None:
    try:
        raise ValueError("payload of ann")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("failed for ann")
    [line] = logged()
    assert line["error"] == "ValueError"
    assert "ann" not in json.dumps(line)
    assert "Traceback" not in json.dumps(line)


def test_an_exception_of_ours_shows_its_places_and_not_its_words(logged: Lines) -> None:
    log = structlog.get_logger("bot.slack.dispatch")
    try:
        raise KeyError("+12015550123 of ann")
    except KeyError as error:
        log.error("listener_fault", error=type(error).__name__, exc_info=error)
        log.exception("again")
    first, second = logged()
    for line in (first, second):
        assert "test_logs.py" in json.dumps(line["places"])
        assert "ann" not in json.dumps(line)
        assert "Traceback" not in json.dumps(line)
    assert first["error"] == "KeyError"


@pytest.mark.usefixtures("logged")
def test_the_level_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    configure(level="WARNING", log_format="json")
    structlog.get_logger("bot.web").info("quiet")
    structlog.get_logger("bot.web").warning("loud")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]


class Full(io.StringIO):
    """Where nothing can be written: a full disk, or a pipe that nobody reads."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize("closed", [False, True], ids=["full", "closed"])
def test_a_line_that_nobody_takes_stops_nothing(monkeypatch: pytest.MonkeyPatch, closed: bool) -> None:
    out = Full()
    if closed:
        out.close()
    monkeypatch.setattr(sys, "stdout", out)
    configure(level="INFO", log_format="json")
    structlog.get_logger("bot.web").info("queued", client_reference="mms-1")


@pytest.mark.usefixtures("logged")
def test_the_console_form_redacts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    configure(level="INFO", log_format="console")
    structlog.get_logger("bot.web").info("x", number="+12015550123")
    logging.getLogger("httpx").warning("GET https://h.example/secret")
    assert "[number]" in out.getvalue()
    assert "0123" not in out.getvalue()
    assert "secret" not in out.getvalue()
