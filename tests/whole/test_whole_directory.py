"""What Slack knows of people, when it says so late, not at all, or says that somebody is nobody.

The stories have a world each and run at once: they wait for Slack most of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from sandbox.slack import Actor, CommandAnswer, Dialog, Message, Outcome
from sandbox.slack.people import GUS, SUPPORT, Group
from sandbox.world import World
from tests.whole.access_steps import (
    ACK_S,
    ALLOW,
    ASK,
    NOTHING_CHANGED,
    NOTHING_SENT,
    SAVE_ACK_S,
    admin_dialog,
    asked,
    ended,
    flawless,
    may_send,
    members,
    outcomes,
    page,
    read,
    requests,
    seen,
    started,
    until_may,
)
from tests.whole.conftest import NUMBER

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

NewWorld = Callable[..., World]
Told = Callable[..., Awaitable[Message]]
Story = Callable[[NewWorld], Coroutine[Any, Any, None]]
STORIES: dict[str, Story] = {}

FEW = {"SLACK_ALLOWED_USERS": f"U0ANN,{SUPPORT}"}
LATE_S = 8.0  # less than the bot waits for one answer
NEVER_S = 600.0
TRIED_AGAIN_S = 40.0  # 10 s for an answer, 15 s until the next try, and a busy machine
STORIES_AT_ONCE = 4  # acks are measured: more would wait for the same processors
SILENCES: Mapping[str, dict[str, Any]] = {
    "late": {"delay_s": LATE_S},
    "never": {"delay_s": NEVER_S},
    "too busy": {"status": 429, "retry_after": 3},
    "failing": {"status": 500},
}


def story(name: str) -> Callable[[Story], Story]:
    def add(play: Story) -> Story:
        assert name not in STORIES
        STORIES[name] = play
        return play

    return add


@asynccontextmanager
async def silent(new_world: NewWorld, fault: Mapping[str, Any], *, at: str = "users.info") -> AsyncIterator[World]:
    """A world in which one method of Slack's answers so from the start."""
    world = new_world(**FEW)
    world.slack.faults.add(at, **fault, times=None)
    async with flawless(world) as started_so:
        yield started_so


def in_time(answer: CommandAnswer) -> Message | None:
    assert (answer.status, answer.error) == (200, None)
    assert answer.elapsed_s < ACK_S
    return answer.message


async def every_door_answers_in_time(world: World) -> None:
    """What can be done, by whoever may and whoever may not; ann and ada are listed by ID, ben by a group."""
    ann, ada, ben, sam = (world.slack.person(name) for name in ("ann", "ada", "ben", "sam"))
    assert (await page(world.bot, "/readyz"))[0] == 200
    for word in ("help", "whoami", "recent", "status 01ABC", "hlep", "admin", "allow @gus", "remove @gus", "access"):
        for person in (ann, ben, sam):
            assert in_time(await person.command("/mms", word)) is not None
    refused = in_time(await ben.command("/mms", ""))
    assert refused is not None
    assert NOTHING_SENT in refused.shown
    assert ASK not in refused.buttons()  # nobody but Slack can mend it
    in_time(await ann.command("/mms", ""))
    dialog = await ann.dialog()
    dialog.type_in({"to": NUMBER, "message": "by ID"})
    submitted = await dialog.submit()
    assert submitted.outcome is Outcome.CLOSED
    assert submitted.elapsed_s < ACK_S
    for word in ("access", "access log", "remove @gus", "allow @support", "whoami"):
        assert in_time(await ada.command("/mms", word)) is not None
    in_time(await ada.command("/mms", "allow @gus"))  # of whom nothing is known: the ack does not wait for it

    denied = in_time(await sam.command("/mms", ""))
    assert denied is not None
    ack = await sam.click(denied, ASK)
    assert (ack.status, ack.elapsed_s < ACK_S) == (200, True)
    request = await asked(world, ada, sam.id)
    ack = await ada.click(request, ALLOW)
    assert (ack.status, ack.elapsed_s < ACK_S) == (200, True)
    await seen(world, partial(outcomes, sam, "allowed"), "sam is told")
    assert await may_send(sam)

    decide = await admin_dialog(ada)
    decide.type_in({"admins": [sam.id, "U0P077"]})
    saved = await decide.submit()
    assert (saved.status, saved.elapsed_s < SAVE_ACK_S) == (200, True)
    if saved.outcome is not Outcome.CLOSED:  # gus was added meanwhile
        assert saved.outcome is Outcome.PUSHED
        newest = await ada.dialog(callback_id="mms_admin")
        newest.type_in({"admins": [sam.id, "U0P077"]})
        saved = await newest.submit()
        assert saved.outcome is Outcome.CLEARED
        assert saved.elapsed_s < SAVE_ACK_S
    assert {("admin", sam.id), ("admin", "U0P077"), ("sender", sam.id)} <= members(world)
    assert len(requests(ada, sam.id)) == 1


def silence_story(fault: Mapping[str, Any]) -> Story:
    async def play(new_world: NewWorld) -> None:
        async with silent(new_world, fault) as world:
            if fault == SILENCES["never"]:  # it was ready before any read had ended
                assert world.bot.events("profile_not_read") == []
            await every_door_answers_in_time(world)
            ben = world.slack.person("ben")
            if fault != SILENCES["late"]:  # else it may have come meanwhile
                assert not await may_send(ben)
            world.slack.faults.clear()
            # A read that is under way ends with its own fault, and is tried again by itself.
            await seen(world, partial(answered, world, ben.id), "Slack says who ben is", within_s=TRIED_AGAIN_S)
            await until_may(ben)

    return play


def answered(world: World, user_id: str) -> bool:
    return any(call.arguments.get("user") == user_id and call.outcome == "ok" for call in world.slack.calls)


for how, silence in SILENCES.items():
    story(f"users.info answers {how}")(silence_story(silence))


@story("the app was installed without users:read")
async def without_the_scope(new_world: NewWorld) -> None:
    world = new_world(**FEW)
    world.slack.scopes.discard("users:read")
    async with flawless(world):
        await every_door_answers_in_time(world)
        ben = world.slack.person("ben")
        assert not await may_send(ben)
        assert len(world.slack.calls_of("users.info")) < 20  # it is not asked for ever
        await world.bot.stop()
        world.slack.scopes.add("users:read")
        await world.start_bot()
        await until_may(ben)


@story("usergroups.users.list fails from the start")
async def without_members(new_world: NewWorld) -> None:
    async with silent(new_world, {"error": "internal_error"}, at="usergroups.users.list") as world:
        ann, ben = world.slack.person("ann"), world.slack.person("ben")
        for _ in range(3):
            denied = in_time(await ben.command("/mms", ""))
            assert denied is not None
            assert NOTHING_SENT in denied.shown
            assert in_time(await ann.command("/mms", "recent")) is not None
        assert await may_send(ann)
        assert (await page(world.bot, "/readyz"))[0] == 200
        world.slack.faults.clear()
        await until_may(ben, within_s=TRIED_AGAIN_S)


@story("usergroups.users.list never answers")
async def without_an_answer_about_members(new_world: NewWorld) -> None:
    async with silent(new_world, {"delay_s": NEVER_S}, at="usergroups.users.list") as world:
        ann, ben = world.slack.person("ann"), world.slack.person("ben")
        in_time(await ben.command("/mms", "recent"))
        assert not await may_send(ben)
        assert await may_send(ann)
        assert (await page(world.bot, "/readyz"))[0] == 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def under_way(
    request: pytest.FixtureRequest, new_world: NewWorld
) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """All stories that are asked for, started at once."""
    tasks = started(STORIES, request, new_world, at_once=STORIES_AT_ONCE)
    yield tasks
    await ended(tasks)


@pytest.mark.parametrize("name", STORIES)
async def test_while_slack_does_not_say_who_people_are_those_listed_by_id_may_and_no_ack_waits(
    under_way: dict[str, asyncio.Task[None]], name: str
) -> None:
    await under_way[name]


# -- people who are nobody, and guests


async def denied_as(person: Actor, word: str) -> Message:
    """What a sender's door says to this person, who is not let in."""
    message = read(await person.command("/mms", "", channel="@mms"))
    assert NOTHING_SENT in message.shown
    assert word in message.shown.lower()
    return message


async def test_the_deactivated_is_refused_after_the_next_round_though_listed_by_id(new_world: NewWorld) -> None:
    async with flawless(new_world(**FEW)) as world:
        ann = world.slack.person("ann")
        await ann.command("/mms", "")
        dialog: Dialog = await ann.dialog()
        dialog.type_in({"to": NUMBER, "message": "too late"})
        world.slack.people.change("ann", deleted=True)
        await world.bot.stop()
        await world.start_bot()  # with a first round

        answer = await dialog.submit()

        assert answer.outcome is Outcome.UPDATED
        assert NOTHING_SENT in answer.shown
        assert ASK not in (await denied_as(ann, "deactivated")).buttons()
        assert world.sinch.seen("send") == []


async def test_who_was_saved_while_slack_was_slow_is_nobody_as_soon_as_slack_says_so(
    new_world: NewWorld, told: Told
) -> None:
    async with flawless(new_world(**FEW)) as world:
        ada, dan = world.slack.person("ada"), world.slack.person("dan")
        dialog = await admin_dialog(ada)
        dialog.type_in({"senders": [dan.id]})
        world.slack.faults.add("users.info", delay_s=2.5)

        answer = await dialog.submit()

        assert answer.outcome is Outcome.CLOSED
        assert answer.elapsed_s < SAVE_ACK_S
        await told(ada, "Saved", dan.id)
        await until_may(dan, False)
        assert members(world) == {("sender", dan.id)}
        await denied_as(dan, "deactivated")
        listed = read(await ada.command("/mms", "access")).shown
        assert "deactivated" in next(line for line in listed.splitlines() if dan.id in line)
        again = read(await ada.command("/mms", "allow @dan"))
        assert NOTHING_CHANGED in again.shown


async def test_nobody_is_let_in_through_a_name_of_a_bot_or_of_somebody_deactivated(new_world: NewWorld) -> None:
    async with flawless(new_world(SLACK_ALLOWED_USERS="U0DAN,U0ROBO,U0EVE,U0ANN")) as world:
        await denied_as(world.slack.person("dan"), "deactivated")
        await denied_as(world.slack.person("robo"), "bot")
        await denied_as(world.slack.person("eve"), "workspace")
        assert await may_send(world.slack.person("ann"))


async def test_a_guest_counts_by_name_and_not_through_a_group(new_world: NewWorld, told: Told) -> None:
    world = new_world(**FEW)
    world.slack.people.add_group(Group(SUPPORT, "support", "Support", ("U0BEN", GUS)))
    async with flawless(world):
        gus, ada = world.slack.person("gus"), world.slack.person("ada")
        assert await may_send(world.slack.person("ben"))
        assert ASK in (await denied_as(gus, "guest")).buttons()
        await ada.command("/mms", "allow @gus")
        await told(ada, "Saved", gus.id)
        assert await may_send(gus)
