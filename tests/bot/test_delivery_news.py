"""Delivery news: one answer for each message, that grows; no failure late, nothing twice, the last state always."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.causes import Catalogue
from bot.clock import Clock
from bot.domain import Submission
from bot.reports import CHANGES_TOGETHER, DELIVERED, DISPATCHED
from bot.secret import Secret
from bot.slack import outbox
from bot.slack.delivery_news import ACCEPTED_FIRST, GONE, DeliveryNotifier
from bot.slack.gateway import SlackGateway, open_gateway
from bot.slack.notify import RESPONSE_URL_USES
from bot.slack.outbox import Outbox
from bot.slack.pace import Pace
from bot.store.sql import SqlStore
from bot.store.tables import delivery_news
from sandbox.slack import FakeSlack
from sandbox.slack.people import ANN, BEN, Person
from tests.bot.databases import Database, SqliteDatabase
from tests.bot.delivery_office import ALL_DELIVERED, NUMBERS, DeliveryOffice

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock

Submit = Callable[..., Submission]
TOGETHER_S = CHANGES_TOGETHER.total_seconds()


@pytest.fixture
def office(
    store: SqlStore,
    gateway: SlackGateway,
    slack: FakeSlack,
    causes: Catalogue,
    clock: FakeClock,
    submission: Submit,
) -> DeliveryOffice:
    return DeliveryOffice(store, gateway, slack, causes, clock, submission)


def test_it_tries_again_by_the_one_policy() -> None:
    assert issubclass(DeliveryNotifier, Outbox)
    assert "_next_try" not in vars(DeliveryNotifier)


# -- while the response_url lives


async def test_while_all_goes_well_nothing_is_said_until_the_end(office: DeliveryOffice) -> None:
    reference = await office.accepted(by_url=True)
    await office.report(reference, DELIVERED, DISPATCHED, DISPATCHED)
    await office.tick(60)
    await office.report(reference, DELIVERED, DELIVERED)
    await office.tick(60)
    assert office.told() == ()
    await office.report(reference, *ALL_DELIVERED)
    await office.tick()
    [message] = office.told()
    assert (message.route, message.ephemeral_to) == ("response_url", ANN)
    assert "was delivered to all 3 recipients" in message.shown
    assert office.told(BEN) == ()
    await office.tick(9999)
    assert len(office.told()) == 1


async def test_a_failure_is_told_at_once_and_others_within_a_minute_together(office: DeliveryOffice) -> None:
    reference = await office.accepted(10, by_url=True)
    await office.report(reference, "Failed", code=257)
    await office.tick()
    [first] = office.told()
    assert "1 failed and 9 on their way" in first.shown
    for number in (1, 2, 3):
        await office.report(reference, "Failed", first=number)
        await office.tick(10)
    assert len(office.told()) == 1
    await office.tick(31)
    assert "4 failed and 6 on their way" in office.told()[-1].shown
    assert len(office.told()) == 2


async def test_where_it_can_only_be_posted_anew_mere_progress_is_not(office: DeliveryOffice) -> None:
    reference = await office.accepted(10, by_url=True)
    await office.report(reference, "Failed")
    await office.tick()
    for number in range(1, 9):
        await office.report(reference, DELIVERED, first=number)
        await office.tick(60)
    assert len(office.told()) == 1
    await office.report(reference, DELIVERED, first=9)
    await office.tick()
    assert "9 delivered and 1 failed." in office.told()[-1].shown
    assert len(office.told()) == 2


async def test_the_uses_of_the_response_url_are_counted_and_then_it_is_a_direct_message(
    office: DeliveryOffice,
) -> None:
    reference = await office.accepted(10, by_url=True)
    for number in range(8):
        await office.report(reference, "Failed", first=number)
        await office.tick(61)
    routes = [message.route for message in office.told()]
    assert routes == ["response_url"] * RESPONSE_URL_USES + ["chat.postMessage"]
    assert office.direct()[0].edits == 2
    assert office.slack.refusals == []


@pytest.mark.parametrize("fault", [{"status": 404}, {"status": 404, "error": "used_url"}, {"status": 403}], ids=str)
async def test_a_response_url_that_slack_refuses_is_followed_by_a_direct_message(
    office: DeliveryOffice, fault: dict[str, Any]
) -> None:
    office.slack.faults.add("response_url", **fault)
    reference = await office.accepted(by_url=True)
    await office.report(reference, *ALL_DELIVERED)
    await office.tick()
    [message] = office.direct()
    assert message.route == "chat.postMessage"
    kept = await office.store.get(reference)
    assert kept is not None
    assert kept.response_url_uses == 1


# -- one direct message, edited


async def test_after_the_response_url_it_is_one_direct_message_that_is_edited(office: DeliveryOffice) -> None:
    reference = await office.accepted(10, by_url=True)
    await office.past_the_url()
    await office.report(reference, "Failed")
    await office.tick()
    [message] = office.direct()
    for number in range(1, 10):
        await office.report(reference, DELIVERED, first=number)
        await office.tick(TOGETHER_S)
    [edited] = office.direct()
    assert (edited.ts, edited.edits) == (message.ts, 9)
    assert "9 delivered and 1 failed." in edited.shown
    assert len(office.told()) == 1


async def test_changes_in_quick_succession_are_one_edit(office: DeliveryOffice) -> None:
    reference = await office.accepted(10)
    await office.report(reference, "Failed")
    await office.tick()
    for number in range(1, 9):
        await office.report(reference, DELIVERED, first=number)
        await office.tick(1)
    await office.tick(TOGETHER_S)
    [message] = office.direct()
    assert message.edits == 1
    assert "8 delivered, 1 failed and 1 on its way" in message.shown


async def gone(office: DeliveryOffice, error: str) -> None:
    if error == "message_not_found":
        office.slack.state.replace_message(office.direct()[0], None)
    else:
        office.slack.faults.add("chat.update", error=error)


@pytest.mark.parametrize("error", sorted(GONE))
async def test_a_direct_message_that_is_gone_is_followed_by_one_new_one(office: DeliveryOffice, error: str) -> None:
    reference = await office.accepted(4)
    await office.report(reference, "Failed")
    await office.tick()
    await gone(office, error)
    await office.report(reference, "Failed", "Failed")
    await office.tick(60)
    assert len(office.slack.calls_of("chat.postMessage")) == 2
    assert "2 failed and 2 on their way" in office.direct()[-1].shown
    await office.report(reference, DELIVERED, DELIVERED, first=2)
    await office.tick()
    assert len(office.slack.calls_of("chat.postMessage")) == 2
    assert "2 delivered and 2 failed" in office.direct()[-1].shown


async def test_whoever_deleted_it_is_not_bothered_by_mere_progress(office: DeliveryOffice) -> None:
    reference = await office.accepted(4)
    await office.report(reference, "Failed")
    await office.tick()
    await gone(office, "message_not_found")
    await office.report(reference, DELIVERED, first=1)
    await office.tick(60)
    assert office.direct() == []
    await office.report(reference, DELIVERED, DELIVERED, first=2)
    await office.tick()
    assert "3 delivered and 1 failed." in office.direct()[0].shown


async def test_a_button_pressed_on_what_was_deleted_posts_nothing_new(office: DeliveryOffice) -> None:
    reference = await office.accepted(3)
    await office.report(reference, "Failed", DELIVERED, DELIVERED)
    await office.tick()
    await gone(office, "message_not_found")
    await office.store.reports.unfold(reference, unfolded=True, now=office.clock.now())
    await office.tick()
    await office.tick(9999)
    assert office.direct() == []


async def test_what_is_unfolded_stays_unfolded_when_it_is_edited(office: DeliveryOffice) -> None:
    reference = await office.accepted(4)
    await office.report(reference, "Failed", code=257)
    await office.tick()
    await office.store.reports.unfold(reference, unfolded=True, now=office.clock.now())
    await office.tick()
    assert NUMBERS[0] in office.direct()[0].shown
    await office.report(reference, "Failed", code=416, first=1)
    await office.tick(60)
    assert NUMBERS[1] in office.direct()[0].shown
    assert office.direct()[0].edits == 2


# -- order, and Slack away


async def test_the_answer_with_the_batch_id_comes_first(office: DeliveryOffice) -> None:
    reference = await office.accepted(by_url=True, heard=False)
    await office.report(reference, *ALL_DELIVERED)
    await office.tick()
    assert office.told() == ()
    await office.hear()
    await office.tick(1)
    assert len(office.told()) == 1


async def test_an_answer_that_cannot_be_told_holds_the_news_up_for_a_moment_only(office: DeliveryOffice) -> None:
    reference = await office.accepted(by_url=True, heard=False)
    await office.report(reference, *ALL_DELIVERED)
    waited = 0
    while not office.told():
        await office.tick(1)
        waited += 1
    assert waited == ACCEPTED_FIRST.total_seconds()


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"drop": True}, {"status": 429, "retry_after": 3}, {"error": "internal_error"}], ids=str
)
@pytest.mark.parametrize("edited", [False, True])
async def test_what_slack_does_not_take_is_told_as_it_is_when_slack_takes_it(
    office: DeliveryOffice, fault: dict[str, Any], edited: bool
) -> None:
    reference = await office.accepted(4)
    await office.report(reference, "Failed")
    if edited:
        await office.tick()
    office.slack.faults.add("*", **fault, times=3)
    await office.report(reference, "Failed", first=1)
    for number in (2, 3, None, None, None):
        await office.tick(30)
        if number is not None:
            await office.report(reference, DELIVERED, first=number)
    await office.tick(30)
    [message] = office.direct()
    assert "2 delivered and 2 failed." in message.shown
    assert len(office.slack.faults) == 0


async def test_a_crash_between_the_post_and_its_note_loses_nothing(office: DeliveryOffice) -> None:
    reference = await office.accepted()
    await office.report(reference, *ALL_DELIVERED)
    await office.store.reports.claim_news(owner="dead", limit=9, now=office.clock.now(), lease_s=outbox.LEASE_S)
    await office.tick()
    assert office.direct() == []
    await office.tick(outbox.LEASE_S)
    assert len(office.direct()) == 1


async def test_a_start_tries_at_once_what_was_waiting(office: DeliveryOffice) -> None:
    reference = await office.accepted()
    office.slack.faults.add("chat.postMessage", status=429, retry_after=3000)
    await office.report(reference, *ALL_DELIVERED)
    await office.tick()
    await office.tick(1)
    assert office.direct() == []
    await office.tick(notifier=office.new_notifier("next"))
    assert len(office.direct()) == 1


async def test_purged_numbers_change_nothing_but_themselves(office: DeliveryOffice) -> None:
    reference = await office.accepted(4)
    await office.report(reference, "Failed", code=257)
    await office.tick()
    await office.store.reports.unfold(reference, unfolded=True, now=office.clock.now())
    await office.store.erase([reference])
    await office.report(reference, "Failed", code=257, first=1)  # matched by nothing any more, or by its place
    await office.tick(60)
    [message] = office.direct()
    assert NUMBERS[0] not in message.shown
    assert "1 failed" in message.shown


# -- nobody is told twice the same


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_comes_and_when_no_state_is_told_twice_and_the_last_one_is_told(
    office: DeliveryOffice, seed: int
) -> None:
    chance = random.Random(seed)
    count = chance.choice([1, 2, 7])
    reference = await office.accepted(count, by_url=chance.random() < 0.5)
    ends = [chance.choice([DELIVERED, DELIVERED, "Failed", "Rejected"]) for _ in range(count)]
    reports = [(n, state) for n in range(count) for state in (DISPATCHED, ends[n], ends[n])]
    chance.shuffle(reports)
    for number, state in reports:
        await office.report(reference, state, first=number)
        if chance.random() < 0.3:
            office.slack.faults.add("*", status=500)
        await office.tick(chance.choice([0, 1, 20, 90, 700]))
    for _ in range(8):
        await office.tick(120)
    posted = [call for call in office.slack.calls if call.outcome == "ok" and "blocks" in call.arguments]
    told = [re.sub(r"\n.*", "", str(call.arguments["text"])) for call in posted]
    assert len(set(told)) == len(told)
    last = await office.counted(reference)
    delivered, failed, on_their_way, _ = map(int, last.split("/"))
    assert on_their_way == 0
    assert (delivered, failed) == (ends.count(DELIVERED), count - ends.count(DELIVERED))
    if count > 1:
        assert f"{failed} failed." in told[-1] or (not failed and "to all" in told[-1])


# -- Slack's rate limits


@pytest.fixture
async def crowd(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """One database for the crowd: of which kind makes no difference to Slack."""
    database = SqliteDatabase(Path(shutil.copy(sqlite_template, tmp_path / "mms-bot.db")))
    yield database
    await database.close()


@pytest.fixture
async def crowded(
    crowd: Database, causes: Catalogue, clock: FakeClock, submission: Submit
) -> AsyncIterator[DeliveryOffice]:
    """A Slack that enforces its limits to the letter, and ten people in it."""
    slack = FakeSlack(clock=lambda: clock.now().timestamp())
    slack.rate_limits.on = True
    for number in range(10):
        slack.people.add_person(Person(f"U0P{number:03d}", f"p{number}", f"Paula {number}"))
    await slack.start()
    paced: Clock = clock
    async with open_gateway(
        bot_token=Secret(slack.bot_token), base_url=slack.api_base_url, pace=Pace(paced)
    ) as gateway:
        yield DeliveryOffice(crowd.store(), gateway, slack, causes, clock, submission)
    await slack.stop()


async def test_with_100_messages_to_200_each_under_way_the_limits_are_kept_and_every_last_state_arrives(
    crowded: DeliveryOffice,
) -> None:
    office, chance = crowded, random.Random(8)
    users = [f"U0P{number:03d}" for number in range(10)]
    references = [await office.accepted(200, user=users[number % 10]) for number in range(100)]
    pending = {reference: list(range(200)) for reference in references}
    for reference in references:
        await office.report(reference, "Failed", code=257)
        pending[reference].remove(0)
    first_told: dict[int, int] = {}
    second = 0
    while any(pending.values()):
        for reference in chance.sample(references, 25):  # each of them hears of some every few seconds
            rest = pending[reference]
            if rest:
                size = min(len(rest), chance.choice([10, 20, 30]))
                states = [DELIVERED if chance.random() < 0.97 else "Failed" for _ in range(size)]
                await office.report(reference, *states, first=rest[0])
                del rest[:size]
        await office.tick(1)
        second += 1
        first_told.setdefault(len(office.slack.state.messages), second)
    settled_at = second
    while True:
        counts = await office.store.reports.counts(references)
        right = 0
        for message in office.slack.state.messages:
            said = re.search(r"(\d+) delivered and (\d+) failed\.", message.shown)
            batch = re.search(r"Batch ID: `(B\d+)`", message.shown)
            assert batch is not None
            [reference] = [one for one, batch_id in office.batch_of.items() if batch_id == batch[1]]
            right += said is not None and (int(said[1]), int(said[2])) == (
                counts[reference].delivered,
                counts[reference].failed,
            )
        if right == 100:
            break
        assert second - settled_at < 240, "within four minutes after the last report"
        await office.tick(1)
        second += 1
    assert len(office.slack.state.messages) == 100, "one direct message for each"
    assert all(call.outcome == "ok" for call in office.slack.calls), "never too fast"
    assert min(at for count, at in first_told.items() if count >= 90) <= 30, "a failure is told soon"
    edits = len(office.slack.calls_of("chat.update"))
    assert edits < 600
    await office.tick(300)
    assert len(office.slack.calls_of("chat.update")) == edits


async def test_two_processes_that_share_the_limits_obey_the_429_and_lose_nothing(
    crowded: DeliveryOffice, causes: Catalogue, clock: FakeClock
) -> None:
    office = crowded
    token = Secret(office.slack.bot_token)
    async with open_gateway(bot_token=token, base_url=office.slack.api_base_url, pace=Pace(clock)) as other:
        second = DeliveryNotifier(store=office.store, slack=other, causes=causes, clock=clock, owner="n2")
        references = [await office.accepted(3, user=f"U0P{number % 10:03d}") for number in range(80)]
        for reference in references:
            await office.report(reference, "Failed")
        for _ in range(30):
            await office.tick(1)
            await office.tick(notifier=second)
        for reference in references:
            await office.report(reference, DELIVERED, DELIVERED, first=1)
        for _ in range(400):
            await office.tick(1)
            await office.tick(notifier=second)
    assert len(office.slack.state.messages) == 80
    assert all("2 delivered and 1 failed." in message.shown for message in office.slack.state.messages)
    refused = [call for call in office.slack.calls if call.outcome == "ratelimited"]
    assert len(refused) < 40, "each tells both to wait"


async def test_what_finds_no_turn_and_is_mere_progress_gives_way(crowded: DeliveryOffice, crowd: Database) -> None:
    office = crowded
    references = [await office.accepted(5, user=f"U0P{number % 10:03d}") for number in range(10)]
    for reference in references:
        await office.report(reference, "Failed")
    for _ in range(10):
        await office.tick(1)
    for reference in references:
        await office.report(reference, DELIVERED, first=1)
    await office.tick(TOGETHER_S)
    put_off = [row for row in crowd.rows(delivery_news) if row["due_at"] is not None]
    assert len(put_off) == 7, "three had a turn"
    assert {row["tries"] for row in put_off} == {0}
    await office.report(references[-1], "Failed", first=2)
    await office.report(references[-1], DELIVERED, DELIVERED, first=3)
    await office.tick(2)
    assert any("3 delivered and 2 failed." in message.shown for message in office.slack.state.messages)
