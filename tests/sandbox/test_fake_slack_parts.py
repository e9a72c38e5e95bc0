"""The pure parts of the fake Slack, and its control surface for a shell."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.slack import FakeSlack
from sandbox.slack.faults import Faults
from sandbox.slack.mentions import escape_command_text, link_phone_numbers
from sandbox.slack.people import People
from sandbox.slack.stand_in import Reply, StandInBot
from sandbox.slack.state import words_of

PEOPLE = People()


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("hello", "hello"),
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("@ben hi", "<@U0BEN|ben> hi"),
        ("@stranger", "@stranger"),
        ("@support", "<!subteam^S0SUPPORT|@support>"),
        ("#general", "<#C0GENERAL|general>"),
        ("#backroom", "<#C0BACKROOM|>"),
        ("#nowhere", "#nowhere"),
        ("https://example.com/a?b=1&c=2", "<https://example.com/a?b=1&amp;c=2>"),
        ("ann@example.com", "<mailto:ann@example.com|ann@example.com>"),
        ("+1 201 555 0123 hello", "+1 201 555 0123 hello"),
        ("<@U0BEN>", "&lt;<@U0BEN|ben>&gt;"),
        ("&amp;", "&amp;amp;"),
    ],
)
def test_command_text_is_rewritten_as_documented(typed: str, sent: str) -> None:
    assert escape_command_text(typed, PEOPLE) == sent


@given(st.text(alphabet="ab @#&<>:/.h t p s ben", max_size=60))
def test_undoing_the_rewriting_gives_the_text_back(text: str) -> None:
    sent = escape_command_text(text, PEOPLE)
    plain = re.sub(r"<mailto:[^|>]*\|([^>]*)>", r"\1", sent)
    plain = re.sub(r"<@[A-Z0-9]+\|([^>]*)>", r"@\1", plain)
    plain = re.sub(r"<#[A-Z0-9]+\|([^>]+)>", r"#\1", plain)
    plain = re.sub(r"<(https?://[^>]*)>", r"\1", plain)
    assert html.unescape(plain) == text


def test_some_mobile_clients_turn_a_number_into_a_link() -> None:
    assert link_phone_numbers("to (201) 555-0123 now") == "to (<tel:2015550123|201) 555-0123> now"
    assert link_phone_numbers("+1 201 555 0123") == "<tel:+12015550123|+1 201 555 0123>"


def test_words_are_read_top_to_bottom() -> None:
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "one"}},
        {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "two"},
        {"type": "context", "elements": [{"type": "plain_text", "text": "three"}]},
    ]
    assert words_of(blocks) == "one\ntwo\nthree"


def test_faults_are_taken_in_order_and_counted() -> None:
    faults = Faults()
    faults.add("auth.test", status=500, times=2)
    faults.add("*", error="x")
    taken = [faults.take("auth.test") for _ in range(4)]
    assert [fault and fault.name for fault in taken] == ["fault:500", "fault:500", "fault:x", None]
    faults.add("response_url", status=500, times=None)
    assert faults.take("auth.test") is None
    assert all(faults.take("response_url") for _ in range(5))


def test_people_are_found_by_name_or_id() -> None:
    assert PEOPLE.person("ann") is PEOPLE.person("U0ANN")
    assert PEOPLE.channel("#ops") is PEOPLE.channel("ops")
    with pytest.raises(LookupError, match="no person 'nobody'"):
        PEOPLE.person("nobody")


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def bot(slack: FakeSlack) -> AsyncIterator[StandInBot]:
    stand_in = StandInBot(slack)
    await stand_in.listen()
    yield stand_in
    await stand_in.stop()


async def asked(slack: FakeSlack, verb: str, path: str, body: object = None) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.request(verb, slack.origin + path, json=body) as answer:
        return answer.status, await answer.json()


async def test_a_whole_story_can_be_played_from_a_shell(slack: FakeSlack, bot: StandInBot) -> None:
    async def answer(_received: object) -> Reply:
        return Reply("Working on it.")

    bot.answer = answer
    status, shown = await asked(slack, "POST", "/sandbox/command", {"person": "ann", "text": "hello @ben"})
    assert (status, shown["status"], shown["message"]["text"]) == (200, 200, "Working on it.")
    payload = bot.received[0].payload
    assert payload["text"] == "hello <@U0BEN|ben>"
    element = {"type": "plain_text_input", "action_id": "to"}
    label = {"type": "plain_text", "text": "To"}
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Send"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [{"type": "input", "block_id": "to", "label": label, "element": element}],
    }
    await bot.call("views.open", trigger_id=payload["trigger_id"], view=view)
    _, person = await asked(slack, "GET", "/sandbox/people/ann")
    assert person["dialog"]["values"] == {"to": None}
    _, incomplete = await asked(slack, "POST", "/sandbox/dialog", {"person": "ann"})
    assert incomplete["outcome"] == "incomplete"

    async def closing(_received: object) -> Reply:
        return Reply()

    bot.answer = closing
    _, closed = await asked(slack, "POST", "/sandbox/dialog", {"person": "ann", "values": {"to": "x"}})
    assert closed["outcome"] == "closed"
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    await bot.call("chat.postMessage", channel="U0ANN", text="Accepted", blocks=blocks)
    _, clicked = await asked(slack, "POST", "/sandbox/click", {"person": "ann", "action_id": "go"})
    assert clicked["status"] == 200
    _, record = await asked(slack, "GET", "/sandbox/calls")
    assert [call["method"] for call in record["calls"]] == ["views.open", "chat.postMessage"]
    assert record["refusals"] == []


async def test_the_home_tab_can_be_used_from_a_shell(slack: FakeSlack, bot: StandInBot) -> None:
    _, person = await asked(slack, "GET", "/sandbox/people/ann")
    assert person["home"] is None
    _, opened = await asked(slack, "POST", "/sandbox/home", {"person": "ann"})
    assert opened["status"] == 200
    text = {"type": "plain_text", "text": "Go"}
    buttons = [{"type": "button", "action_id": f"go{n}", "value": str(n), "text": text} for n in range(2)]
    home = {"type": "home", "blocks": [{"type": "actions", "elements": buttons}]}
    await bot.call("views.publish", user_id="U0ANN", view=home)
    _, person = await asked(slack, "GET", "/sandbox/people/ann")
    assert person["home"]["shown"] == "Go\nGo"
    assert person["home"]["buttons"][1] == {"action_id": "go1", "label": "Go", "value": "1"}
    click = {"person": "ann", "on": "home", "action_id": "go1", "value": "1"}
    assert (await asked(slack, "POST", "/sandbox/click", click))[1]["status"] == 200
    modal = {**home, "type": "modal", "title": text}
    await bot.call("views.open", trigger_id=bot.received[-1].payload["trigger_id"], view=modal)
    click = {"person": "ann", "on": "dialog", "action_id": "go0"}
    assert (await asked(slack, "POST", "/sandbox/click", click))[1]["status"] == 200
    assert [one.payload.get("type") for one in bot.received] == ["event_callback", "block_actions", "block_actions"]


async def test_faults_can_be_switched_from_a_shell(slack: FakeSlack, bot: StandInBot) -> None:
    fault = {"target": "auth.test", "error": "fatal_error", "times": None}
    assert (await asked(slack, "POST", "/sandbox/faults", fault))[0] == 200
    assert (await bot.call("auth.test"))["error"] == "fatal_error"
    assert (await asked(slack, "DELETE", "/sandbox/faults"))[0] == 200
    assert (await bot.call("auth.test"))["ok"] is True


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("/sandbox/command", {}, "missing key: person"),
        ("/sandbox/command", [], "the body must be a JSON object"),
        ("/sandbox/command", {"person": "nobody"}, "no person 'nobody'"),
        ("/sandbox/dialog", {"person": "ann", "timeout_s": 0.01}, "did not come"),
        ("/sandbox/click", {"person": "ann", "action_id": "go"}, "no message with the button"),
        ("/sandbox/click", {"person": "ann", "action_id": "go", "on": "home"}, "nothing was published for ann"),
        ("/sandbox/faults", {"target": "auth.test", "colour": "red"}, "unknown keys: colour"),
    ],
)
async def test_the_control_surface_says_what_is_wrong(slack: FakeSlack, path: str, body: object, problem: str) -> None:
    status, answer = await asked(slack, "POST", path, body)
    assert status in (400, 404)
    assert problem in answer["problem"]
