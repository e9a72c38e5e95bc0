"""The Home tab's views: what stands there, in which words, and always within Slack's limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.causes import Catalogue
from bot.domain import Message, State
from bot.reports import Counts
from bot.slack import ids
from bot.slack.home import views
from bot.slack.home.pages import PAGE, Page, metadata, trail_from, turn
from bot.slack.states import counts_words
from bot.store import Overview, Stuck
from sandbox.slack.block_kit import check_view, elements_of
from sandbox.slack.people import ANN, BEN
from sandbox.slack.state import words_of
from tests.bot.home_samples import SECRET_TEXT, START, overviews, pages_of, sent

NOTHING = Overview(0, None, 0, 0, (), {}, ())


def shown(view: Mapping[str, Any]) -> str:
    assert check_view(view) == []
    return words_of(view)


def buttons(view: Mapping[str, Any], action_id: str) -> list[str]:
    return [element["value"] for _, element in elements_of(view["blocks"]) if element["action_id"] == action_id]


def home(*messages: Message, causes: Catalogue, overview: Overview | None = None, **page: Any) -> dict[str, Any]:
    return views.home(Page(messages, **page), overview=overview, command="/mms", causes=causes)


# -- limits


@given(pages_of(), st.none() | overviews, st.lists(st.text("0123456789abcdef", min_size=8, max_size=128), max_size=200))
def test_whatever_there_is_to_show_slack_takes_it(
    causes: Catalogue, page: tuple[list[Message], Mapping[str, Counts]], overview: Overview | None, trail: list[str]
) -> None:
    view = views.home(Page(*page, tuple(trail), more=True), overview=overview, command="/mms", causes=causes)
    assert check_view(view) == []
    said = json.dumps(view)
    contents = [message.content for message in page[0] if message.content is not None]
    assert not any(recipient.e164 in said for content in contents for recipient in content.recipients)


@pytest.mark.parametrize("text", ["", "Why <not> & so", "x" * 5000])
@pytest.mark.parametrize("may_ask", [True, False])
def test_who_is_denied_and_who_has_to_wait_get_a_home_that_slack_takes(text: str, may_ask: bool) -> None:
    assert check_view(views.denied_home(text or "No.", may_ask=may_ask)) == []
    assert check_view(views.home_notice(text or "No.")) == []


# -- the person's own messages


def test_who_has_sent_nothing_reads_what_to_do(causes: Catalogue) -> None:
    assert "You have sent nothing yet. Type `/mms`" in shown(home(causes=causes))


def test_a_message_says_what_it_is_when_and_how_many_have_it(causes: Catalogue) -> None:
    counts = {sent(1).client_reference: Counts(delivered=41, failed=2, on_their_way=3)}
    text = shown(home(sent(1, count=46), causes=causes, counts=counts))
    assert "*Picture message (MMS) to 46 recipients*, <!date^" in text
    assert "2026-01-02 11:59 UTC>" in text
    assert "41 delivered, 2 failed and 3 on their way" in text


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(), ""),
        (Counts(delivered=1), "1 delivered"),
        (Counts(on_their_way=1), "1 on its way"),
        (Counts(1, 2, 3, 4), "1 delivered, 2 failed, 3 on their way and 4 without a final word"),
    ],
)
def test_counts_are_words(counts: Counts, words: str) -> None:
    assert counts_words(counts) == words


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.SCHEDULED, "Scheduled"),
        (State.QUEUED, "Queued, nothing was sent yet"),
        (State.SENDING, "Sending"),
        (State.ACCEPTED, "Accepted by Sinch"),
        (State.REFUSED, "Refused, nothing was sent (code `SINCH-401`)"),
        (State.UNKNOWN, "Unknown, may have been sent (code `NET-TIMEOUT`)"),
        (State.CANCELLED, "Cancelled"),
    ],
)
def test_every_state_has_plain_words(causes: Catalogue, state: State, words: str) -> None:
    cause = {State.REFUSED: "http-401", State.UNKNOWN: "transport-timeout"}.get(state)
    assert words in shown(home(sent(1, state=state, cause=cause), causes=causes))


def test_no_text_and_no_number_stands_on_the_page(causes: Catalogue) -> None:
    said = json.dumps(home(sent(1, count=3), causes=causes))
    assert SECRET_TEXT not in said
    assert "+1201" not in said


@pytest.mark.parametrize(
    ("state", "counts", "offered"),
    [
        (State.QUEUED, None, True),
        (State.SCHEDULED, None, True),
        (State.SENDING, None, False),
        (State.ACCEPTED, None, True),
        (State.ACCEPTED, Counts(on_their_way=2), True),
        (State.ACCEPTED, Counts(delivered=1, on_their_way=1), False),
        (State.ACCEPTED, Counts(delivered=2), False),
        (State.REFUSED, None, False),
        (State.UNKNOWN, None, False),
        (State.CANCELLED, None, False),
    ],
)
def test_cancel_is_offered_where_it_may_help(
    causes: Catalogue, state: State, counts: Counts | None, offered: bool
) -> None:
    message = sent(1, state=state)
    view = home(message, causes=causes, counts={message.client_reference: counts} if counts else {})
    assert buttons(view, ids.DETAILS) == [message.client_reference]
    assert buttons(view, ids.CANCEL) == ([message.client_reference] if offered else [])


# -- pages


def test_pages_lead_on_and_back_the_same_way(causes: Catalogue) -> None:
    trail: tuple[str, ...] = ()
    been = [trail]
    for number in range(1, 6):
        view = home(sent(number), causes=causes, trail=trail, more=True)
        assert trail_from(view["private_metadata"]) == trail
        [older] = buttons(view, ids.HOME_PAGE)
        assert older == sent(number).client_reference
        trail = turn(trail, older)
        been.append(trail)
    while trail:
        [newer] = buttons(home(sent(9), causes=causes, trail=trail), ids.HOME_NEWER)
        assert trail == been.pop()
        trail = turn(trail, newer)
    assert buttons(home(sent(9), causes=causes), ids.HOME_NEWER) == []


def test_the_last_page_has_no_older_one_and_an_empty_one_leads_back(causes: Catalogue) -> None:
    assert buttons(home(sent(1), causes=causes, trail=("mms-a",)), ids.HOME_PAGE) == []
    view = home(causes=causes, trail=("mms-a",))
    assert "There are no older messages." in shown(view)
    assert buttons(view, ids.HOME_NEWER) == [ids.NEWEST]


@given(st.lists(st.text(min_size=1, max_size=128), max_size=300).map(tuple))
def test_a_long_way_keeps_its_end(trail: tuple[str, ...]) -> None:
    raw = metadata(trail)
    assert len(raw) <= 3000
    kept = trail_from(raw)
    assert trail[len(trail) - len(kept) :] == kept


@given(st.none() | st.integers() | st.text() | st.dictionaries(st.text(), st.text()) | st.lists(st.text()))
def test_whatever_a_view_remembers_a_way_is_read_from_it(raw: object) -> None:
    for given_back in (raw, json.dumps(raw), json.dumps({"trail": raw})):
        assert "" not in trail_from(given_back)


@pytest.mark.parametrize("cursor", ["", "x" * 129, ids.NEWEST])
def test_a_cursor_that_is_none_leads_to_the_newest(cursor: str) -> None:
    assert turn(("mms-a", "mms-b"), cursor) == ()


# -- for admins


def test_only_with_an_overview_there_is_a_part_for_admins(causes: Catalogue) -> None:
    assert "For admins" not in shown(home(sent(1), causes=causes))
    text = shown(home(causes=causes, overview=NOTHING))
    assert "For admins" in text
    assert "*Queue*: Nothing waits." in text
    assert "*The last day*: no message." in text
    assert "`/mms admin`" in text
    assert "`/mms access`" in text


def test_admins_see_the_queue_what_is_stuck_and_why_the_last_day_and_who_sends(causes: Catalogue) -> None:
    overview = Overview(
        waiting=12,
        oldest_waiting_since=START,
        unknown=1,
        untold=3,
        stuck=(Stuck("mms-stuck", BEN, State.QUEUED, START, "transport-dns"),),
        last_day={State.ACCEPTED: 120, State.REFUSED: 3},
        by_person=((ANN, 100), (BEN, 1)),
    )
    view = home(causes=causes, overview=overview)
    text = shown(view)
    assert "*Queue*: 12 messages wait, the oldest since <!date^" in text
    assert "*Unknown*: 1 message may have been sent" in text
    assert "*Answers*: 3 answers are still to be told." in text
    assert f"<@{BEN}>: queued, nothing was sent yet, since <!date^" in text
    assert causes.get("transport-dns").admin in text
    assert "(Code NET-DNS)" in text
    assert buttons(view, ids.DETAILS) == ["mms-stuck"]
    assert "*The last day*: 120 accepted and 3 refused." in text
    assert f"• <@{ANN}>: 100 messages" in text
    assert f"• <@{BEN}>: 1 message" in text


def test_of_many_that_are_stuck_and_many_who_send_the_rest_is_counted(causes: Catalogue) -> None:
    stuck = tuple(Stuck(f"mms-{n}", ANN, State.SENDING, START, None) for n in range(views.STUCK_SHOWN + 2))
    people = tuple((f"U{n}", n) for n in range(views.SENDERS_SHOWN + 5))
    view = home(causes=causes, overview=Overview(0, None, 0, 0, stuck, {}, people))
    text = shown(view)
    assert len(buttons(view, ids.DETAILS)) == views.STUCK_SHOWN
    assert "and 2 more" in text
    assert "and 5 more" in text


def test_a_full_page_with_everything_stays_well_within_a_hundred_blocks(causes: Catalogue) -> None:
    stuck = tuple(Stuck(f"mms-{n}", ANN, State.QUEUED, START, None) for n in range(99))
    overview = Overview(99, START, 9, 9, stuck, dict.fromkeys(State, 9), tuple((f"U{n}", n) for n in range(999)))
    view = home(*(sent(n, count=230) for n in range(PAGE)), causes=causes, overview=overview, trail=("a",), more=True)
    assert check_view(view) == []
    assert len(view["blocks"]) <= 50
