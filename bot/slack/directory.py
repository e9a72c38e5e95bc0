"""What Slack knows of everybody who is listed: read at start and kept fresh, never on the path to ack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.access import Known, Policy, Profile, Workspace, is_group
from bot.clock import Clock
from bot.slack.gateway import TOKEN_REFUSED, SlackError
from bot.slack.profiles import UserGroup
from bot.slack.reads import Rank, Reads
from bot.slack.snapshot import Members, Person, Snapshot

REFRESH_EVERY_S = 240.0  # so that nothing is older than FRESH_FOR_S, reading included
FRESH_FOR_S = 300.0
KEPT_FOR_S = 3600.0  # what was known last, while Slack can't be asked; then nothing
RETRY_S = 15.0  # after a failure
READY_WITHIN_S = 5.0
READS_AT_ONCE = 5
MAX_WAITING = 1_000  # people who knocked and are to be looked up
MAX_UNLISTED = 5_000  # people who were looked up, without being listed

_NOT_KNOWN_TO_SLACK = frozenset({"user_not_found", "user_not_visible"})  # docs.slack.dev, users.info
_ALL_GROUPS = "all"  # the one thing that ``usergroups.list`` reads

_log = structlog.get_logger(__name__)


class Slack(Protocol):
    """What the directory asks of Slack; each raises ``SlackError``."""

    async def profile(self, user_id: str, workspace: Workspace) -> Profile: ...

    async def user_groups(self) -> tuple[UserGroup, ...]: ...

    async def group_members(self, group_id: str) -> frozenset[str]: ...


@dataclass(slots=True)
class _Group:
    """One listed group.

    ``told_lost`` is what was told last about it, None before this process has told anything; ``error`` is that of the
    last read, if it failed.
    """

    asked_since: float
    members: Members | None = None
    error: str | None = None
    told_lost: bool | None = None

    def is_lost(self, now: float) -> bool:
        known_at = self.asked_since if self.members is None else self.members.read_at
        return self.error is not None and known_at < now - KEPT_FOR_S


class Directory:
    """Who is who, as far as it is known. All but ``known`` belongs to the event loop's own thread.

    Args:
        listed: who is on the list now.
        workspace: the bot's own, None until it is known.
        on_group_lost: told that the members of a listed group could not be read for ``KEPT_FOR_S``, until it returns
            True: somebody hears of it.
        on_group_found: told once that they can be read, after a start too, or that the group is on the list no more.
            What either raises is logged, and it is told again later.
    """

    def __init__(
        self,
        *,
        slack: Slack,
        listed: Callable[[], Policy],
        workspace: Callable[[], Workspace | None],
        clock: Clock,
        on_group_lost: Callable[[str], Awaitable[bool]],
        on_group_found: Callable[[str], Awaitable[None]],
    ) -> None:
        self._slack = slack
        self._listed = listed
        self._workspace = workspace
        self._clock = clock
        self._on_group_lost = on_group_lost
        self._on_group_found = on_group_found
        self._people: dict[str, Person] = {}
        self._groups: dict[str, _Group] = {}
        self._gone: set[str] = set()  # groups that are on the list no more, which is still to be told
        self._user_groups: tuple[UserGroup, ...] = ()
        self._snapshot = Snapshot({}, {})

        self._person_reads = Reads(
            read=self._read_person,
            failed=self._person_failed,
            settled=self._after_a_read,
            at_once=READS_AT_ONCE,
            clock=clock,
        )
        self._group_reads = Reads(
            read=self._read_group,
            failed=self._group_failed,
            settled=self._after_a_read,
            at_once=READS_AT_ONCE,
            clock=clock,
        )
        self._list_reads = Reads(
            read=self._read_user_groups,
            failed=self._user_groups_failed,
            settled=self._after_a_read,
            at_once=1,
            clock=clock,
        )

        self._alarm = asyncio.Event()  # look again at what is to be done, and when
        self._tell = asyncio.Event()
        self._woken = False
        self._round_at = 0.0  # when the next round is due
        self._again_at: dict[tuple[Reads, str], float] = {}  # what failed, and when it is tried again
        self._unknown_to_slack: set[str] = set()  # in this round
        self._warned: set[str] = set()  # error words of profiles, in this round
        self._may_read_people = True  # in this round: the app has the scope
        self._started_at: float | None = None
        self._planned = False
        self._tried = False

    @property
    def tried(self) -> bool:
        """The first round is over, or has taken long enough for others not to wait."""
        started_at = self._started_at
        return self._tried or (started_at is not None and self._clock.monotonic() - started_at >= READY_WITHIN_S)

    def known(self) -> Known:
        """What is known now; cheap, never changed afterwards, and for any thread."""
        return self._snapshot.known(self._clock.monotonic() - KEPT_FOR_S)

    def user_groups(self) -> tuple[UserGroup, ...]:
        """All groups of the workspace, by handle; empty until they are known."""
        return self._user_groups

    def wake(self) -> None:
        """The list has changed: read what is new on it at once."""
        self._woken = True
        self._alarm.set()

    def look_up(self, user_ids: Iterable[str]) -> None:
        """Read these people next, those who are not known yet."""
        if not self._may_read_people:
            return
        for user_id in self._worth_reading(user_ids):
            if (self._person_reads, user_id) in self._again_at:
                continue  # it has just failed
            if self._person_reads.waiting(Rank.KNOCKED) >= MAX_WAITING:
                return
            self._person_reads.ask([user_id], Rank.KNOCKED)

    async def learn(self, user_ids: Iterable[str], *, within_s: float) -> None:
        """Wait until these people are known, or can't be read, or the time is up; then reading goes on without us."""
        ends = self._person_reads.ask(self._worth_reading(user_ids), Rank.AWAITED)
        try:
            async with asyncio.timeout(within_s):
                for end in ends:
                    await end.wait()
        except TimeoutError:
            _log.info("still_reading", users=sum(not end.is_set() for end in ends))

    async def keep_fresh(self) -> None:
        """Run until cancelled."""
        if self._started_at is None:
            self._started_at = self._clock.monotonic()
        async with asyncio.TaskGroup() as parts:
            for reads in (self._person_reads, self._group_reads, self._list_reads):
                parts.create_task(reads.run())
            parts.create_task(self._keep_telling())
            parts.create_task(self._keep_planning())

    # -- what to read, and when

    async def _keep_planning(self) -> None:
        while True:
            self._alarm.clear()
            if self._woken or self._clock.monotonic() >= self._next_at():
                self._woken = False
                try:
                    self._plan()
                except Exception as error:  # the loop has to outlive any fault of ours
                    _log.error("directory_fault", error=type(error).__name__, exc_info=error)
                    await self._clock.sleep(RETRY_S)
                    continue
            await self._sleep_until(self._next_at())

    def _next_at(self) -> float:
        return min(self._round_at, *self._again_at.values()) if self._again_at else self._round_at

    async def _sleep_until(self, moment: float) -> None:
        """Or until the alarm."""
        waits = (
            asyncio.ensure_future(self._clock.sleep(max(0.0, moment - self._clock.monotonic()))),
            asyncio.ensure_future(self._alarm.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)

    def _plan(self) -> None:
        """Ask for what is due: in a round everything, else what is new and what failed some time ago."""
        policy = self._listed()
        now = self._clock.monotonic()
        is_round = now >= self._round_at
        if is_round:
            if self._planned and not self._person_reads.idle:
                _log.warning("people_not_read_in_time", waiting=self._person_reads.waiting_in_all)
            self._round_at = now + REFRESH_EVERY_S
            self._unknown_to_slack.clear()
            self._warned.clear()
            self._may_read_people = True
            self._list_reads.ask([_ALL_GROUPS], Rank.REFRESH)
        again = {pair for pair, at in self._again_at.items() if at <= now}
        for pair in again:
            del self._again_at[pair]
        if (self._list_reads, _ALL_GROUPS) in again:
            self._list_reads.ask([_ALL_GROUPS], Rank.REFRESH)
        new = self._regroup(policy, now)
        for group_id in sorted(self._groups):
            if is_round or group_id in new or (self._group_reads, group_id) in again:
                self._group_reads.ask([group_id], Rank.NEW if group_id in new else Rank.REFRESH)
        self._ask_for_people(
            policy, is_round=is_round, again={key for reads, key in again if reads is self._person_reads}
        )
        self._forget(policy, now)
        self._publish()
        self._tell.set()
        self._planned = True
        self._after_a_read()

    def _regroup(self, policy: Policy, now: float) -> set[str]:
        """Have exactly the listed groups; returns the new ones."""
        for gone in self._groups.keys() - policy.groups:
            del self._groups[gone]
            self._gone.add(gone)
        self._gone -= policy.groups
        new = set(policy.groups - self._groups.keys())
        for group_id in new:
            self._groups[group_id] = _Group(asked_since=now)
        return new

    def _ask_for_people(self, policy: Policy, *, is_round: bool = False, again: Iterable[str] = ()) -> None:
        if not self._may_read_people:
            return
        wanted = self._wanted(policy)
        failed = {key for reads, key in self._again_at if reads is self._person_reads}
        stale = set(self._worth_reading(wanted)) - failed
        new = stale - self._people.keys()
        self._person_reads.ask(sorted(new), Rank.NEW)
        due = (wanted if is_round else stale | wanted.intersection(again)) - new
        self._person_reads.ask(sorted(due, key=self._age_of), Rank.REFRESH)

    def _age_of(self, user_id: str) -> tuple[float, str]:
        person = self._people.get(user_id)
        return (float("-inf") if person is None else person.read_at), user_id

    def _wanted(self, policy: Policy) -> frozenset[str]:
        """Everybody who is listed, or in a listed group."""
        return policy.people.union(*(group.members.users for group in self._groups.values() if group.members))

    def _worth_reading(self, user_ids: Iterable[str]) -> list[str]:
        """Those who are neither known and fresh nor unknown to Slack; users only, each once."""
        since = self._clock.monotonic() - FRESH_FOR_S
        return [
            user_id
            for user_id in dict.fromkeys(user_ids)
            if user_id
            and not is_group(user_id)
            and user_id not in self._unknown_to_slack
            and ((person := self._people.get(user_id)) is None or person.read_at < since)
        ]

    # -- reading

    async def _read_person(self, user_id: str) -> None:
        workspace = self._workspace()
        if workspace is None:
            raise SlackError("not_ready", away=True)
        profile = await self._slack.profile(user_id, workspace)
        self._people[user_id] = Person(profile, self._clock.monotonic())
        self._again_at.pop((self._person_reads, user_id), None)
        if len(self._people) > MAX_UNLISTED:
            self._make_room(self._wanted(self._listed()))
        self._publish()

    def _person_failed(self, user_id: str, error: SlackError) -> None:
        if error.error not in self._warned:  # one line in a round, not one for each person
            self._warned.add(error.error)
            _log.warning("profile_not_read", user=user_id, error=error.error)
        if error.error in _NOT_KNOWN_TO_SLACK:
            self._unknown_to_slack.add(user_id)
        elif error.error in TOKEN_REFUSED:  # such as missing_scope: installed before this version, without users:read
            self._may_read_people = False
            self._person_reads.give_up(*Rank)
        else:
            self._retry(self._person_reads, user_id)

    async def _read_group(self, group_id: str) -> None:
        try:
            users = await self._slack.group_members(group_id)
        except SlackError as error:
            self._group_not_read(group_id, error.error)
            raise
        group = self._groups.get(group_id)
        if group is None:
            return  # taken off the list meanwhile
        group.members = Members(users, self._clock.monotonic())
        group.error = None
        self._again_at.pop((self._group_reads, group_id), None)
        self._publish()
        self._tell.set()
        self._ask_for_people(self._listed())

    def _group_not_read(self, group_id: str, error: str) -> None:
        group = self._groups.get(group_id)
        if group is not None:
            if group.error != error:
                _log.warning("group_not_read", group=group_id, error=error)
            group.error = error
            self._tell.set()

    def _group_failed(self, group_id: str, _error: SlackError) -> None:
        self._retry(self._group_reads, group_id)

    async def _read_user_groups(self, _all: str) -> None:
        self._user_groups = await self._slack.user_groups()

    def _user_groups_failed(self, key: str, error: SlackError) -> None:
        _log.warning("user_groups_not_read", error=error.error)
        if error.away:  # else a plan or an app without them: asked again in the next round
            self._retry(self._list_reads, key)

    def _retry(self, reads: Reads, key: str) -> None:
        self._again_at[reads, key] = self._clock.monotonic() + RETRY_S
        self._alarm.set()

    def _after_a_read(self) -> None:
        self._tried = self._tried or (self._planned and self._person_reads.idle and self._group_reads.idle)

    # -- what is kept

    def _forget(self, policy: Policy, now: float) -> None:
        """What is too old; but somebody listed whom Slack called nobody stays that."""
        since = now - KEPT_FOR_S
        wanted = self._wanted(policy)
        self._people = {
            user_id: person
            for user_id, person in self._people.items()
            if (person.holds(since) if user_id in wanted else person.read_at >= since)
        }
        self._make_room(wanted)

    def _make_room(self, wanted: frozenset[str]) -> None:
        unlisted = self._people.keys() - wanted
        if len(unlisted) > MAX_UNLISTED:
            for user_id in sorted(unlisted, key=self._age_of)[: len(unlisted) - MAX_UNLISTED]:
                del self._people[user_id]

    def _publish(self) -> None:
        groups = {group_id: group.members for group_id, group in self._groups.items() if group.members is not None}
        self._snapshot = Snapshot(dict(self._people), groups)

    # -- telling

    async def _keep_telling(self) -> None:
        while True:
            await self._tell.wait()
            self._tell.clear()
            for group_id in [*self._groups, *self._gone]:
                try:
                    await self._tell_about(group_id)
                except Exception as error:  # what can't be told now is told later
                    _log.error("directory_fault", error=type(error).__name__, group=group_id, exc_info=error)

    async def _tell_about(self, group_id: str) -> None:
        group = self._groups.get(group_id)
        if group is None:
            await self._on_group_found(group_id)
            self._gone.discard(group_id)
        elif group.is_lost(self._clock.monotonic()):
            if not group.told_lost:
                group.told_lost = await self._on_group_lost(group_id) or group.told_lost
        elif group.told_lost is not False and group.members is not None and group.error is None:
            await self._on_group_found(group_id)  # an earlier process may have told that it was lost
            group.told_lost = False
