"""Telling people: privately, by the first way that works, again when Slack does not take it, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from bot.causes import Catalogue
from bot.domain import Accepted, AnswerKind, Lost, Message, Refused, ReplyRoute, Submission
from bot.slack import outbox
from bot.slack.gateway import SlackError, SlackGateway
from bot.slack.notify import RESPONSE_URL_USES, Notifier, tell
from bot.store import Taken
from bot.store.sql import SqlStore
from bot.store.tables import answer
from sandbox.slack import FakeSlack
from sandbox.slack.people import ANN, ANN_BEN, BACKROOM, BEN, GENERAL, OPS
from tests.bot.conftest import anybody

if TYPE_CHECKING:
    from tests.bot.conftest import FakeClock
    from tests.bot.databases import Database

MESSAGE = {"text": "Hello"}
Submit = Callable[..., Submission]
Until = Callable[[Callable[[], object]], Awaitable[None]]


def response_url(slack: FakeSlack, user: str = ANN, channel: str = GENERAL) -> str:
    return f"{slack.origin}/response/{slack.state.new_response_url(user, channel)}"


def route_to(
    clock: FakeClock, *, url: str | None = None, channel: str | None = None, lives_s: float = 1740
) -> ReplyRoute:
    return ReplyRoute(ANN, channel, url, clock.now() + timedelta(seconds=lives_s) if url else None)


# -- the ways


async def test_the_response_url_comes_first(slack: FakeSlack, gateway: SlackGateway, clock: FakeClock) -> None:
    told = await tell(gateway, route_to(clock, url=response_url(slack), channel=GENERAL), MESSAGE, now=clock.now())
    assert (told.error, told.url_used) == (None, True)
    [message] = slack.state.messages
    assert (message.route, message.ephemeral_to, message.channel_id) == ("response_url", ANN, GENERAL)


@pytest.mark.parametrize("away", ["expired", "used_up"])
async def test_a_response_url_that_lives_no_more_is_not_tried(
    slack: FakeSlack, gateway: SlackGateway, clock: FakeClock, away: str
) -> None:
    route = route_to(clock, url=response_url(slack), channel=GENERAL)
    if away == "expired":
        clock.jump(1740)
    uses = RESPONSE_URL_USES if away == "used_up" else 0
    told = await tell(gateway, route, MESSAGE, now=clock.now(), url_uses=uses)
    assert (told.error, told.url_used) == (None, False)
    assert [m.route for m in slack.state.messages] == ["chat.postEphemeral"]
    assert slack.calls_of("response_url") == []


async def test_a_response_url_that_slack_refuses_is_followed_by_the_channel(
    slack: FakeSlack, gateway: SlackGateway, clock: FakeClock
) -> None:
    slack.faults.add("response_url", status=404)
    told = await tell(gateway, route_to(clock, url=response_url(slack), channel=GENERAL), MESSAGE, now=clock.now())
    assert (told.error, told.url_used) == (None, True)
    assert [m.route for m in slack.state.messages] == ["chat.postEphemeral"]


@pytest.mark.parametrize("channel", [OPS, BACKROOM, ANN_BEN, "C0GONE"])
async def test_where_the_bot_is_not_in_the_channel_it_is_a_direct_message(
    slack: FakeSlack, gateway: SlackGateway, clock: FakeClock, channel: str
) -> None:
    told = await tell(gateway, route_to(clock, channel=channel), MESSAGE, now=clock.now())
    assert told.error is None
    [message] = slack.state.messages
    assert message.route == "chat.postMessage"
    assert message.channel_id == slack.people.app_dm(ANN).id
    assert slack.person("ben").messages == ()


async def test_without_a_channel_it_is_a_direct_message(
    slack: FakeSlack, gateway: SlackGateway, clock: FakeClock
) -> None:
    await tell(gateway, route_to(clock), MESSAGE, now=clock.now())
    assert [m.route for m in slack.state.messages] == ["chat.postMessage"]


async def test_when_no_way_works_the_error_is_told(slack: FakeSlack, gateway: SlackGateway, clock: FakeClock) -> None:
    slack.messages_tab_enabled = False
    told = await tell(gateway, route_to(clock, channel=OPS), MESSAGE, now=clock.now())
    assert told.error is not None
    assert told.error.error == "messages_tab_disabled"


FOR_THE_MOMENT: list[dict[str, Any]] = [{"status": 500}, {"status": 429, "retry_after": 7}, {"drop": True}]


@pytest.mark.parametrize("fault", FOR_THE_MOMENT, ids=str)
async def test_the_patient_stop_at_a_way_that_only_failed_for_the_moment(
    slack: FakeSlack, gateway: SlackGateway, clock: FakeClock, fault: dict[str, Any]
) -> None:
    slack.faults.add("response_url", **fault)
    route = route_to(clock, url=response_url(slack), channel=GENERAL)
    told = await tell(gateway, route, MESSAGE, now=clock.now())
    assert told.error is not None
    assert told.error.away
    assert told.error.retry_after_s == fault.get("retry_after")
    assert slack.state.messages == []


@pytest.mark.parametrize("fault", FOR_THE_MOMENT, ids=str)
async def test_the_impatient_go_on_to_the_next_way(
    slack: FakeSlack, gateway: SlackGateway, clock: FakeClock, fault: dict[str, Any]
) -> None:
    slack.faults.add("response_url", **fault)
    route = route_to(clock, url=response_url(slack), channel=GENERAL)
    told = await tell(gateway, route, MESSAGE, now=clock.now(), patient=False)
    assert told.error is None
    assert [m.route for m in slack.state.messages] == ["chat.postEphemeral"]


async def test_a_way_that_failed_for_the_moment_counts_more_than_one_that_never_works(
    slack: FakeSlack, gateway: SlackGateway, clock: FakeClock
) -> None:
    slack.faults.add("chat.postEphemeral", status=503)
    slack.messages_tab_enabled = False
    told = await tell(gateway, route_to(clock, channel=GENERAL), MESSAGE, now=clock.now(), patient=False)
    assert told.error is not None
    assert told.error.away


# -- the notifier


class Office:
    """A store with finished messages, and notifiers."""

    def __init__(self, store: SqlStore, slack: SlackGateway, causes: Catalogue, clock: FakeClock) -> None:
        self.store = store
        self.slack = slack
        self.clock = clock
        self._causes = causes
        self._running: list[Notifier] = []

    async def start(self, owner: str = "n1", *, slack: Any = None) -> Notifier:
        notifier = Notifier(
            store=self.store, slack=slack or self.slack, causes=self._causes, clock=self.clock, owner=owner
        )
        notifier.start()
        self._running.append(notifier)
        return notifier

    async def crash(self, notifier: Notifier) -> None:
        self._running.remove(notifier)
        assert notifier._loop is not None
        tasks = [notifier._loop, *notifier._tasks._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self, notifier: Notifier) -> None:
        self._running.remove(notifier)
        await notifier.stop(within_s=2)

    async def close(self) -> None:
        for notifier in list(self._running):
            await self.stop(notifier)

    async def sending(self, submission: Submission) -> Message:
        taken = await self.store.enqueue(submission, may=anybody, now=self.clock.now())
        assert isinstance(taken, Taken)
        await self.store.claim(owner="w", limit=99, busy={}, per_person=99, now=self.clock.now(), lease_s=10)
        begun = await self.store.begin(taken.client_reference, owner="w", now=self.clock.now(), lease_s=10)
        assert begun is not None
        return begun

    async def accepted(self, submission: Submission, batch_id: str = "B1") -> Message:
        begun = await self.sending(submission)
        await self.store.record(begun.client_reference, Accepted(batch_id), owner="w", attempt=1, now=self.clock.now())
        return begun


@pytest.fixture
async def office(store: SqlStore, gateway: SlackGateway, causes: Catalogue, clock: FakeClock) -> AsyncIterator[Office]:
    office = Office(store, gateway, causes, clock)
    yield office
    await office.close()


class ScriptedSlack:
    """A Slack that fails as told; what it took is in ``taken``."""

    def __init__(self) -> None:
        self.failures: list[SlackError] = []
        self.always: SlackError | None = None
        self.tries = 0
        self.taken: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = 0

    async def _take(self, user_id: str) -> None:
        self.tries += 1
        self.under_way += 1
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if self.failures:
            raise self.failures.pop(0)
        if self.always is not None:
            raise self.always
        self.taken.append(user_id)

    async def respond(self, response_url: str, message: object) -> None:
        await self._take(response_url)

    async def post_ephemeral(self, *, channel_id: str, user_id: str, message: object) -> None:
        await self._take(user_id)

    async def post_direct(self, *, user_id: str, message: object) -> None:
        await self._take(user_id)


async def test_a_result_is_told_to_its_sender_alone(
    office: Office, slack: FakeSlack, submission: Submit, until: Until
) -> None:
    await office.accepted(submission(user=ANN, channel=GENERAL), "B-ANN")
    await office.accepted(submission(user=BEN, channel=GENERAL), "B-BEN")
    notifier = await office.start()
    notifier.wake()
    await until(lambda: len(slack.state.messages) == 2)
    for name, own, other in (("ann", "B-ANN", "B-BEN"), ("ben", "B-BEN", "B-ANN")):
        shown = " ".join(message.shown for message in slack.person(name).messages)
        assert own in shown
        assert other not in shown
    assert slack.person("sam").messages == ()
    assert slack.refusals == []


async def test_an_answer_is_told_once(
    office: Office, database: Database, slack: FakeSlack, submission: Submit, until: Until
) -> None:
    await office.accepted(submission(channel=GENERAL))
    first, second = await office.start("n1"), await office.start("n2")
    await until(lambda: slack.state.messages)
    for _ in range(5):
        first.wake()
        second.wake()
        await asyncio.sleep(0.005)
    assert len(slack.state.messages) == 1
    await until(lambda: database.rows(answer)[0]["told_at"] is not None)


async def test_five_uses_of_a_response_url_are_counted_over_all_answers(
    office: Office, slack: FakeSlack, submission: Submit, until: Until, clock: FakeClock
) -> None:
    url = response_url(slack)
    expires_at = clock.now() + timedelta(seconds=1740)
    begun = await office.accepted(submission(channel=GENERAL, response_url=url, expires_at=expires_at))
    [one] = await office.store.claim_answers(owner="x", limit=1, now=clock.now(), lease_s=1)
    for _ in range(RESPONSE_URL_USES):
        await office.store.answer_failed(one.answer_id, next_at=clock.now(), response_url_used=True)
    clock.jump(2)
    await office.start()
    await until(lambda: slack.state.messages)
    assert [m.route for m in slack.state.messages] == ["chat.postEphemeral"]
    assert slack.calls_of("response_url") == []
    kept = await office.store.get(begun.client_reference)
    assert kept is not None
    assert kept.response_url_uses == RESPONSE_URL_USES


async def test_what_slack_does_not_take_is_tried_again_by_itself(
    office: Office, slack: FakeSlack, submission: Submit, until: Until, clock: FakeClock
) -> None:
    for _ in range(3):
        slack.faults.add("chat.postEphemeral", status=500)
        slack.faults.add("chat.postMessage", status=500)
    await office.accepted(submission(channel=GENERAL))
    notifier = await office.start()
    async with asyncio.timeout(5):
        while not slack.state.messages:
            clock.jump(0.5)
            notifier.wake()
            await asyncio.sleep(0.005)
    assert len(slack.state.messages) == 1


def tried_again(slack: ScriptedSlack, before: int) -> Callable[[], bool]:
    return lambda: slack.tries > before


async def pauses_of(office: Office, slack: ScriptedSlack, count: int, until: Until) -> list[float]:
    """How long the notifier waits between its tries."""
    notifier = await office.start(slack=slack)
    pauses: list[float] = []
    await until(lambda: slack.tries >= 1 and notifier._telling == 0)
    for _ in range(count):
        [row] = await office.store.untold(ANN, limit=5)
        before, waited = slack.tries, 0.0
        while slack.tries == before:
            # The due time is what the store keeps: step to just before, then over it.
            step = 0.5 if waited < 70 else 10
            office.clock.jump(step)
            waited += step
            found = await office.store.claim_answers(owner="probe", limit=1, now=office.clock.now(), lease_s=0.0)
            if found:
                notifier.wake()
                await until(tried_again(slack, before))
        await until(lambda: notifier._telling == 0)
        assert row.answer_id
        pauses.append(waited)
    await office.stop(notifier)
    return pauses


async def test_the_pauses_grow(office: Office, submission: Submit, until: Until) -> None:
    slack = ScriptedSlack()
    slack.always = SlackError("http-500", away=True)
    await office.accepted(submission())
    pauses = await pauses_of(office, slack, 8, until)
    assert pauses[:6] == [1, 2, 4, 8, 16, 32]
    assert pauses[6:] == [outbox.FIRST_HOUR_PAUSE_S] * 2


async def test_the_wait_that_slack_names_is_kept(office: Office, submission: Submit, until: Until) -> None:
    slack = ScriptedSlack()
    slack.always = SlackError("ratelimited", away=True, retry_after_s=45)
    await office.accepted(submission())
    assert await pauses_of(office, slack, 2, until) == [45, 45]


def given_up(database: Database) -> bool:
    """Nothing of this answer is due any more."""
    [row] = database.rows(answer)
    return row["due_at"] is None and row["told_at"] is None


async def one_try(office: Office, notifier: Notifier, slack: ScriptedSlack, until: Until) -> None:
    before = slack.tries
    notifier.wake()
    await until(lambda: slack.tries > before)
    await until(lambda: notifier._telling == 0)


async def test_given_up_only_after_seven_days_and_an_hour_of_running(
    office: Office, database: Database, submission: Submit, until: Until, clock: FakeClock
) -> None:
    slack = ScriptedSlack()
    slack.always = SlackError("http-500", away=True)
    await office.accepted(submission())
    notifier = await office.start("first", slack=slack)
    await until(lambda: slack.tries == 1)
    clock.jump(6.9 * 86_400)
    await one_try(office, notifier, slack, until)
    assert not given_up(database)
    clock.jump(0.2 * 86_400)
    await one_try(office, notifier, slack, until)
    assert given_up(database)
    [late] = await office.store.untold(ANN, limit=5)
    assert late.kind is AnswerKind.RESULT


async def test_an_old_answer_has_at_least_an_hour_after_a_start(
    office: Office, database: Database, submission: Submit, until: Until, clock: FakeClock
) -> None:
    slack = ScriptedSlack()
    slack.always = SlackError("http-500", away=True)
    await office.accepted(submission())
    clock.jump(30 * 86_400)
    notifier = await office.start(slack=slack)
    await until(lambda: slack.tries == 1 and notifier._telling == 0)
    assert not given_up(database)
    clock.jump(3500)
    await one_try(office, notifier, slack, until)
    assert not given_up(database)
    clock.jump(700)
    await one_try(office, notifier, slack, until)
    assert given_up(database)


async def test_a_start_tries_at_once_what_was_waiting(
    office: Office, submission: Submit, until: Until, clock: FakeClock
) -> None:
    slack = ScriptedSlack()
    slack.failures = [SlackError("ratelimited", away=True, retry_after_s=3000)]
    await office.accepted(submission())
    first = await office.start("first", slack=slack)
    await until(lambda: slack.tries == 1 and first._telling == 0)
    await office.stop(first)
    clock.jump(1)
    await office.start("second", slack=slack)
    await until(lambda: slack.taken == [ANN])


async def test_an_answer_whose_teller_crashed_is_told_within_45_seconds_of_the_next_start(
    office: Office, submission: Submit, until: Until, clock: FakeClock
) -> None:
    slack = ScriptedSlack()
    slack.gate.clear()
    await office.accepted(submission())
    first = await office.start("first", slack=slack)
    await until(lambda: slack.under_way == 1)
    await office.crash(first)
    slack.gate.set()
    clock.jump(1)
    second = await office.start("second", slack=slack)
    for _ in range(45):
        if slack.taken:
            break
        clock.jump(1)
        second.wake()
        await asyncio.sleep(0.005)
    assert slack.taken == [ANN]


async def test_a_crash_between_posting_and_noting_it_repeats_rather_than_loses(
    office: Office, database: Database, slack: FakeSlack, submission: Submit, until: Until, clock: FakeClock
) -> None:
    await office.accepted(submission(channel=GENERAL))
    [one] = await office.store.claim_answers(owner="dead", limit=1, now=clock.now(), lease_s=outbox.LEASE_S)
    await tell(office.slack, one.message.reply, MESSAGE, now=clock.now())
    clock.jump(outbox.LEASE_S)
    await office.start("next")
    await until(lambda: len(slack.state.messages) == 2)
    await until(lambda: database.rows(answer)[0]["told_at"] is not None)  # noted after it was posted


async def test_progress_is_told_after_a_moment_by_itself(
    office: Office, slack: FakeSlack, submission: Submit, until: Until, clock: FakeClock
) -> None:
    await office.sending(submission(channel=GENERAL))
    notifier = await office.start()
    await asyncio.sleep(0.02)
    assert slack.state.messages == []
    clock.jump(2)
    notifier.wake()
    await until(lambda: slack.state.messages)
    assert "queued" in slack.state.messages[0].text


async def test_an_answer_that_waited_for_an_older_one_is_told_right_after_it(
    office: Office, submission: Submit, until: Until, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_S", 60.0)
    slack = ScriptedSlack()
    slack.gate.clear()
    begun, now = await office.sending(submission()), clock.now()
    looked_up = partial(office.store.record_lookup, begun.client_reference, next_at=None, tell=True, now=now)
    await office.store.record(begun.client_reference, Lost("transport-reset"), owner="w", attempt=1, now=now)
    await looked_up(batch_id=None)
    notifier = await office.start(slack=slack)
    await until(lambda: slack.under_way == 1)  # that it may have been sent
    await looked_up(batch_id="B1")
    notifier.wake()
    await asyncio.sleep(0.02)
    assert slack.under_way == 1
    slack.gate.set()
    await until(lambda: len(slack.taken) == 2)


async def test_many_answers_go_out_side_by_side_but_not_without_bound(
    office: Office, submission: Submit, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_S", 60.0)
    slack = ScriptedSlack()
    slack.gate.clear()
    for _ in range(outbox.MAX_TELLING + 5):
        await office.accepted(submission())
    notifier = await office.start(slack=slack)
    await until(lambda: slack.under_way == outbox.MAX_TELLING)
    notifier.wake()
    await asyncio.sleep(0.02)
    assert slack.under_way == outbox.MAX_TELLING
    slack.gate.set()
    await until(lambda: len(slack.taken) == outbox.MAX_TELLING + 5)


async def test_a_stop_tells_the_last_results(office: Office, slack: FakeSlack, submission: Submit) -> None:
    notifier = await office.start()
    await asyncio.sleep(0.01)
    await office.accepted(submission(channel=GENERAL))
    await office.stop(notifier)
    assert len(slack.state.messages) == 1


async def test_a_refusal_comes_with_its_button(
    office: Office, slack: FakeSlack, submission: Submit, until: Until, clock: FakeClock
) -> None:
    begun = await office.sending(submission(channel=GENERAL))
    await office.store.record(begun.client_reference, Refused("http-401"), owner="w", attempt=1, now=clock.now())
    await office.start()
    await until(lambda: slack.state.messages)
    [message] = slack.state.messages
    assert message.buttons() == {"mms_open_again": "Open it again"}
    assert slack.refusals == []
