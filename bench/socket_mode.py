"""Socket Mode beside HTTP: from the envelope, or the request, to its ack."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from bench import contestants, shots
from bench.acks import KEPT_CONNECTIONS, Size, Table, p50_and_p99
from bench.contestants import AT_REST
from bench.load import Gun
from bench.numbers import Better, Goal
from bench.slack_stub import SlackStub
from bench.socket_stub import SocketStub

HTTP, SOCKET, BOLT = "the bot, HTTP", "the bot, Socket Mode", "Bolt's Socket Mode handler"
PER_SECOND = 100.0


async def envelopes(folder: Path, size: Size, *, others: bool = True) -> Table:
    """Submits with their rows, 100 a second."""
    shot = shots.submit()
    sockets: dict[str, SocketStub] = {}
    seconds: dict[str, list[list[float]]] = {}
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackStub())
        http = await stack.enter_async_context(
            contestants.bot(HTTP, folder / "http", slack=slack.api_url, program=AT_REST)
        )
        for name in (SOCKET, BOLT) if others else (SOCKET,):
            sockets[name] = await stack.enter_async_context(SocketStub())
            its_slack = await stack.enter_async_context(SlackStub(socket_url=sockets[name].url))
            if name == SOCKET:
                one = contestants.bot(
                    name, folder / "socket", slack=its_slack.api_url, program=AT_REST, SLACK_APP_TOKEN="xapp-bench"
                )
            else:
                one = contestants.contender(name, "bolt_socket", folder / "bolt", slack=its_slack.api_url)
            await stack.enter_async_context(one)
            await sockets[name].connected()
        for number in range(size.rounds + 1):
            count = size.some(400)
            async with Gun("127.0.0.1", http.port, KEPT_CONNECTIONS) as gun:
                volleys = {HTTP: await gun.at_rate(shot.many(count), PER_SECOND)}
            for name, socket in sockets.items():
                payloads = [shots.submit_payload(shots.take_number()) for _ in range(count)]
                volleys[name] = await socket.at_rate(payloads, PER_SECOND)
            if number:
                for name, volley in volleys.items():
                    seconds.setdefault(name, []).append(volley.seconds)
    goals = [Goal(SOCKET, Better.LOWER, 1.5, HTTP)]
    title = "Submit with its commit by Socket Mode, 100/s: envelope to ack"
    return Table(title, HTTP, p50_and_p99(seconds), goals, "p50")
