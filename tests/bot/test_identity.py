"""Whose bot it is: asked until Slack answers, unless the token itself is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.access import Workspace
from bot.identity import LONGEST_PAUSE_S, WATCH_EVERY_S, SlackWatch, TokenRefusedError, find_out
from bot.slack.gateway import TOKEN_REFUSED, SlackError, Standing

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock

HERE = Standing(Workspace("T1", "UBOT"), team="Here", scopes=None, server_time=None)


class Slack:
    def __init__(self, *errors: SlackError) -> None:
        self.errors = list(errors)

    async def ask(self) -> Standing:
        if self.errors:
            raise self.errors.pop(0)
        return HERE


async def test_it_is_asked_once_when_slack_answers(clock: FakeClock) -> None:
    assert await find_out(Slack().ask, clock=clock) == HERE
    assert clock.slept == []


async def test_it_is_asked_again_until_slack_answers_with_growing_pauses(clock: FakeClock) -> None:
    slack = Slack(*(SlackError("away", away=True) for _ in range(9)))
    asking = asyncio.create_task(find_out(slack.ask, clock=clock))
    while not asking.done():
        await asyncio.sleep(0)
        await clock.advance(LONGEST_PAUSE_S)
    assert await asking == HERE
    assert clock.slept == sorted(clock.slept)
    assert (len(clock.slept), clock.slept[0], clock.slept[-1]) == (9, 0.5, LONGEST_PAUSE_S)


async def test_the_wait_that_slack_names_is_kept(clock: FakeClock) -> None:
    slack = Slack(SlackError("ratelimited", away=True, retry_after_s=42))
    asking = asyncio.create_task(find_out(slack.ask, clock=clock))
    await asyncio.sleep(0)
    await clock.advance(42)
    assert await asking == HERE
    assert clock.slept == [42]


@pytest.mark.parametrize("error", sorted(TOKEN_REFUSED))
async def test_a_refused_token_ends_it_and_names_the_variable(clock: FakeClock, error: str) -> None:
    with pytest.raises(TokenRefusedError, match="SLACK_BOT_TOKEN") as caught:
        await find_out(Slack(SlackError(error)).ask, clock=clock)
    assert error in str(caught.value)
    assert clock.slept == []


async def test_slack_is_not_usable_while_it_is_away_or_refuses_and_usable_again_afterwards(clock: FakeClock) -> None:
    slack = Slack()
    watch = SlackWatch(slack.ask, clock=clock)
    running = asyncio.create_task(watch.run())
    seen = []
    for errors in ([], [SlackError("away", away=True)], [SlackError("token_revoked")], []):
        slack.errors = errors * 9  # it is asked more often while it is not usable
        await asyncio.sleep(0)
        await clock.advance(WATCH_EVERY_S)
        seen.append(watch.usable)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert seen == [True, False, False, True]
