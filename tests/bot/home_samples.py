"""Messages, their recipients and overviews as the Home tab may have to show them, for examples and for properties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from bot.domain import Content, Kind, Message, Recipient, ReplyRoute, State
from bot.reports import DELIVERED, DISPATCHED, NO_FINAL_WORD, QUEUED, Counts, RecipientState, counts_of
from bot.slack.home.pages import PAGE
from bot.store import Overview, Stuck
from sandbox.slack.people import ADA, ANN, BEN, TEAM_ID

START = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
NUMBERS = tuple(f"+1201555{number:04d}" for number in range(1000))
SECRET_TEXT = "A secret between us two"


def content(count: int = 1, **fields: Any) -> Content:
    given: dict[str, Any] = {
        "text": SECRET_TEXT,
        "media_url": "https://host.example/private/cat.png",
        "subject": "Only for you",
        "typed_to": ", ".join(NUMBERS[:count]),
        **fields,
    }
    return Content(tuple(Recipient(e164, "US") for e164 in NUMBERS[:count]), **given)


def sent(number: int = 1, *, count: int = 1, user: str = ANN, **fields: Any) -> Message:
    """One of somebody's messages; the higher its number, the older it is."""
    given: dict[str, Any] = {
        "client_reference": f"mms-{number:032x}",
        "view_id": f"V{number}",
        "team_id": TEAM_ID,
        "state": State.ACCEPTED,
        "kind": Kind.MMS,
        "recipient_count": count,
        "content": content(count),
        "digest": "",
        "reply": ReplyRoute(user),
        "response_url_uses": 0,
        "created_at": START - timedelta(minutes=number),
        "batch_id": "01HVBATCH" if fields.get("state", State.ACCEPTED) is State.ACCEPTED else None,
        **fields,
    }
    return Message(**given)


def reported(*states: tuple[str, int | None], kept: bool = True) -> list[RecipientState]:
    """The recipients of a message, in its order, one for each state and code."""
    return [
        RecipientState(
            position,
            NUMBERS[position] if kept else None,
            state,
            code,
            START + timedelta(seconds=position),
            dispatched_at=START,
            final_at=None if state in (QUEUED, DISPATCHED) else START + timedelta(seconds=position),
        )
        for position, (state, code) in enumerate(states)
    ]


words = st.text(max_size=30)
long_texts = st.text(max_size=2000)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis wants them bare
numbers = st.sampled_from(NUMBERS)
user_ids = st.sampled_from([ANN, BEN, ADA, "W0OTHER0001"])
states_of_sinch = st.sampled_from([QUEUED, DISPATCHED, DELIVERED, NO_FINAL_WORD, "Rejected", "Failed", "Unknown"]) | (
    st.text(min_size=1, max_size=32)
)
codes = st.none() | st.sampled_from([0, 400, 401, 414, 416, 257]) | st.integers(-1, 2**63 - 1)

contents = st.builds(
    Content,
    recipients=st.lists(st.builds(Recipient, numbers, st.just("US")), min_size=1, max_size=5).map(tuple),
    text=long_texts,
    media_url=st.none() | st.text(min_size=1, max_size=2048),
    subject=st.none() | st.text(max_size=80),
    typed_to=words,
)
messages = st.builds(
    Message,
    client_reference=st.integers(0, 2**128 - 1).map(lambda number: f"mms-{number:032x}"),
    view_id=words,
    team_id=st.just(TEAM_ID),
    state=st.sampled_from(State),
    kind=st.sampled_from(Kind),
    recipient_count=st.integers(1, 1000),
    content=st.none() | contents,
    digest=st.just(""),
    reply=st.builds(ReplyRoute, user_ids),
    response_url_uses=st.just(0),
    created_at=moments,
    attempts=st.integers(0, 2000),
    first_attempt_at=st.none() | moments,
    batch_id=st.none() | st.text(min_size=1, max_size=128),
    cause=st.none() | st.sampled_from(["http-401", "transport-timeout", "own-crash", "http-429"]) | words,
    vendor_code=st.none() | words,
    vendor_text=st.none() | long_texts,
    finished_at=st.none() | moments,
)


@st.composite
def recipients_of(draw: st.DrawFn, most: int = 1000) -> list[RecipientState]:
    """Up to ``most`` of them, with up to thirty different states."""
    kinds = draw(st.lists(st.tuples(states_of_sinch, codes), min_size=1, max_size=30))
    count = draw(st.sampled_from([0, 1, 2, 230, most]))
    kept = draw(st.booleans())
    at = draw(st.none() | moments)
    return [
        RecipientState(
            position,
            NUMBERS[position] if kept else None,
            *kinds[position % len(kinds)],
            at,
            dispatched_at=at,
            final_at=at,
        )
        for position in range(count)
    ]


@st.composite
def pages_of(draw: st.DrawFn) -> tuple[list[Message], Mapping[str, Counts]]:
    shown = draw(st.lists(messages, max_size=PAGE, unique_by=lambda one: one.client_reference))
    counts = {one.client_reference: counts_of(draw(recipients_of(most=5))) for one in shown if draw(st.booleans())}
    return shown, counts


overviews = st.builds(
    Overview,
    waiting=st.integers(0, 10_000),
    oldest_waiting_since=st.none() | moments,
    unknown=st.integers(0, 10_000),
    untold=st.integers(0, 10_000),
    stuck=st.lists(
        st.builds(
            Stuck,
            client_reference=st.text("0123456789abcdef", min_size=8, max_size=128),
            user_id=user_ids,
            state=st.sampled_from(State),
            since=moments,
            cause=st.none() | st.sampled_from(["http-429", "transport-dns", "own-crash", "of_another_time"]),
        ),
        max_size=40,
    ),
    last_day=st.dictionaries(st.sampled_from(State), st.integers(0, 10_000)),
    by_person=st.lists(st.tuples(user_ids, st.integers(0, 10_000)), max_size=400),
)
