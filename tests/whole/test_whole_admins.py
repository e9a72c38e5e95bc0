"""Admins change the list while the real bot runs: at every door, in every process, from the host; and who may not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.slack import Actor, Dialog, Message, Outcome, SubmitAnswer, payloads
from sandbox.slack.people import OTHER_TEAM_ID
from sandbox.world import World
from tests.whole.access_steps import (
    ALLOW,
    ASK,
    DECLINE,
    NOTHING_CHANGED,
    NOTHING_SENT,
    SAVE_ACK_S,
    SLACK_WAITS_S,
    admin_dialog,
    another_bot,
    ask,
    asked,
    changes,
    flawless,
    may_send,
    members,
    page,
    read,
    rows,
    seen,
    shell,
    until_may,
)
from tests.whole.conftest import CROWD, NUMBER

NewWorld = Callable[..., World]
OpenDialog = Callable[..., Awaitable[Dialog]]
Send = Callable[..., Awaitable[SubmitAnswer]]
Told = Callable[..., Awaitable[Message]]

FEW = {"SLACK_ALLOWED_USERS": "U0ANN"}  # the crowd is on no list
ADMINS = CROWD[:20]
REMOVED = ("U0P030", "U0P031", "U0P032")
TRIED_AGAIN_S = 20.0  # Sinch that was away: pauses up to 5 s, and a busy machine


# -- the main path


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_who_is_put_on_the_list_sends_and_who_is_taken_away_does_not(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told, socket_mode: bool
) -> None:
    async with flawless(new_world(socket_mode=socket_mode, **FEW)) as world:
        ada, sam = world.slack.person("ada"), world.slack.person("sam")
        dialog = await admin_dialog(ada)
        dialog.type_in({"senders": [sam.id]})
        saved = await dialog.submit()
        assert saved.outcome is Outcome.CLOSED
        assert saved.elapsed_s < SAVE_ACK_S
        await told(ada, "Saved", sam.id)
        first, second = await open_dialog(world, sam), await open_dialog(world, sam)
        second.type_in({"to": NUMBER, "message": "in time"})
        assert (await second.submit()).outcome is Outcome.CLOSED
        await told(sam, "Batch ID")

        listed = read(await ada.command("/mms", "access")).shown
        assert all(f"<@{user}>" in listed for user in (sam.id, ada.id, "U0ANN"))
        answer = read(await ada.command("/mms", "remove @sam"))
        assert f"<@{sam.id}>" in answer.shown
        first.type_in({"to": NUMBER, "message": "too late"})
        assert (await first.submit()).outcome is Outcome.UPDATED
        assert NOTHING_SENT in first.shown
        assert "too late" in first.shown
        assert not first.can_submit
        assert read(await ada.command("/mms", "access log")).shown.count(f"<@{sam.id}>") == 2
        assert changes(world) == [
            (1, ada.id, "dialog", "added", "sender", sam.id),
            (2, ada.id, "command", "removed", "sender", sam.id),
        ]
        assert [batch.request.text for batch in world.sinch.batches] == ["in time"]


# -- two processes


async def test_taken_away_at_one_bot_is_refused_at_once_at_the_other_and_what_was_queued_goes(
    new_world: NewWorld, open_dialog: OpenDialog, told: Told
) -> None:
    async with flawless(new_world(**FEW)) as world, another_bot(world) as other:
        ada = world.slack.person("ada")
        people = [world.slack.person(user) for user in REMOVED]
        await ada.command("/mms", "allow " + " ".join(f"@{one.name}" for one in people))
        await told(ada, "Saved", *REMOVED)
        await world.sinch.go_away()
        world.slack.deliver_by_http(other.events_url)
        dialogs = {}
        for one in people:
            await until_may(one)
            queued = await open_dialog(world, one)
            queued.type_in({"to": NUMBER, "message": f"queued by {one.id}"})
            assert (await queued.submit()).outcome is Outcome.CLOSED
            dialogs[one.id] = await open_dialog(world, one)
            dialogs[one.id].type_in({"to": NUMBER, "message": "never"})

        for one in people:
            world.slack.deliver_by_http(world.bot.events_url)
            answer = read(await ada.command("/mms", f"remove @{one.name}"))
            world.slack.deliver_by_http(other.events_url)
            refused = await dialogs[one.id].submit()
            assert "queued before" in answer.shown
            assert refused.outcome is Outcome.UPDATED
            assert NOTHING_SENT in refused.shown

        for one in people:
            await until_may(one, False)  # the other doors of the other process
        await world.sinch.come_back()
        for one in people:
            await told(one, "Batch ID", within_s=TRIED_AGAIN_S)
        assert sorted(batch.request.text for batch in world.sinch.batches) == [f"queued by {one}" for one in REMOVED]


async def test_a_change_that_is_played_again_at_another_bot_changes_nothing(new_world: NewWorld) -> None:
    async with flawless(new_world(**FEW)) as world, another_bot(world) as other:
        ada = world.slack.person("ada")
        body = world.slack.command_body("ada", text="allow @support")
        headers = world.slack.signed_headers(body)
        await world.slack.post_raw(body, headers)
        assert members(world) == {("sender", "S0SUPPORT")}
        read(await ada.command("/mms", "remove @support"))
        before = changes(world)

        for bot in (world.bot, other, other):
            world.slack.deliver_by_http(bot.events_url)
            assert (await world.slack.post_raw(body, headers)).status == 200

        assert changes(world) == before
        assert members(world) == set()


# -- the host's shell


async def test_a_change_from_the_hosts_shell_counts_without_a_restart(new_world: NewWorld) -> None:
    async with flawless(new_world(**FEW)) as world:
        sam = world.slack.person("sam")
        assert not await may_send(sam)
        assert (await shell(world, f"access allow {sam.id}"))[0] == 0
        await until_may(sam)
        status, listed, _ = await shell(world, "access list")
        assert status == 0
        assert [line.split()[:4] for line in listed.splitlines() if sam.id in line] == [
            ["sender", sam.id, "added", "shell:root"]
        ]
        shown = read(await world.slack.person("ada").command("/mms", "access")).shown
        assert "shell" in next(line for line in shown.splitlines() if sam.id in line)
        assert (await shell(world, f"access remove {sam.id}"))[0] == 0
        await until_may(sam, False)


async def test_without_an_admin_the_bot_runs_says_how_to_name_one_and_one_is_named(new_world: NewWorld) -> None:
    async with flawless(new_world(SLACK_ADMIN_USERS="", **FEW)) as world:
        ada = world.slack.person("ada")
        (said,) = world.bot.events("no_admin")
        assert "mms-bot access allow --admin" in said["what_to_do"]
        status, ready = await page(world.bot, "/readyz")
        assert (status, ready["ready"]) == (200, True)
        assert "mms-bot access allow --admin" in ready["admin"]
        assert ada.id in read(await ada.command("/mms", "whoami")).shown
        denied = read(await ada.command("/mms", "admin"))
        assert ASK not in denied.buttons()  # nobody could answer
        assert ada.open_dialog() is None

        assert (await shell(world, f"access allow --admin {ada.id}"))[0] == 0
        await until_may(ada)
        assert "admin" not in (await page(world.bot, "/readyz"))[1]
        dialog = await admin_dialog(ada)
        assert dialog.values["admins"] == [ada.id]
        dialog.type_in({"admins": []})
        assert (await dialog.submit()).outcome is Outcome.ERRORS  # the last one
        assert members(world) == {("admin", ada.id)}


# -- many at once


async def test_of_twenty_admins_who_save_at_once_one_wins_and_the_others_see_what_changed(
    new_world: NewWorld,
) -> None:
    async with flawless(new_world(SLACK_ADMIN_USERS=",".join(ADMINS), **FEW)) as world:
        admins = [world.slack.person(user) for user in ADMINS]
        dialogs = await asyncio.gather(*map(admin_dialog, admins))
        for number, dialog in enumerate(dialogs):
            dialog.type_in({"senders": [CROWD[40 + number]]})

        answers = await asyncio.gather(*(dialog.submit() for dialog in dialogs))

        assert max(answer.elapsed_s for answer in answers) < SLACK_WAITS_S
        (winner,) = [n for n, answer in enumerate(answers) if answer.outcome is Outcome.CLOSED]
        assert {answer.outcome for n, answer in enumerate(answers) if n != winner} == {Outcome.PUSHED}
        assert changes(world) == [(1, ADMINS[winner], "dialog", "added", "sender", CROWD[40 + winner])]
        for number, admin in enumerate(admins):
            top = admin.open_dialog()
            if number == winner:
                assert top is None
                continue
            assert top is not None
            assert top.values["senders"] == [CROWD[40 + winner]]
            assert f"<@{ADMINS[winner]}>" in top.shown  # who changed it
            assert f"<@{CROWD[40 + number]}>" in top.shown  # what was not saved
        loser = admins[(winner + 1) % len(admins)]
        again = loser.open_dialog()
        assert again is not None
        again.type_in({"senders": [CROWD[40 + winner], CROWD[70]]})
        assert (await again.submit()).outcome is Outcome.CLEARED
        assert members(world) == {("sender", CROWD[40 + winner]), ("sender", CROWD[70])}


async def test_twenty_admins_who_save_the_same_at_once_make_one_change_and_all_dialogs_close(
    new_world: NewWorld,
) -> None:
    async with flawless(new_world(SLACK_ADMIN_USERS=",".join(ADMINS), **FEW)) as world:
        admins = [world.slack.person(user) for user in ADMINS]
        dialogs = await asyncio.gather(*map(admin_dialog, admins))
        for dialog in dialogs:
            dialog.type_in({"senders": [CROWD[50]]})

        answers = await asyncio.gather(*(dialog.submit(times=2) for dialog in dialogs))

        everything = [one for answer in answers for one in (answer, *answer.others)]
        assert {answer.outcome for answer in everything} == {Outcome.CLOSED}
        assert max(answer.elapsed_s for answer in everything) < SLACK_WAITS_S
        assert len(changes(world)) == 1
        await seen(world, lambda: [m for a in admins for m in a.messages], "who has saved is told")
        await may_send(admins[0])
        assert len([m for a in admins for m in a.messages if CROWD[50] in m.shown]) == 1


# -- forged, replayed and malformed


def signed(world: World, payload: object, **headers: Any) -> tuple[bytes, dict[str, str]]:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return body, world.slack.signed_headers(body, **headers)


def submission(world: World, person: Actor, dialog: Dialog) -> dict[str, Any]:
    view = world.slack.modals.find(dialog.id)
    assert view is not None
    trigger_id = world.slack.state.new_trigger(person.id)
    return payloads.view_submission(world.slack.people.person(person.id), view, trigger_id=trigger_id)


def with_its_own_response_url(world: World, payload: dict[str, Any]) -> dict[str, Any]:
    """Slack takes five answers at one."""
    raw = payload["view"]["private_metadata"]
    if "url" not in raw:
        return payload
    url = f"{world.slack.origin}/response/{world.slack.state.new_response_url('U0ADA', 'D0ADAMMS')}"
    metadata = json.dumps({**json.loads(raw), "url": url})
    return {**payload, "view": {**payload["view"], "private_metadata": metadata}}


def click(world: World, person: Actor, action_id: str, value: object) -> dict[str, Any]:
    """A click as Slack could send it, on a button of the bot's direct message with this person."""
    slack = world.slack
    channel = slack.people.app_dm(person.id)
    message = Message(slack.state.next_ts(), channel.id, "chat.postMessage", "a request")
    url = slack.state.new_response_url(person.id, channel.id, message_ts=message.ts)
    block = {"type": "actions", "block_id": "b0"}
    element = {"type": "button", "action_id": action_id, "value": value, "text": {"type": "plain_text", "text": "Go"}}
    return payloads.click_in_message(
        slack.people.person(person.id),
        channel,
        message,
        payloads.action(block, element, chosen=None, action_ts=slack.state.next_ts()),
        response_url=f"{slack.origin}/response/{url}",
        trigger_id=slack.state.new_trigger(person.id),
    )


PICKED = {"type": "multi_users_select", "selected_users": ["U0SAM"]}
ODD_STATES: dict[str, object] = {
    "no state": None,
    "no values": {},
    "values are a list": {"values": [1]},
    "a field is a list": {"values": {"senders": []}},
    "a picker is a text": {"values": {"senders": {"senders": "U0SAM"}}},
    "picked is a text": {"values": {"senders": {"senders": {**PICKED, "selected_users": "U0SAM"}}}},
    "picked is null": {"values": {"senders": {"senders": {**PICKED, "selected_users": None}}}},
    "picked are objects": {"values": {"senders": {"senders": {**PICKED, "selected_users": [{"id": "U0SAM"}]}}}},
    "a group among people": {"values": {"admins": {"admins": {**PICKED, "selected_users": ["S0SUPPORT"]}}}},
    "a word among people": {"values": {"senders": {"senders": {**PICKED, "selected_users": ["U0SAM", "'; --"]}}}},
    "too many": {
        "values": {"senders": {"senders": {**PICKED, "selected_users": [f"U0X{number}" for number in range(101)]}}}
    },
    "a person among groups": {
        "values": {"sender_groups": {"sender_groups": {"selected_options": [{"value": "U0SAM"}, {}]}}}
    },
    "another field": {"values": {"owners": {"owners": PICKED}}},
    "under another action": {"values": {"senders": {"admins": PICKED}}},
}
ODD_METADATA = ["", "{", "[]", '{"seen": -1}', '{"seen": "0"}', '{"seen": true}', '{"seen": 1e99}', '{"depth": 0}']
ODD_VALUES: list[object] = ["", "x", "-1", "0", "999", "1.0", " 1", "١", "9" * 40, "1; --", None, 1, ["1"], {"a": "1"}]


async def test_odd_and_forged_submits_of_the_access_dialog_change_nothing(new_world: NewWorld) -> None:
    async with flawless(new_world(**FEW)) as world:
        ada = world.slack.person("ada")
        dialog = await admin_dialog(ada)
        dialog.type_in({"senders": ["U0SAM"], "admins": ["U0SAM"]})
        good = submission(world, ada, dialog)
        forged: list[dict[str, Any]] = [{**good, "view": {**good["view"], "state": odd}} for odd in ODD_STATES.values()]
        forged += [{**good, "view": {**good["view"], "private_metadata": odd}} for odd in ODD_METADATA]
        forged += [
            {**good, "team": {"id": OTHER_TEAM_ID, "domain": "elsewhere"}},
            {**good, "user": {**good["user"], "team_id": OTHER_TEAM_ID}},
            *({**good, "user": {**good["user"], "id": user}} for user in ("U0SAM", "U0ANN", "U0ROBO", "", "S0SUPPORT")),
            {**good, "user": None},
            {**good, "view": {**good["view"], "blocks": None, "state": {"values": {"senders": {"senders": 1}}}}},
        ]
        for payload in forged:
            ack = await world.slack.send_interactive(with_its_own_response_url(world, payload))
            assert ack.status == 200, payload
            assert ack.elapsed_s < SLACK_WAITS_S
        body, headers = signed(world, good, secret="wrong")
        assert (await world.slack.post_raw(body, headers)).status == 401
        body, headers = signed(world, good, timestamp=1)
        assert (await world.slack.post_raw(body, headers)).status == 401
        assert (await world.slack.post_raw(body, {"Content-Type": headers["Content-Type"]})).status == 401

        assert changes(world) == []
        body, headers = signed(world, good)
        assert (await world.slack.post_raw(body, headers)).body == b""  # and the true one is taken
        assert members(world) == {("sender", "U0SAM"), ("admin", "U0SAM")}


async def test_odd_and_forged_clicks_decide_nothing(new_world: NewWorld) -> None:
    async with flawless(new_world(**FEW)) as world:
        ada, sam, ann = (world.slack.person(name) for name in ("ada", "sam", "ann"))
        await ask(sam)
        request = await asked(world, ada, sam.id)
        value = str(rows(world, "SELECT request_id FROM access_request")[0][0])
        true = click(world, ada, ALLOW, value)
        odd = [item for item in ODD_VALUES if item != value]
        forged = [click(world, ada, action, item) for action in (ALLOW, DECLINE) for item in odd]
        forged += [click(world, who, action, value) for who in (sam, ann) for action in (ALLOW, DECLINE)]
        changed: list[dict[str, Any]] = [
            {"team": {"id": OTHER_TEAM_ID, "domain": "elsewhere"}},
            {"user": {**true["user"], "team_id": OTHER_TEAM_ID}},
            {"user": {**true["user"], "id": "U0EVE", "team_id": OTHER_TEAM_ID}},
            {"actions": []},
            {"actions": None},
            {"user": None},
        ]
        forged += [{**click(world, ada, ALLOW, value), **change} for change in changed]
        for payload in forged:
            trigger_id = world.slack.state.new_trigger(ada.id)  # what was here before is not even looked at
            ack = await world.slack.send_interactive({**payload, "trigger_id": trigger_id})
            assert (ack.status, ack.body) == (200, b""), payload
        body, headers = signed(world, true, secret="wrong")
        assert (await world.slack.post_raw(body, headers)).status == 401
        assert rows(world, "SELECT decision FROM access_request") == [(None,)]
        assert changes(world) == []

        body, headers = signed(world, true)
        assert (await world.slack.post_raw(body, headers)).status == 200
        assert members(world) == {("sender", sam.id)}
        await seen(world, lambda: f"<@{ada.id}>" in request_now(ada, request), "who decided")
        read(await ada.command("/mms", "remove @sam"))
        before = changes(world)
        fresh = {**true, "trigger_id": world.slack.state.new_trigger(ada.id)}
        for again in ((body, headers), signed(world, fresh)):
            assert (await world.slack.post_raw(*again)).status == 200
        await ada.wait_for_message(lambda m: NOTHING_CHANGED in m.shown and sam.id in m.shown and m.ts != request.ts)
        assert changes(world) == before
        assert members(world) == set()


def request_now(admin: Actor, request: Message) -> str:
    return next((message.shown for message in admin.messages if message.ts == request.ts), "")
