"""Slack's payloads → values; whatever is missing or strange in them becomes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import Role
from bot.compose import Fields
from bot.slack import payloads, views
from bot.slack.payloads import RESPONSE_URL_LIVES, Dialog, dialog_from, dialog_metadata
from sandbox.slack.block_kit import check_view
from sandbox.slack.form import initial_values
from sandbox.slack.modals import OpenView, filled_in
from sandbox.slack.state import words_of

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)

dialogs = st.builds(
    Dialog,
    channel_id=st.none() | st.text(min_size=1, max_size=20),
    response_url=st.none() | st.text(min_size=1, max_size=200),
    opened_at=st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis wants them bare
    reviewed=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
)


@given(dialogs)
def test_a_dialog_remembers_what_it_was_given(dialog: Dialog) -> None:
    back = dialog_from(dialog_metadata(dialog))
    assert (back.channel_id, back.response_url, back.reviewed) == (
        dialog.channel_id,
        dialog.response_url,
        dialog.reviewed,
    )
    if dialog.opened_at is None:
        assert back.opened_at is None
    else:
        assert back.opened_at is not None
        assert abs(back.opened_at - dialog.opened_at) < timedelta(milliseconds=1)


@given(st.text(max_size=5000), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_what_a_dialog_remembers_is_within_slacks_limit(url: str, reviewed: str) -> None:
    raw = dialog_metadata(Dialog("C0GENERAL", url or None, NOW, reviewed))
    assert len(raw) <= 3000
    back = dialog_from(raw)
    assert (back.channel_id, back.reviewed) == ("C0GENERAL", reviewed)
    assert back.response_url in (url or None, None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(
    json_values
    | st.text().map(lambda t: '{"at": ' + t + "}")
    | st.sampled_from(["[" * 100_000, '{"at": 1e400}', '{"at": NaN}'])
)
def test_foreign_metadata_is_an_empty_dialog_or_a_harmless_one(raw: Any) -> None:
    dialog = dialog_from(raw)
    assert dialog.response_url is None


def test_a_response_url_ends_with_its_half_hour() -> None:
    route = Dialog("C1", "https://hooks.slack.example/1", NOW).route("U1")
    assert (route.user_id, route.channel_id, route.response_url) == ("U1", "C1", "https://hooks.slack.example/1")
    assert route.response_url_expires_at == NOW + RESPONSE_URL_LIVES
    assert timedelta(minutes=25) < RESPONSE_URL_LIVES < timedelta(minutes=30)


def test_a_response_url_of_unknown_age_is_not_used() -> None:
    route = Dialog("C1", "https://hooks.slack.example/1", None).route("U1")
    assert (route.response_url, route.response_url_expires_at) == (None, None)


def test_a_command_says_who_where_and_what() -> None:
    body = {
        "user_id": "U1",
        "team_id": "T1",
        "enterprise_id": "E1",
        "channel_id": "C1",
        "text": " hi ",
        "trigger_id": "1.2",
        "response_url": "https://hooks.slack.example/1",
    }
    command = payloads.command(body, now=NOW, default_region="US")
    assert (command.person.user_id, command.person.team_id, command.person.enterprise_id) == ("U1", "T1", "E1")
    assert (command.text, command.trigger_id) == (" hi ", "1.2")
    assert command.dialog == Dialog("C1", "https://hooks.slack.example/1", NOW, opener="U1")
    assert not command.person.is_bot


def test_who_submits_is_the_user_of_the_payload_not_the_one_in_the_metadata() -> None:
    view = {
        "id": "V1",
        "private_metadata": dialog_metadata(Dialog("C1")),
        "state": {"values": {"to": {"to": {"value": "+1"}}, "message": {"message": {"value": None}}}},
    }
    submit = payloads.submit({"user": {"id": "U2", "team_id": "T2"}, "team": {"id": "T1"}, "view": view})
    assert (submit.person.user_id, submit.person.team_id, submit.person.home_team_id) == ("U2", "T1", "T2")
    assert submit.view_id == "V1"
    assert submit.fields == Fields(to="+1", message=None)
    assert submit.dialog.channel_id == "C1"


def test_in_an_organisation_the_team_may_stand_elsewhere() -> None:
    user = {"id": "U1", "team_id": "T9"}
    installed = payloads.submit({"user": user, "team": None, "view": {"app_installed_team_id": "T1"}})
    assert installed.person.team_id == "T1"
    bare = payloads.submit({"user": user, "team": None, "view": {}})
    assert bare.person.team_id == "T9"


def test_a_bot_is_known_by_its_payload() -> None:
    assert payloads.command({"user_id": "U1", "bot_id": "B1"}, now=NOW, default_region="US").person.is_bot
    assert payloads.click({"user": {"id": "U1", "is_bot": True}}, now=NOW).person.is_bot


def test_a_click_says_which_button_and_where() -> None:
    body = {
        "user": {"id": "U1", "team_id": "T1"},
        "team": {"id": "T1"},
        "container": {"channel_id": "C7", "is_ephemeral": True},
        "actions": [{"action_id": "mms_open_again", "value": "mms-1"}],
        "trigger_id": "1.2",
        "response_url": "https://hooks.slack.example/1",
    }
    click = payloads.click(body, now=NOW)
    assert (click.action_id, click.value, click.dialog.channel_id) == ("mms_open_again", "mms-1", "C7")


names = st.sampled_from(
    [
        *("user", "team", "view", "state", "values", "id", "actions", "container", "channel", "to", "value"),
        *("enterprise", "blocks", "senders", "sender_groups", "selected_users", "selected_options"),
    ]
)
strange = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(names, strange, max_size=6))
def test_no_shape_of_a_payload_raises(body: dict[str, Any]) -> None:
    payloads.command(body, now=NOW, default_region="US")
    submit = payloads.submit(body)
    click = payloads.click(body, now=NOW)
    access = payloads.access_submit(body)
    assert all(isinstance(members, frozenset) for members in access.given.values())
    assert isinstance(submit.person.user_id, str)
    assert isinstance(click.value, str)


def test_the_openers_response_url_is_not_used_for_somebody_else_who_submits() -> None:
    dialog = dialog_from(dialog_metadata(Dialog("C1", "https://hooks.slack.example/1", NOW, opener="U1")))
    assert dialog.route("U1").response_url == "https://hooks.slack.example/1"
    assert dialog.route("U2").response_url is None
    assert dialog.route("U2").channel_id == "C1"


# -- the access dialog


GROUP_PICKERS = ("sender_groups", "admin_groups")
user_ids = st.from_regex(r"[UW][A-Z0-9]{1,12}", fullmatch=True)
group_ids = st.from_regex(r"S[A-Z0-9]{1,12}", fullmatch=True)


def picked(**fields: list[str]) -> dict[str, Any]:
    """The state of the pickers, as Slack sends it."""
    values: dict[str, Any] = {}
    for name, members in fields.items():
        if name in GROUP_PICKERS:
            options = [{"text": {"type": "plain_text", "text": "@x"}, "value": member} for member in members]
            values[name] = {name: {"type": "multi_static_select", "selected_options": options}}
        else:
            values[name] = {name: {"type": "multi_users_select", "selected_users": members}}
    return values


def saved(values: dict[str, Any], metadata: str = "") -> payloads.AccessSubmit:
    view = {"id": "V1", "private_metadata": metadata, "state": {"values": values}}
    return payloads.access_submit({"user": {"id": "U0ADA", "team_id": "T1"}, "team": {"id": "T1"}, "view": view})


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "senders": st.lists(user_ids, max_size=100),
            "sender_groups": st.lists(group_ids, max_size=100),
            "admins": st.lists(user_ids, max_size=100),
            "admin_groups": st.lists(group_ids, max_size=100),
        },
    )
)
def test_a_save_gives_what_was_picked_and_leaves_out_what_was_not_shown(fields: dict[str, list[str]]) -> None:
    submit = saved(picked(**fields))
    roles = {
        "senders": (Role.SENDER, False),
        "sender_groups": (Role.SENDER, True),
        "admins": (Role.ADMIN, False),
        "admin_groups": (Role.ADMIN, True),
    }
    assert submit.given == {roles[name]: frozenset(members) for name, members in fields.items()}
    assert submit.odd == {}
    assert (submit.person.user_id, submit.view_id) == ("U0ADA", "V1")


@pytest.mark.parametrize(
    ("name", "members", "said"),
    [
        ("senders", ["U0ANN", "S0SUPPORT"], "S0SUPPORT"),
        ("admins", ["S0SUPPORT"], "field of its own"),
        ("sender_groups", ["U0ANN"], "U0ANN"),
        ("admin_groups", ["S0SUPPORT", ""], "nothing"),
        ("senders", ["u0ann"], "u0ann"),
        ("senders", ["U0ANN "], "U0ANN"),
        ("admins", [f"U{n:04d}" for n in range(101)], "101"),
        ("admin_groups", [f"S{n:04d}" for n in range(101)], "At most 100"),
    ],
)
def test_what_no_picker_gives_is_told_under_the_field_and_not_taken(name: str, members: list[str], said: str) -> None:
    submit = saved(picked(**{name: members}))
    assert submit.given == {}
    assert list(submit.odd) == [name]
    assert said in submit.odd[name]
    assert "Nothing was changed" in submit.odd[name]
    assert len(submit.odd[name]) <= 300


@pytest.mark.parametrize("value", [None, "U0ANN", {"U0ANN": 1}, 7])
def test_a_picker_whose_value_can_not_be_read_does_not_empty_the_list(value: Any) -> None:
    submit = saved({"senders": {"senders": {"type": "multi_users_select", "selected_users": value}}})
    assert submit.given == {}
    assert list(submit.odd) == ["senders"]


@given(dialogs, st.integers(0, 2**53), st.integers(1, 3))
def test_the_access_dialog_remembers_its_version_and_its_place(dialog: Dialog, seen: int, depth: int) -> None:
    raw = payloads.access_metadata(dialog, seen=seen, depth=depth)
    submit = saved({}, raw)
    assert (submit.seen, submit.depth) == (seen, depth)
    assert submit.dialog == dialog_from(dialog_metadata(dialog))
    assert len(raw) <= 3000


@given(st.text(min_size=2900, max_size=5000))
def test_an_overlong_address_costs_the_access_dialog_only_the_address(url: str) -> None:
    raw = payloads.access_metadata(Dialog("C1", url, NOW, opener="U1"), seen=7, depth=2)
    assert len(raw) <= 3000
    submit = saved({}, raw)
    assert (submit.seen, submit.depth, submit.dialog.channel_id) == (7, 2, "C1")


@pytest.mark.parametrize(
    "raw", ["", "x", "[]", "{}", '{"seen": true}', '{"seen": "3"}', '{"seen": -4}', '{"seen": 1.0}', "[" * 100_000]
)
def test_a_version_that_can_not_be_read_is_always_stale(raw: str) -> None:
    assert (saved({}, raw).seen, saved({}, raw).depth) == (payloads.NEVER_SEEN, 1)
    assert payloads.NEVER_SEEN < 0


def test_a_click_in_a_dialog_brings_the_dialog_as_slack_takes_it_again() -> None:
    made = views.denied("No.", Fields(to="+1"), may_ask=True)
    shown = filled_in(made)
    opened = OpenView("V1", "U0SAM", "V1", None, shown, "1.a", initial_values(shown["blocks"]))
    click = payloads.click({"user": {"id": "U0SAM"}, "actions": [{}], "view": opened.payload()}, now=NOW)
    assert click.view is not None
    assert (click.view.view_id, click.view.view_hash) == ("V1", "1.a")
    assert check_view(click.view.view) == []
    assert words_of(click.view.view) == words_of(made)
    assert "state" not in click.view.view


def test_a_click_on_a_message_brings_no_dialog() -> None:
    assert payloads.click({"user": {"id": "U1"}, "actions": [{}]}, now=NOW).view is None


@given(st.sampled_from(sorted(payloads.ACCESS_FIELDS)), strange, st.lists(strange, max_size=3))
def test_no_value_of_a_picker_raises_and_only_ids_are_taken(name: str, state: Any, items: list[Any]) -> None:
    for value in (
        state,
        {"selected_users": items, "selected_options": items},
        {"selected_options": [{"value": state}]},
    ):
        submit = saved({name: {name: value}})
        for (_, groups), members in submit.given.items():
            assert all(member.startswith(("S",) if groups else ("U", "W")) for member in members)
        assert len(submit.given) + len(submit.odd) == (value is not None)


# -- the Home tab


def opened(**event: Any) -> dict[str, Any]:
    inner = {"type": "app_home_opened", "user": "U0ANN", "channel": "D0ANNMMS", "tab": "home", **event}
    return {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": inner}


def test_whoever_looks_at_the_home_tab_is_read_from_the_event() -> None:
    seen = payloads.home_opened({**opened(), "enterprise_id": "E1"})
    assert seen is not None
    assert seen.event_id == "Ev1"
    assert (seen.person.user_id, seen.person.team_id, seen.person.enterprise_id) == ("U0ANN", "T1", "E1")
    assert not seen.person.is_bot


@pytest.mark.parametrize("tab", ["messages", "about", None, 7, []])
def test_another_tab_is_none_of_ours(tab: object) -> None:
    assert payloads.home_opened(opened(tab=tab)) is None


@given(json_values)
def test_whatever_stands_in_an_event_it_is_read_or_not_ours(value: Any) -> None:
    for body in ({"event": value}, opened(user=value), {**opened(), "team_id": value, "event_id": value}):
        seen = payloads.home_opened(body)
        assert seen is None or isinstance(seen.person.user_id, str)


def test_a_click_knows_whether_it_was_on_the_home_tab() -> None:
    for kind, on_home in (("home", True), ("modal", False)):
        body = {"view": {"id": "V1", "type": kind}, "actions": [{"action_id": "x"}]}
        assert payloads.click(body, now=NOW).on_home is on_home
    assert not payloads.click({"actions": [{"action_id": "x"}]}, now=NOW).on_home
