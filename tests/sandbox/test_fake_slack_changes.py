"""What changes in the fake Slack after it was shown: messages, dialogs, people. And clicks that lead to a change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from sandbox.slack import FakeSlack
from sandbox.slack.people import ANN, BEN, BOT_USER, DAN, EVE, GENERAL, GUS, ROBO, SUPPORT
from sandbox.slack.stand_in import StandInBot

APP_DM = "D0ANNMMS"


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(params=["http", "socket"])
async def bot(request: pytest.FixtureRequest, slack: FakeSlack) -> AsyncIterator[StandInBot]:
    stand_in = StandInBot(slack)
    await (stand_in.listen() if request.param == "http" else stand_in.connect())
    yield stand_in
    await stand_in.stop()


def words(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def buttons(*action_ids: str, value: str = "7") -> dict[str, Any]:
    def button(action_id: str) -> dict[str, Any]:
        text = {"type": "plain_text", "text": action_id.title()}
        return {"type": "button", "action_id": action_id, "text": text, "value": value}

    return {"type": "actions", "block_id": "choice", "elements": [button(action_id) for action_id in action_ids]}


def dialog_of(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "modal", "title": {"type": "plain_text", "text": "Denied"}, "blocks": list(blocks)}


async def test_a_button_in_a_direct_message_is_clicked_and_the_message_then_says_who_decided(
    slack: FakeSlack, bot: StandInBot
) -> None:
    ann = slack.person("ann")
    blocks = [words("May sam send?"), buttons("allow", "decline")]
    posted = await bot.call("chat.postMessage", channel=ANN, text="May sam send?", blocks=blocks)
    assert ann.messages[0].buttons() == {"allow": "Allow", "decline": "Decline"}
    ack = await ann.click(ann.messages[0], "decline")
    assert (ack.status, ack.error) == (200, None)
    click = bot.received[-1].payload
    assert click["actions"][0]["action_id"] == "decline"
    assert (click["actions"][0]["value"], click["actions"][0]["block_id"]) == ("7", "choice")
    assert click["channel"] == {"id": APP_DM, "name": "directmessage"}
    assert (click["message"]["ts"], click["message"]["user"]) == (posted["ts"], BOT_USER)
    assert click["container"]["is_ephemeral"] is False
    answer = await bot.call(
        "chat.update", channel=APP_DM, ts=posted["ts"], text="Declined", blocks=[words("Ann declined it.")]
    )
    assert (answer["ok"], answer["channel"], answer["ts"]) == (True, APP_DM, posted["ts"])
    assert [(m.shown, m.edits, m.buttons()) for m in ann.messages] == [("Ann declined it.", 1, {})]
    assert slack.refusals == []


async def test_a_button_that_an_update_took_away_cant_be_clicked(slack: FakeSlack, bot: StandInBot) -> None:
    ann = slack.person("ann")
    posted = await bot.call("chat.postMessage", channel=ANN, text="x", blocks=[buttons("allow")])
    seen_before = ann.messages[0]
    await bot.call("chat.update", channel=APP_DM, ts=posted["ts"], text="Done", blocks=[])
    with pytest.raises(ValueError, match="nothing to click"):
        await ann.click(seen_before, "allow")
    assert bot.received == []


async def test_a_button_in_a_dialog_is_clicked_and_the_dialog_is_changed_under_its_hash(
    slack: FakeSlack, bot: StandInBot
) -> None:
    view = dialog_of(words("You may not send."), buttons("ask"))
    await bot.call("views.open", trigger_id=slack.state.new_trigger(ANN), view=view)
    dialog = await slack.person("ann").dialog()
    ack = await dialog.click("ask")
    assert ack.status == 200
    click = bot.received[-1].payload
    assert (click["view"]["id"], click["container"]) == (dialog.id, {"type": "view", "view_id": dialog.id})
    assert "response_url" not in click
    new = dialog_of(words("The admins were asked."))
    answer = await bot.call("views.update", view_id=dialog.id, hash=click["view"]["hash"], view=new)
    assert answer["ok"] is True
    assert dialog.shown == "Denied\nThe admins were asked."
    again = await bot.call("views.update", view_id=dialog.id, hash=click["view"]["hash"], view=view)
    assert again["error"] == "hash_conflict"
    with pytest.raises(ValueError, match="nothing to click"):
        await dialog.click("ask")
    assert slack.refusals == []


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ({"text": "new"}, "old block"),
        ({"text": "new", "blocks": []}, "new"),
        ({"text": "new", "blocks": [words("new block")]}, "new block"),
    ],
)
async def test_blocks_stay_unless_an_update_names_others(
    slack: FakeSlack, bot: StandInBot, content: dict[str, Any], shown: str
) -> None:
    posted = await bot.call("chat.postMessage", channel=ANN, text="old", blocks=[words("old block")])
    assert (await bot.call("chat.update", channel=APP_DM, ts=posted["ts"], **content))["ok"] is True
    [message] = slack.person("ann").messages
    assert (message.text, message.shown) == ("new", shown)


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        (ANN, "channel_not_found"),
        ("general", "channel_not_found"),
        ("C0NONE", "channel_not_found"),
        (GENERAL, "message_not_found"),
    ],
)
async def test_a_message_is_updated_where_it_stands_by_the_channels_id(
    slack: FakeSlack, bot: StandInBot, channel: str, error: str
) -> None:
    posted = await bot.call("chat.postMessage", channel=ANN, text="x")
    assert (await bot.call("chat.update", channel=channel, ts=posted["ts"], text="y"))["error"] == error
    assert slack.person("ann").messages[0].text == "x"


async def test_only_the_bots_own_messages_are_updated(slack: FakeSlack, bot: StandInBot) -> None:
    posted = await bot.call("chat.postMessage", channel=GENERAL, text="x")
    [message] = slack.state.messages
    slack.state.replace_message(message, replace(message, author=ROBO))
    answer = await bot.call("chat.update", channel=GENERAL, ts=posted["ts"], text="y")
    assert answer["error"] == "cant_update_message"
    assert slack.state.messages[0].text == "x"


async def test_an_update_that_slack_would_not_take_is_recorded(slack: FakeSlack, bot: StandInBot) -> None:
    posted = await bot.call("chat.postMessage", channel=ANN, text="x")
    for content in ({}, {"text": ""}, {"text": "y", "blocks": [{"type": "section"}]}):
        assert (await bot.call("chat.update", channel=APP_DM, ts=posted["ts"], **content))["ok"] is False
    assert [refusal.problem for refusal in slack.refusals] == ["no_text", "no_text", "invalid_blocks"]


async def test_the_workspace_has_a_guest_in_no_group(slack: FakeSlack, bot: StandInBot) -> None:
    users = {user: (await bot.call("users.info", user=user))["user"] for user in (ANN, GUS, EVE)}
    assert [user["is_restricted"] for user in users.values()] == [False, True, False]
    assert users[GUS]["team_id"] == users[ANN]["team_id"]
    assert "is_stranger" not in users[GUS]
    assert GUS in slack.people.channel("general").members
    assert not any(GUS in group.members for group in slack.people.groups())
    answer = await slack.person("gus").command("/mms")
    assert answer.payload["team_id"] == slack.team_id


async def test_people_change_with_the_next_call(slack: FakeSlack, bot: StandInBot) -> None:
    slack.people.change("ben", deleted=True)
    slack.people.change(DAN, deleted=False, is_ultra_restricted=True)
    ben, dan = [(await bot.call("users.info", user=user))["user"] for user in (BEN, DAN)]
    assert (ben["deleted"], dan["deleted"], dan["is_ultra_restricted"]) == (True, False, True)
    assert (await bot.call("chat.postMessage", channel=BEN, text="x"))["error"] == "channel_not_found"
    assert (await bot.call("usergroups.users.list", usergroup=SUPPORT))["users"] == [BEN]
    with pytest.raises(LookupError):
        slack.people.change("nobody", deleted=True)
    with pytest.raises(TypeError):
        slack.people.change("ben", colour="red")
