"""The fake Slack's Web API: tokens, arguments, views, messages, faults. Driven by a stand-in bot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import FakeSlack
from sandbox.slack.methods import METHODS
from sandbox.slack.people import ANN, ANN_BEN, BACKROOM, BEN, DAN, EVE, GENERAL, NOBODY, OPS, ROBO, SAM, SUPPORT
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
    yield stand_in
    await stand_in.stop()


def modal(*, blocks: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    words = {"type": "section", "text": {"type": "plain_text", "text": "words"}}
    title = {"type": "plain_text", "text": "A title"}
    return {"type": "modal", "title": title, "blocks": blocks or [words], **fields}


async def test_auth_test_names_the_team_and_the_bot(slack: FakeSlack, bot: StandInBot) -> None:
    answer = await bot.call("auth.test")
    assert answer["ok"] is True
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0SANDBOX", "U0MMSBOT", "B0MMSBOT")


async def test_slacks_own_client_works_with_every_method_it_sends_its_own_way(slack: FakeSlack) -> None:
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_base_url)
    auth = await client.auth_test()
    assert auth.headers["x-oauth-scopes"] == "chat:write,commands,usergroups:read,users:read"
    assert (await client.users_info(user=ANN))["user"]["name"] == "ann"
    assert (await client.usergroups_users_list(usergroup=SUPPORT))["users"] == [BEN]
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert {group["id"]: group["users"] for group in groups} == {SUPPORT: [BEN], NOBODY: []}
    posted = await client.chat_postMessage(channel=ANN, text="hello", unfurl_links=False)
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="hello again")
    assert [message.text for message in slack.person("ann").messages] == ["hello again"]
    trigger = slack.state.new_trigger(ANN)
    view = (await client.views_open(trigger_id=trigger, view=modal()))["view"]
    await client.views_update(view_id=view["id"], hash=view["hash"], view=modal())
    await client.views_publish(user_id=ANN, view={"type": "home", "blocks": modal()["blocks"]})
    assert (await client.apps_connections_open(app_token=slack.app_token))["url"].startswith("ws://127.0.0.1:")
    with pytest.raises(SlackApiError, match="user_not_found"):
        await client.users_info(user="U0NOBODY")
    assert slack.refusals == []


@pytest.mark.parametrize(
    ("token", "error"),
    [("", "not_authed"), ("xoxb-other", "invalid_auth"), ("xapp-1-A0MMSBOT-0000-sandbox", "not_allowed_token_type")],
)
async def test_a_wrong_token_is_refused_by_kind(slack: FakeSlack, token: str, error: str) -> None:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(f"{slack.api_base_url}chat.postMessage", json={"channel": ANN, "text": "x"}) as answer,
    ):
        assert (await answer.json())["error"] == error
    assert slack.person("ann").messages == ()


async def test_a_token_in_the_form_is_taken_and_one_in_json_is_not(slack: FakeSlack) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{slack.api_base_url}auth.test"
        async with session.post(url, data={"token": slack.bot_token}) as form:
            assert (await form.json())["ok"] is True
        async with session.post(url, json={"token": slack.bot_token}) as as_json:
            assert (await as_json.json())["error"] == "not_authed"


async def test_a_socket_is_opened_with_the_app_token_only(slack: FakeSlack, bot: StandInBot) -> None:
    assert (await bot.call("apps.connections.open"))["error"] == "not_allowed_token_type"
    slack.revoke_app_token()
    assert (await bot.call("apps.connections.open", token=slack.app_token))["error"] == "token_revoked"


async def test_a_revoked_bot_token_is_refused_everywhere(slack: FakeSlack, bot: StandInBot) -> None:
    slack.revoke_bot_token()
    answers = [await bot.call(name) for name, method in METHODS.items() if method.kind == "bot"]
    assert {answer["error"] for answer in answers} == {"token_revoked"}


async def test_a_missing_scope_says_what_is_needed(slack: FakeSlack, bot: StandInBot) -> None:
    slack.scopes.discard("usergroups:read")
    answer = await bot.call("usergroups.users.list", usergroup=SUPPORT)
    assert (answer["error"], answer["needed"]) == ("missing_scope", "usergroups:read")
    assert "usergroups:read" not in answer["provided"]


async def test_an_unknown_method_is_refused_and_recorded(slack: FakeSlack, bot: StandInBot) -> None:
    assert (await bot.call("chat.postmessage"))["error"] == "unknown_method"
    assert [refusal.problem for refusal in slack.refusals] == ["unknown_method"]


@pytest.mark.parametrize(
    ("method", "arguments", "detail"),
    [
        ("chat.postEphemeral", {"channel": GENERAL, "user": ANN, "text": "x", "unfurl_links": False}, "unfurl_links"),
        ("chat.postMessage", {"text": "x"}, "channel"),
        ("users.info", {}, "user"),
        ("chat.postMessage", {"channel": 7, "text": "x"}, "/channel"),
        ("chat.postMessage", {"channel": ANN, "text": ["x"]}, "/text"),
        ("views.open", {"trigger_id": "1.2.3", "view": "{"}, "/view"),
        ("views.open", {"trigger_id": "1.2.3", "view": {"type": "modal"}}, "title"),
        ("views.open", {"trigger_id": "1.2.3", "view": {"type": "home", "blocks": modal()["blocks"]}}, "/view/type"),
        ("views.update", {"view": modal()}, "view_id"),
        ("views.update", {"view": modal(), "view_id": "V1", "external_id": "e"}, "view_id"),
    ],
)
async def test_wrong_arguments_are_refused_with_the_reason_and_recorded(
    slack: FakeSlack, bot: StandInBot, method: str, arguments: dict[str, Any], detail: str
) -> None:
    answer = await bot.call(method, **arguments)
    assert answer["error"] == "invalid_arguments"
    assert detail in " ".join(answer["response_metadata"]["messages"])
    assert [refusal.where for refusal in slack.refusals] == [method]
    assert [call.outcome for call in slack.calls] == ["invalid_arguments"]


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"[]", "application/json", "json_not_object"),
        (b"x", "text/plain", "invalid_form_data"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(slack: FakeSlack, body: bytes, kind: str, error: str) -> None:
    headers = {"Authorization": f"Bearer {slack.bot_token}", "Content-Type": kind}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.api_base_url}auth.test", data=body, headers=headers) as answer,
    ):
        assert (await answer.json())["error"] == error
    assert len(slack.refusals) == 1


async def test_a_trigger_lives_three_seconds(slack: FakeSlack, bot: StandInBot, clock: Clock) -> None:
    in_time, too_late = slack.state.new_trigger(ANN), slack.state.new_trigger(ANN)
    clock.now += 3.0
    assert (await bot.call("views.open", trigger_id=in_time, view=modal()))["ok"] is True
    clock.now += 0.1
    assert (await bot.call("views.open", trigger_id=too_late, view=modal()))["error"] == "expired_trigger_id"


async def test_a_trigger_works_once(slack: FakeSlack, bot: StandInBot) -> None:
    trigger = slack.state.new_trigger(ANN)
    await bot.call("views.open", trigger_id=trigger, view=modal())
    assert (await bot.call("views.open", trigger_id=trigger, view=modal()))["error"] == "exchanged_trigger_id"
    assert (await bot.call("views.open", trigger_id="1.2.3", view=modal()))["error"] == "invalid_trigger_id"
    assert slack.refusals == []  # it may happen to anybody


async def test_a_refused_view_leaves_the_trigger_usable(slack: FakeSlack, bot: StandInBot) -> None:
    trigger = slack.state.new_trigger(ANN)
    await bot.call("views.open", trigger_id=trigger, view={})
    assert (await bot.call("views.open", trigger_id=trigger, view=modal()))["ok"] is True


async def test_a_view_above_250_kilobytes_is_too_large(slack: FakeSlack, bot: StandInBot) -> None:
    wide = [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3000}}] * 90
    answer = await bot.call("views.open", trigger_id=slack.state.new_trigger(ANN), view=modal(blocks=wide))
    assert answer["error"] == "view_too_large"


async def test_an_update_needs_the_present_hash_when_it_gives_one(slack: FakeSlack, bot: StandInBot) -> None:
    first = (await bot.call("views.open", trigger_id=slack.state.new_trigger(ANN), view=modal()))["view"]
    second = (await bot.call("views.update", view_id=first["id"], hash=first["hash"], view=modal()))["view"]
    assert second["id"] == first["id"]
    assert second["hash"] != first["hash"]
    stale = await bot.call("views.update", view_id=first["id"], hash=first["hash"], view=modal())
    assert stale["error"] == "hash_conflict"


async def test_a_closed_view_is_not_found(slack: FakeSlack, bot: StandInBot) -> None:
    view = (await bot.call("views.open", trigger_id=slack.state.new_trigger(ANN), view=modal()))["view"]
    await (await slack.person("ann").dialog()).close()
    assert (await bot.call("views.update", view_id=view["id"], view=modal()))["error"] == "not_found"


async def test_three_views_are_the_most_on_a_stack(slack: FakeSlack, bot: StandInBot) -> None:
    ids = [(await bot.call("views.open", trigger_id=slack.state.new_trigger(ANN), view=modal()))["view"]["id"]]
    for _ in range(2):
        trigger = slack.state.new_trigger(ANN, view_id=ids[-1])
        pushed = (await bot.call("views.push", trigger_id=trigger, view=modal()))["view"]
        assert (pushed["previous_view_id"], pushed["root_view_id"]) == (ids[-1], ids[0])
        ids.append(pushed["id"])
    trigger = slack.state.new_trigger(ANN, view_id=ids[-1])
    assert (await bot.call("views.push", trigger_id=trigger, view=modal()))["error"] == "push_limit_reached"
    assert (await slack.person("ann").dialog()).id == ids[-1]


async def test_an_external_id_is_there_once(slack: FakeSlack, bot: StandInBot) -> None:
    view = modal(external_id="mine")
    await bot.call("views.open", trigger_id=slack.state.new_trigger(ANN), view=view)
    again = await bot.call("views.open", trigger_id=slack.state.new_trigger(BEN), view=view)
    assert again["error"] == "duplicate_external_id"
    assert (await bot.call("views.update", external_id="mine", view=view))["ok"] is True


@pytest.mark.parametrize(
    ("channel", "user", "error"),
    [
        (GENERAL, ANN, None),
        (OPS, ANN, "not_in_channel"),
        (BACKROOM, ANN, "channel_not_found"),
        (ANN_BEN, ANN, "channel_not_found"),
        ("C0NONE", ANN, "channel_not_found"),
        (GENERAL, DAN, "user_not_in_channel"),
        (GENERAL, "U0NOBODY", "user_not_in_channel"),
    ],
)
async def test_an_ephemeral_message_goes_where_the_bot_and_the_person_are(
    slack: FakeSlack, bot: StandInBot, channel: str, user: str, error: str | None
) -> None:
    answer = await bot.call("chat.postEphemeral", channel=channel, user=user, text="only you")
    assert answer.get("error") == error
    assert len(slack.person("ann").messages) == (0 if error else 1)
    assert slack.person("ben").messages == ()
    assert slack.refusals == []


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        (ANN, None),
        (GENERAL, None),
        (OPS, "not_in_channel"),
        (BACKROOM, "channel_not_found"),
        (ROBO, "channel_not_found"),
        (DAN, "channel_not_found"),
        ("U0NOBODY", "channel_not_found"),
    ],
)
async def test_a_message_goes_where_the_bot_is(
    slack: FakeSlack, bot: StandInBot, channel: str, error: str | None
) -> None:
    assert (await bot.call("chat.postMessage", channel=channel, text="hello")).get("error") == error
    seen = [message.channel_id for message in slack.person("ann").messages]
    assert seen == {ANN: ["D0ANNMMS"], GENERAL: [GENERAL]}.get(channel, [])


async def test_without_the_messages_tab_no_direct_message_arrives(slack: FakeSlack, bot: StandInBot) -> None:
    slack.messages_tab_enabled = False
    assert (await bot.call("chat.postMessage", channel=ANN, text="x"))["error"] == "messages_tab_disabled"
    assert (await bot.call("chat.postMessage", channel=GENERAL, text="x"))["ok"] is True


async def test_opening_a_conversation_needs_its_own_scope(slack: FakeSlack, bot: StandInBot) -> None:
    assert (await bot.call("conversations.open", users=ANN))["error"] == "missing_scope"
    slack.scopes.add("im:write")
    assert (await bot.call("conversations.open", users=ANN))["channel"] == {"id": "D0ANNMMS"}
    assert (await bot.call("conversations.open", users=ROBO))["error"] == "cannot_dm_bot"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({}, "no_text"),
        ({"text": " "}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
    ],
)
async def test_a_message_that_slack_would_not_take_is_refused_and_recorded(
    slack: FakeSlack, bot: StandInBot, content: dict[str, Any], error: str
) -> None:
    assert (await bot.call("chat.postMessage", channel=ANN, **content))["error"] == error
    assert [refusal.problem for refusal in slack.refusals] == [error]


async def test_an_ephemeral_message_cannot_be_updated(slack: FakeSlack, bot: StandInBot) -> None:
    posted = await bot.call("chat.postEphemeral", channel=GENERAL, user=ANN, text="x")
    answer = await bot.call("chat.update", channel=GENERAL, ts=posted["message_ts"], text="y")
    assert answer["error"] == "message_not_found"


async def test_users_info_tells_strangers_bots_and_the_deactivated(slack: FakeSlack, bot: StandInBot) -> None:
    users = {user: (await bot.call("users.info", user=user))["user"] for user in (SAM, EVE, ROBO, DAN)}
    assert users[SAM]["team_id"] == "T0SANDBOX"
    assert (users[EVE]["team_id"], users[EVE]["is_stranger"]) == ("T0ELSEWHERE", True)
    assert users[ROBO]["is_bot"] is True
    assert users[DAN]["deleted"] is True


async def test_a_changed_group_is_seen_by_the_next_call(slack: FakeSlack, bot: StandInBot) -> None:
    slack.people.set_members("support", (ANN, BEN))
    assert (await bot.call("usergroups.users.list", usergroup=SUPPORT))["users"] == [ANN, BEN]
    assert (await bot.call("usergroups.users.list", usergroup="S0NONE"))["error"] == "no_such_subteam"


async def test_a_rate_limit_fault_gives_429_with_its_pause_and_then_is_over(slack: FakeSlack, bot: StandInBot) -> None:
    slack.faults.add("chat.postMessage", status=429, retry_after=7)
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {slack.bot_token}"}) as session,
        session.post(f"{slack.api_base_url}chat.postMessage", json={"channel": ANN, "text": "x"}) as answer,
    ):
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert (await bot.call("auth.test"))["ok"] is True
    assert (await bot.call("chat.postMessage", channel=ANN, text="x"))["ok"] is True
    assert [call.outcome for call in slack.calls_of("chat.postMessage")] == ["fault:429", "ok"]


async def test_an_error_fault_lasts_until_it_is_cleared(slack: FakeSlack, bot: StandInBot) -> None:
    slack.faults.add("*", error="fatal_error", times=None)
    assert [(await bot.call("auth.test"))["error"] for _ in range(3)] == ["fatal_error"] * 3
    slack.faults.clear()
    assert (await bot.call("auth.test"))["ok"] is True


async def test_a_dropped_call_has_no_effect_and_one_dropped_after_has(slack: FakeSlack, bot: StandInBot) -> None:
    for after, seen in ((False, 0), (True, 1)):
        slack.faults.add("chat.postMessage", drop=True, after=after)
        with pytest.raises(aiohttp.ClientConnectionError):
            await bot.call("chat.postMessage", channel=ANN, text="x")
        assert len(slack.person("ann").messages) == seen


async def test_a_delayed_call_goes_well_in_the_end(slack: FakeSlack, bot: StandInBot) -> None:
    slack.faults.add("auth.test", delay_s=0.05)
    started = time.perf_counter()
    assert (await bot.call("auth.test"))["ok"] is True
    assert time.perf_counter() - started >= 0.05


async def test_slack_can_go_away_and_come_back_on_the_same_port(slack: FakeSlack, bot: StandInBot) -> None:
    address = slack.api_base_url
    await bot.call("chat.postMessage", channel=ANN, text="x")
    await slack.go_away()
    with pytest.raises(aiohttp.ClientConnectionError):
        await bot.call("auth.test")
    await slack.come_back()
    assert slack.api_base_url == address
    assert (await bot.call("auth.test"))["ok"] is True
    assert len(slack.person("ann").messages) == 1


async def test_going_away_does_not_wait_for_a_call_that_hangs(slack: FakeSlack, bot: StandInBot) -> None:
    slack.faults.add("auth.test", delay_s=60)
    hanging = asyncio.create_task(bot.call("auth.test"))
    await slack.state.changes.wait_for(lambda: None if slack.faults else True, timeout_s=5, what="the call")
    started = time.perf_counter()
    await slack.go_away()
    assert time.perf_counter() - started < 2
    with pytest.raises(aiohttp.ClientError):
        await hanging


async def test_the_record_keeps_arguments_but_no_token(slack: FakeSlack, bot: StandInBot) -> None:
    await bot.call("chat.postMessage", channel=ANN, text="hello")
    call = slack.calls[-1]
    assert (call.method, call.arguments, call.outcome) == ("chat.postMessage", {"channel": ANN, "text": "hello"}, "ok")


async def test_home_is_published_for_one_person(slack: FakeSlack, bot: StandInBot) -> None:
    home = {"type": "home", "blocks": modal()["blocks"]}
    first = (await bot.call("views.publish", user_id=ANN, view=home))["view"]
    again = await bot.call("views.publish", user_id=ANN, view=home, hash=first["hash"])
    assert again["view"]["id"] == first["id"]
    assert (await bot.call("views.publish", user_id=ANN, view=home, hash="old"))["error"] == "hash_conflict"
    assert slack.person("ben").home is None


async def test_home_is_changed_by_nothing_but_its_own_method(slack: FakeSlack, bot: StandInBot) -> None:
    home = {"type": "home", "blocks": modal()["blocks"]}
    assert (await bot.call("views.publish", user_id=ANN, view=home, hash="of another"))["error"] == "hash_conflict"
    view = (await bot.call("views.publish", user_id=ANN, view=home))["view"]
    assert (await bot.call("views.update", view_id=view["id"], view=home))["error"] == "not_found"


async def test_without_the_home_tab_nothing_is_published(slack: FakeSlack, bot: StandInBot) -> None:
    slack.home_tab_enabled = False
    home = {"type": "home", "blocks": modal()["blocks"]}
    assert (await bot.call("views.publish", user_id=ANN, view=home))["error"] == "not_enabled"
    assert slack.person("ann").home is None
    assert slack.person("ann").home_shown == ""
    assert slack.refusals == [], "whoever set the app up can do that, whatever the program is like"


async def test_a_home_that_is_too_large_or_of_the_wrong_kind_is_refused(slack: FakeSlack, bot: StandInBot) -> None:
    words = {"type": "section", "text": {"type": "plain_text", "text": "é" * 3000}}
    assert (await bot.call("views.publish", user_id=ANN, view=modal()))["error"] == "invalid_arguments"
    too_large = {"type": "home", "blocks": [words] * 45}
    assert (await bot.call("views.publish", user_id=ANN, view=too_large))["error"] == "view_too_large"
    too_many = {"type": "home", "blocks": modal()["blocks"] * 101}
    assert (await bot.call("views.publish", user_id=ANN, view=too_many))["error"] == "invalid_arguments"
    assert len(slack.refusals) == 3
