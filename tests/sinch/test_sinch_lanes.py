"""Many sends at once: several small clients behind one, and a bound that is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sinch import Batch, ConnectionFailed, NoRetry, Sinch, TextMessage

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Serve = Callable[..., Awaitable[str]]


class Gate:
    """A server that answers only when it is opened, and knows how many requests wait at it."""

    def __init__(self, *, opens_at: int = 0) -> None:
        self.opened = asyncio.Event()
        self.arrived = asyncio.Condition()
        self.waiting = 0
        self.most = 0
        self.total = 0
        self.connections = 0
        self._opens_at = opens_at

    async def handle(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            await self._enter()
            await self.opened.wait()
            self.waiting -= 1
            body = b'{"id": "batch-%d"}' % self.total
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

    async def _enter(self) -> None:
        async with self.arrived:
            self.waiting += 1
            self.total += 1
            self.most = max(self.most, self.waiting)
            if self._opens_at and self.waiting >= self._opens_at:
                self.opened.set()
            self.arrived.notify_all()

    async def until_waiting(self, count: int) -> None:
        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(lambda: self.waiting >= count), 30)


def client_for(base_url: str, max_in_flight: int = 256) -> Sinch:
    return Sinch(
        service_plan_id="plan-1",
        api_token="sandbox-token",
        base_url=base_url,
        retry=NoRetry(),
        max_in_flight=max_in_flight,
        trust_env=False,
    )


async def send(client: Sinch, number: int = 0, timeout_s: float = 30.0) -> Batch:
    message = TextMessage(to=["+12015550123"], from_="+12015550199", body="Hi", client_reference=f"reference-{number}")
    return await client.batches.send(message, timeout_s=timeout_s)


async def test_200_sends_at_once_take_several_lanes_and_all_come_back(serve: Serve) -> None:
    gate = Gate()
    async with client_for(await serve(gate.handle)) as client:
        sends = [asyncio.create_task(send(client, number)) for number in range(200)]
        await gate.until_waiting(200)
        load = client._transport.load
        gate.opened.set()
        batches = await asyncio.gather(*sends)
        assert load == (8,) * 25
        assert len(batches) == 200
        assert set(client._transport.load) == {0}


async def test_sends_one_after_another_use_one_lane_and_one_connection(serve: Serve) -> None:
    gate = Gate()
    gate.opened.set()
    async with client_for(await serve(gate.handle)) as client:
        for number in range(20):
            await send(client, number)
        assert client._transport.load == (0,)
    assert gate.connections == 1


async def test_the_next_send_takes_the_lane_with_the_fewest_in_flight(serve: Serve) -> None:
    gate = Gate()
    async with client_for(await serve(gate.handle)) as client:
        first = [asyncio.create_task(send(client, number)) for number in range(9)]
        await gate.until_waiting(9)
        assert client._transport.load == (8, 1)
        second = asyncio.create_task(send(client))
        await gate.until_waiting(10)
        assert client._transport.load == (8, 2)
        gate.opened.set()
        await asyncio.gather(*first, second)


async def test_lanes_share_one_tls_context(serve: Serve) -> None:
    gate = Gate(opens_at=17)
    async with client_for(await serve(gate.handle)) as client:
        await asyncio.gather(*(send(client, number) for number in range(17)))
        pools = [lane.client._transport._pool for lane in client._transport._lanes]  # type: ignore[attr-defined] # httpx keeps it private
    assert len(pools) == 3
    assert {id(pool._ssl_context) for pool in pools} == {id(client._transport._tls)}


async def test_no_more_are_in_flight_than_allowed_and_all_come_back(serve: Serve) -> None:
    gate = Gate(opens_at=10)
    async with client_for(await serve(gate.handle), max_in_flight=10) as client:
        await asyncio.gather(*(send(client, number) for number in range(40)))
    assert (gate.most, gate.total) == (10, 40)


async def test_a_deadline_while_waiting_for_a_place_never_left(serve: Serve) -> None:
    gate = Gate()
    async with client_for(await serve(gate.handle), max_in_flight=1) as client:
        first = asyncio.create_task(send(client))
        await gate.until_waiting(1)
        with pytest.raises(ConnectionFailed) as caught:
            await send(client, timeout_s=0.05)
        gate.opened.set()
        await first
        await send(client)  # the place that was waited for in vain is free again
    assert (caught.value.kind, caught.value.maybe_sent) == ("pool", False)
    assert gate.total == 2


async def test_deadlines_that_pass_leave_no_place_taken(serve: Serve) -> None:
    gate = Gate()
    async with client_for(await serve(gate.handle), max_in_flight=8) as client:
        for _ in range(3):
            await asyncio.gather(*(send(client, timeout_s=0.05) for _ in range(8)), return_exceptions=True)
        gate.opened.set()
        batches = await asyncio.gather(*(send(client) for _ in range(8)))
        assert len(batches) == 8
        assert client._transport.load == (0,)
