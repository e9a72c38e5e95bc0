"""User groups: read off the path to ack, kept for an hour when Slack is away, never known means nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.slack.gateway import SlackError
from bot.slack.groups import FRESH_FOR_S, KEPT_FOR_S, RETRY_S, Groups

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock


class Directory:
    def __init__(self) -> None:
        self.members = {"S1": frozenset({"U1"}), "S2": frozenset({"U2"})}
        self.away: set[str] = set()
        self.reads = 0

    async def read(self, group: str) -> frozenset[str]:
        self.reads += 1
        if group in self.away:
            raise SlackError("ratelimited", away=True)
        return self.members[group]


def groups(directory: Directory, clock: FakeClock, *ids: str) -> Groups:
    return Groups(frozenset(ids), read=directory.read, clock=clock)


async def test_before_it_is_read_a_group_has_nobody(clock: FakeClock) -> None:
    assert groups(Directory(), clock, "S1").members() == {}


async def test_the_listed_groups_are_read(clock: FakeClock) -> None:
    directory = Directory()
    ours = groups(directory, clock, "S1")
    assert await ours.refresh()
    assert ours.members() == {"S1": {"U1"}}
    assert directory.reads == 1


async def test_one_that_cant_be_read_does_not_hide_the_others(clock: FakeClock) -> None:
    directory = Directory()
    directory.away = {"S1"}
    ours = groups(directory, clock, "S1", "S2")
    assert not await ours.refresh()
    assert ours.members() == {"S2": {"U2"}}


async def test_the_last_known_members_hold_for_an_hour_of_failures(clock: FakeClock) -> None:
    directory = Directory()
    ours = groups(directory, clock, "S1")
    await ours.refresh()
    directory.away = {"S1"}
    clock.jump(KEPT_FOR_S)
    await ours.refresh()
    assert ours.members() == {"S1": {"U1"}}
    clock.jump(1)
    assert ours.members() == {}
    assert KEPT_FOR_S == 3600


async def test_a_group_that_was_emptied_has_nobody(clock: FakeClock) -> None:
    directory = Directory()
    ours = groups(directory, clock, "S1")
    await ours.refresh()
    directory.members["S1"] = frozenset()
    await ours.refresh()
    assert ours.members() == {"S1": frozenset()}


async def test_members_are_fresh_every_five_minutes_and_failures_are_repeated_sooner(clock: FakeClock) -> None:
    directory = Directory()
    ours = groups(directory, clock, "S1")
    keeping = asyncio.create_task(ours.keep_fresh())
    await asyncio.sleep(0)
    await clock.advance(0)
    assert directory.reads == 1
    await clock.advance(FRESH_FOR_S - 1)
    assert directory.reads == 1
    directory.away = {"S1"}
    await clock.advance(1)
    await asyncio.sleep(0)
    assert directory.reads == 2
    directory.away = set()
    directory.members["S1"] = frozenset({"U9"})
    await clock.advance(RETRY_S)
    await asyncio.sleep(0)
    assert directory.reads == 3
    assert ours.members() == {"S1": {"U9"}}
    assert FRESH_FOR_S == 300
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_without_groups_there_is_nothing_to_keep_fresh(clock: FakeClock) -> None:
    await asyncio.wait_for(groups(Directory(), clock).keep_fresh(), 1)
