"""People who knock or are named without being listed, what a start waits for, and faults of our own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bot.access import Profile
from bot.slack.directory import FRESH_FOR_S, KEPT_FOR_S, MAX_UNLISTED, MAX_WAITING, READY_WITHIN_S, RETRY_S
from bot.slack.gateway import SlackError
from tests.bot.directory_office import AWAY, OURS, Office

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock

LONG_S = 60.0


@pytest.fixture
def office(clock: FakeClock) -> Office:
    return Office(clock)


async def test_somebody_who_knocks_is_looked_up_once_and_kept_for_an_hour(office: Office) -> None:
    async with office.open():
        office.slack.took()
        office.directory.look_up(["U7", "U7", "S1", ""])
        office.directory.look_up(["U7"])
        await office.settle()
        office.directory.look_up(["U7"])
        await office.settle()
        assert office.slack.took() == ["U7"]
        await office.pass_time(KEPT_FOR_S)
        assert office.slack.took("U7") == [], "nobody who is not listed is refreshed"
        assert set(office.known.profiles) == {"U7"}
        await office.pass_time(1)
        assert not office.known.profiles


async def test_somebody_unlisted_is_forgotten_after_an_hour_even_if_nobody(office: Office) -> None:
    office.slack.profiles["U7"] = Profile("u7", bot=True)
    async with office.open():
        office.directory.look_up(["U7"])
        await office.pass_time(KEPT_FOR_S * 1.5)
        assert not office.known.profiles


async def test_a_look_up_that_failed_may_be_asked_for_again_a_little_later(office: Office) -> None:
    office.slack.faults["U7"] = AWAY
    async with office.open():
        office.slack.took()
        for _ in range(3):
            office.directory.look_up(["U7"])
            await office.settle()
        assert office.slack.took() == ["U7"]
        office.slack.faults.clear()
        await office.pass_time(RETRY_S)
        assert office.slack.took() == [], "nobody waits for it"
        office.directory.look_up(["U7"])
        await office.settle()
        assert set(office.known.profiles) == {"U7"}


async def test_knocking_is_bounded_and_holds_nobody_up_who_is_waited_for(office: Office) -> None:
    office.slack.gate.clear()
    async with office.open():
        office.directory.look_up(f"U1{n:05}" for n in range(3 * MAX_WAITING))
        await office.settle()
        learning = asyncio.create_task(office.directory.learn(["U8"], within_s=LONG_S))
        await office.settle()
        office.slack.took()
        office.slack.gate.set()
        await learning
        assert office.slack.took()[0] == "U8"
        await asyncio.sleep(0)
        while office.slack.took():
            await office.settle()
        assert MAX_WAITING < len(office.known.profiles) <= MAX_WAITING + 1 + 5
        assert MAX_WAITING == 1000


async def test_of_the_looked_up_the_newest_five_thousand_are_kept(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.directory.MAX_UNLISTED", 3)
    async with office.open("U9"):
        for number in range(5):
            office.directory.look_up([f"U{number}"])
            await office.settle()
            await office.clock.advance(1)
        assert set(office.known.profiles) == {"U2", "U3", "U4", "U9"}
        office.senders.add("U2")
        office.directory.look_up(["U5", "U6"])
        await office.settle()
        assert set(office.known.profiles) == {"U2", "U4", "U5", "U6", "U9"}
    assert MAX_UNLISTED == 5000


async def test_learning_waits_until_all_are_known_or_cant_be_read(office: Office) -> None:
    office.slack.faults |= {"U6": AWAY, "U7": SlackError("user_not_found")}
    async with office.open():
        await office.directory.learn(["U6", "U7", "U8", "S1"], within_s=LONG_S)
        assert set(office.known.profiles) == {"U8"}
        office.slack.faults.clear()
        await office.directory.learn(["U6"], within_s=LONG_S)
        assert set(office.known.profiles) == {"U6", "U8"}


async def test_learning_reads_nobody_who_is_known_and_fresh(office: Office) -> None:
    async with office.open():
        await office.directory.learn(["U8"], within_s=LONG_S)
        await office.clock.advance(FRESH_FOR_S)
        office.slack.took()
        await office.directory.learn(["U8"], within_s=LONG_S)
        assert office.slack.took("U8") == []
        await office.clock.advance(1)
        await office.directory.learn(["U8"], within_s=LONG_S)
        assert office.slack.took("U8") == ["U8"]


async def test_learning_ends_with_its_time_and_the_read_goes_on(office: Office) -> None:
    async with office.open():
        office.slack.gate.clear()
        await office.directory.learn(["U8"], within_s=0.01)
        assert not office.known.profiles
        office.slack.gate.set()
        await office.settle()
        assert set(office.known.profiles) == {"U8"}


async def test_who_knocks_comes_before_others_who_are_new_on_the_list(office: Office) -> None:
    office.slack.gate.clear()
    async with office.open(*(f"U1{n:02}" for n in range(20))):
        office.directory.look_up(["U118"])
        await office.settle()
        office.slack.took()
        office.slack.gate.set()
        await office.settle()
        assert office.slack.took()[0] == "U118"


async def test_learning_of_somebody_who_waits_already_puts_them_first(office: Office) -> None:
    office.slack.gate.clear()
    async with office.open():
        office.directory.look_up(f"U1{n:02}" for n in range(20))
        await office.settle()
        learning = asyncio.create_task(office.directory.learn(["U119"], within_s=LONG_S))
        await office.settle()
        office.slack.took()
        office.slack.gate.set()
        await learning
        assert office.slack.took()[0] == "U119"


async def test_the_first_round_is_waited_for_but_not_for_long(office: Office) -> None:
    office.slack.gate.clear()
    async with office.open("U9"):
        assert not office.directory.tried
        await office.clock.advance(READY_WITHIN_S - 0.1)
        assert not office.directory.tried
        await office.clock.advance(0.1)
        assert office.directory.tried
    assert READY_WITHIN_S == 5


async def test_the_members_of_groups_belong_to_the_first_round(office: Office) -> None:
    async with office.open():
        pass
    other = Office(office.clock)
    other.slack.faults["U1"] = SlackError("ratelimited", away=True, retry_after_s=1)
    async with other.open("S1"):
        assert other.members == {"S1": {"U1"}}
        assert not other.directory.tried
        other.slack.faults.clear()
        await other.clock.advance(1)
        await other.settle()
        assert other.directory.tried


async def test_a_fault_of_ours_is_logged_and_does_not_end_it(office: Office) -> None:
    office.cannot_list = True
    office.slack.faults["U8"] = KeyError("a fault of ours")
    with capture_logs() as logs:
        async with office.open("U8", "U9"):
            office.cannot_list = False
            await office.pass_time(RETRY_S)
            assert set(office.known.profiles) == {"U9"}
            office.slack.faults.clear()
            await office.pass_time(RETRY_S)
            assert set(office.known.profiles) == {"U8", "U9"}
    faults = [log for log in logs if log["event"] == "directory_fault"]
    assert [fault["error"] for fault in faults] == ["RuntimeError", "KeyError"]
    assert all(fault["exc_info"] for fault in faults)


async def test_people_are_read_once_it_is_known_whose_bot_it_is(office: Office) -> None:
    office.workspace = None
    async with office.open("U9"):
        assert office.slack.took() == ["all"]
        office.workspace = OURS
        await office.pass_time(RETRY_S)
        assert set(office.known.profiles) == {"U9"}


async def test_it_can_be_stopped_in_a_read_and_started_again(office: Office) -> None:
    office.slack.gate.clear()
    async with office.open("U9"):
        assert "U9" in office.slack.took()
    office.slack.gate.set()
    async with office.open("U9"):
        assert set(office.known.profiles) == {"U9"}


async def test_any_thread_may_ask_what_is_known(office: Office) -> None:
    faults: list[BaseException] = []
    stop = threading.Event()

    def ask() -> None:
        try:
            while not stop.is_set():
                known = office.known
                assert len(list(known.profiles)) == len(known.profiles)
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        async with office.open(*(f"U1{n:03}" for n in range(600))):
            await office.settle()
    finally:
        stop.set()
        thread.join()
    assert faults == []
