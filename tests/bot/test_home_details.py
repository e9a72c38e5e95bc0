"""The dialog about one message: everything for its sender, no number in full and no text for an admin."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.causes import Catalogue
from bot.domain import Message, State
from bot.reports import DELIVERED, DISPATCHED, NO_FINAL_WORD, QUEUED, RecipientState, standing_of
from bot.slack import ids
from bot.slack.groups import MAX_GROUPS, grouped
from bot.slack.home.details import details, details_notice
from bot.slack.whose import Sight
from sandbox.slack.block_kit import check_view, elements_of
from sandbox.slack.people import ANN
from sandbox.slack.state import words_of
from tests.bot.home_samples import NUMBERS, SECRET_TEXT, START, content, messages, recipients_of, reported, sent

ANY_NUMBER = re.compile(r"\d{7,}")


def shown(view: Mapping[str, Any]) -> str:
    assert check_view(view) == []
    return words_of(view)


def without_times(text: str) -> str:
    """Slack's dates hold a number of their own."""
    return re.sub(r"<!date\^\d+\^[^>]*>", "", text)


def dialog(message: Message, *states: tuple[str, int | None], causes: Catalogue, sight: Sight = Sight.WHOLE) -> str:
    return shown(details(message, reported(*states), sight=sight, causes=causes))


# -- limits


@given(messages, recipients_of(), st.sampled_from(Sight))
def test_whatever_there_is_to_show_slack_takes_it(
    causes: Catalogue, message: Message, recipients: list[RecipientState], sight: Sight
) -> None:
    assert check_view(details(message, recipients, sight=sight, causes=causes)) == []


@pytest.mark.parametrize("count", [230, 1000])
def test_every_one_of_many_recipients_is_there_once(causes: Catalogue, count: int) -> None:
    words = [DELIVERED, DISPATCHED, QUEUED, "Failed", "Rejected", "Expired", NO_FINAL_WORD]
    states = [(words[n % len(words)], n % 5 * 100) for n in range(count)]
    text = dialog(sent(1, count=count), *states, causes=causes)
    listed = re.findall(r"• (\+\d+)", text)
    assert sorted(listed) == sorted(NUMBERS[:count])


def test_a_thousand_that_wait_are_all_there(causes: Catalogue) -> None:
    text = dialog(sent(1, count=1000, state=State.QUEUED), causes=causes)
    assert re.findall(r"• (\+\d+)", text) == list(NUMBERS)


def test_a_notice_is_a_dialog_too() -> None:
    assert shown(details_notice("Not <yours> & gone")).endswith("Not &lt;yours&gt; &amp; gone")


# -- for the sender


def test_the_sender_sees_all_of_it(causes: Catalogue) -> None:
    text = dialog(sent(1, count=2), (DELIVERED, 0), ("Failed", 414), causes=causes)
    for what in (*NUMBERS[:2], SECRET_TEXT, "https://host.example/private/cat.png", "Only for you", "`01HVBATCH`"):
        assert what in text
    assert "*Picture message (MMS) to 2 recipients*" in text
    assert "1 delivered and 1 failed" in text
    assert f"`{sent(1).client_reference}`" in text


def test_failures_stand_first_each_reason_with_its_sentence_and_code(causes: Catalogue) -> None:
    text = dialog(sent(1, count=5), (DELIVERED, 0), ("Failed", 414), ("Failed", 416), ("Failed", 414), causes=causes)
    assert f"*2 failed*: {causes.get('delivery-414').happened}" in text
    assert "(Code DELIVERY-414)" in text
    assert f"*1 failed*: {causes.get('delivery-416').happened}" in text
    places = [text.index(part) for part in ("DELIVERY-414", NUMBERS[1], NUMBERS[3], "DELIVERY-416", NUMBERS[2])]
    assert places == sorted(places)
    assert text.index("*1 delivered*") > places[-1]


def test_a_code_that_nobody_knows_is_still_shown(causes: Catalogue) -> None:
    text = dialog(sent(1, count=2), ("Failed", 99_999), ("Melted", 7), causes=causes)
    assert "99999" in text
    assert "Melted" in text


def test_nothing_final_for_three_days_is_said_without_blame(causes: Catalogue) -> None:
    text = dialog(sent(1), (NO_FINAL_WORD, None), causes=causes)
    assert "*1 without a final word*: Nothing final came" in text
    assert NO_FINAL_WORD not in text


def test_what_happened_is_told_in_order(causes: Catalogue) -> None:
    message = sent(1, count=3, attempts=2, first_attempt_at=START, finished_at=START)
    text = dialog(message, (DELIVERED, 0), (DELIVERED, 0), ("Failed", 414), causes=causes)
    history = text[text.index("*What happened, and when*") :]
    parts = [
        "taken",
        "first attempt of 2 at Sinch",
        "accepted by Sinch",
        "with the carrier, 3",
        "failed, 1",
        "delivered, 2",
    ]
    places = [history.index(part) for part in parts]
    assert places == sorted(places)


def test_a_message_that_waits_shows_whom_it_is_to_reach(causes: Catalogue) -> None:
    text = dialog(sent(1, count=2, state=State.QUEUED, cause="transport-dns"), causes=causes)
    assert causes.get("transport-dns").happened in text
    assert "*Queued, nothing was sent yet*" in text
    assert NUMBERS[1] in text


def test_an_unknown_one_says_why_with_its_reference(causes: Catalogue) -> None:
    message = sent(1, state=State.UNKNOWN, cause="transport-timeout", vendor_text="Try <later>")
    text = dialog(message, causes=causes)
    assert f"reference {message.client_reference})" in text
    assert "“Try &lt;later&gt;”" in text


def test_what_somebody_wrote_is_shown_as_it_is_and_never_read_as_slacks(causes: Catalogue) -> None:
    message = sent(1, content=content(text="<!channel> *bold* <https://x.example|y>"))
    view = details(message, [], sight=Sight.WHOLE, causes=causes)
    [block] = [one for one in view["blocks"] if "!channel" in json.dumps(one)]
    assert block["text"]["type"] == "plain_text"


def test_what_is_purged_says_so_and_its_counts_stay(causes: Catalogue) -> None:
    message = sent(1, count=2, content=None)
    text = shown(
        details(message, reported((DELIVERED, 0), ("Failed", 414), kept=False), sight=Sight.WHOLE, causes=causes)
    )
    assert "Its numbers and its text are no longer kept." in text
    assert "*1 delivered*" in text
    assert "DELIVERY-414" in text
    assert not ANY_NUMBER.search(without_times(text).replace(message.client_reference, ""))


def test_a_purged_one_that_never_left_has_nobody_to_list(causes: Catalogue) -> None:
    assert "no longer kept" in dialog(sent(1, state=State.REFUSED, content=None), causes=causes)


@pytest.mark.parametrize(("state", "offered"), [(State.QUEUED, True), (State.REFUSED, False), (State.SENDING, False)])
def test_it_can_be_refreshed_and_where_that_may_help_cancelled(causes: Catalogue, state: State, offered: bool) -> None:
    view = details(sent(1, state=state), [], sight=Sight.WHOLE, causes=causes)
    actions = {element["action_id"]: element["value"] for _, element in elements_of(view["blocks"])}
    reference = sent(1).client_reference
    assert actions == {ids.REFRESH: reference} | ({ids.CANCEL: reference} if offered else {})


# -- for an admin


def test_an_admin_sees_who_sent_it_and_what_became_of_it_but_no_number_and_no_text(causes: Catalogue) -> None:
    message = sent(1, count=3)
    text = dialog(message, (DELIVERED, 0), ("Failed", 414), (QUEUED, None), causes=causes, sight=Sight.MASKED)
    assert f"Sent by <@{ANN}>" in text
    assert "+1 •••• 01" in text
    assert causes.get("delivery-414").admin in text
    for hidden in (SECRET_TEXT, "host.example", "Only for you"):
        assert hidden not in text
    assert not ANY_NUMBER.search(without_times(text).replace(message.client_reference, ""))


def test_an_admin_does_not_read_what_sinch_quotes(causes: Catalogue) -> None:
    message = sent(1, state=State.REFUSED, cause="http-400", vendor_text=f"{NUMBERS[0]} {SECRET_TEXT}")
    text = dialog(message, causes=causes, sight=Sight.MASKED)
    assert NUMBERS[0] not in text
    assert SECRET_TEXT not in text
    assert causes.get("http-400").admin in text


@given(
    st.sampled_from(State),
    st.none() | st.text("0123456789 +", max_size=40),
    recipients_of(most=40),
    st.booleans(),
    st.text("abc0123456789 +", min_size=1, max_size=200),
)
def test_whatever_an_admin_opens_no_number_is_whole_and_nothing_written_is_there(
    causes: Catalogue, state: State, vendor_text: str | None, recipients: list[RecipientState], kept: bool, text: str
) -> None:
    known = content(40, text=f"[[{text}]]", media_url="https://host.example/p", subject="about it", typed_to=text)
    message = sent(1, count=40, state=state, content=known if kept else None, cause="http-400", vendor_text=vendor_text)
    plain = [replace(one, state=DELIVERED if one.state.isdigit() else one.state, code=None) for one in recipients]
    view = details(message, plain, sight=Sight.MASKED, causes=causes)
    said = without_times(shown(view))
    assert not ANY_NUMBER.search(said.replace(message.client_reference, ""))
    for hidden in ("host.example", "about it", f"[[{text}]]"):
        assert hidden not in said
    for number in NUMBERS[:40]:
        assert number not in json.dumps(view)


# -- groups


@given(recipients_of())
def test_groups_hold_everybody_once_and_are_not_too_many(recipients: list[RecipientState]) -> None:
    groups = grouped(recipients)
    assert len(groups) <= MAX_GROUPS
    assert sorted(one.position for group in groups for one in group.members) == list(range(len(recipients)))
    for group in groups:
        assert {standing_of(one.state) for one in group.members} == {group.standing}
        if group.reason is not None:
            assert {(one.state, one.code) for one in group.members} == {group.reason}
