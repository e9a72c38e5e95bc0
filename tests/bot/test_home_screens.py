"""The Home tab while somebody looks: drawn again when something changed, within bounds, and never over a newer view."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.access import NOTHING_KNOWN, Person, Policy
from bot.causes import Catalogue
from bot.domain import Message, Submission
from bot.reports import Counts
from bot.slack import ids
from bot.slack.doors import AccessCheck
from bot.slack.gateway import SlackGateway
from bot.slack.home import screens
from bot.slack.home.pages import PAGE, trail_from, turn
from bot.slack.home.screens import HomeScreens
from bot.store import Overview
from bot.store.tables import message
from sandbox.slack import CannotTypeError, FakeSlack
from sandbox.slack.block_kit import check_view, elements_of
from sandbox.slack.people import ADA, ANN, BEN, SAM, TEAM_ID
from sandbox.slack.people import Person as SandboxPerson
from tests.bot import report_steps as steps
from tests.bot.access_desk import Desk, admin, sender
from tests.bot.conftest import HERE, FakeClock
from tests.bot.home_samples import sent

if TYPE_CHECKING:
    from tests.bot.conftest import Doors
    from tests.bot.databases import Database

Submit = Callable[..., Submission]
Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
async def desk(
    doors: Doors, database: Database, slack: FakeSlack, gateway: SlackGateway, causes: Catalogue, clock: FakeClock
) -> AsyncIterator[Desk]:
    desk = Desk(doors, database, slack, gateway, causes, clock)
    yield desk
    await desk.close()


async def comes(desk: Desk, *names: str) -> None:
    for name in names:
        await desk.slack.person(name).open_home()
    await desk.settle()


async def later(desk: Desk, seconds: float, doors: Doors | None = None) -> int:
    """Time passes, and a process draws what is due; how many views were published by it."""
    before = published(desk)
    desk.clock.jump(seconds)
    await (doors or desk.doors).screens.redraw_due()
    return published(desk) - before


def published(desk: Desk) -> int:
    return len(desk.slack.calls_of("views.publish"))


async def queue(desk: Desk, submission: Submission, doors: Doors | None = None) -> str:
    return await steps.queued((doors or desk.doors).store, submission, now=desk.clock.now())


# -- something changed


async def test_while_nothing_changes_nothing_is_published(desk: Desk, submission: Submit) -> None:
    await steps.accepted(desk.doors.store, submission(), "B1", now=desk.clock.now())
    await comes(desk, "ann", "ada", "sam")
    assert published(desk) == 3
    for _ in range(20):
        assert await later(desk, 60) == 0


async def test_what_this_process_did_is_drawn_soon_and_much_of_it_at_once(desk: Desk, submission: Submit) -> None:
    await comes(desk, "ann", "ben")
    for _ in range(5):
        await queue(desk, submission())
        desk.doors.screens.changed(ANN)
    assert await later(desk, screens.PERSON_PAUSE_S - 0.1) == 0
    assert await later(desk, 0.2) == 1
    assert desk.slack.person("ann").home_shown.count("Queued, nothing was sent yet") == 5
    assert await later(desk, 1) == 0


async def test_a_change_of_anothers_makes_nobody_else_read_the_database(desk: Desk) -> None:
    await comes(desk, "ann")
    store: Any = desk.doors.store
    reads: list[str] = []
    page = store.reports.page

    async def counted(user_id: str, **more: Any) -> Any:
        reads.append(user_id)
        return await page(user_id, **more)

    store.reports.page = counted
    desk.doors.screens.changed(BEN)
    await later(desk, screens.PERSON_PAUSE_S)
    assert reads == []
    desk.doors.screens.changed(ANN)
    await later(desk, 0)
    assert reads == [ANN]


async def test_what_another_process_did_is_seen_after_a_few_seconds(desk: Desk, submission: Submit) -> None:
    other = desk.another()
    await comes(desk, "ann")
    await queue(desk, submission(), other)
    other.screens.changed(ANN)
    assert await later(desk, screens.LATELY_EVERY_S - 0.1) == 0
    assert await later(desk, 0.2) == 1
    assert "Queued" in desk.slack.person("ann").home_shown


async def test_whoever_has_not_stirred_for_a_while_is_looked_after_less_often_and_in_the_end_not_any_more(
    desk: Desk, submission: Submit
) -> None:
    await comes(desk, "ann")
    await later(desk, screens.STIRRED_LATELY_S)
    await queue(desk, submission())
    assert await later(desk, screens.LATELY_EVERY_S) == 0
    assert await later(desk, screens.LATER_EVERY_S) == 1
    await later(desk, screens.LOOKS_FOR_S)
    await queue(desk, submission())
    desk.doors.screens.changed(ANN)
    assert await later(desk, 1000) == 0
    await comes(desk, "ann")
    assert desk.slack.person("ann").home_shown.count("Queued") == 2


async def test_a_page_that_was_turned_is_drawn_again_as_that_page(desk: Desk, submission: Submit) -> None:
    oldest = await queue(desk, submission())
    for _ in range(PAGE):
        desk.clock.jump(1)
        await queue(desk, submission())
    await comes(desk, "ann")
    ann = desk.slack.person("ann")
    await ann.click_home(ids.HOME_PAGE)
    await desk.settle()
    await desk.doors.store.cancel([oldest], cause="own-forgotten", now=desk.clock.now())
    assert await later(desk, 10) == 1
    assert "Cancelled" in ann.home_shown
    assert "Newer" in ann.home_shown


async def test_the_run_draws_by_itself_until_it_is_cancelled(
    desk: Desk, submission: Submit, clock: FakeClock, until: Until
) -> None:
    await comes(desk, "ann")
    running = asyncio.create_task(desk.doors.screens.run())
    await until(lambda: clock.sleepers)
    await queue(desk, submission())
    desk.doors.screens.changed(ANN)
    for _ in range(10):
        await clock.advance(screens.TICK_S)
        await until(lambda: clock.sleepers)
    assert "Queued" in desk.slack.person("ann").home_shown
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_message_that_is_cancelled_on_the_tab_is_soon_shown_as_cancelled(
    desk: Desk, submission: Submit
) -> None:
    reference = await queue(desk, submission())
    await comes(desk, "ann")
    ann = desk.slack.person("ann")
    await ann.click_home(ids.CANCEL, value=reference)
    await desk.settle()
    assert await later(desk, screens.PERSON_PAUSE_S) == 1
    assert "Cancelled" in ann.home_shown
    assert desk.doors.answers == 1
    with pytest.raises(CannotTypeError):
        await ann.click_home(ids.CANCEL)


# -- admins and the list


async def test_an_admin_sees_what_others_do_but_not_at_each_of_their_steps(desk: Desk, submission: Submit) -> None:
    await comes(desk, "ada")
    for _ in range(3):
        await queue(desk, submission(user=ANN))
        desk.doors.screens.changed(ANN)
    assert await later(desk, screens.ADMIN_EVERY_S - 0.1) == 0
    assert await later(desk, 0.2) == 1
    assert "3 messages wait" in desk.slack.person("ada").home_shown


async def test_an_admin_who_has_not_stirred_for_a_while_sees_what_this_process_did_all_the_same(
    desk: Desk, submission: Submit
) -> None:
    await comes(desk, "ada")
    await later(desk, screens.STIRRED_LATELY_S)
    await later(desk, screens.LATER_EVERY_S)
    await queue(desk, submission(user=ANN))
    assert await later(desk, screens.ADMIN_EVERY_S) == 0
    desk.doors.screens.changed(ANN)
    assert await later(desk, 0) == 1


async def test_the_whole_is_counted_once_for_all_admins_who_look(desk: Desk) -> None:
    store: Any = desk.doors.store
    overviews = 0
    overview = store.reports.overview

    async def counted(**more: Any) -> Any:
        nonlocal overviews
        overviews += 1
        return await overview(**more)

    store.reports.overview = counted
    desk.doors.access.take(await desk.elsewhere(admin(BEN), admin(ANN)))
    await comes(desk, "ada", "ann", "ben")
    assert overviews == 1


async def test_whoever_is_let_in_or_put_out_while_looking_sees_it(desk: Desk, submission: Submit) -> None:
    await queue(desk, submission(user=SAM))
    sam = desk.slack.person("sam")
    await comes(desk, "sam")
    assert "You are not on the list" in sam.home_shown
    desk.doors.access.take(await desk.elsewhere(admin(SAM)))
    desk.doors.screens.changed()
    assert await later(desk, screens.ADMIN_EVERY_S) == 1
    assert "Queued" in sam.home_shown
    assert "For admins" in sam.home_shown
    desk.doors.access.take(await desk.elsewhere(sender(SAM), remove=(admin(SAM),)))
    assert await later(desk, screens.LATER_EVERY_S) == 1
    assert "For admins" not in sam.home_shown
    desk.doors.access.take(await desk.elsewhere(remove=(sender(SAM),)))
    assert await later(desk, screens.LATER_EVERY_S) == 1
    assert "You are not on the list" in sam.home_shown
    assert "Queued" not in sam.home_shown


# -- never over a newer view


async def test_where_another_process_has_drawn_since_this_one_leaves_it_to_that(desk: Desk, submission: Submit) -> None:
    other = desk.another()
    await comes(desk, "ann")
    desk.stand_at(other)
    await comes(desk, "ann")
    await queue(desk, submission())
    assert await later(desk, 10) == 1
    assert desk.slack.calls_of("views.publish")[-1].outcome == "hash_conflict"
    assert "Queued" not in desk.slack.person("ann").home_shown
    assert await later(desk, 60) == 0, "it is the other's now"
    assert await later(desk, 0, other) == 1
    assert "Queued" in desk.slack.person("ann").home_shown


async def test_what_is_asked_for_is_drawn_whatever_is_there(desk: Desk, submission: Submit) -> None:
    other = desk.another()
    await comes(desk, "ann")
    desk.stand_at(other)
    await comes(desk, "ann")
    desk.stand_at(desk.doors)
    await queue(desk, submission())
    await comes(desk, "ann")
    assert "Queued" in desk.slack.person("ann").home_shown
    assert [call.outcome for call in desk.slack.calls_of("views.publish")] == ["ok"] * 3


async def test_a_redraw_waits_for_nobody_who_is_drawn_at_this_moment(desk: Desk, submission: Submit) -> None:
    await comes(desk, "ann", "ada")
    await queue(desk, submission())
    looking = desk.doors.screens._looking[ANN]
    async with looking.drawing:
        assert await later(desk, 10) == 1, "ada's"
    assert await later(desk, 10) == 1


# -- bounds and faults


async def test_only_so_many_are_looked_after(desk: Desk, submission: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "MAX_LOOKING", 2)
    await comes(desk, "ann", "ben")
    await comes(desk, "ann")
    await comes(desk, "ada")
    assert set(desk.doors.screens._looking) == {ANN, ADA}


async def test_each_tick_reads_the_database_for_a_few_and_in_the_end_for_all(desk: Desk, submission: Submit) -> None:
    people = [f"U0P{number}" for number in range(3 * screens.LOOKS_EACH_TICK)]
    for user_id in people:
        desk.slack.people.add_person(SandboxPerson(user_id, user_id.lower(), user_id))
        await desk.doors.screens.show(Person(user_id, TEAM_ID))
    desk.doors.access.take(await desk.elsewhere(*map(sender, people)))
    assert await later(desk, 60) == screens.LOOKS_EACH_TICK
    for _ in range(10):
        await later(desk, 1)
    assert published(desk) == 2 * len(people)


async def test_while_slack_asks_us_to_slow_down_nothing_is_redrawn(desk: Desk, submission: Submit) -> None:
    await comes(desk, "ann", "ada")
    await queue(desk, submission())
    desk.slack.faults.add("views.publish", status=429, retry_after=30)
    assert await later(desk, 10) == 1
    assert "Queued" not in desk.slack.person("ann").home_shown
    assert await later(desk, 29) == 0
    assert await later(desk, 2) == 2
    assert "Queued" in desk.slack.person("ann").home_shown


async def test_what_slack_did_not_take_when_somebody_came_is_drawn_a_little_later(desk: Desk) -> None:
    desk.slack.faults.add("views.publish", status=500)
    await comes(desk, "ann")
    assert desk.slack.person("ann").home_shown == ""
    assert await later(desk, screens.AWAY_PAUSE_S) == 1
    assert "You have sent nothing yet" in desk.slack.person("ann").home_shown


async def test_what_slack_asks_to_come_back_with_comes_back_then(desk: Desk) -> None:
    desk.slack.faults.add("views.publish", status=429, retry_after=1)
    await comes(desk, "ann")
    assert await later(desk, 0.9) == 0
    assert await later(desk, 0.2) == 1


async def test_a_refusal_for_good_ends_the_looking(desk: Desk, submission: Submit) -> None:
    await comes(desk, "ann")
    await queue(desk, submission())
    desk.slack.faults.add("views.publish", error="user_not_found")
    assert await later(desk, 10) == 1
    assert await later(desk, 60) == 0


async def test_while_the_database_is_away_what_stands_there_stays(desk: Desk, submission: Submit) -> None:
    await queue(desk, submission())
    await comes(desk, "ann")
    await desk.away()
    assert await later(desk, 60) == 0
    assert "Queued" in desk.slack.person("ann").home_shown


async def test_when_the_database_is_back_the_tab_that_said_so_shows_the_messages(
    desk: Desk, submission: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue(desk, submission())
    store: Any = desk.doors.store
    page = store.reports.page

    async def hangs(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(screens, "READ_LIMIT_S", 0.01)
    store.reports.page = hangs
    await comes(desk, "ann")
    assert "can't be read just now" in desk.slack.person("ann").home_shown
    monkeypatch.setattr(screens, "READ_LIMIT_S", 5.0)
    store.reports.page = page
    assert await later(desk, 10) == 1
    assert "Queued" in desk.slack.person("ann").home_shown


async def test_a_fault_of_ours_ends_the_looking_of_one_and_not_of_all(desk: Desk, submission: Submit) -> None:
    await comes(desk, "ann", "ada")
    await queue(desk, submission(user=ADA))
    store: Any = desk.doors.store
    page = store.reports.page

    async def broken(user_id: str, **more: Any) -> Any:
        if user_id == ANN:
            raise ZeroDivisionError
        return await page(user_id, **more)

    store.reports.page = broken
    with capture_logs() as lines:
        assert await later(desk, 30) == 1
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["home_fault"]
    assert set(desk.doors.screens._looking) == {ADA}


async def test_no_log_line_tells_what_stands_on_anybodys_tab(desk: Desk, submission: Submit) -> None:
    reference = await queue(desk, submission(text="Between us two"))
    desk.slack.faults.add("views.publish", error="internal_error")
    with capture_logs() as lines:
        await comes(desk, "ann")
        await later(desk, 60)
    said = str(lines)
    assert "home_not_drawn" in said
    assert "home_drawn" in said
    for hidden in (reference, "Between us two", "2015550123", "blocks"):
        assert hidden not in said


# -- many messages, and of two people


@pytest.mark.parametrize("count", [0, 1, 10_000])
async def test_however_many_were_sent_the_tab_is_within_slacks_limits(
    desk: Desk, database: Database, submission: Submit, count: int
) -> None:
    if count:
        await queue(desk, submission(to=tuple(f"+1201555{n:04d}" for n in range(230))))
        [row] = database.rows(message)
        rows = [
            {**row, "client_reference": f"mms-{n:032x}", "view_id": f"VMANY{n}", "created_at": row["created_at"] - n}
            for n in range(1, count)
        ]
        with database.engine().begin() as connection:
            for start in range(0, len(rows), 100):
                connection.execute(message.insert(), rows[start : start + 100])
    await comes(desk, "ann", "ada")
    for name in ("ann", "ada"):
        view = desk.slack.modals.home(desk.slack.person(name).id)
        assert view is not None
        assert check_view(view.definition) == []
        assert len(view.definition["blocks"]) <= 100
    assert desk.slack.person("ann").home_shown.count("230 recipients") == min(count, PAGE)
    if count > 1:
        assert f"{count} messages wait" in desk.slack.person("ada").home_shown


class _InMemory:
    """What ``HomeScreens`` reads, of messages in a list, newest first."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages

    async def page(self, user_id: str | None, *, before: str | None, limit: int) -> Sequence[Message]:
        found = [one for one in self.messages if user_id in (None, one.reply.user_id)]
        if before is not None:
            order = [one.client_reference for one in self.messages]
            if before not in order:
                return []
            older = set(order[order.index(before) + 1 :])
            found = [one for one in found if one.client_reference in older]
        return found[:limit]

    async def counts(self, client_references: Sequence[str]) -> Mapping[str, Counts]:
        return {reference: Counts(delivered=1) for reference in client_references}

    async def overview(self, **_: Any) -> Overview:
        return Overview(0, None, 0, 0, (), {}, ())


class _Published:
    """A Slack that takes whatever is published, and keeps it by person."""

    def __init__(self) -> None:
        self.homes: dict[str, Mapping[str, Any]] = {}

    async def publish_home(self, user_id: str, view: Mapping[str, Any], _: str | None, **__: Any) -> str | None:
        assert check_view(view) == []
        self.homes[user_id] = view
        return "1.a"


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([ANN, BEN, ADA, SAM]), max_size=60),
    st.lists(
        st.tuples(st.sampled_from([ANN, BEN, ADA, SAM]), st.integers(0, 59) | st.sampled_from(["newer", "older"]))
    ),
)
def test_whoever_turns_whichever_pages_sees_their_own_messages_and_no_others(
    causes: Catalogue, senders: list[str], turns: list[tuple[str, int | str]]
) -> None:
    messages = [sent(number, user=user) for number, user in enumerate(senders)]
    slack: Any = _Published()
    reports: Any = _InMemory(messages)
    policy = Policy(senders=frozenset({ANN, BEN}), admins=frozenset({ADA}))

    async def never() -> None: ...

    access = AccessCheck(
        policy, known=lambda: NOTHING_KNOWN, look_up=lambda _: None, on_change=lambda: None, look=never
    )
    access.workspace = HERE
    tab = HomeScreens(
        reports=reports,
        slack=slack,
        access=access,
        admins=lambda: (ADA,),
        causes=causes,
        command="/mms",
        clock=FakeClock(),
    )

    async def play() -> None:
        for user_id, which in turns:
            trail: tuple[str, ...] = ()
            if isinstance(which, int):  # a cursor that stands on nobody's page, or on somebody else's
                trail = (messages[which].client_reference,) if which < len(messages) else ("mms-none",)
            elif (view := slack.homes.get(user_id)) is not None:
                trail = _turned(view, which)
            await tab.show(Person(user_id, TEAM_ID), trail=trail)
            own = {one.client_reference for one in messages if one.reply.user_id == user_id != SAM}
            assert set(_values(slack.homes[user_id], ids.DETAILS, ids.CANCEL, ids.HOME_PAGE)) <= own

    asyncio.run(play())


def _values(view: Mapping[str, Any], *action_ids: str) -> list[str]:
    return [element["value"] for _, element in elements_of(view["blocks"]) if element["action_id"] in action_ids]


def _turned(view: Mapping[str, Any], which: str) -> tuple[str, ...]:
    values = _values(view, ids.HOME_NEWER if which == "newer" else ids.HOME_PAGE)
    trail = trail_from(view.get("private_metadata"))
    return turn(trail, values[0]) if values else trail
