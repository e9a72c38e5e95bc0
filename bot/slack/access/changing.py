"""Reading and changing the list, within what an ack has time for; the same for commands, the dialog and requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import structlog

from bot.access import Denied, Known, Person, Reason, Role
from bot.access.changes import AccessList, ByDoor, Edit, Entry, Plan, Refusal
from bot.clock import Clock
from bot.slack.access.words import Shown
from bot.slack.directory import Directory
from bot.slack.doors import AccessCheck
from bot.slack.messages import ADMINS_CAN_MEND
from bot.store import AccessStore, Changed, Repeated, StoreUnavailableError

COMMIT_LIMIT_S = 1.5  # Slack shows an error after 3 s without an ack
READ_LIMIT_S = 1.0
AGAIN_LIMIT_S = 0.5  # for one more read, before or after a commit
LEARN_LIMIT_S = 0.6  # for Slack to say who somebody new is; together with a commit far below those 3 s

_log = structlog.get_logger(__name__)

_T = TypeVar("_T")


class Changing:
    """The list, for the doors of access.

    Args:
        on_notice: there is somebody to tell by direct message.
    """

    def __init__(
        self,
        *,
        store: AccessStore,
        access: AccessCheck,
        directory: Directory,
        clock: Clock,
        on_notice: Callable[[], None],
    ) -> None:
        self.store = store
        self.access = access
        self.directory = directory
        self.clock = clock
        self.on_notice = on_notice

    async def commit(
        self, person: Person, plan: Plan, *, door: ByDoor, origin: str | None
    ) -> Changed | Repeated | Refusal | Denied | None:
        """Make a change if the person is still an admin when it is made. None: it is not known whether it was made."""
        still = self.access.still(person, Role.ADMIN)

        def guarded(current: AccessList) -> Edit | Refusal | Denied:
            refused = still(current)
            return plan(current) if refused is None else refused

        outcome = await self.in_time(
            self.store.change(guarded, by=person.user_id, door=door, origin=origin, now=self.clock.now())
        )
        if outcome is None:
            _log.error("access_not_saved", by=person.user_id, door=door)
        if isinstance(outcome, Changed):
            self.access.take(outcome.access)
        if isinstance(outcome, Changed) and outcome.edit:
            self.on_notice()  # somebody who had asked may have been added
            _log.info(
                "access_changed",
                by=person.user_id,
                door=door,
                added=_names(outcome.edit.add),
                removed=_names(outcome.edit.remove),
            )
        return outcome

    async def in_time(self, change: Awaitable[_T]) -> _T | None:
        """None: the database did not answer in time, and it is not known whether it was changed."""
        return await _within(COMMIT_LIMIT_S, change)

    async def read(self, reading: Awaitable[_T], *, within_s: float | None = None) -> _T | None:
        """None: the database did not answer in time, which is ``READ_LIMIT_S`` unless told."""
        return await _within(READ_LIMIT_S if within_s is None else within_s, reading)

    async def newest(self, *, within_s: float | None = None) -> AccessList | None:
        """The list as it is now, and this process's copy with it. None: the database did not answer in time."""
        access = await self.read(self.store.current(), within_s=within_s)
        if access is not None:
            self.access.take(access)
        return access

    async def no_admin_any_more(self, refused: Denied) -> Reason:
        """Why a transaction refused somebody whom this process's copy of the list still let in."""
        await self.newest(within_s=AGAIN_LIMIT_S)  # or the sentence would name as admins those who are none any more
        return Reason.NOT_ADMIN if refused.reason in ADMINS_CAN_MEND else refused.reason

    async def who_are(self, user_ids: Iterable[str]) -> Known:
        """What is known, once Slack was asked about those of whom it has not said who they are, for a moment.

        An answer about somebody new has to stand in the ack. Whoever is not known in time is marked in the list.
        """
        known = self.directory.known()
        new = [user_id for user_id in user_ids if user_id not in known.profiles]
        if new:
            await self.directory.learn(new, within_s=LEARN_LIMIT_S)
        return self.directory.known()

    def shown(self, access: AccessList) -> Shown:
        return Shown(
            base=self.access.base,
            access=access,
            known=self.directory.known(),
            groups=self.directory.user_groups(),
        )


async def _within(limit_s: float, work: Awaitable[_T]) -> _T | None:
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except (StoreUnavailableError, TimeoutError):
        return None


def _names(entries: Iterable[Entry]) -> list[str]:
    return sorted(f"{entry.role.name.lower()} {entry.member_id}" for entry in entries)
