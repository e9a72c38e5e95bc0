"""Somebody asks for access, an admin decides, everybody is told: also when the bot is killed in the middle of it.

The stories with a kill have a world each and run at once: after a crash they wait for the end of a lease.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from sandbox.slack import Actor, Dialog, Message, Outcome
from sandbox.world import World
from tests.whole.access_steps import (
    ALLOW,
    ASK,
    DECLINE,
    NOTHING_CHANGED,
    NOTHING_SENT,
    SLACK_WAITS_S,
    another_bot,
    ask,
    asked,
    changes,
    committed,
    ended,
    flawless,
    may_send,
    members,
    open_requests,
    outcomes,
    page,
    read,
    requests,
    rows,
    seen,
    started,
    until_may,
)
from tests.whole.conftest import CROWD, NUMBER
from tests.whole.test_whole_endurance import CrashingWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Told = Callable[..., Awaitable[Message]]
Story = Callable[[NewWorld], Coroutine[Any, Any, None]]
STORIES: dict[str, Story] = {}

FEW = {"SLACK_ALLOWED_USERS": "U0ANN", "SLACK_ADMIN_USERS": "U0ADA,U0BEN"}
AFTER_A_CRASH_S = 45.0  # a lease of 15 s has to end first
STORIES_AT_ONCE = 7  # the waits for leases overlap
MANY = CROWD[:50]


async def decided(world: World, request: Message, admin: Actor, by: str, *, within_s: float = 10.0) -> None:
    """Wait until this very message says who decided, and has no buttons any more."""

    def now() -> bool:
        return any(m.ts == request.ts and not m.buttons() and by in m.shown for m in admin.messages)

    await seen(world, now, f"{admin.name} reads that {by} decided", within_s=within_s)


# -- the main path


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_the_first_admin_to_answer_decides_the_other_sees_who_and_the_person_is_told(
    new_world: NewWorld, open_dialog: OpenDialog, socket_mode: bool
) -> None:
    async with flawless(new_world(socket_mode=socket_mode, **FEW)) as world:
        sam, gus, ada, ben = (world.slack.person(name) for name in ("sam", "gus", "ada", "ben"))
        for person, button, word in ((sam, ALLOW, "allowed"), (gus, DECLINE, "declined")):
            await ask(person)
            to_ada, to_ben = await asked(world, ada, person.id), await asked(world, ben, person.id)
            assert set(to_ada.buttons()) == {ALLOW, DECLINE}

            await ben.click(to_ben, button)

            await decided(world, to_ada, ada, f"<@{ben.id}>")
            await decided(world, to_ben, ben, f"<@{ben.id}>")
            await seen(world, partial(outcomes, person, word), f"{person.name} is told")
            assert len(requests(ada, person.id)) == len(requests(ben, person.id)) == 1
        await (await open_dialog(world, sam)).close()
        assert not await may_send(gus)
        assert changes(world) == [(1, ben.id, "request", "added", "sender", sam.id)]
        assert len(outcomes(sam, "allowed")) == len(outcomes(gus, "declined")) == 1


async def test_a_second_request_within_a_day_and_a_second_answer_change_nothing(new_world: NewWorld) -> None:
    async with flawless(new_world(**FEW)) as world:
        sam, ada, ben = (world.slack.person(name) for name in ("sam", "ada", "ben"))
        denied = await ask(sam)
        to_ada, to_ben = await asked(world, ada, sam.id), await asked(world, ben, sam.id)
        await sam.click(denied, ASK)
        await sam.wait_for_message(lambda m: NOTHING_CHANGED in m.shown)

        await asyncio.gather(ada.click(to_ada, DECLINE), ben.click(to_ben, ALLOW))

        ((decision, by),) = rows(world, "SELECT decision, decided_by FROM access_request")
        late = ben if by == ada.id else ada
        await late.wait_for_message(lambda m: m.ephemeral_to == late.id and NOTHING_CHANGED in m.shown)
        await decided(world, to_ada, ada, f"<@{by}>")
        await decided(world, to_ben, ben, f"<@{by}>")
        await seen(world, lambda: outcomes(sam, decision), "sam is told")
        assert members(world) == ({("sender", sam.id)} if decision == "allowed" else set())
        assert len(requests(ada, sam.id)) == len(requests(ben, sam.id)) == 1


async def test_an_admin_taken_away_at_another_bot_decides_nothing(new_world: NewWorld) -> None:
    async with flawless(new_world(**{**FEW, "SLACK_ADMIN_USERS": "U0ADA"})) as world, another_bot(world) as other:
        sam, ada, ben = (world.slack.person(name) for name in ("sam", "ada", "ben"))
        await ada.command("/mms", "allow @ben as admin")
        await until_may(ben)
        await ask(sam)
        request = await asked(world, ben, sam.id)
        world.slack.deliver_by_http(other.events_url)
        await until_may(ben)
        world.slack.deliver_by_http(world.bot.events_url)
        read(await ada.command("/mms", "remove @ben"))
        world.slack.deliver_by_http(other.events_url)  # which has not looked at the list since
        await ben.click(request, ALLOW)
        await ben.wait_for_message(lambda m: NOTHING_CHANGED in m.shown or NOTHING_SENT in m.shown)
        assert members(world) == set()


async def test_a_message_that_waits_in_the_dialog_is_not_sent_by_asking_nor_by_being_allowed(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told
) -> None:
    async with flawless(new_world(**FEW)) as world:
        sam, ada = world.slack.person("sam"), world.slack.person("ada")
        await ada.command("/mms", "allow @sam")
        await told(ada, "Saved", sam.id)
        dialog = await open_dialog(world, sam)
        dialog.type_in({"to": NUMBER, "message": "not by itself"})
        read(await ada.command("/mms", "remove @sam"))
        assert (await dialog.submit()).outcome is Outcome.UPDATED
        assert NOTHING_SENT in dialog.shown

        await dialog.click(ASK)
        await dialog.wait_until(lambda d: ASK not in json.dumps(d.view["blocks"]))
        assert "not by itself" in dialog.shown  # to be copied
        await ada.click(await asked(world, ada, sam.id), ALLOW)
        await seen(world, lambda: outcomes(sam, "allowed"), "sam is told")

        assert await may_send(sam)
        assert rows(world, "SELECT count(*) FROM message") == [(0,)]
        assert world.sinch.seen("send") == []


def has_all(admin: Actor) -> bool:
    return all(open_requests(admin, of) for of in MANY)


async def test_fifty_people_who_ask_at_once_are_each_heard_once(new_world: NewWorld) -> None:
    async with flawless(new_world(**FEW)) as world:
        people = [world.slack.person(user) for user in MANY]
        admins = [world.slack.person(name) for name in ("ada", "ben")]
        answers = await asyncio.gather(*(person.command("/mms", "") for person in people))
        denials = [read(answer) for answer in answers]

        acks = await asyncio.gather(
            *(person.click(denied, ASK) for person, denied in zip(people, denials, strict=True) for _ in range(2))
        )

        assert {ack.status for ack in acks} == {200}
        assert max(ack.elapsed_s for ack in acks) < SLACK_WAITS_S
        assert rows(world, "SELECT count(*), count(DISTINCT user_id) FROM access_request") == [(50, 50)]
        for admin in admins:
            await seen(
                world,
                partial(has_all, admin),
                f"{admin.name} has all requests",
                within_s=90.0,  # Slack takes one message a second in a conversation
            )
        assert [len(requests(admin, of)) for admin in admins for of in MANY] == [1] * 100


async def test_no_log_line_about_access_holds_a_name_a_token_or_an_address(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told
) -> None:
    async with flawless(new_world(LOG_LEVEL="DEBUG", **FEW)) as world:
        ada, sam, gus = (world.slack.person(name) for name in ("ada", "sam", "gus"))
        await ask(sam)
        request = await asked(world, ada, sam.id)
        await ada.click(request, ALLOW)
        await seen(world, lambda: outcomes(sam, "allowed"), "sam is told")
        await ada.command("/mms", "admin")
        dialog = await ada.dialog(callback_id="mms_admin")
        dialog.type_in({"senders": [gus.id, "U0DAN"]})
        assert (await dialog.submit()).outcome is Outcome.ERRORS
        dialog.type_in({"senders": [gus.id]})
        assert (await dialog.submit()).outcome is Outcome.CLOSED
        await told(ada, "Saved", gus.id)
        for text in ("allow @gus", "allow Quetzalcoatl", "remove @gus", "remove Quetzalcoatl", "access", "access log"):
            await ada.command("/mms", text)
        world.slack.faults.add("response_url", status=500)
        world.slack.faults.add("chat.postMessage", error="user_not_found")
        await gus.command("/mms", "admin Quetzalcoatl")
        await ask(gus)
        await asked(world, world.slack.person("ben"), gus.id)
        health = json.dumps((await page(world.bot, "/readyz"))[1])
        await world.bot.stop()
        said, slack = "\n".join(world.bot.lines), world.slack
        people = [slack.people.person(name) for name in ("ada", "sam", "gus", "dan", "ben", "ann")]
        private = [
            *(text for person in people for text in (person.real_name, f'"{person.name}"', f"@{person.name}")),
            *(url.token for url in slack.state.response_urls.values()),
            *slack.state.triggers,
            *(slack.bot_token, slack.app_token, slack.signing_secret, "Quetzalcoatl", "support", "v0="),
        ]
        assert [secret for secret in private if secret in said] == []
        assert [secret for secret in [*private, "U0ADA"] if secret in health] == []
        assert not re.search(r"xox[a-z]-|xapp-|https?://|Traceback", said)
        assert all(map(world.bot.events, ("access_asked", "access_decided", "access_changed")))


# -- kill -9


def story(name: str) -> Callable[[Story], Story]:
    def add(play: Story) -> Story:
        assert name not in STORIES
        STORIES[name] = play
        return play

    return add


@asynccontextmanager
async def crashing(new_world: NewWorld, crash: tuple[str, str] | None = None) -> AsyncIterator[CrashingWorld]:
    world = new_world(kind=CrashingWorld, **FEW)
    assert isinstance(world, CrashingWorld)
    world.crash = crash
    async with world:
        yield world


def posted(world: World) -> set[tuple[str, str]]:
    """The notices of which the database knows that Slack took them: kind and to whom."""
    return {(kind, to) for kind, to in rows(world, "SELECT kind, to_user_id FROM access_notice WHERE ts IS NOT NULL")}


def is_posted(world: World, kind: str, to: Actor) -> bool:
    return (kind, to.id) in posted(world)


async def ends_well(world: World, *, allowed_by: str | None, once: set[tuple[str, str]] | None = None) -> None:
    """Both admins have the request, it is decided, all messages of record say by whom, and sam is told.

    Args:
        allowed_by: the admin who has pressed Allow already; None: ada does it now.
        once: the notices that must have been posted once; None: all. The others may be there twice, not more.
    """
    sam, ada, ben = (world.slack.person(name) for name in ("sam", "ada", "ben"))
    for admin in (ada, ben):
        await seen(world, partial(requests, admin, sam.id), f"{admin.name} has it", within_s=AFTER_A_CRASH_S)
    if allowed_by is None:
        allowed_by = ada.id
        for admin in (ada, ben):
            await committed(
                partial(is_posted, world, "ask", admin),
                f"the post to {admin.name} is on record",
                within_s=AFTER_A_CRASH_S,
            )
        await ada.click(requests(ada, sam.id)[-1], ALLOW)
    for admin in (ada, ben):
        await decided(world, requests(admin, sam.id)[-1], admin, f"<@{allowed_by}>", within_s=AFTER_A_CRASH_S)
    await seen(world, lambda: outcomes(sam, "allowed"), "sam is told", within_s=AFTER_A_CRASH_S)
    await until_may(sam)
    await committed(partial(is_posted, world, "outcome", sam), "that is on record", within_s=AFTER_A_CRASH_S)
    counts = {("ask", admin.id): len(requests(admin, sam.id)) for admin in (ada, ben)}
    counts["outcome", sam.id] = len(outcomes(sam, "allowed"))
    twice = {notice: count for notice, count in counts.items() if count != 1}
    assert all(count <= 2 for count in counts.values()), counts
    assert once is not None or not twice, twice
    assert not (once or set()) & twice.keys(), (once, twice)
    assert changes(world) == [(1, allowed_by, "request", "added", "sender", sam.id)]
    assert world.slack.refusals == []


def asking_story(at: str, when: str) -> Story:
    async def play(new_world: NewWorld) -> None:
        async with crashing(new_world, (at, when)) as world:
            sam = world.slack.person("sam")
            denied = await ask(sam)
            assert await world.bot.wait(within_s=15.0) == -signal.SIGKILL
            once = posted(world) if at == "notice_told" else None
            await world.start_again()
            await sam.click(denied, ASK)  # pressed again: no harm
            await ends_well(world, allowed_by=None, once=once)

    return play


def deciding_story(at: str, when: str) -> Story:
    async def play(new_world: NewWorld) -> None:
        async with crashing(new_world, (at, when)) as world:
            sam, ada, ben = (world.slack.person(name) for name in ("sam", "ada", "ben"))
            await ask(sam)
            request = await asked(world, ada, sam.id)
            await asked(world, ben, sam.id)
            await committed(lambda: len(posted(world)) == 2, "both posts are on record")
            await ada.click(request, ALLOW)
            assert await world.bot.wait(within_s=15.0) == -signal.SIGKILL
            assert members(world) == ({("sender", sam.id)} if when == "after" else set())
            await world.start_again()
            if when == "before":
                await ben.click(requests(ben, sam.id)[0], ALLOW)
            await ends_well(world, allowed_by=ada.id if when == "after" else ben.id)

    return play


for moment in ("before", "after"):
    for step in ("ask", "claim_notices", "notice_told"):
        story(f"killed {moment} {step}")(asking_story(step, moment))
    story(f"killed {moment} decide")(deciding_story("decide", moment))


@story("killed before Slack took the posts")
async def killed_before_the_posts(new_world: NewWorld) -> None:
    async with crashing(new_world) as world:
        world.slack.faults.add("chat.postMessage", delay_s=AFTER_A_CRASH_S * 4, times=2)
        await ask(world.slack.person("sam"))
        await seen(world, lambda: len(world.slack.faults) == 0, "both posts are under way")
        await world.bot.kill()
        await world.start_again()
        await ends_well(world, allowed_by=None)


@story("killed after Slack took the posts, before it answered")
async def killed_before_the_answers(new_world: NewWorld) -> None:
    async with crashing(new_world) as world:
        sam, ada, ben = (world.slack.person(name) for name in ("sam", "ada", "ben"))
        world.slack.faults.add("chat.postMessage", delay_s=AFTER_A_CRASH_S * 4, after=True, times=2)
        await ask(sam)
        await asked(world, ada, sam.id)
        await asked(world, ben, sam.id)
        await world.bot.kill()
        await world.start_again()
        await ends_well(world, allowed_by=None, once={("outcome", sam.id)})


@story("killed while the admins' messages change and the person is told")
async def killed_while_telling(new_world: NewWorld) -> None:
    async with crashing(new_world) as world:
        sam, ada, ben = (world.slack.person(name) for name in ("sam", "ada", "ben"))
        await ask(sam)
        request = await asked(world, ada, sam.id)
        await asked(world, ben, sam.id)
        await committed(lambda: len(posted(world)) == 2, "both posts are on record")
        world.slack.faults.add("chat.update", delay_s=AFTER_A_CRASH_S * 4, times=2)
        world.slack.faults.add("chat.postMessage", delay_s=AFTER_A_CRASH_S * 4)
        await ada.click(request, ALLOW)
        await seen(world, lambda: len(world.slack.faults) == 0, "all three are under way")
        await world.bot.kill()
        assert outcomes(sam, "allowed") == []
        await world.start_again()
        await ends_well(world, allowed_by=ada.id)


@story("Slack drops the posts, is too busy, and fails")
async def refused_for_a_while(new_world: NewWorld) -> None:
    async with crashing(new_world) as world:
        for fault in ({"drop": True}, {"status": 429, "retry_after": 2}, {"status": 500}, {"error": "fatal_error"}):
            world.slack.faults.add("chat.postMessage", **fault)
            world.slack.faults.add("chat.update", **fault)
        await ask(world.slack.person("sam"))
        await ends_well(world, allowed_by=None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def under_way(
    request: pytest.FixtureRequest, new_world: NewWorld
) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """All stories that are asked for, started at once."""
    tasks = started(STORIES, request, new_world, at_once=STORIES_AT_ONCE)
    yield tasks
    await ended(tasks)


@pytest.mark.parametrize("name", STORIES)
async def test_whatever_happens_the_request_is_decided_once_and_everybody_is_told(
    under_way: dict[str, asyncio.Task[None]], name: str
) -> None:
    await under_way[name]
