"""The rules of changing the list: against plain sets as their model."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from bot.access import NOTHING_KNOWN, Known, Policy, Profile, Role, admins_by_id
from bot.access.changes import (
    EMPTY,
    AccessList,
    Added,
    ByDoor,
    Edit,
    Entry,
    Fixed,
    LastAdmin,
    NotOnList,
    Stale,
    after,
    plan_allow,
    plan_remove,
    plan_save,
)

AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
USERS = ("U1", "U2", "U3", "W1")
GROUPS = ("S1", "S2")
ROLES = (Role.SENDER, Role.ADMIN)

ANN = Entry("U1", Role.SENDER)
ADA = Entry("U2", Role.ADMIN)
TEAM = Entry("S1", Role.SENDER)
LEADS = Entry("S2", Role.ADMIN)


def a_list(*entries: Entry, version: int = 7) -> AccessList:
    return AccessList(version, tuple(Added(entry, "U9", AT, ByDoor.COMMAND) for entry in entries))


members = st.sampled_from(USERS + GROUPS)
some_members = st.frozensets(members, max_size=4)
roles = st.sampled_from(ROLES)
entries = st.builds(Entry, members, roles)
lists = st.builds(lambda found, version: a_list(*found, version=version), st.frozensets(entries), st.integers(0, 3))
bases = st.one_of(st.just(Policy()), st.builds(Policy, senders=some_members, admins=some_members))
knowledge = st.builds(
    Known,
    members=st.just({}),
    profiles=st.dictionaries(
        st.sampled_from(USERS), st.builds(Profile, st.just("Somebody"), deactivated=st.booleans())
    ),
)
fields = st.fixed_dictionaries(
    {},
    optional={
        (role, of_groups): st.frozensets(st.sampled_from(GROUPS if of_groups else USERS))
        for role in ROLES
        for of_groups in (False, True)
    },
)
GivenFields = dict[tuple[Role, bool], frozenset[str]]


def field_of(entry: Entry) -> tuple[Role, bool]:
    return entry.role, entry.member_id in GROUPS


def loses_the_last_admin(base: Policy, known: Known, before: frozenset[Entry], then: frozenset[Entry]) -> bool:
    def people(found: frozenset[Entry]) -> set[str]:
        named = base.admins | {entry.member_id for entry in found if entry.role is Role.ADMIN}
        return {u for u in named & set(USERS) if u not in known.profiles or not known.profiles[u].deactivated}

    return bool(people(before)) and not people(then)


# -- the list


def test_a_list_says_who_is_on_it_in_which_role() -> None:
    current = a_list(ANN, ADA, TEAM, LEADS, Entry("U2", Role.SENDER))
    assert current.entries == {ANN, ADA, TEAM, LEADS, Entry("U2", Role.SENDER)}
    assert current.policy == Policy(frozenset({"U1", "U2", "S1"}), frozenset({"U2", "S2"}))
    assert EMPTY.policy == Policy()
    assert EMPTY.version == 0


@given(st.frozensets(entries), st.frozensets(entries))
def test_an_edit_is_true_when_it_changes_something(add: frozenset[Entry], remove: frozenset[Entry]) -> None:
    assert bool(Edit(add, remove)) == (len(add) + len(remove) > 0)


@given(lists, st.frozensets(entries), st.frozensets(entries))
def test_after_an_edit_the_added_are_there_and_the_removed_are_not(
    current: AccessList, add: frozenset[Entry], remove: frozenset[Entry]
) -> None:
    then = after(current, Edit(add, remove - add))
    assert add <= then
    assert not then & (remove - add)
    assert then - add - remove == current.entries - add - remove


# -- a dialog's save


@given(lists, bases, knowledge, fields, st.integers(0, 3))
def test_a_save_makes_the_list_read_as_the_dialog_or_says_why_not(
    current: AccessList, base: Policy, known: Known, given: GivenFields, seen: int
) -> None:
    model = {entry for entry in current.entries if field_of(entry) not in given}
    model |= {Entry(member, role) for (role, _), shown in given.items() for member in shown}
    changes = model != current.entries

    plan = plan_save(current, base=base, known=known, seen=seen, given=given)

    event(type(plan).__name__)
    assert (plan == Stale()) == (changes and seen != current.version)
    if plan != Stale():
        last = loses_the_last_admin(base, known, current.entries, frozenset(model))
        assert (plan == LastAdmin()) == last
    if isinstance(plan, Edit):
        assert after(current, plan) == model
        assert plan.add == model - current.entries
        assert plan.remove == current.entries - model


@given(lists, bases, knowledge)
def test_a_dialog_without_fields_changes_nothing_however_old_it_is(
    current: AccessList, base: Policy, known: Known
) -> None:
    assert plan_save(current, base=base, known=known, seen=-1, given={}) == Edit()


@pytest.mark.parametrize("left_out", [(role, of_groups) for role in ROLES for of_groups in (False, True)])
def test_a_field_left_out_stays_as_it_is_and_an_empty_one_is_emptied(left_out: tuple[Role, bool]) -> None:
    everything = a_list(ANN, ADA, TEAM, LEADS)
    base = Policy(frozenset(), frozenset({"U3"}))  # so that the list itself may lose its admins
    given: GivenFields = {(role, groups): frozenset() for role in ROLES for groups in (False, True)}
    del given[left_out]
    plan = plan_save(everything, base=base, known=NOTHING_KNOWN, seen=7, given=given)
    assert isinstance(plan, Edit)
    assert {field_of(entry) for entry in after(everything, plan)} == {left_out}


def test_the_second_of_two_saves_changes_nothing() -> None:
    first = a_list(ADA, version=7)
    second = a_list(ADA, ANN, version=8)
    given = {(Role.SENDER, False): frozenset({"U3"})}
    assert plan_save(first, base=Policy(), known=NOTHING_KNOWN, seen=7, given=given) == Edit(
        add=frozenset({Entry("U3", Role.SENDER)})
    )
    assert plan_save(second, base=Policy(), known=NOTHING_KNOWN, seen=7, given=given) == Stale()
    assert plan_save(first, base=Policy(), known=NOTHING_KNOWN, seen=8, given=given) == Stale()


def test_an_old_dialog_that_says_what_the_list_says_anyhow_is_no_conflict() -> None:
    given = {(Role.SENDER, False): frozenset({"U1"}), (Role.ADMIN, False): frozenset({"U2"})}
    assert plan_save(a_list(ANN, ADA), base=Policy(), known=NOTHING_KNOWN, seen=1, given=given) == Edit()


def test_a_stale_save_is_stale_before_it_is_about_the_last_admin() -> None:
    nobody = {(Role.ADMIN, False): frozenset[str]()}
    assert plan_save(a_list(ADA), base=Policy(), known=NOTHING_KNOWN, seen=1, given=nobody) == Stale()
    assert plan_save(a_list(ADA), base=Policy(), known=NOTHING_KNOWN, seen=7, given=nobody) == LastAdmin()


# -- the last admin


@pytest.mark.parametrize(
    ("base", "others", "known"),
    [
        (Policy(), [LEADS], NOTHING_KNOWN),  # a group is not counted
        (Policy(), [ANN], NOTHING_KNOWN),  # a sender is no admin
        (Policy(frozenset({"U3"}), frozenset({"S1"})), [], NOTHING_KNOWN),
        (Policy(), [Entry("U3", Role.ADMIN)], Known({}, {"U3": Profile("Gone", deactivated=True)})),
        (Policy(frozenset(), frozenset({"U3"})), [], Known({}, {"U3": Profile("Robo", bot=True)})),
    ],
)
def test_the_last_admin_who_counts_cant_be_taken_away(base: Policy, others: list[Entry], known: Known) -> None:
    current = a_list(ADA, *others)
    given = {(Role.ADMIN, False): frozenset(e.member_id for e in others if e.role is Role.ADMIN and e != LEADS)}
    assert plan_remove(current, base=base, known=known, members=["U2"]) == LastAdmin()
    assert plan_save(current, base=base, known=known, seen=7, given=given) == LastAdmin()


@pytest.mark.parametrize(
    ("base", "others", "known"),
    [
        (Policy(), [Entry("U3", Role.ADMIN)], NOTHING_KNOWN),
        (Policy(), [Entry("U3", Role.ADMIN)], Known({}, {"U3": Profile("Gus", guest=True)})),
        (Policy(frozenset(), frozenset({"U3"})), [], NOTHING_KNOWN),
        (Policy(frozenset(), frozenset({"U2"})), [], NOTHING_KNOWN),  # stands in the settings too
        (Policy(), [], Known({}, {"U2": Profile("Gone", deactivated=True)})),  # did not count before either
    ],
)
def test_an_admin_can_be_taken_away_while_another_stays(base: Policy, others: list[Entry], known: Known) -> None:
    plan = plan_remove(a_list(ADA, *others), base=base, known=known, members=["U2"])
    assert plan == Edit(remove=frozenset({ADA}))


def test_a_list_without_an_admin_may_still_be_changed() -> None:
    assert plan_remove(a_list(ANN, LEADS), base=Policy(), known=NOTHING_KNOWN, members=["U1"]) == Edit(
        remove=frozenset({ANN})
    )


# -- add


@given(lists, bases, st.lists(members), roles)
def test_allow_adds_exactly_those_who_have_no_such_role_yet(
    current: AccessList, base: Policy, named: list[str], role: Role
) -> None:
    edit = plan_allow(current, base=base, members=named, role=role)

    on_it = {(entry.member_id, entry.role) for entry in current.entries}
    on_it |= {(member, Role.SENDER) for member in base.senders} | {(member, Role.ADMIN) for member in base.admins}
    enough = {member for member, has in on_it if has >= role}
    assert edit.remove == frozenset()
    assert edit.add == {Entry(member, role) for member in set(named) - enough}
    assert not plan_allow(
        AccessList(current.version + 1, a_list(*after(current, edit)).added), base=base, members=named, role=role
    )


def test_a_sender_becomes_an_admin_and_an_admin_needs_not_be_a_sender() -> None:
    current = a_list(ANN, ADA)
    both = ["U1", "U2"]
    promoted = plan_allow(current, base=Policy(), members=both, role=Role.ADMIN)
    assert promoted == Edit(add=frozenset({Entry("U1", Role.ADMIN)}))
    assert plan_allow(current, base=Policy(), members=both, role=Role.SENDER) == Edit()


# -- take away


@given(lists, bases, knowledge, st.lists(members))
def test_remove_takes_all_of_them_away_or_none(
    current: AccessList, base: Policy, known: Known, named: list[str]
) -> None:
    plan = plan_remove(current, base=base, known=known, members=named)

    event(type(plan).__name__)
    on_list = {entry.member_id for entry in current.entries}
    absent = set(named) - on_list
    fixed = absent & (base.senders | base.admins)
    then = frozenset(entry for entry in current.entries if entry.member_id not in named)
    if fixed:
        assert plan == Fixed(tuple(sorted(fixed)))
    elif absent:
        assert plan == NotOnList(tuple(sorted(absent)))
    elif loses_the_last_admin(base, known, current.entries, then):
        assert plan == LastAdmin()
    else:
        assert isinstance(plan, Edit)
        assert plan.add == frozenset()
        assert after(current, plan) == then


def test_remove_takes_away_every_role_and_nobody_else() -> None:
    both = Entry("U1", Role.ADMIN)
    plan = plan_remove(a_list(ANN, both, ADA, TEAM), base=Policy(), known=NOTHING_KNOWN, members=["U1", "U1"])
    assert plan == Edit(remove=frozenset({ANN, both}))


def test_what_stands_in_the_settings_too_is_taken_off_the_list() -> None:
    base = Policy(frozenset({"U1"}), frozenset({"U2"}))
    assert plan_remove(a_list(ANN), base=base, known=NOTHING_KNOWN, members=["U1"]) == Edit(remove=frozenset({ANN}))
    assert plan_remove(a_list(), base=base, known=NOTHING_KNOWN, members=["U2", "U1", "U3"]) == Fixed(("U1", "U2"))


@given(lists, bases, knowledge, fields)
def test_no_plan_leaves_a_list_without_the_admin_that_it_had(
    current: AccessList, base: Policy, known: Known, given: GivenFields
) -> None:
    assume(admins_by_id(base | current.policy, known))
    plan = plan_save(current, base=base, known=known, seen=current.version, given=given)
    if isinstance(plan, Edit):
        assert admins_by_id(base | a_list(*after(current, plan)).policy, known)
