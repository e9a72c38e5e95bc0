"""What is known of everybody who is listed: read off the path to ack, kept for an hour when Slack is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bot.access import Profile, Reason
from bot.slack.directory import FRESH_FOR_S, KEPT_FOR_S, READS_AT_ONCE, REFRESH_EVERY_S, RETRY_S
from bot.slack.gateway import SlackError
from tests.bot.directory_office import AWAY, SUPPORT, Office

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock


@pytest.fixture
def office(clock: FakeClock) -> Office:
    return Office(clock)


def test_before_anything_is_read_nothing_is_known(office: Office) -> None:
    assert (dict(office.known.profiles), office.members) == ({}, {})
    assert office.directory.user_groups() == ()
    assert not office.directory.tried


async def test_the_listed_are_read_and_the_members_of_listed_groups(office: Office) -> None:
    async with office.open("U9", "S1"):
        assert office.members == {"S1": {"U1"}}
        assert dict(office.known.profiles) == {"U9": Profile("u9"), "U1": Profile("u1")}
        assert office.directory.user_groups() == (SUPPORT,)
        assert office.directory.tried
        assert sorted(office.slack.took()) == ["S1", "U1", "U9", "all"]


async def test_what_is_known_at_a_moment_never_changes(office: Office) -> None:
    async with office.open("U9"):
        before = office.known
        office.senders.add("S1")
        office.directory.wake()
        await office.settle()
        assert (set(before.profiles), dict(before.members)) == ({"U9"}, {})
        assert set(office.known.profiles) == {"U9", "U1"}


async def test_a_look_up_does_not_change_what_was_known_before(office: Office) -> None:
    async with office.open("U9"):
        before = office.known
        office.directory.look_up(["U7"])
        await office.settle()
        assert (set(before.profiles), set(office.known.profiles)) == ({"U9"}, {"U7", "U9"})


async def test_a_workspace_without_user_groups_is_asked_for_them_once_in_a_round(office: Office) -> None:
    office.slack.faults["all"] = SlackError("plan_upgrade_required")
    async with office.open():
        await office.pass_time(REFRESH_EVERY_S - 1)
        assert office.slack.took() == ["all"]


async def test_without_anybody_listed_it_is_ready_at_once(office: Office) -> None:
    async with office.open():
        assert office.directory.tried
        assert office.slack.took() == ["all"]


async def test_a_group_that_cant_be_read_does_not_hide_the_others(office: Office) -> None:
    office.slack.faults["S1"] = SlackError("no_such_subteam")
    async with office.open("S1", "S2"):
        assert office.members == {"S2": {"U2"}}
        assert office.directory.tried


async def test_everything_is_fresh_within_five_minutes(office: Office) -> None:
    async with office.open("S1", "U9"):
        office.slack.took()
        office.slack.members["S1"] = frozenset()
        office.slack.profiles["U9"] = Profile("u9", deactivated=True)
        await office.clock.advance(REFRESH_EVERY_S - 1)
        await office.settle()
        assert office.slack.took() == []
        await office.clock.advance(1)
        await office.settle()
        assert sorted(office.slack.took()) == ["S1", "U1", "U9", "all"]
        assert office.members == {"S1": frozenset()}
        assert office.known.fault("U9") is Reason.DEACTIVATED
    assert (REFRESH_EVERY_S, FRESH_FOR_S) == (240, 300), "a minute is left for the reading"


async def test_only_what_failed_is_repeated_sooner(office: Office) -> None:
    office.slack.faults |= {"S2": AWAY, "U9": AWAY, "all": AWAY}
    async with office.open("S1", "S2", "U8", "U9"):
        office.slack.took()
        await office.clock.advance(RETRY_S - 1)
        await office.settle()
        assert office.slack.took() == []
        office.slack.faults.clear()
        await office.clock.advance(1)
        await office.settle()
        assert sorted(office.slack.took()) == ["S2", "U2", "U9", "all"]
        assert set(office.known.profiles) == {"U1", "U2", "U8", "U9"}
        await office.pass_time(RETRY_S * 2)
        assert office.slack.took() == []


async def test_the_last_known_holds_for_an_hour_of_failures_and_what_denies_for_ever(office: Office) -> None:
    office.slack.profiles["U9"] = Profile("u9", deactivated=True)
    async with office.open("S1", "U9"):
        office.slack.faults = dict.fromkeys(["S1", "U1", "U9"], AWAY)
        await office.pass_time(KEPT_FOR_S)
        assert office.members == {"S1": {"U1"}}
        assert set(office.known.profiles) == {"U1", "U9"}
        await office.pass_time(1)
        assert office.members == {}
        assert set(office.known.profiles) == {"U9"}
        await office.pass_time(KEPT_FOR_S)
        assert office.known.fault("U9") is Reason.DEACTIVATED
    assert KEPT_FOR_S == 3600


async def test_what_is_known_ends_on_time_even_when_nothing_runs(office: Office) -> None:
    async with office.open("S1"):
        pass
    office.clock.jump(KEPT_FOR_S)
    assert office.members == {"S1": {"U1"}}
    assert len(office.known.profiles) == 1
    office.clock.jump(1)
    assert (office.members, len(office.known.profiles), office.known.profiles.get("U1")) == ({}, 0, None)


@pytest.mark.parametrize("error", [AWAY, SlackError("ratelimited", away=True, retry_after_s=60)], ids=str)
async def test_a_group_that_is_lost_is_told_once_and_when_it_is_found_again(office: Office, error: SlackError) -> None:
    async with office.open("S1", "S2"):
        office.slack.faults["S1"] = error
        office.told.clear()
        await office.pass_time(KEPT_FOR_S)
        assert office.told == []
        await office.pass_time(REFRESH_EVERY_S)
        assert office.told == ["lost S1"]
        await office.pass_time(KEPT_FOR_S)
        assert office.told == ["lost S1"]
        office.slack.faults.clear()
        await office.pass_time(60 + RETRY_S)
        assert office.told == ["lost S1", "found S1"]
        await office.pass_time(KEPT_FOR_S)
        assert len(office.told) == 2


async def test_after_a_start_a_group_that_can_be_read_is_found_whatever_was_told_before(office: Office) -> None:
    async with office.open("S1"):
        assert office.told == ["found S1"]
        await office.pass_time(KEPT_FOR_S)
        assert office.told == ["found S1"]


async def test_a_lost_group_of_which_nobody_could_hear_is_told_again(office: Office) -> None:
    office.slack.faults["S1"] = AWAY
    office.somebody_hears = False
    async with office.open("S1"):
        await office.pass_time(KEPT_FOR_S + RETRY_S)
        office.somebody_hears = True
        office.told.clear()
        await office.pass_time(RETRY_S)
        assert office.told == ["lost S1"]
        await office.pass_time(KEPT_FOR_S)
        assert office.told == ["lost S1"]


async def test_a_group_that_never_could_be_read_is_lost_after_an_hour(office: Office) -> None:
    office.slack.faults["S1"] = SlackError("missing_scope")
    async with office.open("S1"):
        await office.pass_time(KEPT_FOR_S)
        assert office.told == []
        await office.pass_time(RETRY_S)
        assert office.told == ["lost S1"]


async def test_a_process_that_was_away_for_an_hour_has_lost_nothing(office: Office) -> None:
    async with office.open("S1"):
        office.told.clear()
        office.clock.jump(2 * KEPT_FOR_S)
        await office.pass_time(RETRY_S)
        assert office.told == []
        assert office.members == {"S1": {"U1"}}


async def test_what_cant_be_told_is_told_later(office: Office) -> None:
    office.slack.faults["S1"] = AWAY
    office.cannot_tell = True
    async with office.open("S1"):
        await office.pass_time(KEPT_FOR_S + REFRESH_EVERY_S)
        office.cannot_tell = False
        await office.pass_time(RETRY_S)
        assert office.told == ["lost S1"]
        office.cannot_tell = True
        office.slack.faults.clear()
        await office.pass_time(RETRY_S)
        office.cannot_tell = False
        await office.pass_time(REFRESH_EVERY_S)
        assert office.told == ["lost S1", "found S1"]


async def test_a_group_taken_off_the_list_has_nobody_and_is_told_of_no_more(office: Office) -> None:
    office.slack.faults["S2"] = AWAY
    async with office.open("S1", "S2"):
        office.told.clear()
        office.senders.clear()
        office.directory.wake()
        await office.settle()
        assert office.members == {}
        await office.pass_time(KEPT_FOR_S * 2)
        assert sorted(office.told) == ["found S1", "found S2"], "nothing that was told of them is open any more"


async def test_what_is_new_on_the_list_is_read_at_once_and_nothing_else(office: Office) -> None:
    async with office.open("U9", "S1"):
        office.slack.took()
        office.senders |= {"U8", "S2"}
        office.directory.wake()
        await office.settle()
        assert sorted(office.slack.took()) == ["S2", "U2", "U8"]
        assert set(office.known.profiles) == {"U1", "U2", "U8", "U9"}


async def test_somebody_newly_listed_whom_an_old_look_up_knows_is_read_again(office: Office) -> None:
    async with office.open():
        office.directory.look_up(["U7"])
        await office.settle()
        await office.pass_time(FRESH_FOR_S + 1)
        office.slack.took()
        office.senders.add("U7")
        office.directory.wake()
        await office.settle()
        assert office.slack.took() == ["U7"]


async def test_a_few_are_read_at_a_time_the_unknown_first_and_then_the_oldest(office: Office) -> None:
    async with office.open("U5", "U6"):
        office.senders |= {f"U1{n:02}" for n in range(20)}
        await office.clock.advance(10)
        office.directory.wake()
        await office.settle()
        office.slack.took()
        office.slack.gate.clear()
        office.senders.add("U0")
        await office.clock.advance(REFRESH_EVERY_S - 10)
        await office.settle()
        assert office.slack.took()[1:4] == ["U0", "U5", "U6"]
        office.slack.gate.set()
        await office.settle()
        assert office.slack.most_under_way == READS_AT_ONCE == 5


async def test_somebody_new_is_read_before_those_who_are_only_refreshed(office: Office) -> None:
    async with office.open(*(f"U1{n:02}" for n in range(20))):
        office.slack.gate.clear()
        await office.clock.advance(REFRESH_EVERY_S)
        await office.settle()
        office.senders.add("U9")
        office.directory.wake()
        await office.settle()
        office.slack.took()
        office.slack.gate.set()
        await office.settle()
        assert office.slack.took()[0] == "U9"


async def test_what_has_just_failed_is_not_asked_for_again_because_the_list_changes(office: Office) -> None:
    office.slack.faults |= {"U9": AWAY, "S1": AWAY}
    async with office.open("U9", "S1"):
        office.slack.took()
        for number in range(3):
            office.senders.add(f"U{number}")
            office.directory.wake()
            await office.settle()
        assert office.slack.took() == ["U0", "U1", "U2"]


async def test_a_429_is_kept_in_full_by_all_readers_and_nobody_is_forgotten(office: Office) -> None:
    people = [f"U1{n:02}" for n in range(12)]
    office.slack.faults["U100"] = SlackError("ratelimited", away=True, retry_after_s=40)
    office.slack.faults["U101"] = SlackError("ratelimited", away=True, retry_after_s=5)
    office.slack.gate.clear()
    async with office.open(*people):
        assert len(office.slack.took(*people)) == 5
        office.slack.gate.set()
        await office.settle()
        assert office.slack.took() == []
        office.slack.faults.clear()
        await office.pass_time(39)
        assert office.slack.took() == []
        await office.pass_time(1)
        taken = office.slack.took()
        assert set(taken[:2]) == {"U100", "U101"}, "they were first before"
        assert sorted(taken) == ["U100", "U101", *people[5:]]
        assert set(office.known.profiles) == set(people)


async def test_somebody_whom_slack_does_not_know_is_asked_for_in_the_next_round_only(office: Office) -> None:
    office.slack.faults |= {"U8": SlackError("user_not_found"), "U9": SlackError("user_not_visible")}
    async with office.open("U8", "U9"):
        office.slack.took()
        for _ in range(3):
            office.directory.wake()
            office.directory.look_up(["U8"])
            await office.directory.learn(["U9"], within_s=5)
            await office.pass_time(RETRY_S)
        assert office.slack.took() == []
        assert not office.known.profiles
        office.slack.faults.clear()
        await office.pass_time(REFRESH_EVERY_S)
        assert set(office.known.profiles) == {"U8", "U9"}


async def test_somebody_unlisted_whom_slack_did_not_know_may_be_looked_up_in_the_next_round(office: Office) -> None:
    office.slack.faults["U7"] = SlackError("user_not_found")
    async with office.open():
        for expected in (["U7"], []):
            office.directory.look_up(["U7"])
            await office.settle()
            assert office.slack.took("U7") == expected
        await office.pass_time(REFRESH_EVERY_S)
        office.directory.look_up(["U7"])
        await office.settle()
        assert office.slack.took("U7") == ["U7"]


async def test_without_the_scope_a_round_of_people_ends_with_one_warning(office: Office) -> None:
    people = [f"U1{n:02}" for n in range(20)]
    office.slack.faults = dict.fromkeys(people, SlackError("missing_scope"))
    with capture_logs() as logs:
        async with office.open(*people, "S1"):
            assert len(office.slack.took(*people)) <= READS_AT_ONCE
            assert office.directory.tried
            await office.directory.learn(["U999"], within_s=5)
            office.slack.took()
            office.senders.add("U5")
            office.directory.wake()
            office.directory.look_up(["U6"])
            await office.pass_time(REFRESH_EVERY_S - 1)
            assert office.slack.took() == []
            assert [log["event"] for log in logs] == ["profile_not_read"]
            await office.pass_time(1)
            assert [log["event"] for log in logs] == ["profile_not_read"] * 2
            office.slack.faults.clear()
            await office.pass_time(REFRESH_EVERY_S)
            assert set(people) < set(office.known.profiles)


async def test_no_name_reaches_the_log(office: Office) -> None:
    office.slack.profiles["U9"] = Profile("Paula Private")
    office.slack.faults |= {"U8": AWAY, "S1": AWAY, "all": AWAY, "U7": SlackError("user_not_found")}
    with capture_logs() as logs:
        async with office.open("U7", "U8", "U9", "S1"):
            await office.pass_time(KEPT_FOR_S)
    assert "Paula" not in str(logs)
    assert {"profile_not_read", "group_not_read", "user_groups_not_read"} == {log["event"] for log in logs}
