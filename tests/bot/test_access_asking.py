"""Asking for access and answering: who may ask, once a day, and the first answer counts; nothing typed is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.access import Policy
from bot.access.changes import ByDoor
from bot.access.requests import ASK_AGAIN_AFTER
from bot.causes import Catalogue
from bot.slack import ids
from bot.slack.access import changing
from bot.slack.dispatch import Answer
from bot.slack.gateway import SlackGateway
from bot.store.tables import access_change, access_notice, access_request, message
from sandbox.slack import FakeSlack, Message
from sandbox.slack.dialog import Dialog
from sandbox.slack.people import ADA, ANN, BEN, DAN, EVE, GUS, OTHER_TEAM_ID, ROBO, SAM, SUPPORT, TEAM_ID
from tests.bot.access_desk import UNCHANGED, Desk, admin, sender

if TYPE_CHECKING:
    from tests.bot.conftest import Doors, FakeClock
    from tests.bot.databases import Database

ASK = ids.ASK_ACCESS


@pytest.fixture
async def desk(
    doors: Doors, database: Database, slack: FakeSlack, gateway: SlackGateway, causes: Catalogue, clock: FakeClock
) -> AsyncIterator[Desk]:
    desk = Desk(doors, database, slack, gateway, causes, clock)
    yield desk
    await desk.close()
    assert database.rows(message) == [], "asking and answering send nothing"
    assert doors.queued == 0


def requests(desk: Desk) -> list[tuple[str, str | None, str | None]]:
    """(who asked, decision, by whom), oldest first."""
    return [(row["user_id"], row["decision"], row["decided_by"]) for row in desk.database.rows(access_request)]


def notices(desk: Desk) -> list[tuple[str, str]]:
    """Of those that the person has not read where they asked."""
    rows = desk.database.rows(access_notice)
    assert all(row["told_at"] for row in rows if row["kind"] == "asked"), "they have read it there"
    return [(str(row["kind"]), row["to_user_id"]) for row in rows if row["kind"] != "asked"]


async def press(
    desk: Desk, user_id: str, action_id: str = ASK, value: str | None = None, *, team_id: str = TEAM_ID
) -> str:
    """Press a button of a message in #general, and read what comes back, or what stands there in its place."""
    state = desk.slack.state
    shown = Message(state.next_ts(), "C0GENERAL", "response_url", "the button", ephemeral_to=user_id)
    state.post(shown)
    before = len(state.messages)
    url = f"{desk.slack.origin}/response/{state.new_response_url(user_id, 'C0GENERAL', message_ts=shown.ts)}"
    action: dict[str, Any] = {"type": "button", "action_id": action_id, "block_id": "b"}
    body = {
        "type": "block_actions",
        "team": {"id": TEAM_ID, "domain": "sandbox"},
        "user": {"id": user_id, "name": "somebody", "team_id": team_id},
        "container": {"type": "message", "channel_id": "C0GENERAL", "is_ephemeral": True},
        "channel": {"id": "C0GENERAL", "name": "general"},
        "trigger_id": desk.slack.state.new_trigger(user_id),
        "response_url": url,
        "actions": [action if value is None else {**action, "value": value}],
    }
    assert await desk.doors.dispatcher.dispatch(body) == Answer(200, ""), "a click's ack says nothing"
    await desk.settle()
    told = [one for one in desk.slack.state.messages if one.ts == shown.ts and one.edits] + state.messages[before:]
    assert {one.ephemeral_to for one in told} <= {user_id}
    return "\n".join(one.shown for one in told)


async def denied_dialog(desk: Desk, person: str = "sam") -> Dialog:
    """They were taken off the list while their dialog was open, and pressed Send."""
    actor = desk.slack.person(person)
    desk.doors.access.take(await desk.elsewhere(sender(actor.id)))
    await desk.command(person, "+12015550123 Hello there")
    shown = await actor.dialog()
    desk.doors.access.take(await desk.elsewhere(remove=(sender(actor.id),)))
    assert (await shown.submit()).outcome == "updated"
    return shown


# -- the button


@pytest.mark.parametrize("text", ["", "+12015550123 Hi", "whoami", "recent", "admin"])
async def test_a_stranger_is_shown_the_button_wherever_they_are_denied(desk: Desk, text: str) -> None:
    assert f"<@{ADA}>" in await desk.command("sam", text)
    assert ASK in desk.last("sam").buttons()


async def test_a_guest_of_a_listed_group_is_shown_the_button(desk: Desk, doors: Doors) -> None:
    doors.directory.members[SUPPORT] = frozenset({GUS})
    await doors.directory.learn([GUS], within_s=1)
    await desk.command("gus", "")
    assert ASK in desk.last("gus").buttons()
    await press(desk, GUS)
    assert requests(desk) == [(GUS, None, None)]


@pytest.mark.parametrize("name", ["eve", "robo", "dan"])
async def test_who_can_never_be_let_in_is_shown_no_button(desk: Desk, doors: Doors, name: str) -> None:
    person = desk.slack.people.person(name)
    await doors.directory.learn([person.id], within_s=1)
    payload = desk.slack.person(name).command_payload("/mms", "", desk.slack.people.channel("general"), escape=True)
    answer = await doors.dispatcher.dispatch(payload)
    assert "Nothing was sent" in answer.body
    assert ASK not in answer.body


async def test_who_is_known_in_a_moment_is_shown_no_button(desk: Desk, doors: Doors) -> None:
    doors.directory.members[SUPPORT] = frozenset({BEN})
    await desk.command("ben", "")
    assert desk.last("ben").buttons() == {}
    assert "Nothing was sent" in await press(desk, BEN)
    assert requests(desk) == []


async def test_without_an_admin_there_is_no_button_and_nobody_to_ask(desk: Desk, doors: Doors) -> None:
    doors.access.base = Policy()
    doors.access.take(await desk.elsewhere(sender(ANN)))
    await desk.command("sam", "")
    assert desk.last("sam").buttons() == {}
    assert "Nothing was" in await press(desk, SAM)
    assert requests(desk) == []


@pytest.mark.parametrize("name", ["ann", "ada"])
async def test_who_may_send_and_presses_an_old_button_reads_that_they_may(desk: Desk, name: str) -> None:
    said = await press(desk, desk.slack.person(name).id)
    assert UNCHANGED in said
    assert requests(desk) == []


CANNOT_ASK = [(user, True) for user in (EVE, ROBO, DAN, "U0MMSBOT", "USLACKBOT", "")]
# Nothing but Slack's word tells another bot and the deactivated apart; these are told by their payload.
CANNOT_ASK += [(user, False) for user in (EVE, "U0MMSBOT", "USLACKBOT", "")]


@pytest.mark.parametrize(("user_id", "known"), CANNOT_ASK)
async def test_bots_the_deactivated_and_people_of_elsewhere_cannot_ask(
    desk: Desk, doors: Doors, user_id: str, known: bool
) -> None:
    await doors.directory.learn([user_id] if known else [], within_s=1)
    await press(desk, user_id, team_id=OTHER_TEAM_ID if user_id == EVE else TEAM_ID)
    assert requests(desk) == []
    assert notices(desk) == []


async def test_before_slack_has_said_whose_bot_this_is_nobody_can_ask(desk: Desk, doors: Doors) -> None:
    doors.access.workspace = None
    assert "Nothing was" in await press(desk, SAM)
    assert requests(desk) == []


# -- asking


async def test_a_request_is_kept_and_every_admin_is_to_be_told(desk: Desk, doors: Doors) -> None:
    doors.access.take(await desk.elsewhere(admin(BEN), admin(SUPPORT), admin(DAN)))
    doors.directory.members[SUPPORT] = frozenset({GUS, ANN})
    await doors.directory.learn([GUS, ANN, DAN], within_s=1)
    await desk.command("sam", "+12015550123 Hi")
    shown = desk.last("sam")
    assert (await desk.slack.person("sam").click(shown, ASK)).body == b""
    await desk.settle()
    assert requests(desk) == [(SAM, None, None)]
    assert sorted(notices(desk)) == [("ask", ADA), ("ask", ANN), ("ask", BEN)], "no guest by a group, no deactivated"
    assert doors.noticed == 1
    assert f"<@{ADA}>" in desk.last("sam").shown
    assert desk.last("sam").ts != shown.ts


async def test_in_a_dialog_the_button_gives_way_to_the_answer_and_what_was_typed_stays(desk: Desk) -> None:
    shown = await denied_dialog(desk)
    told = len(desk.slack.person("sam").messages)
    await shown.click(ASK)
    await desk.settle()
    assert requests(desk) == [(SAM, None, None)]
    assert ASK not in str(shown.view["blocks"])
    assert f"<@{ADA}>" in shown.shown
    assert "Hello there" in shown.shown
    assert not shown.can_submit
    assert len(desk.slack.person("sam").messages) == told


async def test_a_dialog_that_is_closed_by_then_is_answered_by_a_message(desk: Desk) -> None:
    shown = await denied_dialog(desk)
    desk.slack.faults.add("views.update", error="not_found")
    await shown.click(ASK)
    await desk.settle()
    assert requests(desk) == [(SAM, None, None)]
    assert f"<@{ADA}>" in desk.last("sam").shown


async def test_a_second_request_within_a_day_changes_nothing(desk: Desk, doors: Doors) -> None:
    await press(desk, SAM)
    desk.clock.jump((ASK_AGAIN_AFTER - timedelta(seconds=1)).total_seconds())
    assert UNCHANGED in await press(desk, SAM)
    await desk.settle()
    assert requests(desk) == [(SAM, None, None)]
    assert notices(desk) == [("ask", ADA)]
    assert doors.noticed == 1


async def test_after_a_day_somebody_can_ask_again_and_the_old_request_is_replaced(desk: Desk) -> None:
    await press(desk, SAM)
    desk.clock.jump(ASK_AGAIN_AFTER.total_seconds())
    assert UNCHANGED not in await press(desk, SAM)
    assert requests(desk) == [(SAM, "replaced", None), (SAM, None, None)]
    assert notices(desk) == [("ask", ADA), ("ask", ADA)]


async def test_many_presses_at_once_in_two_processes_are_one_request(desk: Desk) -> None:
    other = desk.another()
    payloads = []
    for _ in range(10):
        payload = {
            "type": "block_actions",
            "team": {"id": TEAM_ID},
            "user": {"id": SAM, "team_id": TEAM_ID},
            "trigger_id": desk.slack.state.new_trigger(SAM),
            "actions": [{"type": "button", "action_id": ASK, "block_id": "b"}],
        }
        payloads.append(payload)
    await asyncio.gather(
        *((desk.doors, other)[number % 2].dispatcher.dispatch(payload) for number, payload in enumerate(payloads))
    )
    await desk.settle()
    assert requests(desk) == [(SAM, None, None)]
    assert notices(desk) == [("ask", ADA)]


# -- answering


async def test_the_admin_who_allows_puts_the_person_on_the_list_at_once(desk: Desk, doors: Doors) -> None:
    await press(desk, SAM)
    said = await press(desk, ADA, ids.ALLOW_REQUEST, "1")
    assert f"allowed by <@{ADA}>" in said, "it stands in the place of the message that was pressed"
    assert requests(desk) == [(SAM, "allowed", ADA)]
    assert desk.log() == [(ADA, "added", SAM, "sender")]
    assert [row["door"] for row in desk.database.rows(access_change)] == [ByDoor.REQUEST]
    assert notices(desk) == [("ask", ADA), ("outcome", SAM)]
    assert doors.noticed == 2
    assert await desk.command("sam", "") == ""
    assert (await desk.slack.person("sam").dialog()).callback_id == ids.COMPOSE


@pytest.mark.parametrize("person", [DAN, EVE, ROBO])
async def test_who_turned_out_not_to_count_cannot_be_allowed(desk: Desk, doors: Doors, person: str) -> None:
    await doors.store.access.ask(person, admins=[ADA], now=desk.clock.now())
    await doors.directory.learn([person], within_s=1)
    assert UNCHANGED in await press(desk, ADA, ids.ALLOW_REQUEST, "1")
    assert requests(desk) == [(person, None, None)]
    assert desk.log() == []
    assert f"declined by <@{ADA}>" in await press(desk, ADA, ids.DECLINE_REQUEST, "1")


def test_all_that_an_answer_waits_for_leaves_time_for_the_ack() -> None:
    assert 2 * changing.AGAIN_LIMIT_S + changing.COMMIT_LIMIT_S < 3.0, "Slack's limit"


async def test_the_admin_who_declines_changes_nothing_of_the_list(desk: Desk) -> None:
    await press(desk, SAM)
    assert f"declined by <@{ADA}>" in await press(desk, ADA, ids.DECLINE_REQUEST, "1")
    assert requests(desk) == [(SAM, "declined", ADA)]
    assert desk.log() == []
    assert notices(desk) == [("ask", ADA), ("outcome", SAM)]
    assert UNCHANGED in await press(desk, SAM), "declined within the last day"
    assert requests(desk) == [(SAM, "declined", ADA)]


@pytest.mark.parametrize("first", [ids.ALLOW_REQUEST, ids.DECLINE_REQUEST])
@pytest.mark.parametrize("second", [ids.ALLOW_REQUEST, ids.DECLINE_REQUEST])
async def test_whoever_answers_first_decides_and_the_second_is_told_who_that_was(
    desk: Desk, doors: Doors, first: str, second: str
) -> None:
    doors.access.take(await desk.elsewhere(admin(BEN)))
    await press(desk, SAM)
    await press(desk, BEN, first, "1")
    before = desk.log(), requests(desk), notices(desk)
    said = await press(desk, ADA, second, "1")
    assert UNCHANGED in said
    assert f"<@{BEN}>" in said
    assert (desk.log(), requests(desk), notices(desk)) == before


async def test_of_two_answers_at_one_moment_in_two_processes_one_decides(desk: Desk, doors: Doors) -> None:
    other = desk.another()
    for each in (doors, other):
        each.access.take(await each.store.access.current())
    await press(desk, SAM)

    def answer(each: Doors, action_id: str) -> Any:
        return each.dispatcher.dispatch(
            {
                "type": "block_actions",
                "team": {"id": TEAM_ID},
                "user": {"id": ADA, "team_id": TEAM_ID},
                "trigger_id": desk.slack.state.new_trigger(ADA),
                "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "value": "1"}],
            }
        )

    await asyncio.gather(answer(doors, ids.ALLOW_REQUEST), answer(other, ids.DECLINE_REQUEST))
    [(_, decision, by)] = requests(desk)
    assert by == ADA
    assert await desk.entries() == ({("sender", SAM)} if decision == "allowed" else set())
    assert notices(desk).count(("outcome", SAM)) == 1


async def test_who_was_allowed_by_command_meanwhile_need_not_be_answered(desk: Desk) -> None:
    await press(desk, SAM)
    await desk.command("ada", "allow @sam")
    assert requests(desk) == [(SAM, "allowed", ADA)]
    said = await press(desk, ADA, ids.DECLINE_REQUEST, "1")
    assert UNCHANGED in said
    assert await desk.entries() == {("sender", SAM)}


async def test_the_request_that_was_replaced_cannot_be_answered(desk: Desk) -> None:
    await press(desk, SAM)
    desk.clock.jump(ASK_AGAIN_AFTER.total_seconds())
    await press(desk, SAM)
    assert UNCHANGED in await press(desk, ADA, ids.ALLOW_REQUEST, "1")
    assert await desk.entries() == set()


@pytest.mark.parametrize(
    "value", [None, "", "0", "2", "-1", "1 ", "1.0", "x", "٣", "²", "9" * 17, "9" * 19, "9" * 2000, "1; --"]
)
@pytest.mark.parametrize("action_id", [ids.ALLOW_REQUEST, ids.DECLINE_REQUEST])
async def test_a_button_of_no_request_changes_nothing(desk: Desk, action_id: str, value: str | None) -> None:
    await press(desk, SAM)
    assert UNCHANGED in await press(desk, ADA, action_id, value)
    assert requests(desk) == [(SAM, None, None)]
    assert desk.log() == []


@pytest.mark.parametrize("user_id", [SAM, ANN, GUS])
@pytest.mark.parametrize("action_id", [ids.ALLOW_REQUEST, ids.DECLINE_REQUEST])
async def test_who_is_no_admin_cannot_answer_nor_learn_what_was_answered(
    desk: Desk, user_id: str, action_id: str
) -> None:
    await press(desk, SAM)
    said = await press(desk, user_id, action_id, "1")
    assert "Nothing was" in said
    assert requests(desk) == [(SAM, None, None)]
    assert desk.log() == []
    await press(desk, ADA, ids.DECLINE_REQUEST, "1")
    for value in ("1", "2"):
        assert await press(desk, user_id, action_id, value) == said, "the same, whatever there is to know"


async def test_an_admin_whom_another_process_removed_cannot_answer(desk: Desk, doors: Doors) -> None:
    doors.access.take(await desk.elsewhere(admin(BEN)))
    await press(desk, SAM)
    await desk.elsewhere(remove=(admin(BEN),), store=desk.database.store())
    assert "Nothing was" in await press(desk, BEN, ids.ALLOW_REQUEST, "1")
    assert requests(desk) == [(SAM, None, None)]
    assert ("sender", SAM) not in await desk.entries()


# -- the database


@pytest.mark.parametrize(("user_id", "action_id"), [(SAM, ASK), (ADA, ids.ALLOW_REQUEST), (ADA, ids.DECLINE_REQUEST)])
@pytest.mark.parametrize("how", ["away", "hangs"])
async def test_a_database_that_does_not_answer_is_told(
    desk: Desk, doors: Doors, monkeypatch: pytest.MonkeyPatch, user_id: str, action_id: str, how: str
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    if how == "away":
        await desk.away()
    else:
        monkeypatch.setattr(changing, "COMMIT_LIMIT_S", 0.02)
        monkeypatch.setattr(doors.store.access, "ask", never)
        monkeypatch.setattr(doors.store.access, "decide", never)
    said = await press(desk, user_id, action_id, "1")
    assert "MMS-DATABASE" in said
    assert UNCHANGED not in said
    assert doors.noticed == 0
