"""What the fake Slack sends to a bot, signed over HTTP and in envelopes over sockets, and how it takes the ack."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import FakeSlack
from sandbox.slack.delivery import signature
from sandbox.slack.people import ANN, ANN_BEN, BACKROOM, GENERAL
from sandbox.slack.stand_in import Received, Reply, StandInBot


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def bot(slack: FakeSlack) -> AsyncIterator[StandInBot]:
    stand_in = StandInBot(slack)
    yield stand_in
    await stand_in.stop()


@pytest.fixture(params=["http", "socket"])
async def ready(request: pytest.FixtureRequest, bot: StandInBot) -> StandInBot:
    """The stand-in, reachable in either mode."""
    await (bot.listen() if request.param == "http" else bot.connect())
    return bot


def answering(reply: Reply) -> Any:
    async def answer(_received: Received) -> Reply:
        return reply

    return answer


async def test_a_command_has_every_documented_field_in_both_modes(slack: FakeSlack, ready: StandInBot) -> None:
    answer = await slack.person("ann").command("/mms", "hello", channel="general")
    received = ready.received[0]
    assert received.kind == "slash_commands"
    assert received.payload == answer.payload
    assert set(received.payload) == {
        *("token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name", "command"),
        *("text", "response_url", "trigger_id", "api_app_id", "is_enterprise_install"),
    }
    assert (answer.status, answer.error, answer.message) == (200, None, None)
    assert 0 < answer.elapsed_s < 3


@pytest.mark.parametrize(
    ("channel", "id_", "name"),
    [
        ("general", GENERAL, "general"),
        ("backroom", BACKROOM, "privategroup"),
        ("ann-ben", ANN_BEN, "directmessage"),
        ("@mms", "D0ANNMMS", "directmessage"),
    ],
)
async def test_a_command_says_where_it_was_typed(
    slack: FakeSlack, bot: StandInBot, channel: str, id_: str, name: str
) -> None:
    await bot.listen()
    await slack.person("ann").command("/mms", channel=channel)
    payload = bot.received[0].payload
    assert (payload["channel_id"], payload["channel_name"]) == (id_, name)


async def test_nobody_types_in_a_channel_that_they_are_not_in(slack: FakeSlack, ready: StandInBot) -> None:
    with pytest.raises(LookupError, match="sam is not in backroom"):
        await slack.person("sam").command("/mms", channel="backroom")


async def test_somebody_from_elsewhere_comes_with_their_own_team(slack: FakeSlack, ready: StandInBot) -> None:
    await slack.person("eve").command("/mms")
    assert ready.received[0].payload["team_id"] == "T0ELSEWHERE"


async def test_mentions_and_links_are_rewritten_as_slack_does(slack: FakeSlack, ready: StandInBot) -> None:
    await slack.person("ann").command("/mms", "allow @ben & see https://example.com/a.png in #general")
    assert ready.received[0].payload["text"] == (
        "allow <@U0BEN|ben> &amp; see <https://example.com/a.png> in <#C0GENERAL|general>"
    )
    await slack.person("ann").command("/mms", "<@U0BEN>", escape=False)
    assert ready.received[1].payload["text"] == "<@U0BEN>"


async def test_the_signature_is_over_the_raw_bytes(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.listen()
    await slack.person("ann").command("/mms", "ünï & more")
    received = bot.received[0]
    headers = {name.lower(): value for name, value in received.headers.items()}
    stamp = headers["x-slack-request-timestamp"]
    base = b"v0:" + stamp.encode() + b":" + received.body
    expected = hmac.new(slack.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    assert headers["x-slack-signature"] == f"v0={expected}"
    assert abs(time.time() - int(stamp)) < 5
    assert SignatureVerifier(slack.signing_secret).is_valid_request(received.body, dict(received.headers))


async def test_interactive_payloads_come_as_a_form_and_events_as_json(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.listen()
    await slack.send_interactive({"type": "something_new"})
    await slack.person("ann").open_home()
    interactive, event = bot.received
    assert parse_qs(interactive.body.decode()).keys() == {"payload"}
    assert event.headers["Content-Type"] == "application/json"
    assert event.payload["type"] == "event_callback"
    assert event.payload["event"]["type"] == "app_home_opened"
    assert "view" not in event.payload["event"]


async def test_unknown_events_and_kinds_can_be_sent_in_both_modes(slack: FakeSlack, ready: StandInBot) -> None:
    first = await slack.send_event({"type": "moon_landed"}, event_id="Ev1")
    again = await slack.send_event({"type": "moon_landed"}, event_id="Ev1", retry_num=1)
    kind = await slack.send_interactive({"type": "something_new"})
    assert (first.status, again.status, kind.status) == (200, 200, 200)
    assert [received.payload.get("event_id") for received in ready.received] == ["Ev1", "Ev1", None]


async def test_the_address_is_verified_with_a_challenge(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.listen()
    bot.answer = answering(Reply({"challenge": "abc"}))
    ack = await slack.verify_url("abc")
    assert bot.received[0].payload["challenge"] == "abc"
    assert ack.body == b'{"challenge": "abc"}'


@pytest.mark.parametrize(
    "body", ["Words for you.", {"text": "Words for you."}, {"response_type": "ephemeral", "text": "Words for you."}]
)
async def test_the_ack_of_a_command_shows_its_words_to_that_person_alone(
    slack: FakeSlack, ready: StandInBot, body: object
) -> None:
    ready.answer = answering(Reply(body))
    answer = await slack.person("ann").command("/mms")
    assert answer.message is not None
    assert (answer.message.text, answer.message.route, answer.message.ephemeral_to) == ("Words for you.", "ack", ANN)
    assert slack.person("ben").messages == ()
    assert slack.refusals == []


async def test_an_ack_in_channel_is_seen_by_everybody_there(slack: FakeSlack, ready: StandInBot) -> None:
    ready.answer = answering(Reply({"response_type": "in_channel", "text": "for all"}))
    await slack.person("ann").command("/mms")
    assert [message.text for message in slack.person("ben").messages] == ["for all"]


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x", "texts": "y"},
        {"text": ""},
        {"text": "x", "response_type": "private"},
        {"blocks": [{"type": "section"}]},
    ],
)
async def test_an_ack_that_slack_would_not_show_is_recorded(slack: FakeSlack, ready: StandInBot, body: object) -> None:
    ready.answer = answering(Reply(body))
    answer = await slack.person("ann").command("/mms")
    assert (answer.error, answer.message) == ("dispatch_failed", None)
    assert [refusal.where for refusal in slack.refusals] == ["command ack"]


async def test_a_missed_ack_is_an_operation_timeout(slack: FakeSlack, ready: StandInBot) -> None:
    slack.ack_timeout_s = 0.05
    ready.answer = answering(Reply(status=None))
    answer = await slack.person("ann").command("/mms")
    assert (answer.timed_out, answer.error, answer.status) == (True, "operation_timeout", None)
    assert answer.elapsed_s >= 0.05


async def test_slack_waits_three_seconds_by_default(slack: FakeSlack) -> None:
    assert slack.ack_timeout_s == 3.0


async def test_a_status_other_than_200_is_shown_as_a_failure(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.listen()
    bot.answer = answering(Reply("secret details", status=500))
    answer = await slack.person("ann").command("/mms")
    assert (answer.status, answer.error, answer.message) == (500, "dispatch_failed", None)
    assert slack.person("ann").messages == ()


async def test_with_no_bot_there_the_command_fails(slack: FakeSlack) -> None:
    assert (await slack.person("ann").command("/mms")).error == "dispatch_failed"
    slack.deliver_by_http("http://127.0.0.1:9/slack/events")
    assert (await slack.person("ann").command("/mms")).error == "dispatch_failed"


async def test_raw_bodies_can_be_signed_wrongly(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.listen()
    body = slack.command_body("ann", text="payload & more", team_id="T0OTHER")
    assert parse_qs(body.decode())["team_id"] == ["T0OTHER"]
    good = slack.signed_headers(body)
    assert good["X-Slack-Signature"] == signature(slack.signing_secret, good["X-Slack-Request-Timestamp"], body)
    stale = slack.signed_headers(body, timestamp=1)
    assert stale["X-Slack-Request-Timestamp"] == "1"
    wrong = slack.signed_headers(body, timestamp=int(good["X-Slack-Request-Timestamp"]), secret="another")
    assert wrong["X-Slack-Signature"] != good["X-Slack-Signature"]
    assert (await slack.post_raw(body, good)).status == 200
    assert bot.received[0].body == body


async def test_the_next_delivery_can_be_repeated_byte_for_byte(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.listen()
    slack.repeat_next_delivery()
    await slack.person("ann").command("/mms")
    await bot.got(2)
    assert bot.received[0].body == bot.received[1].body
    await slack.person("ann").command("/mms")
    assert len(bot.received) == 3


async def test_the_same_envelope_can_come_over_two_sockets(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.connect()
    await bot.connect()
    slack.repeat_next_delivery()
    await slack.person("ann").command("/mms")
    await bot.got(2)
    assert {received.connection for received in bot.received} == {0, 1}
    assert len({received.envelope_id for received in bot.received}) == 1
    assert slack.refusals == []


async def test_a_socket_says_hello_and_its_ticket_works_once(slack: FakeSlack, bot: StandInBot) -> None:
    hello = await bot.connect()
    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    assert hello["connection_info"] == {"app_id": "A0MMSBOT"}
    url = (await bot.call("apps.connections.open", token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url):
            pass
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_ten_sockets_are_the_most(slack: FakeSlack, bot: StandInBot) -> None:
    for _ in range(10):
        await bot.connect()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await bot.connect()


async def test_a_repeated_event_says_that_it_is_one(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.listen()
    await slack.send_event({"type": "moon_landed"}, retry_num=2)
    headers = bot.received[0].headers
    assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("2", "http_timeout")


async def test_each_envelope_goes_to_one_socket_only(slack: FakeSlack, bot: StandInBot) -> None:
    for _ in range(3):
        await bot.connect()
    for _ in range(6):
        await slack.person("ann").command("/mms")
    assert len(bot.received) == 6
    assert {received.connection for received in bot.received} == {0, 1, 2}


async def test_once_a_socket_was_asked_for_nothing_goes_by_http(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.listen()
    await bot.connect()
    await slack.person("ann").command("/mms")
    assert [received.envelope_id != "" for received in bot.received] == [True]
    slack.sockets.drop()
    assert (await slack.person("ann").command("/mms")).error == "dispatch_failed"


async def test_an_envelope_says_whether_its_ack_may_carry_a_payload(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.connect()
    bot.answer = answering(Reply({"text": "x"}))
    assert (await slack.person("ann").command("/mms")).message is not None
    await slack.send_event({"type": "moon_landed"})
    assert [refusal.problem for refusal in slack.refusals] == ["a payload in the ack of an envelope that takes none"]


async def test_acks_of_no_envelope_and_broken_frames_are_recorded(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.connect()
    await bot.sockets[0].send_str('{"envelope_id": "no such"}')
    await bot.sockets[0].send_str("[]")
    await slack.state.changes.wait_for(
        lambda: True if len(slack.refusals) == 2 else None, timeout_s=2, what="two refusals"
    )


async def test_a_disconnect_frame_takes_the_socket_out_of_turn(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.connect()
    await slack.sockets.disconnect("warning")
    assert slack.sockets.count == 1
    await slack.sockets.disconnect("refresh_requested")
    assert slack.sockets.count == 0
    await bot.connect()
    await slack.person("ann").command("/mms")
    assert bot.received[0].connection == 1
    await bot.told_to_disconnect(2)
    assert bot.disconnects == ["warning", "refresh_requested"]


async def test_a_socket_cut_before_the_ack_is_a_missed_ack(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.connect()
    bot.answer = answering(Reply(status=None))
    typing = asyncio.create_task(slack.person("ann").command("/mms"))
    await bot.got(1)
    slack.sockets.drop()
    assert (await typing).timed_out
    assert slack.sockets.count == 0


async def test_slacks_own_client_connects_acks_and_follows_a_refresh(slack: FakeSlack) -> None:
    web_client = AsyncWebClient(base_url=slack.api_base_url)
    client = SocketModeClient(app_token=slack.app_token, web_client=web_client, ping_interval=0.05)

    async def ack(used: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        await used.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": "acked"}))

    client.socket_mode_request_listeners.append(ack)
    await client.connect()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
    try:
        await slack.sockets.wait_for(1)
        first = await slack.person("ann").command("/mms")
        await slack.sockets.disconnect("refresh_requested")
        await slack.sockets.wait_for(1)
        second = await slack.person("ann").command("/mms")
    finally:
        await client.close()  # type: ignore[no-untyped-call]
    assert [answer.message and answer.message.text for answer in (first, second)] == ["acked", "acked"]
    assert slack.refusals == []


async def test_going_away_cuts_the_sockets_and_they_can_come_again(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.connect()
    await slack.go_away()
    await slack.come_back()
    assert slack.sockets.count == 0
    await bot.connect()
    await slack.person("ann").command("/mms")
    assert len(bot.received) == 1
