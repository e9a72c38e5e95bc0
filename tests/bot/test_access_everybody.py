"""Who may do what, over any list and anything known of people: against a plain model, and against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import (
    NOTHING_KNOWN,
    Allowed,
    Denied,
    Known,
    Person,
    Policy,
    Profile,
    Reason,
    Role,
    Workspace,
    admins_by_id,
    decide,
    everybody_with,
)

HERE = Workspace("T1", "UBOT")
USERS = ("U1", "U2", "U3", "U4", "W1")
GROUPS = ("S1", "S2", "S3")

users = st.sampled_from(USERS)
listed = st.frozensets(st.sampled_from(USERS + GROUPS), max_size=5)
policies = st.builds(Policy, senders=listed, admins=listed)
flag = st.integers(0, 3).map(lambda number: number == 0)  # mostly plain people
profiles = st.builds(Profile, name=st.just("Somebody"), deactivated=flag, bot=flag, foreign=flag, guest=flag)
knowledge = st.builds(
    Known,
    members=st.dictionaries(st.sampled_from(GROUPS), st.frozensets(users)),
    profiles=st.dictionaries(users, profiles),
)


def person(user_id: str) -> Person:
    return Person(user_id, "T1")


def counts(entries: frozenset[str], known: Known, who: str) -> bool:
    """The rule in other words: listed by ID, or a known person, no guest, in a group that is listed."""
    if who in entries:
        return True
    groups = {group for group, members in known.members.items() if who in members} & entries
    return bool(groups) and who in known.profiles and not known.profiles[who].guest


def test_admins_by_id_are_the_listed_people_who_count() -> None:
    policy = Policy(frozenset({"U4"}), frozenset({"U1", "U2", "U3", "W1", "S1"}))
    known = Known(
        {"S1": frozenset({"U4"})},
        {
            "U1": Profile("Ada", guest=True),
            "U2": Profile("Gone", deactivated=True),
            "U3": Profile("Robo", bot=True),
            "U4": Profile("Ann"),
        },
    )
    assert admins_by_id(policy, known) == {"U1", "W1"}
    assert admins_by_id(policy, NOTHING_KNOWN) == {"U1", "U2", "U3", "W1"}
    assert admins_by_id(Policy(), known) == frozenset()


def test_everybody_is_named_once_the_listed_first_and_each_part_in_order() -> None:
    policy = Policy(frozenset({"W1", "U2", "S1", "S2"}), frozenset({"U3", "S2"}))
    known = Known(
        {"S1": frozenset({"U8", "U4", "U1", "U2", "U7", "U6"}), "S2": frozenset({"U1"}), "S3": frozenset({"U5"})},
        {user: Profile(user) for user in ("U1", "U2", "U4", "U5", "U6", "U7", "U8")},
    )
    assert everybody_with(policy, known, Role.SENDER) == ("U2", "U3", "W1", "U1", "U4", "U6", "U7", "U8")
    assert everybody_with(policy, known, Role.ADMIN) == ("U3", "U1")


def test_nobody_is_everybody_of_an_empty_list() -> None:
    assert everybody_with(Policy(), Known({"S1": frozenset({"U1"})}, {"U1": Profile("Ann")}), Role.SENDER) == ()


@given(policies, knowledge, users, st.sampled_from(Role))
def test_a_decision_follows_from_the_list_and_from_what_is_known(
    policy: Policy, known: Known, who: str, needs: Role
) -> None:
    decision = decide(policy, known, HERE, person(who), needs)
    profile = known.profiles.get(who)
    if needs is Role.ANYBODY:
        assert decision == Allowed(Role.ANYBODY)
    elif profile is not None and (profile.bot or profile.deactivated or profile.foreign):
        assert isinstance(decision, Denied)
        assert decision.reason in {Reason.BOT, Reason.DEACTIVATED, Reason.FOREIGN}
    elif counts(policy.admins, known, who):
        assert decision == Allowed(Role.ADMIN)
    elif counts(policy.senders, known, who):
        assert decision == (Denied(Reason.NOT_ADMIN) if needs is Role.ADMIN else Allowed(Role.SENDER))
    elif needs is Role.MEMBER:
        assert decision == Allowed(Role.MEMBER)
    elif any(who in known.members.get(group, ()) for group in policy.groups):
        assert decision == Denied(Reason.GUEST if profile else Reason.NOT_KNOWN)
    else:
        assert decision == Denied(Reason.NOT_LISTED)


@pytest.mark.parametrize("role", [Role.SENDER, Role.ADMIN])
@given(policies, knowledge)
def test_everybody_with_a_role_is_everybody_who_passes_its_door(role: Role, policy: Policy, known: Known) -> None:
    passing = {u for u in USERS if isinstance(decide(policy, known, HERE, person(u), role), Allowed)}
    listed = policy.admins if role is Role.ADMIN else policy.senders | policy.admins
    named = everybody_with(policy, known, role)
    assert named == (*sorted(passing & listed), *sorted(passing - listed))


@given(policies, knowledge)
def test_admins_by_id_pass_the_door_for_admins_and_are_listed_there(policy: Policy, known: Known) -> None:
    found = admins_by_id(policy, known)
    assert found <= set(everybody_with(policy, known, Role.ADMIN))
    assert found == {u for u in policy.admins & set(USERS) if u in everybody_with(policy, known, Role.ADMIN)}


@given(policies, policies, knowledge, users)
def test_a_longer_list_never_takes_a_role_away(policy: Policy, more: Policy, known: Known, who: str) -> None:
    before = decide(policy, known, HERE, person(who), Role.MEMBER)
    after = decide(policy | more, known, HERE, person(who), Role.MEMBER)
    if isinstance(before, Allowed):
        assert isinstance(after, Allowed)
        assert after.role >= before.role
    else:
        assert after == before
