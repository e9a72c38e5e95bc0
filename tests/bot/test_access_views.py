"""The dialog in which admins decide: one that Slack takes whatever is on the list, and honest about all of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import NOTHING_KNOWN, Known, Policy, Profile, Role
from bot.access.changes import EMPTY, AccessChange, AccessList, Action, Added, ByDoor, Edit, Entry
from bot.compose import Fields
from bot.slack import ids, payloads, views
from bot.slack.access.messages import asked
from bot.slack.access.views import access_dialog, access_notice, field_error, with_answer
from bot.slack.access.words import Shown
from bot.slack.payloads import Dialog
from bot.slack.profiles import UserGroup
from sandbox.slack.block_kit import check_view
from sandbox.slack.form import initial_values
from sandbox.slack.state import words_of

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
DIALOG = Dialog("C0GENERAL", "https://hooks.slack.example/commands/1", NOW, opener="U0ADA")
SLACKS_OWN = re.compile(
    r"<@[UW][A-Z0-9]+>|<!subteam\^S[A-Z0-9]+>|<!date\^\d+\^\{date_short_pretty\} at \{time\}\|[-:\d ]+ UTC>"
)
HOSTILE = ["<!channel>", "<@U0EVE>", "`*_~", "&lt;", "🎉" * 80, "\u202e", "\ud800", "x" * 500, "", "\n"]

names = st.text(max_size=90) | st.sampled_from(HOSTILE)
users = st.from_regex(r"[UW][A-Z0-9]{1,3}", fullmatch=True)
groups = st.from_regex(r"S[A-Z0-9]{1,3}", fullmatch=True)
roles = st.sampled_from([Role.SENDER, Role.ADMIN])
entries = st.builds(Entry, users | groups, roles)
profiles = st.builds(Profile, names, st.booleans(), st.booleans(), st.booleans(), st.booleans())
knowns = st.builds(
    Known, st.dictionaries(groups, st.frozensets(users), max_size=9), st.dictionaries(users, profiles, max_size=9)
)
whos = users | names.map(lambda name: f"shell:{name}")
policies = st.builds(Policy, st.frozensets(users | groups, max_size=99), st.frozensets(users | groups, max_size=9))
lists = st.builds(
    AccessList,
    st.integers(0, 9),
    st.lists(
        st.builds(Added, entries, whos, st.just(NOW), st.sampled_from(ByDoor)),
        max_size=30,
        unique_by=lambda one: one.entry,
    ).map(tuple),
)
user_groups = st.lists(
    st.builds(UserGroup, groups, names, names), max_size=20, unique_by=lambda group: group.group_id
).map(tuple)
shown_values = st.builds(Shown, policies, lists, knowns, user_groups)
changes = st.builds(
    AccessChange, st.integers(0, 9), st.just(NOW), whos, st.sampled_from(ByDoor), st.sampled_from(Action), entries
)
edits = st.builds(Edit, st.frozensets(entries, max_size=40), st.frozensets(entries, max_size=40))


def a_list(*members: tuple[str, Role], version: int = 3) -> AccessList:
    return AccessList(version, tuple(Added(Entry(*one), "U0ADA", NOW, ByDoor.DIALOG) for one in members))


NOBODY = Policy()


def shown(
    *members: tuple[str, Role], base: Policy = NOBODY, known: Known = NOTHING_KNOWN, named: Sequence[UserGroup] = ()
) -> Shown:
    return Shown(base, a_list(*members), known, tuple(named))


def fields(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}


def submitted(view: dict[str, Any]) -> payloads.AccessSubmit:
    """The dialog saved as it was opened."""
    state = {"values": initial_values(view["blocks"])}
    return payloads.access_submit({"view": {**view, "id": "V1", "state": state}})


def mrkdwn_of(view: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"]


def must_be_sound(view: dict[str, Any]) -> None:
    """Slack takes it, and there is no mention or link in it but ours."""
    assert check_view(view) == []
    for text in mrkdwn_of(view):
        assert not re.search("[<>]", SLACKS_OWN.sub("", text))


@given(shown_values, st.lists(changes, max_size=60), st.none() | edits, st.integers(1, 3))
def test_the_dialog_is_one_that_slack_takes(
    shown: Shown, news: list[AccessChange], unsaved: Edit | None, depth: int
) -> None:
    view = access_dialog(shown, dialog=DIALOG, depth=depth, news=news, unsaved=unsaved)
    must_be_sound(view)
    assert view["callback_id"] == "mms_admin"
    for name, element in fields(view).items():
        assert name == element["action_id"]


@given(shown_values)
def test_a_dialog_that_is_saved_as_it_was_opened_changes_nothing(shown: Shown) -> None:
    view = access_dialog(shown, dialog=DIALOG, depth=2)
    submit = submitted(view)
    assert submit.odd == {}
    assert (submit.seen, submit.depth, submit.dialog.channel_id) == (shown.access.version, 2, "C0GENERAL")
    saved = {Entry(member, role) for (role, _), members in submit.given.items() for member in members}
    assert saved == shown.access.entries


def test_the_inputs_are_those_of_the_design() -> None:
    support = UserGroup("S0SUPPORT", "support", "Support team")
    view = access_dialog(shown(named=[support]), dialog=Dialog())
    made = fields(view)
    assert list(made) == ["senders", "sender_groups", "admins", "admin_groups"]
    assert [element["type"] for element in made.values()] == ["multi_users_select", "multi_static_select"] * 2
    assert all(block["optional"] and block["hint"] for block in view["blocks"] if block["type"] == "input")
    [option] = made["admin_groups"]["options"]
    assert (option["text"]["text"], option["value"]) == ("@support (Support team)", "S0SUPPORT")
    assert (view["title"]["text"], view["submit"]["text"], view["close"]["text"]) == ("Who may send", "Save", "Cancel")


def test_without_user_groups_there_is_no_picker_for_them() -> None:
    assert list(fields(access_dialog(shown(), dialog=Dialog()))) == ["senders", "admins"]


def test_a_listed_group_that_slack_no_longer_names_stays_an_option() -> None:
    made = fields(access_dialog(shown(("S0GONE", Role.SENDER)), dialog=Dialog()))
    assert list(made) == ["senders", "sender_groups", "admins"]
    assert made["sender_groups"]["options"][0]["text"]["text"] == "S0GONE"
    assert made["sender_groups"]["initial_options"] == made["sender_groups"]["options"]


def test_what_was_added_is_filled_in_by_role_and_the_settings_are_not() -> None:
    base = Policy(frozenset({"U0FIXED"}), frozenset({"U0BOSS", "S0BOSSES"}))
    view = access_dialog(shown(("U0ANN", Role.SENDER), ("U0BEN", Role.ADMIN), base=base), dialog=Dialog())
    made = fields(view)
    assert (made["senders"]["initial_users"], made["admins"]["initial_users"]) == (["U0ANN"], ["U0BEN"])
    [fixed, _] = mrkdwn_of(view)
    assert "Fixed in the settings" in fixed
    admins, senders = fixed.splitlines()[1:]
    assert admins.startswith("• Admins: <@U0BOSS> ")
    assert "<!subteam^S0BOSSES> (members not known)" in admins
    assert senders.startswith("• Senders: <@U0FIXED> ")


@pytest.mark.parametrize("count", [100, 101, 250, 400])
def test_many_user_groups_come_in_lists_that_slack_takes(count: int) -> None:
    named = [UserGroup(f"S{n:09d}", f"team-{n:04d}", "A team of ours") for n in range(count)]
    view = access_dialog(shown((f"S{count - 1:09d}", Role.ADMIN), named=named), dialog=Dialog())
    must_be_sound(view)
    element = fields(view)["admin_groups"]
    assert ("options" in element) == (count == 100)
    offered = [*element.get("options", []), *(o for g in element.get("option_groups", []) for o in g["options"])]
    assert [option["value"] for option in offered] == [group.group_id for group in named]
    assert [option["value"] for option in element["initial_options"]] == [named[-1].group_id]


def test_more_groups_than_a_dialog_holds_are_cut_with_a_word_and_no_listed_one_is_lost() -> None:
    named = [UserGroup(f"S{n:09d}", f"team-{n:04d}" + "🎉" * 30, "🎉" * 90) for n in range(3000)]
    members = [(f"S{n:09d}", role) for n in range(2900, 3000) for role in (Role.SENDER, Role.ADMIN)]
    view = access_dialog(shown(*members, named=named), dialog=Dialog())
    must_be_sound(view)
    assert {Entry(*member) for member in members} == {
        Entry(member, role) for (role, _), picked in submitted(view).given.items() for member in picked
    }
    assert "Not all user groups fit" in words_of(view)


@pytest.mark.parametrize("role", [Role.SENDER, Role.ADMIN])
def test_more_people_than_a_picker_shows_are_left_as_they_are(role: Role) -> None:
    name = ids.SENDERS if role is Role.SENDER else ids.ADMINS
    full = access_dialog(shown(*((f"U{n:09d}", role) for n in range(100))), dialog=Dialog())
    assert len(fields(full)[name]["initial_users"]) == 100
    over = access_dialog(shown(*((f"U{n:09d}", role) for n in range(101))), dialog=Dialog())
    must_be_sound(over)
    assert name not in fields(over)
    assert (role, False) not in submitted(over).given
    assert "saving leaves them as they are" in words_of(over)


MARKS = [
    (Profile("Dan", deactivated=True), "deactivated in Slack: does not count"),
    (Profile("Robo", bot=True), "a bot: does not count"),
    (Profile("Eve", foreign=True), "of another workspace: does not count"),
    (Profile("Gus", guest=True), "guest: counts because listed by name"),
    (None, "Slack has not said who this is"),
    (Profile("Ann"), ""),
]


@pytest.mark.parametrize(("profile", "said"), MARKS)
def test_those_who_do_not_simply_count_are_marked_wherever_they_are_listed(profile: Profile | None, said: str) -> None:
    known = Known({}, {} if profile is None else {"U0X": profile})
    added = access_dialog(shown(("U0X", Role.SENDER), known=known), dialog=Dialog())
    fixed = access_dialog(shown(base=Policy(frozenset({"U0X"}), frozenset()), known=known), dialog=Dialog())
    assert ("<@U0X>" in words_of(added)) == bool(said)
    for view in (added, fixed):
        assert said in words_of(view)
    assert ("(" in mrkdwn_of(fixed)[0]) == bool(said)


def test_a_group_is_marked_while_its_members_are_not_known() -> None:
    view = access_dialog(shown(("S0X", Role.SENDER)), dialog=Dialog())
    assert "<!subteam^S0X> (members not known)" in words_of(view)
    read = access_dialog(shown(("S0X", Role.SENDER), known=Known({"S0X": frozenset()}, {})), dialog=Dialog())
    assert "<!subteam^S0X>" not in words_of(read)


def test_a_long_list_is_cut_and_says_so() -> None:
    base = Policy(frozenset(f"U{n:09d}" for n in range(300)), frozenset())
    [fixed] = mrkdwn_of(access_dialog(shown(base=base), dialog=Dialog()))
    cut = re.search(r"and (\d+) more$", fixed, re.MULTILINE)
    assert cut
    assert fixed.count("<@U") + int(cut[1]) == 300
    assert "`access`" in fixed


def test_a_refused_save_says_what_changed_and_what_was_wanted() -> None:
    news = [AccessChange(4, NOW, "U0ADA", ByDoor.COMMAND, Action.ADDED, Entry("U0SAM", Role.SENDER))]
    unsaved = Edit(add=frozenset({Entry("U0ANN", Role.ADMIN)}), remove=frozenset({Entry("U0BEN", Role.SENDER)}))
    said = mrkdwn_of(access_dialog(shown(), dialog=Dialog(), depth=2, news=news, unsaved=unsaved))[0]
    assert said.startswith("*Not saved: somebody else changed the list meanwhile.*\n• <@U0ADA> added <@U0SAM>")
    assert "would have been: <@U0ANN> added as an admin, <@U0BEN> taken away as a sender." in said
    assert said.endswith("Look at the list below, make your change again and save.")


def test_long_news_are_cut_and_the_persons_own_change_is_not() -> None:
    news = [AccessChange(4, NOW, "U0ADA", ByDoor.DIALOG, Action.ADDED, Entry(f"U{n}", Role.SENDER)) for n in range(99)]
    unsaved = Edit(add=frozenset(Entry(f"U{n:010d}", role) for n in range(99) for role in (Role.SENDER, Role.ADMIN)))
    view = access_dialog(shown(), dialog=Dialog(), news=news, unsaved=unsaved)
    must_be_sound(view)
    said = mrkdwn_of(view)[0]
    assert re.search(r"and \d+ more changes\n", said)
    assert "and 87 more added as admins." in said
    assert said.endswith("make your change again and save.")


def test_a_first_dialog_has_no_news() -> None:
    assert "Not saved" not in words_of(access_dialog(Shown(Policy(), EMPTY, NOTHING_KNOWN, ()), dialog=Dialog()))


@given(names)
def test_a_notice_only_says_something(title: str) -> None:
    view = access_notice("A sentence.", title=title or "x")
    assert check_view(view) == []
    assert "submit" not in view
    assert access_notice("A sentence.")["title"]["text"] == "Not saved"


@given(profiles)
def test_a_field_error_stands_exactly_for_those_who_do_not_count(profile: Profile) -> None:
    error = field_error("U0X", Known({}, {"U0X": profile}))
    assert (error is None) == (profile.fault is None)
    assert error is None or (0 < len(error) <= 300 and "\n" not in error and error.endswith("out."))


def test_a_field_error_names_the_one_and_says_why() -> None:
    known = Known(
        {},
        {
            "U0ROBO": Profile("Robo", bot=True),
            "U0DAN": Profile("Dan", deactivated=True),
            "U0EVE": Profile("", foreign=True),
        },
    )
    assert field_error("U0ROBO", known) == "Robo is a bot: bots can't send. Take it out."
    assert field_error("U0DAN", known) == "Dan is deactivated in Slack and can't send. Take them out."
    assert field_error("U0EVE", known) == "U0EVE belongs to another workspace and can't send. Take them out."
    assert field_error("USLACKBOT", NOTHING_KNOWN) is not None
    assert field_error("U0NEW", NOTHING_KNOWN) is None


def test_an_answer_takes_the_place_of_the_button_and_what_was_typed_stays() -> None:
    before = views.denied("No.", Fields(to="+12015550123", message="Hi"), may_ask=True)
    view = with_answer(before, asked(["U0ADA"]))
    assert check_view(view) == []
    assert "Ask for access" not in words_of(view)
    for text in ("No.", "+12015550123", "Hi", "You asked for access: <@U0ADA> is told"):
        assert text in words_of(view)
    again = with_answer(view, asked(["U0BEN"]))
    assert "<@U0BEN>" in again["blocks"][0]["text"]["text"]
    assert with_answer({"type": "modal"}, asked([]))["blocks"] == asked([])["blocks"]
