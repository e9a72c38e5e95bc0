"""What Slack says of users and user groups: read as it means it, whatever comes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import SLACKBOT, Profile, Reason, Workspace
from bot.slack.profiles import MAX_NAME, UserGroup, profile_from, user_groups_from

OURS = Workspace("T1", "U1BOT")
IN_AN_ENTERPRISE = Workspace("T1", "U1BOT", "E1")
ANN = {"id": "U1ANN", "team_id": "T1", "name": "ann", "deleted": False, "is_bot": False, "is_restricted": False}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FLAGS = ["deleted", "is_bot", "is_stranger", "is_restricted", "is_ultra_restricted"]
USER_FIELDS = ["id", "team_id", "name", "real_name", "profile", "enterprise_user", *FLAGS]
users = st.fixed_dictionaries({}, optional=dict.fromkeys(USER_FIELDS, json_values))
groups = st.fixed_dictionaries({}, optional=dict.fromkeys(["id", "handle", "name", "date_delete"], json_values))


def profile(workspace: Workspace = OURS, **fields: Any) -> Profile:
    return profile_from({**ANN, **fields}, workspace)


def test_an_ordinary_member_has_a_name_and_no_fault() -> None:
    assert profile() == Profile("ann")
    assert profile().fault is None


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"deleted": True}, Reason.DEACTIVATED),
        ({"is_bot": True}, Reason.BOT),
        ({"id": SLACKBOT}, Reason.BOT),
        ({"id": OURS.bot_user_id}, Reason.BOT),
        ({"is_stranger": True}, Reason.FOREIGN),
        ({"team_id": "T2"}, Reason.FOREIGN),
        ({"team_id": None}, None),
        ({"team_id": ""}, None),
        ({"team_id": "E1"}, Reason.FOREIGN),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}}, Reason.FOREIGN),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": None}}, Reason.FOREIGN),
        ({"deleted": "true", "is_bot": 1, "is_stranger": "yes"}, None),
    ],
)
def test_who_is_nobody_is_seen(fields: dict[str, Any], fault: Reason | None) -> None:
    assert profile(**fields).fault is fault


@pytest.mark.parametrize(
    ("fields", "foreign"),
    [
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}}, False),
        ({"team_id": "E1"}, False),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E2"}}, True),
        ({"team_id": "T2", "enterprise_user": "E1"}, True),
        ({"team_id": "T2"}, True),
        ({"team_id": "E1", "is_stranger": True}, True),
    ],
)
def test_other_workspaces_of_the_same_enterprise_are_not_foreign(fields: dict[str, Any], foreign: bool) -> None:
    assert profile(IN_AN_ENTERPRISE, **fields).foreign is foreign


def test_without_an_enterprise_everybody_from_elsewhere_is_foreign() -> None:
    assert profile(Workspace("T1", "U1BOT", ""), team_id="T2").foreign


@pytest.mark.parametrize("field", ["is_restricted", "is_ultra_restricted"])
def test_guests_of_both_kinds_are_guests_and_people(field: str) -> None:
    guest = profile_from({**ANN, field: True}, OURS)
    assert guest.guest
    assert guest.fault is None
    assert not profile_from({**ANN, field: "true"}, OURS).guest


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"profile": {"display_name": "Annie", "real_name": "Ann A"}, "real_name": "Ann B"}, "Annie"),
        ({"profile": {"display_name": " ", "real_name": "Ann A"}, "real_name": "Ann B"}, "Ann A"),
        ({"profile": {"display_name": None}, "real_name": "Ann B"}, "Ann B"),
        ({"profile": []}, "ann"),
        ({"name": None}, "U1ANN"),
        ({"name": " two\nlines\u2028and\ttabs "}, "two lines and tabs"),
        ({"name": "x" * 200}, "x" * 80),
        ({"name": "half \ud800"}, "half"),
    ],
)
def test_the_name_is_the_one_that_people_see_on_one_line(fields: dict[str, Any], name: str) -> None:
    assert profile(**fields).name == name


@given(users, st.sampled_from([OURS, IN_AN_ENTERPRISE]))
def test_whatever_comes_a_profile_is_made_of_it(user: dict[str, Any], workspace: Workspace) -> None:
    made = profile_from(user, workspace)
    assert len(made.name) <= MAX_NAME
    assert made.name == " ".join(made.name.split())
    assert made.bot or user.get("is_bot") is not True


def test_groups_in_use_come_by_their_handle() -> None:
    answer = {
        "usergroups": [
            {"id": "S2", "handle": "support", "name": "Support", "date_delete": 0},
            {"id": "S1", "handle": "board", "name": "The board"},
            {"id": "S3", "handle": "gone", "name": "Gone", "date_delete": 1_700_000_000},
            {"id": "S4", "handle": None, "name": "No handle", "date_delete": None},
            {"id": "S5", "handle": "zz"},
            {"id": "U6", "handle": "nobody's", "name": "No group's ID"},
            {"id": "S1", "handle": "again", "name": "The board"},
        ]
    }
    assert user_groups_from(answer) == (
        UserGroup("S4", "No handle", "No handle"),
        UserGroup("S1", "board", "The board"),
        UserGroup("S2", "support", "Support"),
        UserGroup("S5", "zz", "zz"),
    )


@pytest.mark.parametrize("answer", [{}, {"usergroups": None}, {"usergroups": {}}, {"usergroups": [None, 1, {}, []]}])
def test_an_answer_without_groups_has_none(answer: dict[str, Any]) -> None:
    assert user_groups_from(answer) == ()


@given(st.lists(groups | json_values, max_size=6))
def test_whatever_comes_groups_have_an_id_and_words(listed: list[Any]) -> None:
    for group in user_groups_from({"usergroups": listed}):
        assert group.group_id.startswith("S")
        assert len(group.handle) <= MAX_NAME
        assert len(group.name) <= MAX_NAME
