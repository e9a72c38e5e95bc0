"""The dialogs: within Slack's limits whatever is typed, and what was typed is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import Reason
from bot.compose import Fields, check
from bot.domain import Content, Recipient
from bot.slack import ids, messages, views
from bot.slack.payloads import Dialog, dialog_from
from sandbox.slack.block_kit import check_view
from sandbox.slack.state import words_of

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
DIALOG = Dialog("C0GENERAL", "https://hooks.slack.example/commands/1", NOW)

HOSTILE = [
    "<!channel>",
    "<@U0ANN>",
    "<!subteam^S0SUPPORT>",
    "<https://evil.example|bank>",
    "`*_~",
    "&lt;",
    "🎉" * 50,
    "\u202e",
    "x" * 3000,
]
typed = st.text(max_size=200) | st.sampled_from(HOSTILE)
urls = st.none() | st.sampled_from(["https://host.example/a.png", "https://host.example/" + "a" * 1900])
fields = st.builds(Fields, to=st.none() | typed, message=st.none() | typed, subject=st.none() | typed, media_url=urls)
contents = st.builds(
    Content,
    recipients=st.lists(
        st.builds(Recipient, e164=st.just("+12015550123"), region=st.text("ABCDEFGHIJ01", min_size=2, max_size=3)),
        min_size=1,
        max_size=1000,
    ).map(tuple),
    text=typed,
    media_url=urls,
    subject=st.none(),
    typed_to=typed,
)


def initial(view: dict[str, Any]) -> dict[str, str | None]:
    return {b["block_id"]: b["element"].get("initial_value") for b in view["blocks"] if b["type"] == "input"}


def mrkdwn_of(node: Any) -> list[str]:
    """Every text in which Slack would see a mention."""
    if isinstance(node, dict):
        own = [node["text"]] if node.get("type") == "mrkdwn" else []
        return own + [text for value in node.values() for text in mrkdwn_of(value)]
    return [text for value in node for text in mrkdwn_of(value)] if isinstance(node, list) else []


@given(fields)
def test_the_compose_dialog_is_one_that_slack_takes(typed: Fields) -> None:
    view = views.compose(typed, dialog=DIALOG, default_region="US")
    assert check_view(view) == []
    assert view["callback_id"] == "mms_compose"
    for block in view["blocks"]:
        assert block["block_id"] == block["element"]["action_id"]


@given(fields, contents)
def test_the_review_step_is_one_that_slack_takes_and_keeps_what_was_typed(typed: Fields, content: Content) -> None:
    dialog = replace(DIALOG, reviewed=content.digest())
    view = views.compose(typed, dialog=dialog, default_region="US", review=content)
    plain = views.compose(typed, dialog=DIALOG, default_region="US")
    assert check_view(view) == []
    assert initial(view) == {**initial(plain), "media_url": content.media_url}
    assert len(view["private_metadata"]) <= 3000
    assert dialog_from(view["private_metadata"]).reviewed == content.digest()
    assert str(len(content.recipients)) in view["submit"]["text"]
    assert "Nothing was sent yet" in words_of(view)


def test_the_inputs_are_those_of_the_design() -> None:
    view = views.compose(Fields(), dialog=Dialog(), default_region="US")
    assert list(initial(view)) == [ids.TO, ids.MESSAGE, ids.MEDIA_URL, ids.SUBJECT]
    assert {ids.TO, ids.MESSAGE, ids.SUBJECT, ids.MEDIA_URL} == {"to", "message", "subject", "media_url"}
    optional = {block["block_id"]: block["optional"] for block in view["blocks"]}
    assert optional == {"to": False, "message": True, "media_url": True, "subject": True}


def test_what_was_typed_fills_the_dialog() -> None:
    filled = Fields(to="+12015550123", message="Hi", subject="Parcel", media_url="https://host.example/a.png")
    assert initial(views.compose(filled, dialog=Dialog(), default_region="US")) == {
        "to": "+12015550123",
        "message": "Hi",
        "subject": "Parcel",
        "media_url": "https://host.example/a.png",
    }


@pytest.mark.parametrize(
    "address",
    [
        "  https://host.example/a.png  ",
        "https://host.example/a.png\n",
        "<https://host.example/a.png>",
        "\u200bhttps://host.example/a.png",
    ],
)
def test_an_address_that_is_taken_can_be_shown_for_review(address: str) -> None:
    numbers = ", ".join(f"+1201555{n:04d}" for n in range(100, 112))
    form = Fields(to=numbers, media_url=address)
    content = check(form, default_region="US", mms_countries=frozenset({"US"}))
    if isinstance(content, Content):
        view = views.compose(form, dialog=DIALOG, default_region="US", review=content)
        assert check_view(view) == []


def test_the_hints_say_how_much_fits_and_what_kind_it_will_be() -> None:
    words = words_of(views.compose(Fields(), dialog=Dialog(), default_region="DE"))
    for phrase in ("230", "DE numbers", "SMS", "MMS", "2,000"):
        assert phrase in words


def test_the_summary_says_what_to_how_many_and_to_where() -> None:
    recipients = (Recipient("+12015550123", "US"), Recipient("+12015550124", "US"), Recipient("+14165550123", "CA"))
    content = Content(recipients, "Hi", None, None, "")
    said = views.summary(content)
    assert "3 recipients" in said
    assert "US: 2" in said
    assert "CA: 1" in said
    assert "SMS" in said
    assert "MMS" in views.summary(replace(content, media_url="https://host.example/a.png"))


@given(fields, st.sampled_from(Reason), st.booleans())
def test_a_denial_is_one_that_slack_takes_and_repeats_what_was_typed(
    typed: Fields, reason: Reason, may_ask: bool
) -> None:
    said = messages.denied_text(reason, admins=["U0ADA"], may_ask=may_ask)
    view = views.denied(said, typed, may_ask=may_ask)
    assert check_view(view) == []
    assert "submit" not in view
    shown = words_of(view)
    for text in (typed.to, typed.message, typed.subject, typed.media_url):
        if text and text.strip():
            assert text[:3000] in shown


@pytest.mark.parametrize("may_ask", [True, False])
def test_a_denial_has_a_button_to_ask_in_a_block_of_its_own_and_says_that_asking_sends_nothing(may_ask: bool) -> None:
    view = views.denied("No.", Fields(to="+1"), may_ask=may_ask)
    blocks = {block.get("block_id"): block for block in view["blocks"]}
    assert ("ask_access" in blocks) == may_ask
    assert ("Asking does not send what you typed" in words_of(view)) == may_ask
    if may_ask:
        [button] = blocks["ask_access"]["elements"]
        assert (button["action_id"], button["text"]["text"]) == (ids.ASK_ACCESS, "Ask for access")


@given(fields, contents)
def test_nothing_that_was_typed_can_become_a_mention(typed: Fields, content: Content) -> None:
    said = messages.denied_text(Reason.NOT_LISTED, admins=["U0ADA"])
    for view in (
        views.compose(typed, dialog=DIALOG, default_region="US", review=content),
        views.denied(said, typed),
    ):
        for text in mrkdwn_of(view):
            assert "<" not in text.replace("<@U0ADA>", "")
