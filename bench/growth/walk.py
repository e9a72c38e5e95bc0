"""Everything that the bot ever asks of its database, once, through the store's own functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bench.growth.rows import ADMIN, PEOPLE, RARE, TEAM, batch_id, reference
from bot.access import Role
from bot.access.changes import ByDoor, Edit, Entry
from bot.access.requests import Asked
from bot.domain import (
    Accepted,
    AnswerKind,
    Content,
    Lost,
    Message,
    Recipient,
    Refused,
    ReplyRoute,
    Step,
    Submission,
    TryAgain,
)
from bot.reports import Report
from bot.store import Store, Taken

OWNER = "walk"
LEASE_S = 10.0
PERSON = PEOPLE[0]
NEWCOMER, SECOND_NEWCOMER = "U0NEWCOMER", "U0NEWCOMER2"
GROUP = "S0GROUP"


class Walk:
    """One walk through all of it; each ``name`` in one database only once.

    Args:
        now: the time by which the rows were made: what waits in them is not due by then.
    """

    def __init__(self, store: Store, *, now: datetime, name: str = "walk") -> None:
        self._store = store
        self._now = now
        self._name = name
        self._count = 0

    def after(self, seconds: float) -> datetime:
        return self._now + timedelta(seconds=seconds)

    async def everything(self) -> None:
        await self.submissions()
        await self.sending()
        await self.lost_answers()
        await self.history()
        await self.access()
        await self.requests()
        await self.reports()
        await self.keeping()
        await self._store.figures()
        await self._store.ping()

    async def submit(self, count: int = 1, *, user: str = PERSON) -> list[str]:
        """New messages; their references."""
        taken = [await self._store.enqueue(self._submission(user), may=_anybody, now=self._now) for _ in range(count)]
        return [one.client_reference for one in taken if isinstance(one, Taken)]

    async def claim(self, *, limit: int = 200) -> Sequence[Message]:
        return await self._store.claim(
            owner=OWNER, limit=limit, busy={}, per_person=120, now=self._now, lease_s=LEASE_S
        )

    async def begin(self) -> Message:
        """One that is being sent."""
        [client_reference] = await self.submit()
        await self.claim()
        begun = await self._store.begin(client_reference, owner=OWNER, now=self._now, lease_s=LEASE_S)
        if begun is None:
            raise LookupError("what was just claimed can't be begun")
        return begun

    async def end(self, begun: Message, step: Step) -> None:
        await self._store.record(begun.client_reference, step, owner=OWNER, attempt=begun.attempts, now=self._now)

    async def submissions(self) -> None:
        submission = self._submission(PERSON)
        for _ in range(2):  # the second press finds the first
            await self._store.enqueue(submission, may=_anybody, now=self._now)
        await self._store.taken(submission.view_id)

    async def sending(self) -> None:
        await self.tell()
        await self.claim()
        again = await self.begin()
        await self.end(again, TryAgain("transport-refused", self.after(60), tell=AnswerKind.WAITING))
        for step in (Accepted(f"01{self._name.upper()}"), Refused("http-400", "400", "no")):
            await self.end(await self.begin(), step)
        held = await self.submit(3)
        await self.claim()
        await self._store.renew(held, owner=OWNER, now=self._now, lease_s=LEASE_S)
        await self._store.release(held, owner=OWNER)
        await self._store.cancel(held, cause="own-forgotten", now=self._now)
        await self.tell()

    async def tell(self) -> None:
        """Answers: one can't be told, the others can."""
        claimed = await self._store.claim_answers(owner=OWNER, limit=100, now=self.after(5), lease_s=LEASE_S)
        for number, answer in enumerate(claimed):
            if number == 0:
                await self._store.answer_failed(answer.answer_id, next_at=self.after(60), response_url_used=True)
            else:
                await self._store.answer_told(answer.answer_id, by_response_url=True, now=self._now)
        await self._store.resume_answers(now=self.after(30))
        await self._store.untold(PERSON, limit=10)
        await self._store.untold(RARE, limit=10)

    async def lost_answers(self) -> None:
        await self.begin()
        await self._store.take_up_lost(cause="own-crash", holding=[], now=self.after(LEASE_S + 1))
        for _ in range(2):
            await self.end(await self.begin(), Lost("transport-reset"))
        due = await self._store.claim_lookups(owner=OWNER, limit=200, now=self.after(30), lease_s=LEASE_S)
        for number, one in enumerate(due):
            found = f"01FOUND{self._name.upper()}" if number == 0 else None
            await self._store.record_lookup(
                one.client_reference, batch_id=found, next_at=self.after(60), tell=True, now=self._now
            )
        await self._store.resume_lookups(at_most=2, since=self.after(-14 * 86_400), now=self._now)
        await self.tell()

    async def history(self) -> None:
        for user in (PERSON, RARE, "U0NOBODY"):
            await self._store.recent(user, limit=10)
            await self._store.by_batch(user, batch_id(500))
            await self._store.by_batch(user, reference(500))
            await self._store.by_batch(user, "nothing")
        await self._store.get(reference(500))

    async def access(self) -> None:
        """Who may send, the log of it, and changes."""
        access = self._store.access
        current = await access.current()
        await access.version()
        await access.log(limit=20)
        await self._store.enqueue(self._submission(PERSON), may=_anybody, now=self._now)
        newcomer = frozenset({Entry(NEWCOMER, Role.ADMIN)})
        for edit in (Edit(add=newcomer), Edit(remove=newcomer)):
            origin = f"{self._name}-{len(edit.add)}"
            for _ in range(2):  # the second time it was handled already
                await access.change(_planned(edit), by=ADMIN, door=ByDoor.COMMAND, origin=origin, now=self._now)
        await access.changes_after(current.version)

    async def requests(self) -> None:
        """Somebody asks, and is answered; somebody else is put on the list before an answer."""
        access = self._store.access
        asked = [await access.ask(f"{user}{self._name}", admins=[ADMIN], now=self._now) for user in (NEWCOMER, "U0")]
        asked += [await access.ask(f"U0{self._name}", admins=[ADMIN], now=self.after(2 * 86_400))]
        first, _, again = (one.request.request_id for one in asked if isinstance(one, Asked))
        await access.asker_told(first, now=self._now)
        await access.request(first)
        await access.decide(first, allow=True, may=_anybody, by=ADMIN, now=self._now)
        admin = Edit(add=frozenset({Entry(SECOND_NEWCOMER, Role.ADMIN)}))
        undo = Edit(remove=admin.add | {Entry(f"{NEWCOMER}{self._name}", Role.SENDER)})
        for edit in (admin, undo):
            await access.change(_planned(edit), by=ADMIN, door=ByDoor.DIALOG, origin=None, now=self._now)
        await access.decide(again, allow=False, may=_anybody, by=ADMIN, now=self._now)
        await access.group_lost(GROUP, admins=[ADMIN], now=self._now)
        due = await access.claim_notices(owner=OWNER, limit=100, now=self.after(60), lease_s=LEASE_S)
        for number, notice in enumerate(due):
            if number == 0:
                await access.notice_failed(notice.notice_id, next_at=self.after(600))
            else:
                decision = None if notice.request is None else notice.request.decision
                await access.notice_told(
                    notice.notice_id, shown=decision, channel_id="D0ADMIN", ts="1.0", now=self._now
                )
        await access.group_found(GROUP)
        await access.resume_notices(now=self._now)

    async def reports(self) -> None:
        """What became of it: reports, asking for them, and telling of them; the Home tab."""
        store = self._store.reports
        sent = await self.begin()
        batch = f"01REPORTED{self._name.upper()}"
        await self.end(sent, Accepted(batch))
        reference_ = sent.client_reference
        for state, code in (("Dispatched", 401), ("Failed", 402), ("Failed", 402)):
            report = Report("12015550123", state, code, self._now)
            await store.take(batch_id=batch, client_reference=reference_, reports=[report], now=self._now)
        await store.take(batch_id="01NOBODYS", client_reference=None, reports=[report], now=self._now)
        await store.poll_soon(batch_id=batch, client_reference=None, now=self._now)
        for polled in await store.claim_polls(owner=OWNER, limit=50, now=self.after(120), lease_s=LEASE_S):
            await store.polled(polled.client_reference, next_at=self.after(600), now=self.after(120))
        for number, news in enumerate(
            await store.claim_news(owner=OWNER, limit=50, now=self.after(120), lease_s=LEASE_S)
        ):
            if number == 0:
                await store.news_failed(news.client_reference, next_at=self.after(600), response_url_used=False)
        await store.unfold(reference_, unfolded=True, now=self._now)
        await store.news_told(
            reference_, shown="x", channel_id="D0", ts="1.0", by_response_url=False, now=self.after(120)
        )
        await store.resume_news(now=self.after(300))
        await store.cancelled_at_sinch(reference_, cause="own-cancelled", now=self._now)
        await store.recipients(reference_)
        for user in (PERSON, RARE, None):
            first = await store.page(user, before=None, limit=10)
            await store.page(user, before=first[-1].client_reference, limit=10)
            await store.counts([one.client_reference for one in first])
        await store.find(batch)
        await store.find(reference(500))
        await store.callback_key()

    async def keeping(self) -> None:
        """Numbers and texts go when their time is over, or at once."""
        first = await self._store.kept(after=None, limit=200)
        await self._store.kept(after=first.after, limit=200)
        await self._store.purge(kept_s=29.9 * 86_400, limit=100, now=self._now)
        await self._store.purge(kept_s=90 * 86_400, limit=100, now=self._now)
        await self._store.erase([one.client_reference for one in first.messages[:2]])
        await self._store.scrub()

    def _submission(self, user: str) -> Submission:
        self._count += 1
        to = (Recipient("+12015550123", "US"),)
        content = Content(to, "Your parcel is here", None, None, "+1 201 555 0123")
        return Submission(f"V-{self._name}-{self._count}", TEAM, content, ReplyRoute(user, "C0CHANNEL"))


def _anybody(_: object) -> None:
    return None


def _planned(edit: Edit) -> Any:
    return lambda _: edit
