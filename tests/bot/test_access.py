"""Who may do what: deny by default."""

from __future__ import annotations

import pytest

from bot.access import (
    NOTHING_KNOWN,
    SLACKBOT,
    Allowed,
    Denied,
    Known,
    Person,
    Policy,
    Profile,
    Reason,
    Role,
    Workspace,
    decide,
    is_group,
)

HERE = Workspace("T1", "UBOT")
ORG = Workspace("T1", "UBOT", "E1")
POLICY = Policy(senders=frozenset({"UANN", "SGROUP"}), admins=frozenset({"UADA", "SADMINS", "UZOE"}))
MEMBERS = {"SGROUP": frozenset({"UBEN"}), "SADMINS": frozenset({"UEVE"}), "SOTHER": frozenset({"USAM"})}
KNOWN = Known(MEMBERS, {"UBEN": Profile("Ben"), "UEVE": Profile("Eve"), "USAM": Profile("Sam")})

NOBODYS = [
    (Profile("Robo", bot=True), Reason.BOT),
    (Profile("Gone", deactivated=True), Reason.DEACTIVATED),
    (Profile("Far", foreign=True), Reason.FOREIGN),
    (Profile("Robo", bot=True, foreign=True, deactivated=True), Reason.BOT),
    (Profile("Far", foreign=True, deactivated=True), Reason.FOREIGN),
    (Profile("Former guest", guest=True, deactivated=True), Reason.DEACTIVATED),
]


def person(user_id: str, team_id: str | None = "T1", **more: object) -> Person:
    return Person(user_id, team_id, **more)  # type: ignore[arg-type]  # any field of a person


def knowing(user_id: str, profile: Profile) -> Known:
    return Known(MEMBERS, {user_id: profile})


@pytest.mark.parametrize(
    ("who", "role"),
    [("UANN", Role.SENDER), ("UBEN", Role.SENDER), ("UADA", Role.ADMIN), ("UEVE", Role.ADMIN), ("UZOE", Role.ADMIN)],
)
def test_the_listed_may_send_themselves_or_by_a_group(who: str, role: Role) -> None:
    assert decide(POLICY, KNOWN, HERE, person(who), Role.SENDER) == Allowed(role)


@pytest.mark.parametrize("who", ["USAM", "", "SGROUP", "SADMINS", "uann", "UANN "])
def test_anybody_else_may_not(who: str) -> None:
    assert decide(POLICY, KNOWN, HERE, person(who), Role.SENDER) == Denied(Reason.NOT_LISTED)
    assert decide(POLICY, KNOWN, HERE, person(who), Role.ADMIN) == Denied(Reason.NOT_LISTED)


def test_a_sender_is_no_admin() -> None:
    assert decide(POLICY, KNOWN, HERE, person("UANN"), Role.ADMIN) == Denied(Reason.NOT_ADMIN)
    assert decide(POLICY, KNOWN, HERE, person("UBEN"), Role.ADMIN) == Denied(Reason.NOT_ADMIN)
    assert decide(POLICY, KNOWN, HERE, person("UADA"), Role.ADMIN) == Allowed(Role.ADMIN)
    assert decide(POLICY, KNOWN, HERE, person("UEVE"), Role.ADMIN) == Allowed(Role.ADMIN)


def test_an_empty_list_means_nobody() -> None:
    assert decide(Policy(), KNOWN, HERE, person("UANN"), Role.SENDER) == Denied(Reason.NOT_LISTED)
    nameless = Known({"": frozenset({""})}, {"": Profile("")})
    for role in (Role.MEMBER, Role.SENDER, Role.ADMIN):
        assert decide(Policy(), nameless, HERE, person(""), role) == Denied(Reason.NOT_LISTED)


def test_a_nameless_person_is_nobody_whatever_is_listed() -> None:
    odd = Policy(frozenset({""}), frozenset({""}))
    assert decide(odd, NOTHING_KNOWN, HERE, person(""), Role.SENDER) == Denied(Reason.NOT_LISTED)


# -- user groups


def test_a_group_whose_members_are_not_known_lets_nobody_in() -> None:
    unread = Known({}, KNOWN.profiles)
    assert decide(POLICY, unread, HERE, person("UBEN"), Role.SENDER) == Denied(Reason.NOT_LISTED)
    assert decide(POLICY, unread, HERE, person("UANN"), Role.SENDER) == Allowed(Role.SENDER)


def test_a_member_of_whom_slack_has_not_said_who_they_are_does_not_pass_by_a_group() -> None:
    unsaid = Known(MEMBERS, {})
    assert decide(POLICY, unsaid, HERE, person("UBEN"), Role.SENDER) == Denied(Reason.NOT_KNOWN)
    assert decide(POLICY, unsaid, HERE, person("UEVE"), Role.SENDER) == Denied(Reason.NOT_KNOWN)
    assert decide(POLICY, unsaid, HERE, person("UEVE"), Role.ADMIN) == Denied(Reason.NOT_KNOWN)
    assert decide(POLICY, unsaid, HERE, person("USAM"), Role.SENDER) == Denied(Reason.NOT_LISTED)


def test_those_listed_by_id_pass_before_slack_has_said_anything() -> None:
    assert decide(POLICY, NOTHING_KNOWN, HERE, person("UANN"), Role.SENDER) == Allowed(Role.SENDER)
    assert decide(POLICY, NOTHING_KNOWN, HERE, person("UADA"), Role.ADMIN) == Allowed(Role.ADMIN)


def test_a_guest_counts_only_when_listed_by_id() -> None:
    guest = Profile("Gus", guest=True)
    assert decide(POLICY, knowing("UBEN", guest), HERE, person("UBEN"), Role.SENDER) == Denied(Reason.GUEST)
    assert decide(POLICY, knowing("UEVE", guest), HERE, person("UEVE"), Role.ADMIN) == Denied(Reason.GUEST)
    assert decide(POLICY, knowing("UANN", guest), HERE, person("UANN"), Role.SENDER) == Allowed(Role.SENDER)
    assert decide(POLICY, knowing("UADA", guest), HERE, person("UADA"), Role.ADMIN) == Allowed(Role.ADMIN)
    assert decide(POLICY, knowing("USAM", guest), HERE, person("USAM"), Role.SENDER) == Denied(Reason.NOT_LISTED)


@pytest.mark.parametrize("known", [Known(MEMBERS, {}), knowing("UEVE", Profile("Eve", guest=True))])
def test_a_sender_by_id_does_not_become_an_admin_by_a_group_that_does_not_count(known: Known) -> None:
    policy = Policy(frozenset({"UEVE"}), frozenset({"SADMINS"}))
    assert decide(policy, known, HERE, person("UEVE"), Role.SENDER) == Allowed(Role.SENDER)
    assert decide(policy, known, HERE, person("UEVE"), Role.ADMIN) == Denied(Reason.NOT_ADMIN)


def test_the_id_of_a_group_is_nobodys_even_when_it_is_listed() -> None:
    known = Known(MEMBERS, {"SGROUP": Profile("odd")})
    assert decide(POLICY, known, HERE, person("SGROUP"), Role.SENDER) == Denied(Reason.NOT_LISTED)


def test_only_a_group_has_members() -> None:
    """A user's ID that stands where a group's should opens no door to others."""
    known = Known({"UANN": frozenset({"USAM"})}, {"USAM": Profile("Sam")})
    assert decide(POLICY, known, HERE, person("USAM"), Role.SENDER) == Denied(Reason.NOT_LISTED)


# -- people who are nobody


@pytest.mark.parametrize(("profile", "reason"), NOBODYS)
@pytest.mark.parametrize("who", ["UANN", "UBEN", "UADA", "UEVE", "USAM"])
@pytest.mark.parametrize("needs", [Role.MEMBER, Role.SENDER, Role.ADMIN])
def test_bots_the_deactivated_and_foreigners_are_nobody_even_when_listed(
    profile: Profile, reason: Reason, who: str, needs: Role
) -> None:
    assert profile.fault is reason
    assert decide(POLICY, knowing(who, profile), HERE, person(who), needs) == Denied(reason)


def test_people_and_guests_have_no_fault() -> None:
    assert Profile("Ann").fault is None
    assert Profile("Gus", guest=True).fault is None
    assert KNOWN.fault("UBEN") is None
    assert KNOWN.fault("UNKNOWN") is None
    assert knowing("UBEN", Profile("Robo", bot=True)).fault("UBEN") is Reason.BOT


def test_before_slack_has_said_whose_bot_it_is_nobody_passes() -> None:
    for role in (Role.MEMBER, Role.SENDER, Role.ADMIN):
        assert decide(POLICY, KNOWN, None, person("UADA"), role) == Denied(Reason.NOT_READY)


@pytest.mark.parametrize("team", ["T2", None, "", "t1"])
def test_a_foreign_team_is_nobodys(team: str | None) -> None:
    for role in (Role.MEMBER, Role.SENDER, Role.ADMIN):
        assert decide(POLICY, KNOWN, HERE, person("UADA", team), role) == Denied(Reason.FOREIGN)
        colleague = person("UADA", team, enterprise_id="E1")
        assert decide(POLICY, KNOWN, ORG, colleague, role) == Denied(Reason.FOREIGN)


def test_somebody_from_another_workspace_in_our_channel_is_foreign() -> None:
    visitor = person("UANN", home_team_id="T2")
    assert decide(POLICY, KNOWN, HERE, visitor, Role.SENDER) == Denied(Reason.FOREIGN)
    assert decide(POLICY, KNOWN, HERE, visitor, Role.MEMBER) == Denied(Reason.FOREIGN)
    colleague = person("UANN", home_team_id="T2", enterprise_id="E1")
    assert decide(POLICY, KNOWN, ORG, colleague, Role.SENDER) == Allowed(Role.SENDER)
    elsewhere = person("UANN", home_team_id="T2", enterprise_id="E2")
    assert decide(POLICY, KNOWN, ORG, elsewhere, Role.SENDER) == Denied(Reason.FOREIGN)
    nowhere = person("UANN", home_team_id="T2", enterprise_id=None)
    assert decide(POLICY, KNOWN, HERE, nowhere, Role.SENDER) == Denied(Reason.FOREIGN)
    at_home = person("UANN", home_team_id="T1")
    assert decide(POLICY, KNOWN, HERE, at_home, Role.SENDER) == Allowed(Role.SENDER)


@pytest.mark.parametrize("who", [person("UANN", is_bot=True), person(SLACKBOT), person("UBOT")])
@pytest.mark.parametrize("needs", [Role.MEMBER, Role.SENDER, Role.ADMIN])
def test_bots_may_not_send_even_when_listed(who: Person, needs: Role) -> None:
    everybody = frozenset({"UANN", SLACKBOT, "UBOT"})
    assert decide(Policy(everybody, everybody), NOTHING_KNOWN, HERE, who, needs) == Denied(Reason.BOT)


# -- doors that ask for less


def test_help_answers_anybody() -> None:
    robo = knowing("UANN", Profile("Robo", bot=True))
    for who in (person("USAM"), person("UANN", "T2"), person("UBOT"), person("", None), person("UANN")):
        assert decide(POLICY, robo, HERE, who, Role.ANYBODY) == Allowed(Role.ANYBODY)
        assert decide(POLICY, robo, None, who, Role.ANYBODY) == Allowed(Role.ANYBODY)


@pytest.mark.parametrize(
    ("who", "role"), [("USAM", Role.MEMBER), ("UNKNOWN", Role.MEMBER), ("UBEN", Role.SENDER), ("UADA", Role.ADMIN)]
)
def test_a_door_for_members_lets_every_person_of_the_workspace_in(who: str, role: Role) -> None:
    assert decide(POLICY, KNOWN, HERE, person(who), Role.MEMBER) == Allowed(role)


def test_a_door_for_members_lets_guests_in() -> None:
    guests = Known(MEMBERS, {"UBEN": Profile("Gus", guest=True)})
    assert decide(POLICY, guests, HERE, person("UBEN"), Role.MEMBER) == Allowed(Role.MEMBER)


# -- what is listed


def test_groups_and_people_are_told_apart() -> None:
    assert POLICY.groups == {"SGROUP", "SADMINS"}
    assert POLICY.people == {"UANN", "UADA", "UZOE"}
    assert is_group("S0SUPPORT")
    assert not is_group("U0SUPPORT")
    assert not is_group("W0SUPPORT")
    assert not is_group("")


def test_two_lists_together_list_everybody_of_both_in_their_roles() -> None:
    more = Policy(frozenset({"UBEN"}), frozenset({"UANN"}))
    both = POLICY | more
    assert both == Policy(POLICY.senders | {"UBEN"}, POLICY.admins | {"UANN"})
    assert both == more | POLICY
    assert POLICY | Policy() == POLICY


def test_a_higher_role_may_do_all_that_a_lower_one_may() -> None:
    assert sorted(Role) == [Role.ANYBODY, Role.MEMBER, Role.SENDER, Role.ADMIN]
