"""Who looks at the Home tab, and what they see there: drawn when they come, and again when something has changed.

Kept in memory, by each process for those who came to it: a Home tab that is not drawn anew is only a little old, and
whoever opens it gets it fresh. What this process did itself is known at once (``changed``); for what others did, the
database is looked at now and then, the less often the longer somebody has not stirred, and in the end not any more.

Nobody waits for any of this: it is done after the acks.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from bot.access import Allowed, Denied, Person, Role
from bot.causes import Catalogue
from bot.clock import Clock
from bot.domain import State
from bot.slack import messages
from bot.slack.doors import AccessCheck
from bot.slack.gateway import NotYetError, SlackError, SlackGateway
from bot.slack.home import views
from bot.slack.home.pages import PAGE, Page, Trail
from bot.store import Overview, ReportStore, StoreUnavailableError

LOOKS_FOR_S = 1800.0  # after that, somebody who has not stirred is not taken to look any more
MAX_LOOKING = 200  # those who came last
STIRRED_LATELY_S = 120.0
LATELY_EVERY_S = 5.0  # how often the database is looked at for somebody who stirred lately…
LATER_EVERY_S = 30.0  # …and for the others
ADMIN_EVERY_S = 10.0  # an admin's tab shows what everybody does: at most so often
PERSON_PAUSE_S = 3.0  # between two redraws of one person's tab
TICK_S = 0.5
LOOKS_EACH_TICK = 5
READ_LIMIT_S = 2.0
OVERVIEW_KEPT_S = 5.0  # for all admins together
AWAY_PAUSE_S = 10.0  # when Slack can't be reached, or asks us to slow down without saying for how long

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Looking:
    """Somebody who looks. Times are monotonic; ``drawn`` is the digest of the last view, ``view_hash`` Slack's word."""

    person: Person
    trail: Trail = ()
    stirred_at: float = 0.0
    due_at: float = float("inf")
    drawn_at: float = float("-inf")
    drawn: str = ""
    view_hash: str | None = None
    admin: bool = False
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)


class HomeScreens:
    """Draws the Home tab.

    Args:
        admins: the users who can be asked for access.
    """

    def __init__(
        self,
        *,
        reports: ReportStore,
        slack: SlackGateway,
        access: AccessCheck,
        admins: Callable[[], tuple[str, ...]],
        causes: Catalogue,
        command: str,
        clock: Clock,
    ) -> None:
        self._reports = reports
        self._slack = slack
        self._access = access
        self._admins = admins
        self._causes = causes
        self._command = command
        self._clock = clock
        self._looking: OrderedDict[str, _Looking] = OrderedDict()
        self._quiet_until = float("-inf")
        self._overview: tuple[float, Overview] | None = None
        self._reading_overview = asyncio.Lock()

    async def show(self, person: Person, *, trail: Trail = ()) -> None:
        """Somebody comes, or turns a page: draw it now, whatever they see there, and again when something changes."""
        if not person.user_id:
            return
        looking = self._stirs(person)
        looking.trail = trail
        async with looking.drawing:
            await self._draw(looking, asked=True)

    async def put(self, person: Person, view: Mapping[str, Any]) -> bool:
        """Show this view, the answer to a button, until something changes; False if Slack did not take it."""
        looking = self._stirs(person)
        async with looking.drawing:
            try:
                looking.view_hash = await self._slack.publish_home(person.user_id, view, None)
            except SlackError as error:
                _log.info("home_not_drawn", user=person.user_id, error=error.error)
                return False
        return True

    def changed(self, user_id: str | None = None) -> None:
        """Something of this person's has changed (None: of anybody's): soon, whoever sees it sees it as it is now."""
        now = self._clock.monotonic()
        for looking in self._looking.values():
            if user_id is None or looking.admin or looking.person.user_id == user_id:
                pause = ADMIN_EVERY_S if looking.admin and looking.person.user_id != user_id else PERSON_PAUSE_S
                looking.due_at = min(looking.due_at, max(now, looking.drawn_at + pause))

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self._clock.sleep(TICK_S)
            await self.redraw_due()

    def _stirs(self, person: Person) -> _Looking:
        looking = self._looking.setdefault(person.user_id, _Looking(person))
        looking.person = person
        looking.stirred_at = self._clock.monotonic()
        self._looking.move_to_end(person.user_id)
        while len(self._looking) > MAX_LOOKING:
            self._looking.popitem(last=False)
        return looking

    def _plan(self, looking: _Looking) -> None:
        now = self._clock.monotonic()
        lately = now - looking.stirred_at < STIRRED_LATELY_S
        pause = (ADMIN_EVERY_S if looking.admin else LATELY_EVERY_S) if lately else LATER_EVERY_S
        looking.due_at = now + pause

    async def redraw_due(self) -> None:
        now = self._clock.monotonic()
        for user_id in [one for one, it in self._looking.items() if now - it.stirred_at >= LOOKS_FOR_S]:
            del self._looking[user_id]
        due = sorted((it for it in self._looking.values() if it.due_at <= now), key=lambda it: it.due_at)
        for looking in due[:LOOKS_EACH_TICK]:
            if self._clock.monotonic() < self._quiet_until:
                return
            if looking.drawing.locked():
                continue  # they stirred this moment, and are drawn for that
            try:
                async with looking.drawing:
                    await self._draw(looking, asked=False)
            except Exception as error:  # the loop has to outlive any fault of ours, and nobody waits for this
                _log.error("home_fault", user=looking.person.user_id, error=type(error).__name__, exc_info=error)
                self._looking.pop(looking.person.user_id, None)

    async def _draw(self, looking: _Looking, *, asked: bool) -> None:
        """``asked``: the person waits for it. Otherwise only what has changed is drawn, and only over our own view."""
        user_id = looking.person.user_id
        self._plan(looking)
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                view = await self._view(looking)
            self._plan(looking)  # again: only now it is known whether they are an admin
        except (StoreUnavailableError, TimeoutError):
            if not asked:
                return
            view = views.home_notice(self._causes.own("database-read"))
        digest = hashlib.sha256(json.dumps(view).encode()).hexdigest()
        if digest == looking.drawn and not asked:
            return
        try:
            if asked:
                view_hash = await self._slack.publish_home(user_id, view, None)
            else:
                view_hash = await self._slack.publish_home(user_id, view, looking.view_hash, within_s=0)
        except SlackError as error:
            self._not_drawn(looking, error)
            return
        looking.view_hash, looking.drawn, looking.drawn_at = view_hash, digest, self._clock.monotonic()
        _log.debug("home_drawn", user=user_id, asked=asked)

    def _not_drawn(self, looking: _Looking, error: SlackError) -> None:
        user_id = looking.person.user_id
        if not isinstance(error, NotYetError):
            _log.info("home_not_drawn", user=user_id, error=error.error)
        if error.away:
            pause = AWAY_PAUSE_S if error.retry_after_s is None else error.retry_after_s
            looking.due_at = self._clock.monotonic() + pause
            self._quiet_until = max(self._quiet_until, looking.due_at)
        else:  # such as `hash_conflict`: another process has drawn for them since, and goes on with it
            self._looking.pop(user_id, None)

    async def _view(self, looking: _Looking) -> dict[str, Any]:
        """What this person may see at this moment."""
        decision = self._access(looking.person, Role.SENDER)
        looking.admin = isinstance(decision, Allowed) and decision.role is Role.ADMIN
        if isinstance(decision, Denied):
            admins = self._admins()
            text = messages.denied_text(decision.reason, admins=admins, may_ask=True)
            return views.denied_home(text, may_ask=messages.can_ask(decision.reason, admins))
        page = await self._page(looking.person.user_id, looking.trail)
        overview = await self._overview_now() if looking.admin else None
        return views.home(page, overview=overview, command=self._command, causes=self._causes)

    async def _page(self, user_id: str, trail: Trail) -> Page:
        found = await self._reports.page(user_id, before=trail[-1] if trail else None, limit=PAGE + 1)
        shown = found[:PAGE]
        at_sinch = [one.client_reference for one in shown if one.state in (State.ACCEPTED, State.CANCELLED)]
        counts = await self._reports.counts(at_sinch) if at_sinch else {}
        return Page(shown, counts, trail, more=len(found) > PAGE)

    async def _overview_now(self) -> Overview:
        async with self._reading_overview:  # so that those who come together read it once
            now = self._clock.monotonic()
            if self._overview is None or now - self._overview[0] >= OVERVIEW_KEPT_S:
                self._overview = now, await self._reports.overview(now=self._clock.now())
            return self._overview[1]
