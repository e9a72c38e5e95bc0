"""Who may do what: deny by default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import SLACKBOT, Allowed, Denied, Person, Policy, Reason, Role, Workspace, decide

HERE = Workspace("T1", "UBOT")
ORG = Workspace("T1", "UBOT", "E1")
POLICY = Policy(allowed=frozenset({"UANN", "SGROUP"}), admins=frozenset({"UADA", "SADMINS", "UZOE"}))
MEMBERS = {"SGROUP": frozenset({"UBEN"}), "SADMINS": frozenset({"UEVE"}), "SOTHER": frozenset({"USAM"})}


def person(user_id: str, team_id: str | None = "T1", **more: object) -> Person:
    return Person(user_id, team_id, **more)  # type: ignore[arg-type]  # any field of a person


@pytest.mark.parametrize(
    ("who", "role"),
    [("UANN", Role.SENDER), ("UBEN", Role.SENDER), ("UADA", Role.ADMIN), ("UEVE", Role.ADMIN), ("UZOE", Role.ADMIN)],
)
def test_the_listed_may_send_themselves_or_by_a_group(who: str, role: Role) -> None:
    assert decide(POLICY, MEMBERS, HERE, person(who), Role.SENDER) == Allowed(role)


@pytest.mark.parametrize("who", ["USAM", "", "SGROUP", "uann", "UANN "])
def test_anybody_else_may_not(who: str) -> None:
    assert decide(POLICY, MEMBERS, HERE, person(who), Role.SENDER) == Denied(Reason.NOT_LISTED)


def test_a_sender_is_no_admin() -> None:
    assert decide(POLICY, MEMBERS, HERE, person("UANN"), Role.ADMIN) == Denied(Reason.NOT_ADMIN)
    assert decide(POLICY, MEMBERS, HERE, person("USAM"), Role.ADMIN) == Denied(Reason.NOT_LISTED)
    assert decide(POLICY, MEMBERS, HERE, person("UADA"), Role.ADMIN) == Allowed(Role.ADMIN)


def test_an_empty_list_means_nobody() -> None:
    empty = Policy(frozenset(), frozenset())
    assert decide(empty, MEMBERS, HERE, person("UANN"), Role.SENDER) == Denied(Reason.NOT_LISTED)
    assert decide(empty, {"": frozenset({""})}, HERE, person(""), Role.SENDER) == Denied(Reason.NOT_LISTED)


def test_a_group_that_is_not_known_lets_nobody_in() -> None:
    assert decide(POLICY, {}, HERE, person("UBEN"), Role.SENDER) == Denied(Reason.NOT_LISTED)


def test_before_slack_has_said_whose_bot_it_is_nobody_passes() -> None:
    assert decide(POLICY, MEMBERS, None, person("UADA"), Role.SENDER) == Denied(Reason.NOT_READY)


@pytest.mark.parametrize("team", ["T2", None, "", "t1"])
def test_a_foreign_team_is_nobodys(team: str | None) -> None:
    assert decide(POLICY, MEMBERS, HERE, person("UANN", team), Role.SENDER) == Denied(Reason.FOREIGN)
    assert decide(POLICY, MEMBERS, ORG, person("UANN", team, enterprise_id="E1"), Role.SENDER) == Denied(Reason.FOREIGN)


def test_a_guest_from_another_workspace_in_our_channel_is_foreign() -> None:
    guest = person("UANN", home_team_id="T2")
    assert decide(POLICY, MEMBERS, HERE, guest, Role.SENDER) == Denied(Reason.FOREIGN)
    colleague = person("UANN", home_team_id="T2", enterprise_id="E1")
    assert decide(POLICY, MEMBERS, ORG, colleague, Role.SENDER) == Allowed(Role.SENDER)
    elsewhere = person("UANN", home_team_id="T2", enterprise_id="E2")
    assert decide(POLICY, MEMBERS, ORG, elsewhere, Role.SENDER) == Denied(Reason.FOREIGN)
    assert decide(POLICY, MEMBERS, HERE, person("UANN", home_team_id="T2", enterprise_id=None), Role.SENDER) == Denied(
        Reason.FOREIGN
    )


@pytest.mark.parametrize("who", [person("UANN", is_bot=True), person(SLACKBOT), person("UBOT")])
def test_bots_may_not_send_even_when_listed(who: Person) -> None:
    generous = Policy(frozenset({"UANN", SLACKBOT, "UBOT"}), frozenset())
    assert decide(generous, {}, HERE, who, Role.SENDER) == Denied(Reason.BOT)


def test_help_answers_anybody() -> None:
    for who in (person("USAM"), person("UANN", "T2"), person("UBOT"), person("", None)):
        assert isinstance(decide(POLICY, {}, HERE, who, Role.ANYBODY), Allowed)
        assert isinstance(decide(POLICY, {}, None, who, Role.ANYBODY), Allowed)


def test_groups_and_people_are_told_apart() -> None:
    assert POLICY.groups == {"SGROUP", "SADMINS"}
    assert POLICY.admin_ids == ("UADA", "UZOE")


ids = st.sampled_from(["U1", "U2", "U3", "S1", "S2", "W1"])


@given(
    st.frozensets(ids),
    st.frozensets(ids),
    st.dictionaries(ids, st.frozensets(ids)),
    st.sampled_from(["U1", "U2", "W1"]),
    st.sampled_from(Role),
)
def test_nobody_passes_who_is_on_no_list(
    allowed: frozenset[str], admins: frozenset[str], members: dict[str, frozenset[str]], who: str, needs: Role
) -> None:
    decision = decide(Policy(allowed, admins), members, HERE, person(who), needs)
    listed = {who} | {group for group, users in members.items() if who in users}
    if needs is not Role.ANYBODY:
        wanted = admins if needs is Role.ADMIN else admins | allowed
        assert isinstance(decision, Allowed) == bool(listed & wanted)
