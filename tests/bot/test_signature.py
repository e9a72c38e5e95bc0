"""Slack's signature: exactly its algorithm, in a window of five minutes, and no header that can hurt."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.secret import Secret
from bot.slack.signature import WINDOW_S, is_from_slack

SECRET = "sandbox-signing-secret"
BODY = b"token=x&text=payload%3D1"
NOW = 1_767_355_200


def hmac_sha256(key: bytes, text: bytes) -> str:
    """RFC 2104, written out: an independent second opinion."""
    block = 64
    if len(key) > block:
        key = hashlib.sha256(key).digest()
    key = key.ljust(block, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + text).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()


def signature(body: bytes = BODY, stamp: str = str(NOW), secret: str = SECRET) -> str:
    return "v0=" + hmac_sha256(secret.encode(), f"v0:{stamp}:".encode() + body)


def check(
    body: bytes = BODY,
    *,
    stamp: str | None = str(NOW),
    signed: str | None = None,
    secret: str = SECRET,
    now: float = NOW,
) -> bool:
    return is_from_slack(
        body,
        timestamp=stamp,
        signature=signature(body, stamp or "") if signed is None else signed,
        secret=Secret(secret),
        now=now,
    )


def test_the_second_opinion_agrees_with_the_published_vector() -> None:
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?") == expected


@given(st.binary(max_size=300), st.text("abcdef0123456789", min_size=1, max_size=100))
def test_a_genuine_request_is_taken(body: bytes, secret: str) -> None:
    stamp = str(NOW)
    assert check(body, signed=signature(body, stamp, secret), secret=secret)


@pytest.mark.parametrize("seconds", [-WINDOW_S, 0, WINDOW_S])
def test_the_window_is_five_minutes_either_way(seconds: int) -> None:
    assert check(stamp=str(NOW + seconds))


@pytest.mark.parametrize("seconds", [-WINDOW_S - 1, WINDOW_S + 1, -86_400, 86_400, 10**11])
def test_outside_the_window_it_is_stale(seconds: int) -> None:
    assert not check(stamp=str(NOW + seconds))


def test_the_window_is_exact_between_seconds() -> None:
    assert not check(now=NOW + WINDOW_S + 0.01)
    assert check(now=NOW + WINDOW_S - 0.01)


@pytest.mark.parametrize(
    "signed",
    [
        "",
        "v0=",
        "v1=" + signature()[3:],
        signature()[3:],
        signature().upper(),
        signature() + " ",
        signature()[:-1],
        "v0=é",
    ],
)
def test_a_wrong_signature_is_refused(signed: str) -> None:
    assert not check(signed=signed)


def test_another_body_another_time_or_another_secret_is_refused() -> None:
    assert not check(b"token=y", signed=signature())
    assert not check(stamp=str(NOW + 1), signed=signature())
    assert not check(secret="another")


@pytest.mark.parametrize(
    "stamp", [None, "", "now", "1.5", "-1", "+1", "1e9", " 1", "１７６７３５５２００", "9" * 13, "9" * 5000, "0x10"]
)
def test_a_time_stamp_that_is_none_is_refused(stamp: str | None) -> None:
    assert not check(stamp=stamp)


def test_without_headers_it_is_refused() -> None:
    assert not is_from_slack(BODY, timestamp=None, signature=None, secret=Secret(SECRET), now=NOW)
    assert not is_from_slack(BODY, timestamp=str(NOW), signature=None, secret=Secret(SECRET), now=NOW)


as_headers = st.text(st.characters(max_codepoint=255), max_size=100) | st.text(max_size=100)  # HTTP gives Latin-1


@given(st.none() | as_headers | st.just(str(NOW)), st.none() | as_headers, st.binary(max_size=50))
def test_no_header_raises_and_none_passes(stamp: str | None, signed: str | None, body: bytes) -> None:
    assert not is_from_slack(body, timestamp=stamp, signature=signed, secret=Secret(SECRET), now=NOW)
