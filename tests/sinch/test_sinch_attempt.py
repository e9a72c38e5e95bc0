"""What the steps of a request prove, where no server of ours can play them."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

import httpx
import pytest

from sinch import AnswerLost, ConnectionFailed
from sinch._attempt import Attempt


@dataclass(frozen=True, slots=True)
class Request:
    """The part of httpcore's request that is looked at."""

    method: bytes


def handed_over() -> Attempt:
    attempt = Attempt(has_effect=True)
    attempt.handed_over = True
    return attempt


def connect_error(*causes: Exception) -> httpx.ConnectError:
    failure = httpx.ConnectError("All connection attempts failed")
    failure.__context__ = OSError("All connection attempts failed")
    failure.__context__.__cause__ = ExceptionGroup("multiple connection attempts failed", causes)
    return failure


@pytest.mark.parametrize(
    ("causes", "kind"),
    [
        ([OSError(errno.ENETUNREACH, "v6"), ConnectionRefusedError()], "refused"),
        ([OSError(errno.ENETUNREACH, "v6"), OSError(errno.EHOSTUNREACH, "v4")], "other"),
        ([OSError(errno.ENETUNREACH, "v6"), socket.gaierror()], "dns"),
    ],
)
def test_each_address_of_a_name_is_looked_at(causes: list[Exception], kind: str) -> None:
    error = handed_over().error(connect_error(*causes))
    assert isinstance(error, ConnectionFailed)
    assert error.kind == kind


async def test_a_proxy_reached_over_tls_that_refuses_is_no_tls_failure() -> None:
    attempt = handed_over()
    await attempt.trace("connection.start_tls.started", {})
    await attempt.trace("connection.start_tls.complete", {"return_value": None})
    await attempt.trace("http11.send_request_headers.started", {"request": Request(b"CONNECT")})
    error = attempt.error(httpx.ProxyError("407"))
    assert isinstance(error, ConnectionFailed)
    assert error.kind == "other"


async def test_no_later_step_takes_back_that_the_request_left() -> None:
    attempt = handed_over()
    await attempt.trace("http11.send_request_headers.started", {"request": Request(b"POST")})
    await attempt.trace("http11.send_request_headers.failed", {"exception": OSError()})
    await attempt.trace("connection.connect_tcp.started", {})
    assert isinstance(attempt.error(httpx.ConnectError("odd")), AnswerLost)


def test_causes_that_go_in_a_circle_come_to_an_end() -> None:
    failure, other = httpx.ConnectError("a"), ConnectionRefusedError()
    failure.__context__, other.__context__ = other, failure
    error = handed_over().error(failure)
    assert isinstance(error, ConnectionFailed)
    assert error.kind == "refused"
