"""Every fault of a network, on real sockets: did the request leave, and what does the caller read?"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sinch import (
    AnswerLost,
    BadAnswer,
    Batch,
    ConnectionFailed,
    MediaMessage,
    NoRetry,
    RateLimited,
    Sinch,
    SinchError,
    StatusError,
    TextMessage,
    TimeLimits,
)
from sinch._calls import Call
from sinch._transport import MAX_ANSWER_BYTES, Transport

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Serve = Callable[..., Awaitable[str]]

TOKEN = "sandbox-sinch-token"
BATCH_ID = "01FC66621XXXXX119Z8PMV1QPQ"
CREATED = b'{"id": "01FC66621XXXXX119Z8PMV1QPQ"}'
SHORT_S = 0.15  # a deadline that is meant to pass
MEANWHILE_S = 2.0  # one that is meant to pass too, but not before a busy machine has connected
LONG_S = 30.0  # a deadline that is not


def client_for(base_url: str, *, trust_env: bool = False) -> Sinch:
    return Sinch(service_plan_id="plan-1", api_token=TOKEN, base_url=base_url, retry=NoRetry(), trust_env=trust_env)


async def send(client: Sinch, timeout_s: float = LONG_S) -> Batch:
    message = MediaMessage(
        to=["+12015550123"],
        from_="+12015550199",
        url="https://example.com/cat.jpg",
        client_reference="ref-00000001",
    )
    return await client.batches.send(message, timeout_s=timeout_s)


async def failure_of(base_url: str, timeout_s: float = LONG_S) -> SinchError:
    async with client_for(base_url) as client:
        with pytest.raises(SinchError) as caught:
            await send(client, timeout_s)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    return caught.value


def assert_never_left(error: SinchError, kind: str) -> None:
    assert isinstance(error, ConnectionFailed)
    assert (error.kind, error.maybe_sent) == (kind, False)


def assert_lost(error: SinchError, kind: str) -> None:
    assert isinstance(error, AnswerLost)
    assert (error.kind, error.maybe_sent) == (kind, True)


async def read_request(reader: Reader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    return await reader.readexactly(length)


def answer(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} Word", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def reset(writer: Writer) -> None:
    """Close so that the other side reads a reset, not an end."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def forever() -> None:
    await asyncio.Event().wait()


# --- Nothing left ---------------------------------------------------------------------------------------------------


async def test_a_closed_port_is_refused_and_nothing_left() -> None:
    assert_never_left(await failure_of(f"http://127.0.0.1:{free_port()}"), "refused")


async def test_a_port_that_is_closed_on_every_address_of_a_name_is_refused() -> None:
    assert_never_left(await failure_of(f"http://localhost:{free_port()}"), "refused")


async def test_a_name_that_does_not_exist_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_such_name(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_name)
    assert_never_left(await failure_of("http://no-such-host.invalid"), "dns")


async def test_a_name_that_no_resolver_takes_never_left() -> None:
    error = await failure_of(f"http://{'a' * 70}.example")
    assert isinstance(error, ConnectionFailed)
    assert error.maybe_sent is False


async def test_tls_to_a_plain_port_never_left(serve: Serve) -> None:
    async def plain(reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        writer.write(answer(400, b"plain HTTP on this port"))

    base = await serve(plain)
    assert_never_left(await failure_of(base.replace("http:", "https:")), "tls")


@pytest.mark.parametrize("end", [Writer.close, reset])
async def test_a_connection_that_ends_during_tls_never_left(serve: Serve, end: Callable[[Writer], None]) -> None:
    async def hang_up(reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        end(writer)

    base = await serve(hang_up)
    assert_never_left(await failure_of(base.replace("http:", "https:")), "tls")


async def test_a_certificate_that_is_not_trusted_never_left(serve: Serve, certificate: Path) -> None:
    base = await serve(answering(201, CREATED), tls=server_tls(certificate))
    assert_never_left(await failure_of(base), "tls")


async def test_a_deadline_during_tls_never_left(serve: Serve) -> None:
    async def silent(_reader: Reader, _writer: Writer) -> None:
        await forever()

    base = await serve(silent)
    assert_never_left(await failure_of(base.replace("http:", "https:"), SHORT_S), "connect_timeout")


async def test_a_connection_given_up_during_tls_is_closed(serve: Serve) -> None:
    gone = asyncio.Event()

    async def silent(reader: Reader, _writer: Writer) -> None:
        await reader.read()
        gone.set()

    base = await serve(silent)
    async with client_for(base.replace("http:", "https:")) as client:
        with pytest.raises(ConnectionFailed):
            await send(client, SHORT_S)
        await asyncio.wait_for(gone.wait(), 5)


async def test_a_deadline_while_connecting_never_left() -> None:
    async with full_backlog() as base:
        assert_never_left(await failure_of(base, SHORT_S), "connect_timeout")


async def test_a_connection_has_its_own_time_limit() -> None:
    transport = Transport(headers={}, max_in_flight=1, trust_env=False, limits=TimeLimits(connect_s=SHORT_S))
    deadline = asyncio.get_running_loop().time() + LONG_S
    async with full_backlog() as base:
        with pytest.raises(ConnectionFailed) as caught:
            await transport.exchange(Call("GET", base), timeout_s=LONG_S)
    await transport.aclose()
    assert caught.value.kind == "connect_timeout"
    assert asyncio.get_running_loop().time() < deadline - LONG_S / 2


async def test_a_deadline_that_has_passed_already_never_left(serve: Serve) -> None:
    connections = 0

    async def count(_reader: Reader, _writer: Writer) -> None:
        nonlocal connections
        connections += 1

    assert_never_left(await failure_of(await serve(count), timeout_s=-1.0), "pool")
    assert connections == 0


@asynccontextmanager
async def full_backlog() -> AsyncIterator[str]:
    """A port whose queue of waiting connections is full: Linux then leaves further ones without an answer."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting: list[socket.socket] = []
        try:
            for _ in range(16):
                client = socket.socket()
                client.setblocking(False)
                waiting.append(client)
                try:
                    await asyncio.wait_for(loop.sock_connect(client, listener.getsockname()), 0.1)
                except TimeoutError:
                    break
            else:
                pytest.skip("this system takes more connections than were asked for")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for client in waiting:
                client.close()


# --- It may have left -----------------------------------------------------------------------------------------------


async def test_a_connection_closed_without_reading_is_a_lost_answer(serve: Serve) -> None:
    async def hang_up(_reader: Reader, _writer: Writer) -> None:
        return

    assert_lost(await failure_of(await serve(hang_up)), "reset")


@pytest.mark.parametrize("end", [Writer.close, reset])
async def test_a_connection_that_ends_instead_of_an_answer_is_a_lost_answer(
    serve: Serve, end: Callable[[Writer], None]
) -> None:
    async def take_and_go(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        end(writer)

    assert_lost(await failure_of(await serve(take_and_go)), "reset")


async def test_half_a_head_is_a_lost_answer(serve: Serve) -> None:
    async def half(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Le")
        await writer.drain()

    assert_lost(await failure_of(await serve(half)), "reset")


async def test_bytes_that_are_no_http_are_a_lost_answer(serve: Serve) -> None:
    async def noise(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()

    assert_lost(await failure_of(await serve(noise)), "other")


async def test_a_head_without_end_is_a_lost_answer(serve: Serve) -> None:
    async def endless(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 201 Created\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 10_000 + b"\r\n")
            await writer.drain()

    assert_lost(await failure_of(await serve(endless)), "other")


@pytest.mark.parametrize("end", [Writer.close, reset])
async def test_a_cut_2xx_is_a_lost_answer(serve: Serve, end: Callable[[Writer], None]) -> None:
    async def cut(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(answer(201, CREATED, length=len(CREATED) + 10))
        await writer.drain()
        await asyncio.sleep(0.02)  # or the reset overtakes the head in the client's own buffer
        end(writer)

    assert_lost(await failure_of(await serve(cut)), "cut")


async def test_a_stall_after_the_request_is_a_lost_answer(serve: Serve) -> None:
    async def stall(reader: Reader, _writer: Writer) -> None:
        await read_request(reader)
        await forever()

    assert_lost(await failure_of(await serve(stall), MEANWHILE_S), "timeout")


async def test_a_head_that_comes_too_slowly_is_a_lost_answer(serve: Serve) -> None:
    async def drip(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        for byte in b"HTTP/1.1 201 Created\r\n" * 100:  # each byte would start a read time-out anew
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)

    assert_lost(await failure_of(await serve(drip), MEANWHILE_S), "timeout")


async def test_a_2xx_body_that_stalls_is_a_lost_answer(serve: Serve) -> None:
    async def stall(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(answer(201, CREATED[:10], length=len(CREATED)))
        await writer.drain()
        await forever()

    assert_lost(await failure_of(await serve(stall), MEANWHILE_S), "timeout")


async def test_a_request_that_nobody_reads_is_a_lost_answer(serve: Serve) -> None:
    async def deaf(_reader: Reader, _writer: Writer) -> None:
        await forever()

    async with client_for(await serve(deaf)) as client:
        with pytest.raises(AnswerLost) as caught:
            await client.batches.send(
                # More than all buffers on the way hold: the deadline meets a half-written body.
                TextMessage(to=["+12015550123"], from_="+12015550199", body="x" * 20_000_000),
                timeout_s=1.0,
            )
    assert_lost(caught.value, "timeout")


async def test_an_answer_lost_over_tls_is_a_lost_answer(
    serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take_and_go(reader: Reader, _writer: Writer) -> None:
        await read_request(reader)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with client_for(await serve(take_and_go, tls=server_tls(certificate)), trust_env=True) as client:
        with pytest.raises(SinchError) as caught:
            await send(client)
    assert_lost(caught.value, "reset")


@pytest.mark.parametrize("large", [b"", b'{"id": "01FC66621XXXXX119Z8PMV1QPQ"}'])
async def test_a_huge_2xx_is_not_read_to_its_end(serve: Serve, large: bytes) -> None:
    written = 0

    async def flood(reader: Reader, writer: Writer) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(answer(201, large, length=1 << 40))
        while True:
            writer.write(b" " * 65_536)
            await writer.drain()
            written += 65_536

    error = await failure_of(await serve(flood))
    assert isinstance(error, BadAnswer)
    assert (error.why, error.maybe_sent) == ("it is too large", True)
    assert written < MAX_ANSWER_BYTES + 16 * 1024 * 1024  # what the buffers between us may hold


# --- An answer came -------------------------------------------------------------------------------------------------


def answering(status: int, body: bytes, *headers: str, length: int | None = None) -> Callable[..., Awaitable[None]]:
    async def handler(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(answer(status, body, *headers, length=length))
        await writer.drain()

    return handler


def server_tls(certificate: Path, maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.maximum_version = maximum
    return context


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_trusted_certificate_carries_a_send(
    serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch, maximum: ssl.TLSVersion
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    base = await serve(answering(201, CREATED), tls=server_tls(certificate, maximum))
    async with client_for(base, trust_env=True) as client:
        assert (await send(client)).id == BATCH_ID


async def test_tls_below_1_2_is_not_offered() -> None:
    transport = Transport(headers={}, max_in_flight=1, trust_env=False, limits=TimeLimits())
    assert transport._tls.minimum_version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@pytest.mark.parametrize("status", [400, 401, 429, 503])
async def test_a_refusal_whose_body_is_cut_is_still_that_refusal(serve: Serve, status: int) -> None:
    body = json.dumps({"code": "some_word", "text": "Some sentence"}).encode()
    error = await failure_of(await serve(answering(status, body[:12], "Retry-After: 9", length=len(body))))
    assert isinstance(error, StatusError)
    assert (error.status, error.sinch_body) == (status, False)
    assert error.maybe_sent is (status == 503)
    if status == 429:
        assert isinstance(error, RateLimited)
        assert error.retry_after_s == 9.0


async def test_a_refusal_whose_body_stalls_is_told_at_the_deadline(serve: Serve) -> None:
    async def stall(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(answer(403, b"{", length=100))
        await writer.drain()
        await forever()

    error = await failure_of(await serve(stall), MEANWHILE_S)
    assert isinstance(error, StatusError)
    assert (error.status, error.maybe_sent) == (403, False)


async def test_a_refusal_before_the_body_is_read_is_that_refusal(serve: Serve) -> None:
    async def refuse(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(401, b"", "Connection: close"))
        await writer.drain()

    error = await failure_of(await serve(refuse))
    assert isinstance(error, StatusError)
    assert (error.status, error.text) == (401, None)


async def test_a_huge_refusal_is_still_that_refusal(serve: Serve) -> None:
    error = await failure_of(await serve(answering(502, b" " * (MAX_ANSWER_BYTES + 65_536))))
    assert isinstance(error, StatusError)
    assert (error.status, error.maybe_sent) == (502, True)


async def test_a_send_is_written_once_whatever_happens(serve: Serve) -> None:
    requests = 0

    async def take_and_go(reader: Reader, _writer: Writer) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1

    await failure_of(await serve(take_and_go))
    assert requests == 1


async def test_a_connection_that_was_closed_while_idle_is_not_used_again(serve: Serve) -> None:
    closed = asyncio.Event()

    async def once(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(answer(201, CREATED, "Connection: keep-alive"))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with client_for(await serve(once)) as client:
        for _ in range(3):
            closed.clear()
            assert (await send(client)).id == BATCH_ID
            await asyncio.wait_for(closed.wait(), 5)
            await asyncio.sleep(0.01)  # the end of the connection has to reach our side


# --- Through a proxy ------------------------------------------------------------------------------------------------


async def through_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch, timeout_s: float = LONG_S) -> SinchError:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with client_for("https://sinch.example", trust_env=True) as client:
        with pytest.raises(SinchError) as caught:
            await send(client, timeout_s)
    return caught.value


async def test_a_proxy_that_opens_no_tunnel_never_let_it_leave(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(407, b""))
        await writer.drain()

    assert_never_left(await through_proxy(await serve(refuse), monkeypatch), "other")


@pytest.mark.parametrize(("answers", "kind"), [(False, "other"), (True, "tls")])
async def test_a_proxy_that_hangs_up_never_let_it_leave(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, answers: bool, kind: str
) -> None:
    async def hang_up(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answers:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await reader.read(1)

    assert_never_left(await through_proxy(await serve(hang_up), monkeypatch), kind)


async def test_a_deadline_at_a_silent_proxy_never_let_it_leave(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_reader: Reader, _writer: Writer) -> None:
        await forever()

    assert_never_left(await through_proxy(await serve(silent), monkeypatch, SHORT_S), "connect_timeout")


# --- What else must not mislead -------------------------------------------------------------------------------------


async def test_a_fault_that_the_caller_is_handling_does_not_colour_ours(serve: Serve) -> None:
    async def refuse(reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        writer.write(b"garbage")

    base = (await serve(refuse)).replace("http:", "https:")
    try:
        raise socket.gaierror("of another connection")
    except socket.gaierror:
        refused = await failure_of(f"http://127.0.0.1:{free_port()}")
        garbage = await failure_of(base)
    assert_never_left(refused, "refused")
    assert_never_left(garbage, "tls")


async def test_cancelling_a_send_cancels_it_and_frees_its_place(serve: Serve) -> None:
    arrived = asyncio.Event()
    stalling = True

    async def first_stalls(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        arrived.set()
        if stalling:
            await forever()
        writer.write(answer(201, CREATED))
        await writer.drain()

    base = await serve(first_stalls)
    async with Sinch(
        service_plan_id="plan-1", api_token=TOKEN, base_url=base, retry=NoRetry(), max_in_flight=1, trust_env=False
    ) as client:
        task = asyncio.create_task(send(client))
        await asyncio.wait_for(arrived.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stalling = False
        assert (await send(client)).id == BATCH_ID


async def test_closing_the_client_ends_what_is_in_flight_as_lost(serve: Serve) -> None:
    arrived = asyncio.Event()

    async def stall(reader: Reader, _writer: Writer) -> None:
        await read_request(reader)
        arrived.set()
        await forever()

    client = client_for(await serve(stall))
    task = asyncio.create_task(send(client))
    await asyncio.wait_for(arrived.wait(), 5)
    await client.aclose()
    with pytest.raises(AnswerLost) as caught:
        await asyncio.wait_for(task, 5)
    assert caught.value.maybe_sent is True
