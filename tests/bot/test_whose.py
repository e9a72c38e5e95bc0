"""Whose message it is: the sender sees all of it, an admin little, anybody else nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.access import Allowed, Denied, Person, Reason, Role
from bot.domain import Kind, Message, ReplyRoute, State
from bot.slack.whose import Sight, may_see, number
from sandbox.slack.people import ADA, ANN, BEN, TEAM_ID
from tests.bot.conftest import START

MESSAGE = Message(
    client_reference="mms-1",
    view_id="V1",
    team_id=TEAM_ID,
    state=State.ACCEPTED,
    kind=Kind.SMS,
    recipient_count=1,
    content=None,
    digest="",
    reply=ReplyRoute(ANN),
    response_url_uses=0,
    created_at=START,
)


def person(user_id: str) -> Person:
    return Person(user_id, TEAM_ID)


@pytest.mark.parametrize(
    ("user_id", "decision", "sight"),
    [
        (ANN, Allowed(Role.SENDER), Sight.WHOLE),
        (ANN, Allowed(Role.ADMIN), Sight.WHOLE),
        (ADA, Allowed(Role.ADMIN), Sight.MASKED),
        (BEN, Allowed(Role.SENDER), None),
        (BEN, Allowed(Role.MEMBER), None),
        (ANN, Allowed(Role.ANYBODY), None),
        (ANN, Denied(Reason.NOT_LISTED), None),
        (ADA, Denied(Reason.NOT_READY), None),
    ],
    ids=str,
)
def test_the_sender_sees_all_an_admin_little_and_nobody_else_anything(
    user_id: str, decision: Allowed | Denied, sight: Sight | None
) -> None:
    assert may_see(MESSAGE, person(user_id), decision) is sight


def test_a_message_of_nobody_is_nobodys() -> None:
    assert may_see(replace(MESSAGE, reply=ReplyRoute("")), person(BEN), Allowed(Role.SENDER)) is None


def test_a_number_is_whole_for_its_sender_alone() -> None:
    assert number("+12015550123", Sight.WHOLE) == "+12015550123"
    assert number("+12015550123", Sight.MASKED) == "+1 •••• 23"
    assert "2015550123" not in number("+12015550123", Sight.MASKED)


@pytest.mark.parametrize("sight", Sight)
def test_a_number_that_was_purged_is_told_as_such(sight: Sight) -> None:
    assert "no longer kept" in number(None, sight)
