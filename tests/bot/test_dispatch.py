"""The doors: who passes, what comes back at once, what is done after, and nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from slack_bolt.async_app import AsyncApp

from bot.access import Reason, Role
from bot.access.changes import ByDoor, Edit, Entry
from bot.domain import Accepted, Refused, State, Submission
from bot.slack import ids
from bot.slack.command import Name
from bot.slack.dispatch import Answer, Doorway
from bot.slack.listeners import COMPOSE_WORD, SUGGESTION_WORD
from bot.slack.replays import SEEN_FOR_S
from bot.store import Changed, Taken
from bot.store.sql import SqlStore
from bot.store.tables import message
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, ANN, BEN, BOT_USER, EVE, ROBO, SAM, TEAM_ID
from tests.bot.conftest import anybody
from tests.bot.slack_payloads import click, command, said, submit, who

if TYPE_CHECKING:
    from tests.bot.conftest import Doors, FakeClock
    from tests.bot.databases import Database

Until = Callable[[Callable[[], object]], Awaitable[None]]
Submit = Callable[..., Submission]


# -- every door declares who may use it


def test_every_door_declares_who_may_use_it(doors: Doors) -> None:
    for table in (doors.all.words, doors.all.submits, doors.all.clicks, doors.all.events):
        for name, door in table.items():
            assert door.name == name
            assert isinstance(door.needs, Role)
    assert set(doors.all.words) == {*Name, COMPOSE_WORD, SUGGESTION_WORD}
    assert set(doors.all.events) == {ids.HOME_OPENED}
    everything = {**doors.all.words, **doors.all.submits, **doors.all.clicks, **doors.all.events}
    needs = {name: door.needs for name, door in everything.items()}
    assert {name for name, role in needs.items() if role is Role.ANYBODY} == {"help", "whoami", SUGGESTION_WORD}
    assert {name for name, role in needs.items() if role is Role.MEMBER} == {ids.ASK_ACCESS}
    assert {name for name, role in needs.items() if role is Role.ADMIN} == {
        *("admin", "access", "access log", "allow", "remove", ids.ADMIN, ids.ALLOW_REQUEST, ids.DECLINE_REQUEST)
    }


def strangers_in(app: AsyncApp) -> list[str]:
    """What Bolt would call beside the one doorway: any listener, and any middleware that is not Bolt's own."""
    others = [one for one in app._async_middleware_list if not isinstance(one, Doorway)]
    assert len(app._async_middleware_list) - len(others) == 1, "there is one doorway"
    beside = [one.name for one in others if not type(one).__module__.startswith("slack_bolt.")]
    return beside + [listener.ack_function.__name__ for listener in app._async_listeners]


def test_bolt_has_the_doorway_and_no_listener_beside_it(doors: Doors) -> None:
    assert strangers_in(doors.dispatcher.app) == []


@pytest.mark.parametrize("way", ["command", "event", "shortcut", "action", "view"])
def test_a_listener_beside_the_doors_is_found_out(doors: Doors, way: str) -> None:
    async def back_door(ack: Callable[[], Awaitable[None]]) -> None:
        await ack()

    getattr(doors.dispatcher.app, way)("anything")(back_door)
    assert strangers_in(doors.dispatcher.app) == ["back_door"]


@pytest.mark.parametrize("person", [SAM, EVE, ROBO, BOT_USER, ""])
async def test_nobody_else_passes_any_door_but_help(
    doors: Doors, database: Database, slack: FakeSlack, person: str
) -> None:
    home = "T0ELSEWHERE" if person == EVE else TEAM_ID
    for name, door in doors.all.words.items():
        text = {COMPOSE_WORD: "+12015550123 Hi", SUGGESTION_WORD: "hlep"}.get(name, name)
        body = command(slack, text, user_id=person, team_id=home)
        answer = said(await doors.dispatcher.dispatch(body))
        if door.needs is not Role.ANYBODY:
            assert "Nothing was" in answer["text"]
        assert answer["response_type"] == "ephemeral"
    body = {**submit(user_id=person), **who(person, home_team_id=home)}
    answer = said(await doors.dispatcher.dispatch(body))
    assert answer["response_action"] == "update"
    assert "submit" not in answer["view"]
    assert "+12015550123" in json.dumps(answer["view"])
    assert said(await doors.dispatcher.dispatch({**click(slack, "mms-1"), **who(person, home_team_id=home)})) == {}
    await doors.dispatcher.drain(2)
    assert slack.calls_of("views.open") == []
    assert database.rows(message) == []


async def test_who_was_taken_off_the_list_reads_that_a_second_press_was_taken_with_the_first(
    doors: Doors, database: Database, clock: FakeClock
) -> None:
    async def change(edit: Edit) -> None:
        changed = await doors.store.access.change(
            lambda _: edit, by=ADA, door=ByDoor.COMMAND, origin=None, now=clock.now()
        )
        assert isinstance(changed, Changed)
        doors.access.take(changed.access)

    sam_sends = frozenset({Entry(SAM, Role.SENDER)})
    await change(Edit(add=sam_sends))
    assert said(await doors.dispatcher.dispatch(submit("V1", user_id=SAM))) == {}
    await change(Edit(remove=sam_sends))
    assert said(await doors.dispatcher.dispatch(submit("V1", user_id=SAM))) == {}
    other = said(await doors.dispatcher.dispatch(submit("V1", user_id=SAM, message="Something else")))
    assert "already taken" in other["errors"]["to"]
    assert "Nothing was sent" in json.dumps(said(await doors.dispatcher.dispatch(submit("V2", user_id=SAM))))
    assert len(database.rows(message)) == 1


async def test_a_foreign_team_is_nobodys(doors: Doors, database: Database, slack: FakeSlack) -> None:
    answer = said(await doors.dispatcher.dispatch(command(slack, "hi", team_id="T9")))
    assert "Nothing was sent" in answer["text"]
    foreign = {**submit(), **who(ANN, team_id="T9")}
    assert said(await doors.dispatcher.dispatch(foreign))["response_action"] == "update"
    assert database.rows(message) == []


async def test_before_slack_was_asked_nobody_passes_and_what_was_typed_stays(doors: Doors) -> None:
    doors.access.workspace = None
    answer = said(await doors.dispatcher.dispatch(submit()))
    assert answer["response_action"] == "errors"
    assert "press" in answer["errors"]["to"].lower()


async def test_a_member_of_a_listed_group_may_send_and_no_longer_when_taken_out(
    doors: Doors, database: Database
) -> None:
    doors.directory.members["S0SUPPORT"] = frozenset({BEN})
    await doors.directory.learn([BEN], within_s=1)
    assert said(await doors.dispatcher.dispatch(submit("V1", user_id=BEN))) == {}
    doors.directory.members.clear()
    assert said(await doors.dispatcher.dispatch(submit("V2", user_id=BEN)))["response_action"] == "update"
    assert [row["view_id"] for row in database.rows(message)] == ["V1"]


# -- the command


async def test_a_command_is_acked_and_opens_the_dialog_filled_in(doors: Doors, slack: FakeSlack) -> None:
    answer = await doors.dispatcher.dispatch(command(slack, "+1 201 555 0123 Your parcel is here"))
    assert answer == Answer(200, "")
    dialog = await slack.person("ann").dialog(callback_id="mms_compose")
    assert dialog.values["to"] == "+1 201 555 0123"
    assert dialog.values["message"] == "Your parcel is here"
    assert slack.calls[0].method == "views.open", "the first network call"
    assert slack.refusals == []


@pytest.mark.parametrize("text", ["help", " HELP ", "whoami"])
async def test_help_and_whoami_answer_anybody_at_once(doors: Doors, slack: FakeSlack, text: str) -> None:
    answer = await doors.dispatcher.dispatch(command(slack, text, person="sam"))
    assert answer.content_type.startswith("application/json")
    assert said(answer)["response_type"] == "ephemeral"
    await doors.dispatcher.drain(1)
    assert slack.calls == []


async def test_a_near_miss_is_asked_about_and_opens_nothing(doors: Doors, slack: FakeSlack) -> None:
    answer = said(await doors.dispatcher.dispatch(command(slack, "recnet")))
    assert "recent" in answer["text"]
    await doors.dispatcher.drain(1)
    assert slack.calls == []


async def test_whoami_says_which_role(doors: Doors, slack: FakeSlack) -> None:
    texts = {
        name: said(await doors.dispatcher.dispatch(command(slack, "whoami", person=name)))["text"]
        for name in ("ann", "ada", "sam")
    }
    assert "You may send." in texts["ann"]
    assert "admin" in texts["ada"]
    assert "not on the list" in texts["sam"]
    for name, user_id in (("ann", ANN), ("ada", ADA), ("sam", SAM)):
        assert user_id in texts[name]


async def test_a_captured_command_played_again_opens_nothing(doors: Doors, slack: FakeSlack, clock: FakeClock) -> None:
    body = command(slack, "Hello")
    assert await doors.dispatcher.dispatch(body) == Answer(200, "")
    await slack.person("ann").dialog()
    clock.jump(SEEN_FOR_S - 1)
    assert await doors.dispatcher.dispatch(body) == Answer(200, "")
    await doors.dispatcher.drain(1)
    assert len(slack.calls_of("views.open")) == 1
    assert slack.state.messages == []


async def test_two_commands_of_one_person_are_two_dialogs(doors: Doors, slack: FakeSlack) -> None:
    for _ in range(2):
        await doors.dispatcher.dispatch(command(slack, "Hello"))
    await doors.dispatcher.drain(2)
    assert len(slack.calls_of("views.open")) == 2


async def test_a_dialog_that_does_not_open_is_told(doors: Doors, slack: FakeSlack) -> None:
    body = command(slack, "Hello")
    slack.state.use_trigger(body["trigger_id"])
    body["trigger_id"] = "1.2.invented"
    await doors.dispatcher.dispatch(body)
    told = await slack.person("ann").wait_for_message()
    assert "Nothing was sent" in told.text
    assert told.ephemeral_to == ANN


async def test_what_could_not_be_told_is_told_with_the_next_command(
    doors: Doors, store: SqlStore, slack: FakeSlack, submission: Submit, clock: FakeClock
) -> None:
    taken = await store.enqueue(submission(), may=anybody, now=clock.now())
    assert isinstance(taken, Taken)
    await store.claim(owner="w", limit=1, busy={}, per_person=1, now=clock.now(), lease_s=10)
    await store.begin(taken.client_reference, owner="w", now=clock.now(), lease_s=10)
    await store.record(taken.client_reference, Accepted("B-LATE"), owner="w", attempt=1, now=clock.now())
    [one] = await store.claim_answers(owner="n", limit=1, now=clock.now(), lease_s=10)
    await store.answer_failed(one.answer_id, next_at=None, response_url_used=False)
    await doors.dispatcher.dispatch(command(slack, "", person="ada"))
    await doors.dispatcher.drain(2)
    assert slack.state.messages == []
    await doors.dispatcher.dispatch(command(slack, ""))
    told = await slack.person("ann").wait_for_message()
    await doors.dispatcher.drain(2)
    assert "B-LATE" in told.shown
    assert await store.untold(ANN, limit=5) == []
    await doors.dispatcher.dispatch(command(slack, ""))
    await doors.dispatcher.drain(2)
    assert len(slack.person("ann").messages) == 1


# -- the dialog


async def test_a_submit_is_a_committed_row_before_the_ack(doors: Doors, database: Database) -> None:
    assert await doors.dispatcher.dispatch(submit("V1")) == Answer(200, "")
    [row] = database.rows(message)
    assert (row["view_id"], row["state"], row["user_id"]) == ("V1", State.QUEUED, ANN)
    assert doors.queued_by == [ANN]


async def test_many_presses_are_one_row_and_one_wake(doors: Doors, database: Database) -> None:
    answers = await asyncio.gather(*(doors.dispatcher.dispatch(submit("V1")) for _ in range(20)))
    assert set(answers) == {Answer(200, "")}
    assert len(database.rows(message)) == 1
    assert doors.queued == 1


async def test_other_content_in_the_same_dialog_is_told_under_to(doors: Doors, database: Database) -> None:
    await doors.dispatcher.dispatch(submit("V1", message="First"))
    answer = said(await doors.dispatcher.dispatch(submit("V1", message="Second")))
    assert answer["response_action"] == "errors"
    assert "already taken" in answer["errors"]["to"]
    assert "new dialog" in answer["errors"]["to"]
    assert len(database.rows(message)) == 1


async def test_faults_stand_under_their_fields_and_nothing_is_kept(doors: Doors, database: Database) -> None:
    answer = said(await doors.dispatcher.dispatch(submit(to="555-12", message="", subject="Hi")))
    assert answer["response_action"] == "errors"
    assert set(answer["errors"]) == {"to", "message", "subject"}
    assert database.rows(message) == []


async def test_more_than_ten_recipients_are_shown_first_and_taken_at_the_second_press(
    doors: Doors, database: Database
) -> None:
    numbers = ", ".join(f"+1201555{n:04d}" for n in range(100, 112))
    review = said(await doors.dispatcher.dispatch(submit("V1", to=numbers)))
    assert review["response_action"] == "update"
    assert database.rows(message) == []
    metadata = review["view"]["private_metadata"]
    changed = said(await doors.dispatcher.dispatch(submit("V1", to=numbers + ", +12015550150", metadata=metadata)))
    assert changed["response_action"] == "update", "what was changed is shown again"
    assert await doors.dispatcher.dispatch(submit("V1", to=numbers, metadata=metadata)) == Answer(200, "")
    [row] = database.rows(message)
    assert row["recipient_count"] == 12


async def test_a_database_that_is_away_is_told_under_to_and_never_as_nothing_was_sent(
    doors: Doors, store: SqlStore
) -> None:
    await store.close()
    answer = said(await doors.dispatcher.dispatch(submit()))
    said_under_to = answer["errors"].pop("to")
    assert answer == {"response_action": "errors", "errors": {}}
    assert "Nothing was sent" not in said_under_to
    assert "sent once at most" in said_under_to
    assert said_under_to.endswith("(Code MMS-DATABASE)")


async def test_a_database_that_is_away_gives_the_words_a_sentence(
    doors: Doors, store: SqlStore, slack: FakeSlack
) -> None:
    await store.close()
    for text in ("recent", "status 01HV"):
        answer = said(await doors.dispatcher.dispatch(command(slack, text)))
        assert answer["response_type"] == "ephemeral"
        assert "Nothing was sent" in answer["text"]


async def test_a_fault_of_ours_still_gives_a_sentence_and_a_200(
    doors: Doors, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.slack.listeners.check", broken)
    monkeypatch.setattr("bot.slack.payloads.command", broken)
    monkeypatch.setattr("bot.slack.payloads.click", broken)
    under_to = said(await doors.dispatcher.dispatch(submit()))["errors"]["to"]
    assert "sent once at most" in under_to, "it may have been saved before"
    assert under_to.endswith("(Code MMS-INTERNAL-DIALOG)")
    assert "Nothing was sent" in said(await doors.dispatcher.dispatch(command(slack, "x")))["text"]
    assert await doors.dispatcher.dispatch(click(slack, "x")) == Answer(200, "")


# -- open it again


async def refused(store: SqlStore, submission: Submission, clock: FakeClock) -> str:
    taken = await store.enqueue(submission, may=anybody, now=clock.now())
    assert isinstance(taken, Taken)
    await store.claim(owner="w", limit=9, busy={}, per_person=9, now=clock.now(), lease_s=10)
    await store.begin(taken.client_reference, owner="w", now=clock.now(), lease_s=10)
    await store.record(taken.client_reference, Refused("http-401"), owner="w", attempt=1, now=clock.now())
    return taken.client_reference


async def test_its_sender_opens_a_refused_message_again_filled_in(
    doors: Doors, store: SqlStore, slack: FakeSlack, submission: Submit, clock: FakeClock
) -> None:
    reference = await refused(store, submission(text="Hi", media_url="https://host.example/a.png"), clock)
    assert await doors.dispatcher.dispatch(click(slack, reference)) == Answer(200, "")
    dialog = await slack.person("ann").dialog()
    assert dialog.values == {
        "to": "+12015550123",
        "message": "Hi",
        "media_url": "https://host.example/a.png",
        "subject": None,
    }


async def test_nobody_else_opens_it_whoever_they_are(
    doors: Doors, store: SqlStore, slack: FakeSlack, submission: Submit, clock: FakeClock
) -> None:
    reference = await refused(store, submission(user=ANN), clock)
    await doors.dispatcher.dispatch(click(slack, reference, user_id=ADA))
    told = await slack.person("ada").wait_for_message()
    assert "Nothing was sent" in told.text
    assert "+1201" not in told.text
    assert slack.calls_of("views.open") == []


@pytest.mark.parametrize("value", ["", "mms-none", "x" * 2000])
async def test_a_button_of_nothing_opens_nothing(doors: Doors, slack: FakeSlack, value: str) -> None:
    await doors.dispatcher.dispatch(click(slack, value))
    assert "Nothing was sent" in (await slack.person("ann").wait_for_message()).text
    assert slack.calls_of("views.open") == []


# -- what we don't know

UNKNOWN: list[Mapping[str, Any]] = [
    {},
    {"type": "event_callback", "event": {"type": "app_home_opened"}, "team_id": TEAM_ID},
    {"type": "shortcut", "callback_id": "x", **who(ANN)},
    {"type": "message_action", "callback_id": "x", **who(ANN)},
    {"type": "view_closed", "view": {"callback_id": ids.COMPOSE}, **who(ANN)},
    {"type": "block_suggestion", "action_id": "x", **who(ANN)},
    {"type": "something_new"},
    {"command": "/other", "user_id": ANN, "team_id": TEAM_ID},
    {"ssl_check": "1", "token": "x"},
    {"type": 7, "event": 7},
    {"type": "view_submission", "view": {"callback_id": "of_another_time", "id": "V1"}, **who(ANN)},
    {"type": "block_actions", "actions": [{"action_id": "of_another_time"}], **who(ANN)},
]


@pytest.mark.parametrize("body", UNKNOWN, ids=lambda body: json.dumps(body)[:50])
async def test_what_we_dont_know_is_an_empty_200(doors: Doors, slack: FakeSlack, body: Mapping[str, Any]) -> None:
    assert await doors.dispatcher.dispatch(body) == Answer(200, "")
    await doors.dispatcher.drain(1)
    assert slack.calls == []


async def test_slacks_challenge_is_given_back(doors: Doors) -> None:
    answer = await doors.dispatcher.dispatch({"type": "url_verification", "challenge": "c-1", "token": "x"})
    assert "c-1" in answer.body


@pytest.mark.parametrize(
    "body",
    [
        {"type": "view_submission", "view": None, **who(ANN)},
        {"type": "view_submission", "view": [], "user": 7},
        {"type": "view_submission", "view": {"callback_id": ids.COMPOSE, "state": [], "id": 7}, "user": [], "team": 7},
        {"type": "block_actions", "actions": [], **who(ANN)},
        {"type": "block_actions", "actions": None},
        {"type": "block_actions", "actions": [7]},
        {"type": "event_callback", "event": []},
        {"command": "/mms"},
        {"command": "/mms", "text": None, "user_id": 7, "team_id": []},
        {"command": ["/mms"]},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
async def test_a_payload_of_a_strange_shape_is_a_200(doors: Doors, database: Database, body: Mapping[str, Any]) -> None:
    assert (await doors.dispatcher.dispatch(body)).status == 200
    assert database.rows(message) == []


async def test_every_reason_has_words_at_every_door(doors: Doors, slack: FakeSlack, clock: FakeClock) -> None:
    from bot.slack import payloads

    now = clock.now()
    for reason in Reason:
        for word in doors.all.words.values():
            reply = await word.refused(payloads.command(command(slack), now=now, default_region="US"), reason)
            assert reply.ack is not None
            assert reply.ack["text"]
        for dialog in doors.all.submits.values():
            assert (await dialog.refused(dialog.read(submit()), reason)).ack is not None
        for button in doors.all.clicks.values():
            assert (await button.refused(payloads.click(click(slack, "x"), now=now), reason)).after is not None
        for event in doors.all.events.values():
            opened = payloads.home_opened({"event": {"tab": "home", "user": ANN}})
            assert opened is not None
            assert (await event.refused(opened, reason)).after is not None
