"""What is to be told stands in rows: tried again with growing pauses, at once after a start, and lost by no crash."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.slack import outbox
from bot.slack.access import notices
from bot.slack.access.notices import AccessNotifier
from bot.slack.gateway import NotYetError, SlackError, SlackGateway
from bot.slack.notify import Notifier
from bot.store import StoreUnavailableError
from bot.store.sql import SqlStore
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA, SAM
from tests.bot.notices_office import Office, Until, all_done, due

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock
    from tests.bot.databases import Database

AWAY = SlackError("http-500", away=True)


@pytest.fixture
async def office(store: SqlStore, gateway: SlackGateway, slack: FakeSlack, clock: FakeClock) -> AsyncIterator[Office]:
    office = Office(store, gateway, slack, clock)
    yield office
    await office.close()


# -- Slack away


@pytest.mark.parametrize("kind", [AccessNotifier, Notifier])
def test_every_outbox_tries_again_by_the_one_policy(kind: type[outbox.Outbox[Any]]) -> None:
    assert "_next_try" not in vars(kind)
    assert issubclass(kind, outbox.Outbox)


async def failed_try(office: Office, database: Database, until: Until, *, notifier: AccessNotifier) -> float:
    """One more try of the one notice; the pause after it, in seconds."""
    before = office.held.tries
    notifier.wake()
    await until(lambda: office.held.tries > before)
    await until(lambda: notifier._telling == 0)
    [at] = due(database)
    assert at is not None
    return round(at - office.clock.now().timestamp(), 3)


async def pauses(
    office: Office, database: Database, until: Until, count: int, *, notifier: AccessNotifier
) -> list[float]:
    """The pauses before the next tries of the one notice."""
    found = []
    for _ in range(count):
        found.append(await failed_try(office, database, until, notifier=notifier))
        office.clock.jump(found[-1])
    return found


async def test_what_slack_does_not_take_is_tried_again_after_growing_pauses(
    office: Office, database: Database, until: Until
) -> None:
    office.held.always = AWAY
    await office.ask(ADA)
    notifier = await office.start()
    assert await pauses(office, database, until, 8, notifier=notifier) == [1, 2, 4, 8, 16, 32, 60, 60]
    office.held.always = None
    notifier.wake()
    await all_done(database, until)
    assert len(office.told(ADA)) == 1


async def test_it_is_not_tried_before_it_is_due(office: Office, database: Database, until: Until) -> None:
    office.held.failures = [AWAY]
    await office.ask(ADA)
    notifier = await office.start()
    await until(lambda: office.held.tries == 1 and notifier._telling == 0)
    office.clock.jump(0.9)
    await notifier._deliver_due()
    assert (office.held.tries, notifier._telling) == (1, 0)
    office.clock.jump(0.2)
    notifier.wake()
    await all_done(database, until)
    assert len(office.told(ADA)) == 1


async def test_the_wait_that_slack_names_is_kept(office: Office, database: Database, until: Until) -> None:
    office.held.always = SlackError("ratelimited", away=True, retry_after_s=45)
    await office.ask(ADA)
    assert await pauses(office, database, until, 2, notifier=await office.start()) == [45, 45]


async def test_what_only_waits_for_its_turn_comes_at_its_turn_however_often_it_was_tried(
    office: Office, database: Database, until: Until
) -> None:
    office.held.failures = [AWAY, AWAY, AWAY, NotYetError(2.5), AWAY]
    await office.ask(ADA)
    assert await pauses(office, database, until, 5, notifier=await office.start()) == [1, 2, 4, 2.5, 16]


async def test_a_slack_that_hangs_counts_as_away(
    office: Office, database: Database, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "TELLING_LIMIT_S", 0.02)
    office.held.gate.clear()
    await office.ask(ADA)
    assert await pauses(office, database, until, 1, notifier=await office.start()) == [1]


async def test_a_change_that_slack_does_not_take_for_the_moment_is_tried_again(
    office: Office, database: Database, until: Until
) -> None:
    request = await office.ask(ADA)
    notifier = await office.start()
    await all_done(database, until)
    office.held.failures = [AWAY] * 2  # of the admin's message and of the person's
    await office.decide(request)
    await until(lambda: office.held.tries == 3 and notifier._telling == 0)
    office.clock.jump(1)
    notifier.wake()
    await all_done(database, until)
    assert [message.edits for message in office.told(ADA)] == [1]
    assert len(office.told(SAM)) == 1


@pytest.mark.parametrize("error", ["message_not_found", "channel_not_found", "is_inactive", "cant_update_message"])
async def test_a_message_that_cannot_be_changed_any_more_is_given_up_and_the_person_is_told_all_the_same(
    office: Office, database: Database, until: Until, slack: FakeSlack, error: str
) -> None:
    request = await office.ask(ADA)
    await office.start()
    await all_done(database, until)
    if error == "message_not_found":
        slack.state.replace_message(office.told(ADA)[0], None)
    else:
        slack.faults.add("chat.update", error=error)
    await office.decide(request)
    await all_done(database, until)
    assert len(slack.calls_of("chat.update")) == 1
    assert len(office.told(SAM)) == 1


async def test_a_conversation_that_is_gone_is_given_up_after_seven_days_and_an_hour_of_running(
    office: Office, database: Database, until: Until, slack: FakeSlack
) -> None:
    slack.people.change("ada", deleted=True)
    await office.ask(ADA)
    notifier = await office.start()
    await pauses(office, database, until, 10, notifier=notifier)
    office.clock.jump(timedelta(days=6.9).total_seconds())
    assert await failed_try(office, database, until, notifier=notifier) == outbox.LATER_PAUSE_S
    office.clock.jump(timedelta(days=0.2).total_seconds())
    notifier.wake()
    await all_done(database, until)
    assert {call.outcome for call in slack.calls_of("chat.postMessage")} == {"channel_not_found"}


@pytest.mark.parametrize("age_s", [1, 30 * 86_400])
async def test_a_start_tries_at_once_what_was_waiting_however_old(
    office: Office, database: Database, until: Until, clock: FakeClock, age_s: float
) -> None:
    office.held.failures = [SlackError("ratelimited", away=True, retry_after_s=3000), AWAY]
    await office.ask(ADA)
    first = await office.start("first")
    await until(lambda: office.held.tries == 1 and first._telling == 0)
    await office.stop(first)
    clock.jump(age_s)
    second = await office.start("second")
    await until(lambda: office.held.tries == 2 and second._telling == 0)
    assert any(due(database)), "an hour after a start, whatever its age"
    clock.jump(outbox.LATER_PAUSE_S)
    second.wake()
    await all_done(database, until)
    assert len(office.told(ADA)) == 1


# -- crashes, and the database


async def test_a_crash_between_the_post_and_its_note_repeats_it_once_and_loses_nothing(
    office: Office, database: Database, until: Until, clock: FakeClock, gateway: SlackGateway
) -> None:
    request = await office.ask(ADA)
    [one] = await office.store.access.claim_notices(owner="dead", limit=9, now=clock.now(), lease_s=outbox.LEASE_S)
    await gateway.post_direct(user_id=one.to_user_id, message={"text": "asks"})
    clock.jump(outbox.LEASE_S)
    await office.start("next")
    await all_done(database, until)
    assert len(office.told(ADA)) == 2
    await office.decide(request)
    await all_done(database, until)
    assert [message.edits for message in office.told(ADA)] == [0, 1]


async def test_what_was_under_way_at_a_crash_is_told_by_the_next_process(
    office: Office, database: Database, until: Until, clock: FakeClock
) -> None:
    office.held.gate.clear()
    await office.ask(ADA)
    first = await office.start("first")
    await until(lambda: office.held.under_way == 1)
    await office.crash(first)
    office.held.gate.set()
    second = await office.start("second")
    await second._deliver_due()
    assert office.told(ADA) == [], "leased to the other until it is known to be gone"
    clock.jump(outbox.LEASE_S)
    second.wake()
    await all_done(database, until)
    assert len(office.told(ADA)) == 1


async def test_a_database_that_is_away_for_a_moment_ends_nothing(
    office: Office, database: Database, until: Until, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = {"notice_told", "claim_notices"}
    for name in tuple(failing):
        real = getattr(office.store.access, name)

        async def sometimes(*args: Any, _name: str = name, _real: Any = real, **given: Any) -> Any:
            if _name in failing:
                failing.remove(_name)
                raise StoreUnavailableError("away")
            return await _real(*args, **given)

        monkeypatch.setattr(office.store.access, name, sometimes)
    await office.ask(ADA)
    notifier = await office.start()
    await until(lambda: "claim_notices" not in failing)
    notifier.wake()
    await until(lambda: not failing and notifier._telling == 0)
    clock.jump(outbox.LEASE_S)
    notifier.wake()
    await all_done(database, until)
    assert 1 <= len(office.told(ADA)) <= 2


async def test_a_stop_tells_the_last_ones(office: Office, until: Until) -> None:
    notifier = await office.start()
    await until(lambda: notifier._resumed)
    await office.ask(ADA)
    await office.stop(notifier)
    assert len(office.told(ADA)) == 1
