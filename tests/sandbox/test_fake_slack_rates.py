"""The fake Slack's rate limits: off unless asked for, and then to the letter."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox.slack import FakeSlack
from sandbox.slack.people import ANN, BEN
from sandbox.slack.rates import RATES

UPDATES = RATES["chat.update"].in_a_minute


class Caller:
    def __init__(self, slack: FakeSlack, session: aiohttp.ClientSession) -> None:
        self._slack = slack
        self._session = session

    async def __call__(self, method: str, **arguments: str) -> tuple[int, str | None, dict[str, object]]:
        """Status, Retry-After and the answer."""
        headers = {"Authorization": f"Bearer {self._slack.bot_token}"}
        async with self._session.post(self._slack.api_base_url + method, json=arguments, headers=headers) as answer:
            return answer.status, answer.headers.get("Retry-After"), await answer.json()


class Now:
    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
async def slack(now: Now) -> AsyncIterator[FakeSlack]:
    slack = FakeSlack(clock=now)
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
async def call(slack: FakeSlack) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield Caller(slack, session)


async def test_nobody_is_held_up_unless_it_is_switched_on(call: Caller) -> None:
    for _ in range(5):
        status, _, answer = await call("chat.postMessage", channel=ANN, text="Hello")
        assert (status, answer["ok"]) == (200, True)


async def test_a_conversation_takes_one_message_a_second(slack: FakeSlack, call: Caller, now: Now) -> None:
    slack.rate_limits.on = True
    await call("chat.postMessage", channel=ANN, text="Hello")
    status, retry_after, answer = await call("chat.postMessage", channel=slack.people.app_dm(ANN).id, text="Hello")
    assert (status, retry_after, answer) == (429, "1", {"ok": False, "error": "ratelimited"})
    status, *_ = await call("chat.postMessage", channel=BEN, text="Hello")
    assert status == 200
    now.time += 1
    status, *_ = await call("chat.postMessage", channel=ANN, text="Hello")
    assert status == 200
    assert len(slack.state.messages) == 3
    assert slack.refusals == []


async def test_the_app_has_so_many_updates_a_minute(slack: FakeSlack, call: Caller, now: Now) -> None:
    _, _, posted = await call("chat.postMessage", channel=ANN, text="Hello")
    slack.rate_limits.on = True
    place = {"channel": str(posted["channel"]), "ts": str(posted["ts"])}
    for _ in range(UPDATES):
        status, *_ = await call("chat.update", **place, text="Hello again")
        assert status == 200
        now.time += 0.5
    status, retry_after, _ = await call("chat.update", **place, text="Once more")
    assert (status, retry_after) == (429, str(60 - UPDATES // 2))
    now.time += 60 - UPDATES // 2
    status, *_ = await call("chat.update", **place, text="Once more")
    assert status == 200
    assert slack.state.messages[0].edits == UPDATES + 1
