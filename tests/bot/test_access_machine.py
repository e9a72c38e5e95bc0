"""Admins who change the list through all doors, at two processes and from the shell, in any order.

The doors, the store and the database are the real ones; Slack is a screen that keeps what it is shown. What has to come
of each step is said by a model of plain sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from bot import shell
from bot.access import Policy, Role
from bot.slack import ids, listeners
from bot.slack.access import changing, dialog, requests, watch
from bot.store.tables import access_change, access_member, access_request, access_state, message
from sandbox.slack.people import ADA, ANN, BEN, DAN, GUS, SAM, SUPPORT
from tests.bot.access_model import DAY, Model, Rows, is_group
from tests.bot.access_screen import FIELDS, GROUPS, KINDS, NEW, OpenDialog, Processes, Typed, picked_in
from tests.bot.databases import NewDatabase
from tests.bot.slack_payloads import access_submit, pressed, submit

_T = TypeVar("_T")
SHELL = "shell:root"
MAX_DEPTH = 3  # views in Slack's stack
PEOPLE = list(KINDS)

process_ = st.integers(0, 1)
person_ = st.sampled_from(PEOPLE)
members_ = st.lists(st.sampled_from([*PEOPLE, *GROUPS]), min_size=1, max_size=3, unique=True)
index_ = st.integers(0, 7)


PATIENCE = (
    (watch, "LOOK_NOW_LIMIT_S"),
    (changing, "AGAIN_LIMIT_S"),
    (changing, "READ_LIMIT_S"),
    (changing, "COMMIT_LIMIT_S"),
    (requests, "AGAIN_LIMIT_S"),
    (dialog, "AGAIN_LIMIT_S"),
    (listeners, "COMMIT_LIMIT_S"),
    (listeners, "READ_LIMIT_S"),
)


class Access(Processes):
    @initialize(ada_in_settings=st.booleans())
    def first_admins(self, ada_in_settings: bool) -> None:
        base = Policy(frozenset({ANN, SUPPORT}), frozenset({ADA} if ada_in_settings else ()))
        rows = frozenset({("sender", ANN), ("sender", SUPPORT)} | {("admin", one) for one in base.admins})
        self.base = base
        self.typed: list[Typed] = []
        self.seen: set[tuple[int, str]] = set()  # process and trigger
        self.dialogs: list[OpenDialog] = []
        for bot in self.bots:
            bot.access.base = base
        self.model = Model(rows, dict(KINDS), GROUPS, [frozenset(), frozenset()])
        self.from_the_shell("allow", [BEN], "admin")
        for process in (0, 1):
            self.look(process)

    # -- one process

    def may(self, process: int, user: str, *, role: str = "admin") -> bool:
        """Does this process let the person in? By its copy of the list; it looks at the list before it says no."""

        def passes() -> bool:
            have = self.model.role(user, self.model.copies[process])
            return have == "admin" or (have is not None and have == role)

        if not passes() and not self.model.nobody(user):
            self.model.copies[process] = self.model.rows
        return passes()

    def become(self, process: int, rows: Rows, *, by: str, door: str) -> None:
        had = bool(self.model.admins_by_id(self.model.rows))
        self.model.become(rows, by=by, door=door)
        assert self.model.admins_by_id(rows) or not had, "the last admin was taken away"
        self.model.copies[process] = self.model.rows

    @rule(process=process_)
    def look(self, process: int) -> None:
        self.do(self.watches[process].look())
        self.model.copies[process] = self.model.rows

    # -- by command

    @rule(
        process=process_, user=person_, members=members_, word=st.sampled_from(["allow", "remove"]), admin=st.booleans()
    )
    def by_command(self, process: int, user: str, members: list[str], word: str, admin: bool) -> None:
        one = Typed(user, word, tuple(members), "admin" if admin else "sender", self.new())
        self.typed.append(one)
        self.hand_over(process, one)

    @rule(process=process_, which=index_, members=members_, admin=st.booleans())
    def an_admin_allows(self, process: int, which: int, members: list[str], admin: bool) -> None:
        if admins := self.model.admins(self.model.rows):
            self.by_command(process, admins[which % len(admins)], members, "allow", admin)

    @rule(process=process_, which=index_, whom=index_)
    def an_admin_removes_somebody_listed(self, process: int, which: int, whom: int) -> None:
        admins, listed = self.model.admins(self.model.rows), sorted({member for _, member in self.model.rows})
        if admins and listed:
            self.by_command(process, admins[which % len(admins)], [listed[whom % len(listed)]], "remove", False)

    def hand_over(self, process: int, one: Typed) -> None:
        answer = self.dispatch(process, one.body())
        told = [*filter(None, [answer.get("text")]), *self.screen.said]
        expected = self.expected(process, one)
        if isinstance(expected, str):
            assert len(told) == 1
            assert "Nothing was" in told[0], expected
        elif expected is None:
            assert (answer, told) == ({}, []), "it is not even told twice"
        else:
            assert len(told) == 1
            self.become(process, expected, by=one.user, door="command")

    def expected(self, process: int, one: Typed) -> Rows | str | None:
        """The rows after it; why there is no change; None: it was handled before."""
        model = self.model
        if (process, one.trigger_id) in self.seen:
            return None
        self.seen.add((process, one.trigger_id))
        if not self.may(process, one.user):
            return "denied"
        if one.word == "allow":
            model.met |= {member for member in one.members if not is_group(member)}
            if any(model.nobody(member) for member in one.members if not is_group(member)):
                return "nobody"
        if one.trigger_id in model.handled:
            return None
        model.handled.add(one.trigger_id)
        if not model.may_manage(one.user, model.rows):
            return "denied"
        return model.allowing(one.members, one.role) if one.word == "allow" else model.removing(one.members, one.role)

    @rule(process=process_, which=index_)
    def a_command_is_played_again(self, process: int, which: int) -> None:
        """At the process that had it, or at the other."""
        if self.typed:
            self.hand_over(process, self.typed[-1 - which % len(self.typed)])

    # Whole stretches in one rule, so that they are told often enough.

    @rule(process=process_, user=st.sampled_from([SAM, BEN]))
    def allowed_then_removed_then_played_again(self, process: int, user: str) -> None:
        self.an_admin_allows(process, 0, [user], False)
        self.from_the_shell("remove", [user], "sender")
        self.look(1 - process)
        self.a_command_is_played_again(1 - process, 0)

    # -- in the dialog

    @rule(process=process_, user=person_)
    def open_the_dialog(self, process: int, user: str) -> None:
        body = Typed(user, "admin", (), "", self.new()).body()
        answer = self.dispatch(process, {**body, "text": "admin"})
        if self.may(process, user):
            [view] = self.screen.views
            self.shown(user, view, depth=1)
            self.model.copies[process] = self.model.rows  # it was made from the newest list
        else:
            assert self.screen.views == []
            assert "Nothing was" in answer["text"]

    @rule(process=process_, which=index_)
    def an_admin_opens_the_dialog(self, process: int, which: int) -> None:
        if admins := self.model.admins(self.model.rows):
            self.open_the_dialog(process, admins[which % len(admins)])

    def shown(self, user: str, view: Mapping[str, Any], *, depth: int) -> None:
        picked = picked_in(view)
        assert {(FIELDS[name][0], member) for name, members in picked.items() for member in members} == self.model.rows
        assert json.loads(view["private_metadata"])["seen"] == self.model.version
        self.dialogs.append(OpenDialog(user, self.model.version, depth, view["private_metadata"], picked))

    @rule(
        process=process_,
        which=index_,
        name=st.sampled_from(sorted(FIELDS)),
        flipped=st.lists(index_, min_size=0, max_size=2, unique=True),
        again=st.booleans(),
    )
    def save(self, process: int, which: int, name: str, flipped: list[int], again: bool) -> None:
        """Some are picked or taken out, and Save is pressed; perhaps once more, at the other process."""
        if not self.dialogs:
            return
        dialog = self.dialogs[-1 - which % len(self.dialogs)]
        choice = sorted(GROUPS) if FIELDS[name][1] else PEOPLE
        toggled = frozenset(choice[one % len(choice)] for one in flipped)
        dialog = replace(dialog, picked={**dialog.picked, name: dialog.picked[name] ^ toggled})
        for at in (process, 1 - process)[: 2 if again else 1]:
            self.press_save(at, dialog)

    @rule(process=process_, whose=index_)
    def two_save_at_one_moment(self, process: int, whose: int) -> None:
        for at in (process, 1 - process):
            self.an_admin_opens_the_dialog(at, whose)
        self.save(process, 1, ids.SENDERS, [0], False)
        self.save(1 - process, 0, ids.SENDERS, [1, 3], False)

    @rule(process=process_, which=index_)
    def an_admin_takes_all_admins_away(self, process: int, which: int) -> None:
        self.look(process)
        self.an_admin_opens_the_dialog(process, which)
        if self.dialogs:
            dialog = self.dialogs[-1]
            self.press_save(process, replace(dialog, picked={**dialog.picked, ids.ADMINS: frozenset()}))

    def press_save(self, process: int, dialog: OpenDialog) -> None:
        body = access_submit(dialog.picked, user_id=dialog.user, metadata=dialog.metadata)
        answer = self.dispatch(process, body)
        expected = self.expected_of(process, dialog)
        if isinstance(expected, frozenset):
            assert answer == ({"response_action": "clear"} if dialog.depth > 1 else {})
            self.become(process, expected, by=dialog.user, door="dialog")
        elif expected == "stale" and dialog.depth < MAX_DEPTH:
            assert answer["response_action"] == "push"
            self.shown(dialog.user, answer["view"], depth=dialog.depth + 1)
        elif expected in ("stale", "denied"):
            assert answer["response_action"] == "update"
            assert "submit" not in answer["view"]
        else:
            assert answer["response_action"] == "errors"
            assert set(answer["errors"]) <= ({ids.ADMINS} if expected == "last admin" else {ids.ADMINS, ids.SENDERS})

    def expected_of(self, process: int, dialog: OpenDialog) -> Rows | str:
        model = self.model
        if not self.may(process, dialog.user):
            return "denied"
        # Who stands there already does not stop others from being added, whatever has become of them.
        picked = {(FIELDS[name][0], member) for name, members in dialog.picked.items() for member in members}
        people = {member for _, member in picked - model.copies[process] if not is_group(member)}
        model.met |= people
        if any(model.nobody(one) for one in people):
            return "nobody"
        if not model.may_manage(dialog.user, model.rows):
            return "denied"
        return model.saving({FIELDS[name]: members for name, members in dialog.picked.items()}, seen=dialog.seen)

    # -- from the shell

    @rule(word=st.sampled_from(["allow", "remove"]), members=members_, role=st.sampled_from(["admin", "sender"]))
    def from_the_shell(self, word: str, members: list[str], role: str) -> None:
        options: Any = {"base": self.base, "by": SHELL, "now": self.clock.now()}
        as_admin = role == "admin"
        if word == "allow":
            options["role"] = Role.ADMIN if as_admin else Role.SENDER
            done = self.do(shell.allow(self.shell, members, **options))
            expected: Rows | str = self.model.allowing(members, role)
        else:
            options["role"] = Role.ADMIN if as_admin else None
            done = self.do(shell.remove(self.shell, members, **options))
            expected = self.model.removing(members, role, blind=True)
        assert done.status == (1 if isinstance(expected, str) else 0), expected
        if not isinstance(expected, str):
            self.model.become(expected, by=SHELL, door="shell")

    # -- requests

    @rule(process=process_, user=person_)
    def ask(self, process: int, user: str) -> None:
        self.dispatch(process, pressed(ids.ASK_ACCESS, "", user_id=user, trigger_id=self.new()))
        assert len(self.screen.said) == 1
        if not self.model.nobody(user):
            self.model.copies[process] = self.model.rows  # the process looks at the list before it asks anybody
        if self.model.could_ask(user, self.model.rows):
            self.model.ask(user, self.clock.now())

    @rule(process=process_, which=index_, user=person_, allow=st.booleans())
    def answer_a_request(self, process: int, which: int, user: str, allow: bool) -> None:
        number = len(self.model.requests) - which  # the newest, older ones, and some that never were
        name = ids.ALLOW_REQUEST if allow else ids.DECLINE_REQUEST
        self.dispatch(process, pressed(name, str(number), user_id=user, trigger_id=self.new()))
        request = self.model.requests[number - 1] if number > 0 else None
        may = self.may(process, user) and self.model.may_manage(user, self.model.rows)
        in_vain = allow and request is not None and self.model.nobody(request.user)  # they can't be on the list
        if may and request is not None and request.answer is None and not in_vain:
            assert self.screen.said == [], "the message that was pressed changes: that is the answer"
            self.model.answer(request, allow=allow, by=user)
            self.model.copies[process] = self.model.rows
        else:
            assert len(self.screen.said) == 1

    @rule(process=process_, user=st.sampled_from([SAM, GUS]), allows=st.lists(st.booleans(), min_size=2, max_size=2))
    def two_admins_answer_who_asked(self, process: int, user: str, allows: list[bool]) -> None:
        self.ask(process, user)
        admins = self.model.admins(self.model.rows)
        for place, allow in enumerate(allows if admins else ()):
            self.answer_a_request((process + place) % 2, 0, admins[place % len(admins)], allow)

    @rule(process=process_, by_door=st.sampled_from(["command", "dialog", "shell"]))
    def who_asked_is_added_by_another_door(self, process: int, by_door: str) -> None:
        self.ask(process, SAM)
        if by_door == "command":
            self.an_admin_allows(process, 0, [SAM], False)
        elif by_door == "shell":
            self.from_the_shell("allow", [SAM], "sender")
        else:
            self.an_admin_opens_the_dialog(process, 0)
            self.save(process, 0, ids.SENDERS, [PEOPLE.index(SAM)], False)

    @rule(process=process_, by_door=st.sampled_from(["command", "dialog", "request"]))
    def an_admin_was_removed_and_the_process_has_not_heard(self, process: int, by_door: str) -> None:
        self.a_day_passes()  # or who asked before is not heard
        self.from_the_shell("allow", [ANN], "admin")
        self.look(process)
        self.open_the_dialog(process, ANN)
        self.ask(process, SAM)
        self.from_the_shell("remove", [ANN], "admin")
        if by_door == "command":
            self.by_command(process, ANN, [SAM], "allow", True)
        elif by_door == "request":
            self.answer_a_request(process, 0, ANN, True)
        elif self.dialogs:
            self.save(process, 0, ids.ADMINS, [PEOPLE.index(SAM)], False)

    # -- people, time, and what it is all for

    @rule(user=st.sampled_from([ADA, BEN, SAM, DAN]))
    def who_leaves_or_comes_back(self, user: str) -> None:
        """Deactivated in Slack, or active again; the bot hears of it as soon as it knows of the person at all."""
        gone = self.model.kinds[user] == "deactivated"
        self.slack.people.change(user, deleted=not gone)
        self.model.kinds[user] = "member" if gone else "deactivated"
        if user in self.model.met:
            self.do(self.bots[0].directory.learn([user], within_s=1))

    @rule(process=process_, user=st.just(GUS) | person_)
    def slack_says_who_that_is(self, process: int, user: str) -> None:
        self.do(self.bots[0].directory.learn([user], within_s=1))
        self.model.met.add(user)
        self.send(process, user)

    @rule()
    def a_day_passes(self) -> None:
        self.clock.jump(DAY.total_seconds())
        self.typed.clear()  # a captured request is refused after 5 minutes, before anything reads it

    @rule(process=process_, user=person_)
    def send(self, process: int, user: str) -> None:
        answer = self.dispatch(process, submit(f"V{self.new()}", user_id=user))
        if self.may(process, user, role="sender") and self.model.role(user, self.model.rows) is not None:
            assert answer == {}
            self.model.sent.append(user)
        else:
            assert answer["response_action"] == "update"
            assert "submit" not in answer["view"]

    @rule(process=process_, user=st.sampled_from([SAM, BEN, GUS]))
    def removed_at_the_other_process_while_the_dialog_is_open(self, process: int, user: str) -> None:
        self.from_the_shell("allow", [user], "sender")
        self.look(process)
        self.from_the_shell("remove", [user], "sender")
        self.send(process, user)

    # -- what always holds

    def table(self, table: Any) -> list[Mapping[str, Any]]:
        with self.looking.connect() as connection:
            return [dict(row) for row in connection.execute(table.select()).mappings()]

    @invariant()
    def the_list_is_the_models(self) -> None:
        assert {(row["role"], row["member_id"]) for row in self.table(access_member)} == self.model.rows
        assert [row["version"] for row in self.table(access_state)] == [self.model.version]

    @invariant()
    def the_log_says_all_of_it_and_folds_to_the_list(self) -> None:
        logged = [
            (row["version"], row["changed_by"], row["door"], row["action"], row["role"], row["member_id"])
            for row in sorted(self.table(access_change), key=lambda row: row["change_id"])
        ]
        folded: set[tuple[str, str]] = set()
        for _, _, _, action, role, member in logged:
            assert ((role, member) in folded) is (action == "removed"), "added once, removed once"
            folded ^= {(role, member)}
        assert folded == self.model.rows
        assert sorted(logged) == sorted(self.model.log)
        assert [version for version, *_ in logged] == sorted(version for version, *_ in logged)

    @invariant()
    def each_process_goes_by_what_it_saw_last(self) -> None:
        for process, bot in enumerate(self.bots):
            self.catch_up(process)
            entries = {(one.role.name.lower(), one.member_id) for one in bot.access.added.entries}
            assert entries == self.model.copies[process]

    @invariant()
    def requests_are_answered_once(self) -> None:
        rows = sorted(self.table(access_request), key=lambda row: row["request_id"])
        assert [(row["user_id"], row["decision"], row["decided_by"]) for row in rows] == [
            (request.user, request.answer, request.by) for request in self.model.requests
        ]

    @invariant()
    def only_those_who_may_have_sent(self) -> None:
        assert sorted(row["user_id"] for row in self.table(message)) == sorted(self.model.sent)


def test_the_list_is_what_the_changes_made_it_whoever_makes_them_wherever(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    NEW[:] = [new_database]
    # What comes of a database that is late is tested elsewhere: here a busy machine must not look like one.
    for module, limit in PATIENCE:
        monkeypatch.setattr(module, limit, 60.0)
    run_state_machine_as_test(
        Access,
        settings=settings(
            phases=[Phase.generate],  # to make a long story shorter takes minutes
            database=None,
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
