"""Socket Mode: always one socket up, an ack for each envelope where it came from, and a clean end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.clock import SystemClock
from bot.secret import Secret
from bot.slack.dispatch import Answer
from bot.slack.gateway import SlackError, SlackGateway, open_gateway
from bot.slack.pace import Pace
from bot.slack.socket_mode import LONGEST_PAUSE_S, SHORT_LIVED_S, SocketMode
from sandbox.slack import FakeSlack

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock

Until = Callable[[Callable[[], object]], Awaitable[None]]
EMPTY = Answer(200, "")


class Bot:
    """A socket and what came over it."""

    def __init__(self, slack: FakeSlack, gateway: SlackGateway, clock: FakeClock) -> None:
        self.seen: list[Mapping[str, Any]] = []
        self.answer = EMPTY
        self.gate = asyncio.Event()
        self.gate.set()
        self.clock = clock
        self.socket = SocketMode(slack=gateway, app_token=Secret(slack.app_token), dispatch=self._dispatch, clock=clock)
        self.task: asyncio.Task[None] | None = None

    async def _dispatch(self, body: Mapping[str, Any]) -> Answer:
        self.seen.append(body)
        await self.gate.wait()
        return self.answer

    def start(self) -> None:
        self.task = asyncio.create_task(self.socket.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None


@pytest.fixture
async def bot(slack: FakeSlack, gateway: SlackGateway, clock: FakeClock) -> AsyncIterator[Bot]:
    bot = Bot(slack, gateway, clock)
    yield bot
    bot.gate.set()
    await bot.stop()


async def up(bot: Bot, slack: FakeSlack) -> None:
    """A socket is up, and has been for long enough to be replaced at once."""
    bot.start()
    await slack.sockets.wait_for()
    bot.clock.jump(SHORT_LIVED_S)


def opened(slack: FakeSlack, times: int) -> Callable[[], bool]:
    return lambda: len(slack.calls_of("apps.connections.open")) >= times


async def test_a_socket_comes_up_and_says_so(bot: Bot, slack: FakeSlack, until: Until) -> None:
    assert not bot.socket.connected
    await up(bot, slack)
    await until(lambda: bot.socket.connected)
    await bot.stop()
    assert not bot.socket.connected


async def test_an_envelope_is_acked_where_it_came_from(bot: Bot, slack: FakeSlack) -> None:
    await up(bot, slack)
    answer = await slack.person("ann").command("/mms", "payload")
    assert (answer.status, answer.body) == (200, b"")
    assert bot.seen[0]["text"] == "payload"
    bot.answer = Answer(200, json.dumps({"response_type": "ephemeral", "text": "Hello"}))
    shown = await slack.person("ann").command("/mms", "help")
    assert shown.message is not None
    assert shown.message.text == "Hello"
    assert slack.refusals == []


async def test_no_payload_goes_into_the_ack_of_an_event(bot: Bot, slack: FakeSlack) -> None:
    await up(bot, slack)
    bot.answer = Answer(200, '{"text": "x"}')
    assert (await slack.send_event({"type": "app_home_opened", "user": "U0ANN"})).status == 200
    assert slack.refusals == []


async def test_a_slow_answer_does_not_hold_up_the_next_envelope(bot: Bot, slack: FakeSlack, until: Until) -> None:
    await up(bot, slack)
    bot.gate.clear()
    first = asyncio.ensure_future(slack.person("ann").command("/mms", "one"))
    await until(lambda: len(bot.seen) == 1)
    second = asyncio.ensure_future(slack.person("ben").command("/mms", "two"))
    await until(lambda: len(bot.seen) == 2)
    bot.gate.set()
    assert [answer.status for answer in await asyncio.gather(first, second)] == [200, 200]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_new_socket_is_up_before_the_old_one_is_let_go(
    bot: Bot, slack: FakeSlack, until: Until, reason: str
) -> None:
    await up(bot, slack)
    bot.gate.clear()
    under_way = asyncio.ensure_future(slack.person("ann").command("/mms", "under way"))
    await until(lambda: bot.seen)
    await slack.sockets.disconnect(reason)
    await until(lambda: len(slack.calls_of("apps.connections.open")) == 2)
    await slack.sockets.wait_for(2 if reason == "warning" else 1)
    bot.gate.set()
    assert (await under_way).status == 200, "the ack went over the old socket"
    assert (await slack.person("ann").command("/mms", "after")).status == 200
    assert slack.refusals == []


async def test_a_socket_that_slack_has_let_go_is_closed(bot: Bot, slack: FakeSlack, until: Until) -> None:
    # Slack allows ten connections; the ones that it asked to renew must not pile up.
    await up(bot, slack)
    for number in range(2, 14):
        await bot.clock.advance(SHORT_LIVED_S)
        await slack.sockets.disconnect("refresh_requested")
        await until(opened(slack, number))
        await slack.sockets.wait_for(1, timeout_s=2)
        assert (await slack.person("ann").command("/mms", f"{number}")).status == 200
    assert len(slack.sockets._connections) <= 3


async def test_a_dropped_socket_is_replaced(bot: Bot, slack: FakeSlack, until: Until) -> None:
    await up(bot, slack)
    slack.sockets.drop()
    await until(lambda: len(slack.calls_of("apps.connections.open")) == 2)
    await slack.sockets.wait_for()
    assert (await slack.person("ann").command("/mms", "x")).status == 200
    await until(lambda: bot.socket.connected)


async def test_while_slack_is_away_no_socket_is_up_and_it_goes_on_trying(
    bot: Bot, slack: FakeSlack, until: Until
) -> None:
    await up(bot, slack)
    await slack.go_away()
    await until(lambda: not bot.socket.connected)
    for _ in range(8):
        await until(lambda: bot.clock.sleepers == 1)
        await bot.clock.advance(LONGEST_PAUSE_S)
    assert bot.clock.slept == sorted(bot.clock.slept)
    assert max(bot.clock.slept) <= LONGEST_PAUSE_S
    await slack.come_back()
    await until(lambda: bot.clock.sleepers == 1)
    await bot.clock.advance(LONGEST_PAUSE_S)
    await slack.sockets.wait_for()


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429, "retry_after": 90}, {"error": "internal_error"}])
async def test_slack_failing_for_the_moment_is_asked_again(
    bot: Bot, slack: FakeSlack, until: Until, fault: dict[str, Any]
) -> None:
    slack.faults.add("apps.connections.open", **fault)
    bot.start()
    await until(lambda: bot.clock.sleepers == 1)
    assert bot.clock.slept[0] >= fault.get("retry_after", 0.5)
    await bot.clock.advance(100)
    await slack.sockets.wait_for()


async def test_a_refused_app_token_ends_it(bot: Bot, slack: FakeSlack) -> None:
    slack.revoke_app_token()
    with pytest.raises(SlackError) as caught:
        await asyncio.wait_for(bot.socket.run(), 5)
    assert caught.value.error == "token_revoked"


async def test_a_token_that_is_refused_later_is_tried_again(bot: Bot, slack: FakeSlack, until: Until) -> None:
    await up(bot, slack)
    slack.faults.add("apps.connections.open", error="invalid_auth")
    slack.sockets.drop()
    await until(lambda: bot.clock.sleepers == 1)
    await bot.clock.advance(LONGEST_PAUSE_S)
    await slack.sockets.wait_for()


async def test_it_ends_quickly_and_leaves_nothing_open(bot: Bot, slack: FakeSlack, until: Until) -> None:
    await up(bot, slack)
    await slack.person("ann").command("/mms", "x")
    started = asyncio.get_running_loop().time()
    await bot.stop()
    assert asyncio.get_running_loop().time() - started < 2
    await until(lambda: slack.sockets.count == 0)
    assert slack.refusals == []


# -- a Slack that misbehaves


@pytest.fixture
async def strange(
    slack: FakeSlack, gateway: SlackGateway, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[Callable[[web.WebSocketResponse], Awaitable[None]]]]:
    """What the sockets do, one after the other; the last one stays for all that follow."""
    scripts: list[Callable[[web.WebSocketResponse], Awaitable[None]]] = []
    taken = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal taken
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        script = scripts[min(taken, len(scripts) - 1)]
        taken += 1
        await script(socket)
        return socket

    app = web.Application()
    app.router.add_get("/link", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    async def socket_url(_: Secret) -> str:
        return f"ws://127.0.0.1:{port}/link"

    monkeypatch.setattr(gateway, "socket_url", socket_url)
    yield scripts
    await runner.cleanup()


HELLO = '{"type": "hello"}'


async def test_odd_frames_are_passed_over(bot: Bot, strange: Any, until: Until) -> None:
    acks: list[str] = []

    async def odd(socket: web.WebSocketResponse) -> None:
        await socket.send_str(HELLO)
        for frame in ("not json", "[]", "7", '{"type": "slash_commands"}', '{"envelope_id": 7}', '{"type": "new"}'):
            await socket.send_str(frame)
        await socket.send_bytes(b"\x00")
        await socket.send_str('{"envelope_id": "E1", "type": "unknown_kind", "payload": []}')
        async for message in socket:
            acks.append(message.data)

    strange += [odd]
    bot.start()
    await until(lambda: acks)
    assert [json.loads(ack) for ack in acks] == [{"envelope_id": "E1"}]
    assert bot.seen == [{}]
    assert bot.socket.connected


async def test_sockets_that_end_at_once_are_not_opened_in_a_hurry(bot: Bot, strange: Any, until: Until) -> None:
    opened = 0

    async def short(socket: web.WebSocketResponse) -> None:
        nonlocal opened
        opened += 1
        await socket.send_str(HELLO)
        await socket.send_str('{"type": "disconnect", "reason": "too_many_websockets"}')

    strange += [short]
    bot.start()
    for number in range(1, 7):
        await until(lambda: bot.clock.sleepers == 1)
        assert opened == number + 1, "the first one that ends soon is replaced at once"
        await bot.clock.advance(bot.clock.slept[-1])
    assert bot.clock.slept == sorted(bot.clock.slept)
    assert bot.clock.slept[-1] >= 10


async def test_a_gateway_that_is_closed_first_does_no_harm(slack: FakeSlack, clock: FakeClock) -> None:
    async with open_gateway(
        bot_token=Secret(slack.bot_token), base_url=slack.api_base_url, pace=Pace(SystemClock())
    ) as gateway:
        bot = Bot(slack, gateway, clock)
        await up(bot, slack)
    await bot.stop()
    assert not bot.socket.connected
