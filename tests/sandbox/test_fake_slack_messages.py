"""Messages of the fake Slack: response_url and its limits, clicks, who sees what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.slack import FakeSlack, NothingSeenError
from sandbox.slack.people import ANN, BACKROOM, GENERAL
from sandbox.slack.stand_in import StandInBot


class Clock:
    """Unix seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[FakeSlack]:
    fake = FakeSlack(clock=clock)
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def bot(slack: FakeSlack) -> AsyncIterator[StandInBot]:
    stand_in = StandInBot(slack)
    await stand_in.listen()
    yield stand_in
    await stand_in.stop()


BLOCKS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Accepted"}},
    {
        "type": "actions",
        "block_id": "b",
        "elements": [
            {"type": "button", "action_id": "again", "text": {"type": "plain_text", "text": "Open again"}, "value": "9"}
        ],
    },
]


async def command_url(slack: FakeSlack, *, channel: str = "general") -> str:
    answer = await slack.person("ann").command("/mms", channel=channel)
    return answer.payload["response_url"]


async def test_a_response_url_answers_that_person_even_where_the_bot_is_not(slack: FakeSlack, bot: StandInBot) -> None:
    url = await command_url(slack, channel="backroom")
    assert await bot.respond(url, {"text": "only you"}) == (200, {"ok": True})
    message = await slack.person("ann").wait_for_message(lambda m: "only" in m.text)
    assert (message.route, message.ephemeral_to, message.channel_id) == ("response_url", ANN, BACKROOM)
    assert slack.person("ada").messages == ()


async def test_a_response_url_works_five_times(slack: FakeSlack, bot: StandInBot) -> None:
    url = await command_url(slack)
    assert [(await bot.respond(url, {"text": str(n)}))[0] for n in range(5)] == [200] * 5
    assert await bot.respond(url, {"text": "6"}) == (404, {"ok": False, "error": "used_url"})
    assert len(slack.person("ann").messages) == 5
    assert [call.outcome for call in slack.calls_of("response_url")] == ["ok"] * 5 + ["used_url"]


async def test_a_response_url_works_for_thirty_minutes(slack: FakeSlack, bot: StandInBot, clock: Clock) -> None:
    url = await command_url(slack)
    clock.now += 1800
    assert (await bot.respond(url, {"text": "in time"}))[0] == 200
    clock.now += 1
    assert await bot.respond(url, {"text": "late"}) == (404, {"ok": False, "error": "expired_url"})
    assert slack.refusals == []
    assert (await bot.respond(f"{slack.origin}/response/1/unknown", {"text": "x"}))[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"text": ""},
        {"text": "x", "channel": GENERAL},
        {"text": "x", "response_type": "private"},
        {"text": "x", "replace_original": "yes"},
        {"text": "x", "replace_original": True},
        {"delete_original": True},
        {"text": "x", "blocks": [{"type": "section"}]},
        {"text": "x", "blocks": "words"},
    ],
)
async def test_a_wrong_body_is_refused_recorded_and_costs_no_use(
    slack: FakeSlack, bot: StandInBot, body: object
) -> None:
    url = await command_url(slack)
    assert (await bot.respond(url, body))[0] == 400
    assert [refusal.where for refusal in slack.refusals] == ["response_url"]
    assert slack.person("ann").messages == ()
    assert [(await bot.respond(url, {"text": "x"}))[0] for _ in range(5)] == [200] * 5


async def test_a_body_that_is_no_json_is_refused(slack: FakeSlack, bot: StandInBot) -> None:
    url = await command_url(slack)
    async with aiohttp.ClientSession() as session, session.post(url, data=b"text=x") as answer:
        assert answer.status == 400
    assert len(slack.refusals) == 1


async def test_a_response_for_the_channel_is_seen_there(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.respond(await command_url(slack), {"text": "all", "response_type": "in_channel"})
    assert [message.text for message in slack.person("ben").messages] == ["all"]


async def test_a_click_on_an_ephemeral_message_comes_without_its_body(slack: FakeSlack, bot: StandInBot) -> None:
    ann = slack.person("ann")
    await bot.respond(await command_url(slack), {"text": "Accepted", "blocks": BLOCKS})
    message = ann.messages[0]
    assert message.buttons() == {"again": "Open again"}
    assert message.shown == "Accepted\nOpen again"
    ack = await ann.click(message, "again")
    assert ack.status == 200
    payload = bot.received[-1].payload
    assert payload["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": GENERAL,
        "is_ephemeral": True,
    }
    assert "message" not in payload
    assert payload["channel"] == {"id": GENERAL, "name": "general"}
    action = payload["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"]) == ("again", "b", "9")
    assert action["text"]["text"] == "Open again"
    opened = await bot.call(
        "views.open",
        trigger_id=payload["trigger_id"],
        view={"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": BLOCKS[:1]},
    )
    assert opened["ok"] is True


async def test_a_click_may_replace_or_delete_the_message_it_came_from(slack: FakeSlack, bot: StandInBot) -> None:
    ann = slack.person("ann")
    await bot.call("chat.postMessage", channel=ANN, text="Accepted", blocks=BLOCKS)
    await ann.click(ann.messages[0], "again")
    payload = bot.received[-1].payload
    assert payload["container"]["is_ephemeral"] is False
    assert payload["message"]["text"] == "Accepted"
    await bot.respond(payload["response_url"], {"text": "Done", "replace_original": True})
    assert [(m.text, m.blocks, m.edits, m.route) for m in ann.messages] == [("Done", (), 1, "chat.postMessage")]
    await bot.respond(payload["response_url"], {"delete_original": True})
    assert ann.messages == ()
    assert slack.refusals == []


async def test_only_what_is_seen_can_be_clicked(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.call("chat.postEphemeral", channel=GENERAL, user=ANN, text="x", blocks=BLOCKS)
    message = slack.person("ann").messages[0]
    with pytest.raises(LookupError):
        await slack.person("ben").click(message, "again")
    with pytest.raises(ValueError, match="nothing to click"):
        await slack.person("ann").click(message, "no such")


async def test_somebody_from_elsewhere_may_click_what_stands_in_a_shared_channel(
    slack: FakeSlack, bot: StandInBot
) -> None:
    await bot.call("chat.postMessage", channel=GENERAL, text="x", blocks=BLOCKS)
    eve = slack.person("eve")
    await eve.click(eve.messages[0], "again")
    payload = bot.received[-1].payload
    assert payload["user"]["team_id"] == payload["team"]["id"] == "T0ELSEWHERE"


async def test_waiting_finds_a_message_past_or_to_come(slack: FakeSlack, bot: StandInBot) -> None:
    ann = slack.person("ann")
    await bot.call("chat.postMessage", channel=ANN, text="first")
    assert (await ann.wait_for_message()).text == "first"
    with pytest.raises(NothingSeenError, match="a message for ann"):
        await ann.wait_for_message(lambda m: m.text == "second", timeout_s=0.01)
    assert (await slack.wait_for_call("chat.postMessage")).outcome == "ok"


async def test_a_fault_of_the_response_url_is_for_it_alone(slack: FakeSlack, bot: StandInBot) -> None:
    url = await command_url(slack)
    slack.faults.add("*", error="fatal_error")
    assert (await bot.respond(url, {"text": "x"}))[0] == 200
    slack.faults.clear()
    slack.faults.add("response_url", error="used_url", status=404)
    assert await bot.respond(url, {"text": "x"}) == (404, {"ok": False, "error": "used_url"})
    slack.faults.add("response_url", drop=True, after=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await bot.respond(url, {"text": "arrived"})
    assert [message.text for message in slack.person("ann").messages] == ["x", "arrived"]
