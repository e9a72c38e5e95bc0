"""What a database holds after years of use. Pure: the same rows for the same number.

Only their number grows: whatever waits, is under way or is still to be told is as much in a table of a thousand rows as
in one of a million.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from bot.access.requests import Decision, NoticeKind
from bot.domain import AnswerKind, Content, Kind, Recipient, State
from bot.store.rows import content_json

PEOPLE = tuple(f"U0PERSON{number:02}" for number in range(100))
RARE = "U0RARE"  # has sent RARE_SENT messages
RARE_SENT = 3
TEAM = "T0TEAM"
ADMIN = "U0ADMIN"

DAY_S = 86_400.0
SPAN_S = 60 * DAY_S  # from the first message to the last
RETENTION_S = 30 * DAY_S  # older ones have lost numbers and texts
SOON_S = 600.0  # open rows are due then: not while something is measured

QUEUED, SENDING, LOOKED_UP = 20, 5, 10  # open messages
UNHEARD = 5  # answers that wait for their next try
OPEN_REQUESTS = 5
MEMBERS = 100

_OPEN = QUEUED + SENDING + LOOKED_UP
_STATES = (  # of every thousand messages
    *itertools.repeat(State.UNKNOWN, 10),  # given up honestly
    *itertools.repeat(State.REFUSED, 25),
    *itertools.repeat(State.CANCELLED, 5),
    *itertools.repeat(State.ACCEPTED, 960),
)

Row = tuple[Any, ...]


class Rows(NamedTuple):
    """Rows of one table, oldest first."""

    table: str
    columns: tuple[str, ...]
    values: Iterator[Row]


def everything(number: int, *, now: float, people: Sequence[str] = PEOPLE) -> list[Rows]:
    """``number`` rows in each table that grows, in the order in which they can be inserted.

    Args:
        now: seconds since 1970.
        people: who has sent them, in turns; ``RARE`` a few besides.
    """
    return [
        Rows("message", MESSAGE, _messages(number, now, people)),
        Rows("answer", ANSWER, _answers(number, now, people)),
        Rows("recipient", RECIPIENT, _recipients(number, now)),
        Rows("delivery_news", NEWS, _news(number, now, people)),
        Rows("access_member", MEMBER, _members(now)),
        Rows("access_change", CHANGE, _changes(number, now)),
        Rows("access_request", REQUEST, _requests(number, now)),
        Rows("access_notice", NOTICE, _notices(number, now)),
    ]


MESSAGE = (
    *("client_reference", "view_id", "team_id", "user_id", "state", "kind", "recipient_count", "content", "digest"),
    *("created_at", "due_at", "attempts", "lookups", "lookup_due_at", "unknown_told", "lease_owner", "lease_until"),
    *("batch_id", "cause", "finished_at"),
)


def reference(index: int) -> str:
    """As the store makes them: in no order."""
    return f"mms-{_name(index)}"


def _messages(number: int, now: float, people: Sequence[str]) -> Iterator[Row]:
    for index in range(number):
        created_at = now - SPAN_S * (number - index) / number
        state, left = _state(index, number), number - index
        unknown = state is State.UNKNOWN
        due = state in (State.QUEUED, State.SENDING)
        content = _content(index) if created_at > now - RETENTION_S else None
        yield (
            reference(index),
            f"V{_name(index)[:16].upper()}",
            TEAM,
            _sender(index, number, people),
            state,
            Kind.SMS,
            1,
            None if content is None else content_json(content),
            "" if content is None else content.digest(),
            created_at,
            now + SOON_S if due else None,
            0 if state is State.QUEUED else 1,
            3 if unknown else 0,
            now + SOON_S if unknown and left <= _OPEN else None,
            unknown,
            "another-process" if state is State.SENDING else None,
            now + SOON_S if state is State.SENDING else None,
            batch_id(index) if state is State.ACCEPTED else None,
            None if state is State.ACCEPTED else "http-400",
            None if due or unknown else created_at + 1,
        )


def batch_id(index: int) -> str:
    """Of the message with this index, if it was accepted."""
    return f"01{_name(index)[:24].upper()}"


def _state(index: int, number: int) -> State:
    left = number - index
    if left <= QUEUED:
        return State.QUEUED
    if left <= QUEUED + SENDING:
        return State.SENDING
    if left <= _OPEN:
        return State.UNKNOWN
    return _STATES[index % len(_STATES)]


def _sender(index: int, number: int, people: Sequence[str]) -> str:
    """The rare ones are spread over the years."""
    return RARE if index % (number // RARE_SENT) == number // 10 else people[index % len(people)]


def _content(index: int) -> Content:
    to = f"+1201555{index % 100 + 100:04}"
    text = f"Your parcel {index} is at the shop, and can be fetched until eight in the evening."
    return Content((Recipient(to, "US"),), text, None, None, to)


ANSWER = ("client_reference", "user_id", "kind", "created_at", "due_at", "tries", "told_at")


def _answers(number: int, now: float, people: Sequence[str]) -> Iterator[Row]:
    for index in range(number):
        created_at = now - SPAN_S * (number - index) / number + 1
        waits = number - index <= UNHEARD
        given_up = not waits and index % 1000 == 500  # until the person's next command
        yield (
            reference(index),
            _sender(index, number, people),
            AnswerKind.RESULT,
            created_at,
            now + SOON_S if waits else None,
            20 if given_up else 2 if waits else 1,
            None if waits or given_up else created_at + 0.2,
        )


RECIPIENT = ("client_reference", "position", "e164", "state", "code", "at", "dispatched_at", "final_at")


def _recipients(number: int, now: float) -> Iterator[Row]:
    """One for each message that Sinch has."""
    for index in range(number):
        if _state(index, number) is State.ACCEPTED:
            at = now - SPAN_S * (number - index) / number + 2
            to = f"+1201555{index % 100 + 100:04}" if at > now - RETENTION_S else None
            yield (reference(index), 0, to, "Delivered", 0, at, at, at)


NEWS = ("client_reference", "user_id", "since_at", "due_at", "tries", "told_at", "shown")


def _news(number: int, now: float, people: Sequence[str]) -> Iterator[Row]:
    for index in range(number):
        if _state(index, number) is State.ACCEPTED:
            at = now - SPAN_S * (number - index) / number + 3
            yield (reference(index), _sender(index, number, people), at, None, 0, at + 1, "1-0-0-0")


MEMBER = ("member_id", "role", "added_by", "added_at", "door")


def _members(now: float) -> Iterator[Row]:
    for index in range(MEMBERS):
        yield (f"U0MEMBER{index:02}", "sender", ADMIN, now - SPAN_S, "command")


CHANGE = ("version", "changed_at", "changed_by", "door", "action", "role", "member_id")


def _changes(number: int, now: float) -> Iterator[Row]:
    for index in range(number):
        what = "removed" if index % 2 else "added"
        at = now - SPAN_S * (number - index) / number
        yield (index + 1, at, ADMIN, "command", what, "sender", _somebody(index // 2))


REQUEST = ("user_id", "asked_at", "decision", "decided_by", "decided_at")


def _requests(number: int, now: float) -> Iterator[Row]:
    for index in range(number):
        at = now - SPAN_S * (number - index) / number
        is_open = number - index <= OPEN_REQUESTS
        yield (
            _somebody(index),
            at,
            None if is_open else Decision.ALLOWED,
            None if is_open else ADMIN,
            None if is_open else at + 60,
        )


NOTICE = ("kind", "to_user_id", "request_id", "channel_id", "ts", "since_at", "due_at", "told_at")


def _notices(number: int, now: float) -> Iterator[Row]:
    for index in range(number):
        at = now - SPAN_S * (number - index) / number
        waits = number - index <= OPEN_REQUESTS
        yield (
            NoticeKind.ASK,
            ADMIN,
            index + 1,
            "D0ADMIN",
            f"{at:.6f}",
            at,
            now + SOON_S if waits else None,
            None if waits else at + 1,
        )


def _somebody(index: int) -> str:
    return f"U0{_name(index)[:9].upper()}"


def _name(index: int) -> str:
    return blake2b(index.to_bytes(8), digest_size=16).hexdigest()
