"""What the bot needs of its database, in the words of the domain; no SQL here.

Times are aware UTC. ``now`` is what the caller's clock says; a database that several hosts share goes by its own
instead, and tells it (``Store.now``), so that all other moments that it is given are by the same clock. ``owner`` names
one process of the bot; what it claims is its own until the lease ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.access import Denied
from bot.access.changes import AccessChange, AccessList, ByDoor, Edit, Plan, Refusal
from bot.access.requests import Asked, AskedBefore, Decided, DecidedBefore, Decision, NoSuchRequest, Notice, Request
from bot.domain import Answer, Message, State, Step, Submission
from bot.reports import Counts, DeliveryNews, RecipientState, Report, Took

May = Callable[[AccessList], Denied | None]
"""Asked inside a transaction, with the list as it is there: None lets it happen. Pure, and may be asked twice."""


class StoreUnavailableError(Exception):
    """The database did not take the change, or it is not known whether it did."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The submission is a committed row."""

    client_reference: str


@dataclass(frozen=True, slots=True)
class AlreadyTaken:
    """This view was submitted before; nothing was changed. ``digest`` is that of the content that was taken."""

    client_reference: str
    digest: str


@dataclass(frozen=True, slots=True)
class Changed:
    """``edit`` is committed (it may be empty: then there was nothing to do), and ``access`` is the list after it."""

    access: AccessList
    edit: Edit


@dataclass(frozen=True, slots=True)
class Repeated:
    """This very request was handled before; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How much work is left. ``looking_up``: unknown messages that are still looked up.

    ``oldest_since`` is the submit of the oldest message that waits or is being sent, ``oldest_untold_since`` since when
    the oldest answer is to be told; None: there is none.
    """

    queued: int
    sending: int
    looking_up: int
    oldest_since: datetime | None
    untold: int
    oldest_untold_since: datetime | None


@dataclass(frozen=True, slots=True)
class Stuck:
    """A message that has waited for longer than usual, and the catalogue's key for why (None: not known)."""

    client_reference: str
    user_id: str
    state: State
    since: datetime
    cause: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """For admins. ``last_day`` counts messages by state, ``by_person`` those of the last day, most first."""

    waiting: int
    oldest_waiting_since: datetime | None
    unknown: int
    untold: int
    stuck: Sequence[Stuck]
    last_day: Mapping[State, int]
    by_person: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended, in the words of the database: it keeps finer times than Python."""

    created_at: float  # seconds since 1970
    client_reference: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, and where the next ones begin; None: these were the last."""

    messages: Sequence[Message]
    after: Place | None


class AccessStore(Protocol):
    """Who was added by admins, the log of all changes, and who asks to be added.

    Every method raises ``StoreUnavailableError`` when the database can't be used.
    """

    async def version(self) -> int:
        """``AccessList.version``, cheaply."""
        ...

    async def current(self) -> AccessList: ...

    async def change(
        self,
        plan: Plan,
        *,
        by: str,
        door: ByDoor,
        origin: str | None,
        now: datetime,
    ) -> Changed | Repeated | Refusal | Denied:
        """Make one change, with its rows in the log, in one transaction. Committed when this returns.

        An open request of somebody who is added is settled by it, as allowed by ``by``. New admins get a notice of
        each request that is open.

        Args:
            plan: anything but an ``Edit`` changes nothing and is returned.
            origin: what makes the request this one, such as its trigger ID; the same one again changes nothing,
                whether it had an effect the first time or not. Kept as a digest, for an hour. None: never the same.
        """
        ...

    async def log(self, *, limit: int | None = None) -> Sequence[AccessChange]:
        """The newest changes first, or all of them."""
        ...

    async def changes_after(self, version: int) -> Sequence[AccessChange]:
        """What was changed since the list was at ``version``, oldest first."""
        ...

    async def ask(self, user_id: str, *, admins: Sequence[str], now: datetime) -> Asked | AskedBefore:
        """Keep one request, and a notice of it to each of ``admins``. At most one a day for each person.

        The person gets one, too, a little later, unless ``asker_told`` comes before it or the decision does.
        """
        ...

    async def asker_told(self, request_id: int, *, now: datetime) -> None:
        """The person who asked has read where they asked that the admins are told."""
        ...

    async def request(self, request_id: int) -> Request | None: ...

    async def decide(
        self, request_id: int, *, allow: bool, may: May, by: str, now: datetime
    ) -> Decided | DecidedBefore | NoSuchRequest | Denied:
        """Answer a request, once. ``allow`` puts the person on the list (door `request`) in the same transaction.

        The notices of the request become due again, and the person who asked gets one.
        """
        ...

    async def claim_notices(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Notice]:
        """Lease notices that are due, oldest first."""
        ...

    async def notice_told(
        self, notice_id: int, *, shown: Decision | None, channel_id: str | None, ts: str | None, now: datetime
    ) -> None:
        """Slack has taken it. ``shown`` is the decision that it tells: if there is another by now, it is due again."""
        ...

    async def notice_failed(self, notice_id: int, *, next_at: datetime | None) -> None:
        """Slack has not taken it; ``next_at`` None gives up."""
        ...

    async def resume_notices(self, *, now: datetime) -> None:
        """After a start: notices that wait for their next try are due now."""
        ...

    async def group_lost(self, group_id: str, *, admins: Sequence[str], now: datetime) -> None:
        """A notice to each of ``admins``, once until ``group_found``."""
        ...

    async def group_found(self, group_id: str) -> None:
        """The group can be read again; a notice that was not told yet is no news any more."""
        ...


class ReportStore(Protocol):
    """What became of messages at their recipients. Every method raises ``StoreUnavailableError``, as in ``Store``."""

    async def take(
        self, *, batch_id: str | None, client_reference: str | None, reports: Sequence[Report], now: datetime
    ) -> Took:
        """Move recipients on; committed when this returns. Any order and any repetition gives the same.

        The message is the one with this batch ID, else with this reference. One that is `queued`, `sending` or
        `unknown` is `accepted` from now on: a report is proof that Sinch has it. What there is to tell becomes delivery
        news. By its reference alone it is only taken for ours if it is about somebody whom the message goes to.
        """
        ...

    async def poll_soon(self, *, batch_id: str | None, client_reference: str | None, now: datetime) -> Took:
        """Something became of the message (see ``take``), and what it was is to be asked for now."""
        ...

    async def recipients(self, client_reference: str) -> Sequence[RecipientState]:
        """In the order of the message; empty for one that Sinch does not have."""
        ...

    async def counts(self, client_references: Sequence[str]) -> Mapping[str, Counts]:
        """For each of them that has recipients' states."""
        ...

    async def claim_polls(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Message]:
        """Lease accepted messages whose report is due to be asked for, the longest due first."""
        ...

    async def polled(self, client_reference: str, *, next_at: datetime | None, now: datetime) -> None:
        """Sinch was asked. ``next_at`` None: no more, and who is still on the way has no final word."""
        ...

    async def claim_news(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[DeliveryNews]:
        """Lease delivery news that is due, the longest due first."""
        ...

    async def news_told(
        self,
        client_reference: str,
        *,
        shown: str,
        channel_id: str | None,
        ts: str | None,
        by_response_url: bool,
        now: datetime,
    ) -> None:
        """Slack has taken it. If the counts are others than ``shown`` by now, it is due again by the same rule."""
        ...

    async def news_failed(self, client_reference: str, *, next_at: datetime | None, response_url_used: bool) -> None:
        """Slack has not taken it; ``next_at`` None gives up until something new happens."""
        ...

    async def resume_news(self, *, now: datetime) -> None:
        """After a start: news that waits for its next try is due now."""
        ...

    async def unfold(self, client_reference: str, *, unfolded: bool, now: datetime) -> DeliveryNews | None:
        """Show the failed ones in the growing answer, or no more; None if there is none.

        A direct message is due to be edited. What was told otherwise can only be replaced by whoever has the click.
        """
        ...

    async def cancelled_at_sinch(self, client_reference: str, *, cause: str, now: datetime) -> bool:
        """`accepted` → `cancelled`, and the sender is told; False if it is not `accepted` (any more)."""
        ...

    async def page(self, user_id: str | None, *, before: str | None, limit: int) -> Sequence[Message]:
        """Messages, newest first: of one person, or (None) of everybody. ``before``: the reference to go on behind."""
        ...

    async def find(self, batch_id: str) -> Message | None:
        """Anybody's message with this batch ID, or with this reference; whose it is, is for the caller to ask."""
        ...

    async def overview(self, *, now: datetime) -> Overview:
        """What admins see: the queue, what is stuck, the last day. Bounded, whatever the number of rows."""
        ...

    async def callback_key(self) -> str:
        """The unguessable part of the address for callbacks; made once, the same for all processes."""
        ...


class Store(Protocol):
    """Every method raises ``StoreUnavailableError`` when the database can't be used."""

    @property
    def access(self) -> AccessStore: ...

    @property
    def reports(self) -> ReportStore: ...

    def now(self) -> datetime | None:
        """The time by the clock that all processes share; None if there is none, or it was never read yet."""
        ...

    async def enqueue(self, submission: Submission, *, may: May, now: datetime) -> Taken | AlreadyTaken | Denied:
        """Keep one submission, once for each ``view_id``. It is committed when this returns.

        ``may`` decides by the list as it is in this very transaction. One that was taken before is ``AlreadyTaken``,
        whatever the list says by now.
        """
        ...

    async def claim(
        self, *, owner: str, limit: int, busy: Mapping[str, int], per_person: int, now: datetime, lease_s: float
    ) -> Sequence[Message]:
        """Lease up to ``limit`` queued messages that are due, in fair turns between people.

        Args:
            busy: user ID → how many of theirs this process is already working on.
            per_person: how many at once one person may have under way here.
        """
        ...

    async def begin(self, client_reference: str, *, owner: str, now: datetime, lease_s: float) -> Message | None:
        """`queued` → `sending`, right before the request. None if the lease was lost: do not send."""
        ...

    async def record(self, client_reference: str, step: Step, *, owner: str, attempt: int, now: datetime) -> bool:
        """Write what came of an attempt, and the answer that follows from it, in one transaction.

        ``Accepted`` is always taken, for it is a fact. The others count only while the message is still this owner's
        and still at this attempt; False if not.
        """
        ...

    async def renew(self, client_references: Sequence[str], *, owner: str, now: datetime, lease_s: float) -> None:
        """Extend the leases on messages that this process is working on."""
        ...

    async def release(self, client_references: Sequence[str], *, owner: str) -> None:
        """Give back leases on messages whose request has not begun."""
        ...

    async def take_up_lost(self, *, cause: str, holding: Collection[str], now: datetime) -> int:
        """Messages `sending` whose lease has ended were cut off: they become `unknown`. Returns how many.

        ``holding``: references that this process is still working on, its lease late or not.
        """
        ...

    async def claim_lookups(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Message]:
        """Lease unknown messages that are due to be looked up, those looked up least first."""
        ...

    async def record_lookup(
        self, client_reference: str, *, batch_id: str | None, next_at: datetime | None, tell: bool, now: datetime
    ) -> None:
        """Settle an unknown message (``batch_id``), or note one more look-up that did not find it.

        ``next_at`` None ends the look-ups; ``tell`` lets the person know that it may have been sent.
        """
        ...

    async def resume_lookups(self, *, at_most: int, since: datetime, now: datetime) -> None:
        """After a start: every unknown message taken after ``since`` is due, with ``at_most`` look-ups behind it."""
        ...

    async def claim_answers(self, *, owner: str, limit: int, now: datetime, lease_s: float) -> Sequence[Answer]:
        """Lease answers that are due; of one message only the oldest that is still to be told.

        First, messages that have waited long enough without a result get a progress answer.
        """
        ...

    async def answer_told(self, answer_id: int, *, by_response_url: bool, now: datetime) -> bool:
        """Slack has taken it. Returns whether another answer about the same message has waited for that."""
        ...

    async def answer_failed(self, answer_id: int, *, next_at: datetime | None, response_url_used: bool) -> None:
        """Slack has not taken it; ``next_at`` None gives up until the person's next command."""
        ...

    async def resume_answers(self, *, now: datetime) -> None:
        """After a start: answers that wait for their next try are due now."""
        ...

    async def untold(self, user_id: str, *, limit: int) -> Sequence[Answer]:
        """Answers that this person has not been told yet, oldest first, those given up included."""
        ...

    async def recent(self, user_id: str, *, limit: int) -> Sequence[Message]:
        """The person's own messages, newest first."""
        ...

    async def by_batch(self, user_id: str, batch_id: str) -> Message | None:
        """The person's own message with this batch ID, or with this reference."""
        ...

    async def get(self, client_reference: str) -> Message | None: ...

    async def taken(self, view_id: str) -> AlreadyTaken | None:
        """Whether this view was submitted before."""
        ...

    async def purge(self, *, kept_s: float, limit: int, now: datetime) -> int:
        """Erase what is older than ``kept_s`` seconds and has nothing left to do; how many, at most ``limit``."""
        ...

    async def kept(self, *, after: Place | None, limit: int) -> Page:
        """Messages whose numbers and texts are still there, oldest first, from ``after`` on; None: from the first."""
        ...

    async def cancel(self, client_references: Sequence[str], *, cause: str, now: datetime) -> int:
        """`queued` or `scheduled` → `cancelled`, and their senders are told; how many were. Others are left alone."""
        ...

    async def erase(self, client_references: Sequence[str]) -> int:
        """Take numbers and texts away, but from what waits or is being sent; how many had any."""
        ...

    async def scrub(self) -> bool:
        """Take away what the database keeps of older versions of rows, as far as we can; False: not at this moment."""
        ...

    async def figures(self) -> Figures:
        """How much work is left, in all processes."""
        ...

    def writes_waiting(self) -> int:
        """Writes of this process that wait for their turn."""
        ...

    async def ping(self) -> None:
        """Returns if the database takes writes."""
        ...

    async def close(self) -> None: ...
