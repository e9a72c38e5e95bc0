"""The Cancel button: keeps a message from going out, as far as it has not gone yet, and says how far that was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum

import structlog

from bot.access import Role
from bot.causes import Catalogue
from bot.clock import Clock
from bot.delivery.sender import CancelOutcome, Fate, Sender, SendError
from bot.domain import Message, State
from bot.reports import DISPATCHED, is_final
from bot.slack import ids, messages, stopping
from bot.slack.doors import AccessCheck, Door, DoorKind, Doors, Reply
from bot.slack.gateway import SlackError, SlackGateway
from bot.slack.payloads import Click, OpenedView
from bot.slack.replies import Replies
from bot.slack.whose import Sight, may_see
from bot.store import Store, StoreUnavailableError

READ_LIMIT_S = 2.0  # after the ack: only the person waits
WRITE_LIMIT_S = 5.0
LOOKS = 3  # a message may move on while it is being cancelled; then it is looked at again
NOTED_TRIES = 5  # what Sinch has cancelled is noted, if the database is away for a moment
NOTED_PAUSE_S = 0.5

_log = structlog.get_logger(__name__)


class Kept(StrEnum):
    """Why a message was not cancelled: keys of the catalogue."""

    TOO_LATE = "own-cancel-too-late"
    SENDING = "own-cancel-sending"
    UNKNOWN = "own-cancel-unknown"
    REFUSED = "own-cancel-refused"
    NOT_TAKEN = "own-cancel-not-taken"
    LOST = "own-cancel-lost"


# The cause that a cancelled message keeps: by whether Sinch had it, and whether its sender cancelled it.
_CAUSES = {
    (False, Sight.WHOLE): "own-cancelled",
    (False, Sight.MASKED): "own-cancelled-by-admin",
    (True, Sight.WHOLE): "own-cancelled-at-sinch",
    (True, Sight.MASKED): "own-cancelled-at-sinch-by-admin",
}


class Cancelling:
    """The door.

    Args:
        on_answer: there is an answer to tell.
        on_change: called with the sender's user ID when a message of theirs was cancelled.
    """

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        slack: SlackGateway,
        replies: Replies,
        access: AccessCheck,
        causes: Catalogue,
        clock: Clock,
        on_answer: Callable[[], None],
        on_change: Callable[[str], None],
    ) -> None:
        self._store = store
        self._sender = sender
        self._slack = slack
        self._replies = replies
        self._access = access
        self._causes = causes
        self._clock = clock
        self._on_answer = on_answer
        self._on_change = on_change

    def doors(self) -> Doors:
        door = Door(DoorKind.CLICK, ids.CANCEL, Role.SENDER, self.cancel, self._replies.refuse_click)
        return Doors(clicks={ids.CANCEL: door})

    async def cancel(self, click: Click) -> Reply:
        async def after() -> None:
            try:
                await self._cancel(click)
            except (StoreUnavailableError, TimeoutError):
                await self._say(click, self._replies.own("database-button"))

        return Reply(after=after)

    async def _cancel(self, click: Click) -> None:
        message = await self._read(click.value)
        sight = may_see(message, click.person, self._access(click.person, Role.SENDER)) if message else None
        if message is None or sight is None:
            await self._say(click, messages.not_yours())
            return
        outcome = await self._stop(message, sight)
        reference, by = message.client_reference, click.person.user_id
        if isinstance(outcome, Kept):
            _log.info("not_cancelled", client_reference=reference, by=by, why=outcome)
            await self._say(click, messages.not_cancelled(outcome, reference, causes=self._causes))
            return
        if outcome.state is not message.state:
            _log.info("cancelled", client_reference=reference, by=by, was=message.state, batch_id=message.batch_id)
            self._on_answer()
            self._on_change(message.reply.user_id)
        await self._show_cancelled(click, messages.cancelled(outcome, sight))

    # -- stopping it

    async def _stop(self, message: Message, sight: Sight) -> Message | Kept:
        """The message as it is once it is cancelled, by this press or before; or why it is not."""
        for _ in range(LOOKS):
            outcome = await self._stop_as_it_is(message, sight)
            if outcome is not None:
                return outcome
            message = await self._read(message.client_reference) or message
        return message if message.state is State.CANCELLED else Kept.SENDING

    async def _stop_as_it_is(self, message: Message, sight: Sight) -> Message | Kept | None:
        """None: it was cancelled just now, or it has moved on meanwhile."""
        match message.state:
            case State.QUEUED | State.SCHEDULED:
                async with asyncio.timeout(WRITE_LIMIT_S):
                    cause = _CAUSES[False, sight]
                    await self._store.cancel([message.client_reference], cause=cause, now=self._clock.now())
                return None
            case State.ACCEPTED:
                return await self._stop_at_sinch(message, sight)
            case State.CANCELLED:
                return message
            case State.SENDING:
                return Kept.SENDING
            case State.UNKNOWN:
                return Kept.UNKNOWN
            case State.REFUSED:
                return Kept.REFUSED

    async def _stop_at_sinch(self, message: Message, sight: Sight) -> Kept | None:
        async with asyncio.timeout(READ_LIMIT_S):
            reported = await self._store.reports.recipients(message.client_reference)
        if reported and all(is_final(one.state) or one.state == DISPATCHED for one in reported):
            return Kept.TOO_LATE
        try:
            outcome = await self._sender.cancel(message)
        except SendError as error:
            lost = error.fate is Fate.LOST
            _log.warning(
                "cancel_failed",
                client_reference=message.client_reference,
                cause=error.cause,
                vendor_code=error.vendor_code,
                lost=lost,
            )
            return Kept.LOST if lost else Kept.NOT_TAKEN
        if outcome is CancelOutcome.CANCELLED:
            await self._note(message, cause=_CAUSES[True, sight])
            return None
        return Kept.TOO_LATE if outcome is CancelOutcome.TOO_LATE else Kept.NOT_TAKEN

    async def _note(self, message: Message, *, cause: str) -> None:
        """Sinch has cancelled it; that is known here only."""
        for tries_left in reversed(range(NOTED_TRIES)):
            try:
                async with asyncio.timeout(WRITE_LIMIT_S):
                    now = self._clock.now()
                    await self._store.reports.cancelled_at_sinch(message.client_reference, cause=cause, now=now)
            except (StoreUnavailableError, TimeoutError):
                _log.warning("store_unavailable", during="cancel", client_reference=message.client_reference)
                if not tries_left:
                    raise
                await self._clock.sleep(NOTED_PAUSE_S)
            else:
                return

    async def _read(self, client_reference: str) -> Message | None:
        async with asyncio.timeout(READ_LIMIT_S):
            return await self._store.get(client_reference)

    # -- telling it

    async def _say(self, click: Click, message: messages.Blocks) -> None:
        """In the dialog if the button stood there, else as a message to this person alone."""
        if not await self._in_dialog(click.view, message, over=False):
            await self._replies.tell(click.dialog, click.person.user_id, message)

    async def _show_cancelled(self, click: Click, message: messages.Blocks) -> None:
        """Where the button stood. The sender gets an answer besides, whoever pressed it."""
        if click.view is not None:
            await self._in_dialog(click.view, message, over=True)
        elif click.dialog.response_url is not None:
            try:
                await self._slack.respond(click.dialog.response_url, message, replace=True)
            except SlackError as error:
                _log.info("message_not_replaced", user=click.person.user_id, error=error.error)

    async def _in_dialog(self, opened: OpenedView | None, message: messages.Blocks, *, over: bool) -> bool:
        if opened is None or opened.view.get("type") != "modal":
            return False
        try:
            view = stopping.with_answer(opened.view, message, over=over)
            await self._slack.update_view(opened.view_id, view, opened.view_hash)
        except SlackError as error:
            _log.info("dialog_not_updated", error=error.error)
            return False
        return True
