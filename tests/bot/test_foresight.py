"""What works now and will bite later is told at the start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.access import Policy, Workspace
from bot.foresight import at_start, by_slack
from bot.settings import Settings
from bot.slack.gateway import Standing
from bot.slack.scopes import BOT_SCOPES

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SOCKET = {
    "SLACK_BOT_TOKEN": "xoxb-invented",
    "SLACK_APP_TOKEN": "xapp-invented",
    "SINCH_SERVICE_PLAN_ID": "plan",
    "SINCH_API_TOKEN": "invented",
    "SINCH_NUMBER": "+12015550100",
}
HTTP = {**SOCKET, "SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "invented"}
ADMIN = Policy(senders=frozenset(), admins=frozenset({"U0ADA"}))
SENDER = Policy(senders=frozenset({"U0ANN"}), admins=frozenset())
NOBODY = Policy(senders=frozenset(), admins=frozenset())


def events(env: dict[str, str], policy: Policy = ADMIN) -> list[str]:
    return [event for event, _ in at_start(Settings.from_env(env), policy)]


@pytest.mark.parametrize(
    ("policy", "told"), [(ADMIN, []), (SENDER, ["no_admin"]), (NOBODY, ["no_admin", "nobody_may_send"])]
)
def test_a_list_that_lets_nobody_in_or_has_no_admin_is_told(policy: Policy, told: list[str]) -> None:
    assert events(SOCKET, policy) == told


@pytest.mark.parametrize("environ", [{"DYNO": "web.1"}, {"K_SERVICE": "mms-bot"}])
def test_socket_mode_where_idle_processes_are_stopped_is_told_and_http_there_is_not(environ: dict[str, str]) -> None:
    postgres = {"DATABASE_URL": "postgres://mms:x@localhost/mms"}

    assert events({**SOCKET, **postgres, **environ}) == ["may_be_put_to_sleep"]
    assert events({**HTTP, **postgres, **environ}) == []


def test_a_worker_is_well() -> None:
    assert events({**SOCKET, "DYNO": "worker.1", "DATABASE_URL": "postgres://mms:x@localhost/mms"}) == []


def standing(*, scopes: set[str] | None, off: timedelta = timedelta(0)) -> Standing:
    known = None if scopes is None else frozenset(scopes)
    return Standing(Workspace("T1", "UBOT"), team="Here", scopes=known, server_time=NOW + off)


@pytest.mark.parametrize("scopes", [None, set(BOT_SCOPES)])
def test_a_token_with_just_its_scopes_and_a_clock_that_agrees_are_well(scopes: set[str] | None) -> None:
    assert list(by_slack(standing(scopes=scopes, off=timedelta(seconds=59)), NOW)) == []


def test_more_scopes_than_needed_are_named() -> None:
    ((event, said),) = by_slack(standing(scopes={*BOT_SCOPES, "files:read"}), NOW)

    assert event == "more_scopes_than_needed"
    assert "files:read" in said


def test_scopes_that_are_missing_are_named() -> None:
    ((event, said),) = by_slack(standing(scopes=set(BOT_SCOPES) - {"users:read"}), NOW)

    assert event == "slack_scopes"
    assert "users:read" in said


@pytest.mark.parametrize(("off", "way"), [(timedelta(minutes=2), "behind"), (timedelta(minutes=-2), "ahead of")])
def test_a_clock_that_is_off_by_more_than_a_minute_is_told(off: timedelta, way: str) -> None:
    ((event, said),) = by_slack(standing(scopes=None, off=off), NOW)

    assert event == "clock"
    assert f"120 s {way} Slack's" in said
