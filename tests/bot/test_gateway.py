"""Calls to Slack: our own errors, a limit on each, and no way out but Slack's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from bot.access import Profile, Workspace
from bot.clock import SystemClock
from bot.secret import Secret
from bot.slack.gateway import (
    LONGEST_WAIT_S,
    TOKEN_REFUSED,
    TURN_WITHIN_S,
    NotYetError,
    Posted,
    SlackError,
    SlackGateway,
    open_gateway,
)
from bot.slack.pace import LIMITS, UPDATE, Pace
from bot.slack.profiles import UserGroup
from sandbox.slack import FakeSlack
from sandbox.slack.people import (
    ADA,
    ANN,
    BOT_USER,
    DAN,
    EVE,
    GENERAL,
    GUS,
    NOBODY,
    OPS,
    ROBO,
    SUPPORT,
    TEAM_ID,
)

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock

OURS = Workspace(TEAM_ID, BOT_USER)
TITLE = {"type": "plain_text", "text": "Hi"}
VIEW = {"type": "modal", "title": TITLE, "blocks": [{"type": "section", "text": TITLE}]}
MESSAGE = {"text": "Hello"}


async def test_it_asks_whose_bot_it_is(gateway: SlackGateway) -> None:
    assert await gateway.identify() == Workspace(TEAM_ID, BOT_USER, None)


async def test_it_opens_a_dialog_with_a_trigger_once(slack: FakeSlack, gateway: SlackGateway) -> None:
    trigger = slack.state.new_trigger(ANN)
    await gateway.open_view(trigger, VIEW)
    assert slack.person("ann").open_dialog() is not None
    with pytest.raises(SlackError) as caught:
        await gateway.open_view(trigger, VIEW)
    assert (caught.value.error, caught.value.away) == ("exchanged_trigger_id", False)


async def test_it_publishes_a_home_and_changes_the_one_that_is_meant(slack: FakeSlack, gateway: SlackGateway) -> None:
    home = {"type": "home", "blocks": VIEW["blocks"]}
    first = await gateway.publish_home(ANN, home, None)
    second = await gateway.publish_home(ANN, home, first)
    assert first
    assert second == (slack.person("ann").home or {})["hash"] != first
    with pytest.raises(SlackError) as caught:
        await gateway.publish_home(ANN, home, first)
    assert (caught.value.error, caught.value.away) == ("hash_conflict", False)
    assert await gateway.publish_home(ANN, home, None) not in (None, second)


async def test_a_home_that_slack_shows_without_saying_which_has_no_hash(
    slack: FakeSlack, gateway: SlackGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(**_: object) -> dict[str, object]:
        return {"ok": True}

    monkeypatch.setattr(gateway._client, "views_publish", silent)
    assert await gateway.publish_home(ANN, VIEW, None) is None


async def test_it_reads_the_members_of_a_group(gateway: SlackGateway) -> None:
    assert await gateway.group_members(SUPPORT) == {"U0BEN"}
    assert await gateway.group_members(NOBODY) == frozenset()
    with pytest.raises(SlackError) as caught:
        await gateway.group_members("S0NONE")
    assert caught.value.error == "no_such_subteam"


@pytest.mark.parametrize(
    ("user_id", "profile"),
    [
        (ANN, Profile("ann")),
        (GUS, Profile("gus", guest=True)),
        (EVE, Profile("eve", foreign=True)),
        (ROBO, Profile("robo", bot=True)),
        (DAN, Profile("dan", deactivated=True)),
        (BOT_USER, Profile("mms", bot=True)),
    ],
)
async def test_it_reads_who_somebody_is(gateway: SlackGateway, user_id: str, profile: Profile) -> None:
    assert await gateway.profile(user_id, OURS) == profile


async def test_somebody_whom_slack_does_not_know_has_no_profile(slack: FakeSlack, gateway: SlackGateway) -> None:
    with pytest.raises(SlackError) as caught:
        await gateway.profile("U0NOBODY", OURS)
    assert (caught.value.error, caught.value.away) == ("user_not_found", False)
    slack.scopes.discard("users:read")
    with pytest.raises(SlackError) as caught:
        await gateway.profile(ANN, OURS)
    assert caught.value.error == "missing_scope"


async def test_it_reads_the_groups_of_the_workspace(slack: FakeSlack, gateway: SlackGateway) -> None:
    groups = await gateway.user_groups()
    assert groups == (UserGroup(NOBODY, "nobody", "Nobody"), UserGroup(SUPPORT, "support", "Support"))
    assert slack.refusals == []


ODD: list[Any] = [None, [], "x", {"id": "U0BEN", "name": "ben"}, {"name": "ann"}]


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_an_odd_answer_is_nobodys_profile_and_no_groups(
    slack: FakeSlack, gateway: SlackGateway, monkeypatch: pytest.MonkeyPatch, odd: Any
) -> None:
    answer_with(slack, monkeypatch, {"user": odd, "usergroups": None if odd == [] else odd})
    for call in (gateway.profile(ANN, OURS), gateway.user_groups()):
        with pytest.raises(SlackError) as caught:
            await call
        assert (caught.value.error, caught.value.away) == ("odd_answer", True)


def answer_with(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    """Every call that goes well is answered like this instead."""
    real = slack._api.call

    def call(*args: Any) -> dict[str, Any]:
        real(*args)
        return {"ok": True, **answer}

    monkeypatch.setattr(slack._api, "call", call)


async def test_a_direct_message_can_be_changed_later(slack: FakeSlack, gateway: SlackGateway) -> None:
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Allow"}}
    asking = {"text": "May sam?", "blocks": [{"type": "actions", "elements": [button]}]}
    posted = await gateway.post_direct(user_id=ANN, message=asking)
    [message] = slack.person("ann").messages
    assert posted == Posted(message.channel_id, message.ts)
    await gateway.update_message(posted.channel_id, posted.ts, {"text": "ada allowed sam"})
    [message] = slack.person("ann").messages
    assert (message.shown, message.edits) == ("ada allowed sam", 1)
    with pytest.raises(SlackError) as caught:
        await gateway.update_message(posted.channel_id, "1.000001", MESSAGE)
    assert (caught.value.error, caught.value.away) == ("message_not_found", False)
    assert slack.refusals == []


@pytest.mark.parametrize("odd", [{}, {"channel": "D1"}, {"ts": "1.2"}, {"channel": 1, "ts": "1.2"}], ids=str)
async def test_a_message_that_was_posted_is_posted_however_odd_the_answer(
    slack: FakeSlack, gateway: SlackGateway, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    answer_with(slack, monkeypatch, odd)
    assert await gateway.post_direct(user_id=ANN, message=MESSAGE) == Posted("", "")
    assert len(slack.state.messages) == 1


async def test_an_open_dialog_can_be_changed_unless_it_was_meanwhile(slack: FakeSlack, gateway: SlackGateway) -> None:
    await gateway.open_view(slack.state.new_trigger(ANN), VIEW)
    dialog = await slack.person("ann").dialog()
    first_hash, other = dialog.view["hash"], {**VIEW, "title": {"type": "plain_text", "text": "Other"}}
    await gateway.update_view(dialog.id, other, first_hash)
    assert dialog.title == "Other"
    with pytest.raises(SlackError) as caught:
        await gateway.update_view(dialog.id, VIEW, first_hash)
    assert caught.value.error == "hash_conflict"
    await gateway.update_view(dialog.id, VIEW, None)
    assert dialog.title == "Hi"
    await dialog.close()
    with pytest.raises(SlackError) as caught:
        await gateway.update_view(dialog.id, VIEW, None)
    assert (caught.value.error, caught.value.away) == ("not_found", False)


async def test_it_posts_privately_in_a_channel_and_directly(slack: FakeSlack, gateway: SlackGateway) -> None:
    await gateway.post_ephemeral(channel_id=GENERAL, user_id=ANN, message=MESSAGE)
    await gateway.post_direct(user_id=ANN, message=MESSAGE)
    assert [(m.route, m.ephemeral_to) for m in slack.state.messages] == [
        ("chat.postEphemeral", ANN),
        ("chat.postMessage", None),
    ]
    with pytest.raises(SlackError) as caught:
        await gateway.post_ephemeral(channel_id=OPS, user_id=ANN, message=MESSAGE)
    assert (caught.value.error, caught.value.away) == ("not_in_channel", False)
    assert slack.refusals == []


async def test_it_answers_a_response_url_privately(slack: FakeSlack, gateway: SlackGateway) -> None:
    url = f"{slack.origin}/response/{slack.state.new_response_url(ANN, GENERAL)}"
    await gateway.respond(url, MESSAGE)
    [message] = slack.state.messages
    assert message.ephemeral_to == ANN
    for _ in range(4):
        await gateway.respond(url, MESSAGE)
    with pytest.raises(SlackError) as caught:
        await gateway.respond(url, MESSAGE)
    assert (caught.value.error, caught.value.away) == ("http-404", False)


AWAY: list[tuple[dict[str, Any], str, float | None]] = [
    ({"status": 500}, "http-500", None),
    ({"status": 503}, "http-503", None),
    ({"status": 429, "retry_after": 7}, "ratelimited", 7.0),
    ({"status": 429}, "ratelimited", None),
    ({"status": 429, "retry_after": 10**9}, "ratelimited", LONGEST_WAIT_S),
    ({"error": "ratelimited"}, "ratelimited", None),
    ({"error": "internal_error"}, "internal_error", None),
    ({"drop": True}, "away", None),
]


@pytest.mark.parametrize(("fault", "error", "retry_after_s"), AWAY, ids=str)
async def test_slack_failing_for_the_moment_is_told_apart(
    slack: FakeSlack, gateway: SlackGateway, fault: dict[str, Any], error: str, retry_after_s: float | None
) -> None:
    slack.faults.add("chat.postMessage", **fault)
    with pytest.raises(SlackError) as caught:
        await gateway.post_direct(user_id=ANN, message=MESSAGE)
    assert (caught.value.error, caught.value.away, caught.value.retry_after_s) == (error, True, retry_after_s)
    assert len(slack.calls_of("chat.postMessage")) == 1, "a repeat could post twice"


@pytest.mark.parametrize(("status", "away"), [(500, True), (503, True), (429, True), (404, False), (403, False)])
async def test_a_response_url_failing_for_the_moment_is_told_apart(
    slack: FakeSlack, gateway: SlackGateway, status: int, away: bool
) -> None:
    slack.faults.add("response_url", status=status, retry_after=3)
    with pytest.raises(SlackError) as caught:
        await gateway.respond(f"{slack.origin}/response/1/x", MESSAGE)
    assert (caught.value.error, caught.value.away) == (f"http-{status}", away)


async def test_nobody_listening_is_away(slack: FakeSlack, gateway: SlackGateway) -> None:
    origin = slack.origin
    await slack.go_away()
    for call in (
        gateway.identify(),
        gateway.post_direct(user_id=ANN, message=MESSAGE),
        gateway.respond(f"{origin}/response/1/x", MESSAGE),
        gateway.socket_url(Secret(slack.app_token)),
        gateway.connect_socket(origin.replace("http", "ws") + "/link/"),
    ):
        with pytest.raises(SlackError) as caught:
            await call
        assert caught.value.away


async def test_a_slack_that_stalls_is_away_after_the_limit(
    slack: FakeSlack, gateway: SlackGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.gateway.OPEN_VIEW_LIMIT_S", 0.05)
    slack.faults.add("views.open", delay_s=5, status=500)
    with pytest.raises(SlackError) as caught:
        await gateway.open_view(slack.state.new_trigger(ANN), VIEW)
    assert caught.value.error == "away"


@pytest.mark.parametrize("token", ["xoxb-wrong", "xapp-1-A0MMSBOT-0000-sandbox"])
async def test_a_refused_token_is_one_that_no_waiting_mends(slack: FakeSlack, token: str) -> None:
    async with open_gateway(bot_token=Secret(token), base_url=slack.api_base_url, pace=Pace(SystemClock())) as gateway:
        with pytest.raises(SlackError) as caught:
            await gateway.identify()
    assert caught.value.error in TOKEN_REFUSED
    assert not caught.value.away


@pytest.mark.parametrize(
    "url", ["http://hooks.slack.example/1", "ftp://x", "", "file:///etc/passwd", "http://[", "hooks"]
)
async def test_nothing_is_posted_to_an_address_that_is_not_encrypted(gateway: SlackGateway, url: str) -> None:
    with pytest.raises(SlackError) as caught:
        await gateway.respond(url, MESSAGE)
    assert not caught.value.away
    with pytest.raises(SlackError):
        await gateway.connect_socket(url)


async def test_a_proxy_of_the_shell_is_not_used_for_this_machine(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nobody answers there
    async with open_gateway(
        bot_token=Secret(slack.bot_token), base_url=slack.api_base_url, pace=Pace(SystemClock())
    ) as gateway:
        assert (await gateway.identify()).team_id == TEAM_ID
        url = f"{slack.origin}/response/{slack.state.new_response_url(ANN, GENERAL)}"
        await gateway.respond(url, MESSAGE)


async def test_no_error_holds_the_token_or_the_address(slack: FakeSlack, gateway: SlackGateway) -> None:
    await slack.go_away()
    with pytest.raises(SlackError) as caught:
        await gateway.respond(f"{slack.origin}/response/1/secret", MESSAGE)
    assert "secret" not in f"{caught.value} {caught.value!r}"


# -- Slack's rate limits


@pytest.fixture
async def paced(slack: FakeSlack, clock: FakeClock) -> AsyncIterator[SlackGateway]:
    """At the pace of the real one, by a clock that stands still."""
    token = Secret(slack.bot_token)
    async with open_gateway(bot_token=token, base_url=slack.api_base_url, pace=Pace(clock)) as gateway:
        yield gateway


async def test_a_second_message_in_the_same_conversation_waits_for_its_turn(
    slack: FakeSlack, paced: SlackGateway, clock: FakeClock
) -> None:
    await paced.post_direct(user_id=ANN, message=MESSAGE)
    second = asyncio.create_task(paced.post_direct(user_id=ANN, message=MESSAGE))
    await paced.post_direct(user_id=ADA, message=MESSAGE)
    assert len(slack.calls_of("chat.postMessage")) == 2, "only the conversation waits"
    await clock.advance(1.1)
    await second
    assert len(slack.calls_of("chat.postMessage")) == 3


async def test_whoever_is_too_far_behind_is_told_when_to_come_back_and_slack_is_not_asked(
    slack: FakeSlack, paced: SlackGateway, clock: FakeClock
) -> None:
    posted = await paced.post_direct(user_id=ANN, message=MESSAGE)
    for _ in range(LIMITS[UPDATE].burst):
        await paced.update_message(posted.channel_id, posted.ts, MESSAGE, within_s=0)
    waits = []
    for _ in range(3):
        with pytest.raises(NotYetError) as caught:
            await paced.update_message(posted.channel_id, posted.ts, MESSAGE, within_s=0)
        assert (caught.value.error, caught.value.away) == ("ratelimited", True)
        waits.append(caught.value.retry_after_s)
    each = LIMITS[UPDATE].each_s
    assert waits == pytest.approx([each, 2 * each, 3 * each]), "one after the other, not all at once"
    assert len(slack.calls_of("chat.update")) == LIMITS[UPDATE].burst
    clock.jump(each)
    await paced.update_message(posted.channel_id, posted.ts, MESSAGE, within_s=0)


async def test_a_429_holds_all_calls_of_that_method_up_for_as_long_as_slack_says(
    slack: FakeSlack, paced: SlackGateway, clock: FakeClock
) -> None:
    slack.faults.add("chat.postMessage", status=429, retry_after=30)
    with pytest.raises(SlackError) as caught:
        await paced.post_direct(user_id=ANN, message=MESSAGE)
    assert not isinstance(caught.value, NotYetError)
    clock.jump(29.5 - TURN_WITHIN_S)
    with pytest.raises(NotYetError):
        await paced.post_direct(user_id=ADA, message=MESSAGE)
    assert len(slack.calls_of("chat.postMessage")) == 1
    clock.jump(TURN_WITHIN_S + 0.5)
    await paced.post_direct(user_id=ADA, message=MESSAGE)
    with pytest.raises(SlackError):
        await paced.update_message("D1", "1.2", MESSAGE)  # another method goes on
    assert slack.calls_of("chat.update")[0].outcome == "channel_not_found"
