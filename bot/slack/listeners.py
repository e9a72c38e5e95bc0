"""What the doors of the main job do: from a payload to a reply. No SQL, no dicts of Slack's, no HTTP of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from bot.access import Allowed, Denied, Reason, Role
from bot.causes import Catalogue
from bot.clock import Clock
from bot.compose import Faults, Fields, check, needs_review
from bot.domain import Content, Submission
from bot.slack import ids, messages, payloads, views
from bot.slack.command import Name, Prefill, Suggestion, Word
from bot.slack.doors import AccessCheck, DialogDoor, Door, DoorKind, Doors, Reply
from bot.slack.payloads import Click, Command, Submit
from bot.slack.replies import Replies, ephemeral, errors, update
from bot.slack.text import for_field
from bot.slack.whose import may_see
from bot.store import AlreadyTaken, Store, StoreUnavailableError

COMPOSE_WORD = "compose"  # anything after the command that is not a word of its own
SUGGESTION_WORD = "suggestion"
COMMIT_LIMIT_S = 1.5  # Slack shows an error after 3 s without an ack
READ_LIMIT_S = 1.0
RECENT = 10
_UNTOLD = 10

NOT_CONNECTED = "This is not saved yet: the bot is still connecting to Slack. Please press again in a moment."
ALREADY_TAKEN = "This dialog was already taken as first sent; nothing was changed. For a change, open a new dialog."

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that doors need."""

    command: str
    default_region: str
    mms_countries: frozenset[str]


def word_of(command: Command) -> str:
    """Which door a command knocks at."""
    match command.asked:
        case Word(name=name):
            return str(name)
        case Suggestion():
            return SUGGESTION_WORD
        case _:
            return COMPOSE_WORD


class Listeners:
    """Makes the doors of the main job."""

    def __init__(
        self,
        *,
        store: Store,
        replies: Replies,
        access: AccessCheck,
        rules: Rules,
        causes: Catalogue,
        clock: Clock,
        on_queued: Callable[[str], None],
    ) -> None:
        self._store = store
        self._replies = replies
        self._access = access
        self._rules = rules
        self._causes = causes
        self._clock = clock
        self._on_queued = on_queued

    def doors(self) -> Doors:
        table = {
            COMPOSE_WORD: (Role.SENDER, self.open_compose),
            SUGGESTION_WORD: (Role.ANYBODY, self.suggest),
            Name.HELP: (Role.ANYBODY, self.help),
            Name.WHOAMI: (Role.ANYBODY, self.whoami),
            Name.RECENT: (Role.SENDER, self.recent),
            Name.STATUS: (Role.SENDER, self.status),
        }
        say_no = self._replies
        return Doors(
            words={
                str(word): Door(DoorKind.WORD, str(word), needs, enter, say_no.refuse_command)
                for word, (needs, enter) in table.items()
            },
            submits={
                ids.COMPOSE: DialogDoor(
                    DoorKind.SUBMIT, ids.COMPOSE, Role.SENDER, self.submit_compose, self._refuse_submit, payloads.submit
                )
            },
            clicks={
                ids.OPEN_AGAIN: Door(DoorKind.CLICK, ids.OPEN_AGAIN, Role.SENDER, self.open_again, say_no.refuse_click)
            },
        )

    # -- words

    async def open_compose(self, command: Command) -> Reply:
        prefill = command.asked if isinstance(command.asked, Prefill) else Prefill("", "", "")
        view = views.compose(
            Fields(to=prefill.to, message=prefill.message, subject=None, media_url=prefill.media_url),
            dialog=command.dialog,
            default_region=self._rules.default_region,
        )

        async def after() -> None:
            if await self._replies.open(command, view):
                await self._tell_untold(command)

        return Reply(after=after)

    async def help(self, command: Command) -> Reply:
        admin = isinstance(self._access(command.person, Role.ADMIN), Allowed)
        return ephemeral(messages.help_text(self._rules.command, admin=admin))

    async def whoami(self, command: Command) -> Reply:
        decision = self._access(command.person, Role.SENDER)
        role = decision.role if isinstance(decision, Allowed) else decision.reason
        return ephemeral(messages.whoami(command.person.user_id, role, admins=self._replies.admins(), may_ask=True))

    async def suggest(self, command: Command) -> Reply:
        asked = command.asked
        if not isinstance(asked, Suggestion):
            return await self.help(command)
        return ephemeral(messages.suggestion(self._rules.command, word=asked.word, typed=asked.typed))

    async def recent(self, command: Command) -> Reply:
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                found = await self._store.recent(command.person.user_id, limit=RECENT)
                counts = await self._store.reports.counts([message.client_reference for message in found])
        except (StoreUnavailableError, TimeoutError):
            return ephemeral(self._replies.own("database-read"))
        return ephemeral(messages.recent(found, counts, causes=self._causes))

    async def status(self, command: Command) -> Reply:
        batch_id = (
            command.asked.rest.strip(" `") if isinstance(command.asked, Word) else ""
        )  # as our answers show it, or bare
        if not batch_id:
            return ephemeral(messages.status_usage(self._rules.command))
        decision = self._access(command.person, Role.SENDER)
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                found = await self._store.reports.find(batch_id)
                sight = may_see(found, command.person, decision) if found else None
                if found is None or sight is None:
                    admin = isinstance(decision, Allowed) and decision.role is Role.ADMIN
                    return ephemeral(messages.no_such_batch(batch_id, admin=admin))
                reported = await self._store.reports.recipients(found.client_reference)
        except (StoreUnavailableError, TimeoutError):
            return ephemeral(self._replies.own("database-read"))
        return ephemeral(messages.status(found, reported, sight=sight, causes=self._causes))

    # -- the dialog

    async def submit_compose(self, submit: Submit) -> Reply:
        content = self._check(submit)
        if not submit.view_id:
            return errors({ids.TO: self._replies.own_text("view")})
        if isinstance(content, Faults):
            return await self._taken_before(submit, None) or errors(content.by_block)
        if needs_review(content) and submit.dialog.reviewed != content.digest():
            return await self._taken_before(submit, content) or self._review(submit, content)
        submission = Submission(
            view_id=submit.view_id,
            team_id=submit.person.team_id or "",
            content=content,
            reply=submit.dialog.route(submit.person.user_id),
        )
        try:
            async with asyncio.timeout(COMMIT_LIMIT_S):
                taken = await self._store.enqueue(
                    submission, may=self._access.still(submit.person, Role.SENDER), now=self._clock.now()
                )
        except (StoreUnavailableError, TimeoutError):
            _log.error("not_saved", view=submit.view_id)
            return errors({ids.TO: self._replies.own_text("database")})
        if isinstance(taken, Denied):
            _log.info("denied", door=ids.COMPOSE, user=submit.person.user_id, reason=taken.reason)
            return self._denied(submit, taken.reason)
        if isinstance(taken, AlreadyTaken):
            return self._already(taken, content)
        _log.info(
            "queued",
            client_reference=taken.client_reference,
            user=submit.person.user_id,
            kind=content.kind,
            recipients=len(content.recipients),
        )
        self._on_queued(submit.person.user_id)
        return Reply()

    def _check(self, submit: Submit) -> Content | Faults:
        return check(submit.fields, default_region=self._rules.default_region, mms_countries=self._rules.mms_countries)

    async def _taken_before(self, submit: Submit, content: Content | None) -> Reply | None:
        """The reply if this dialog was submitted before; None if not, or if that can't be told now."""
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                taken = await self._store.taken(submit.view_id)
        except (StoreUnavailableError, TimeoutError):
            return None  # nothing is taken on this way: what follows asks the person again
        return None if taken is None else self._already(taken, content)

    @staticmethod
    def _already(taken: AlreadyTaken, content: Content | None) -> Reply:
        same = content is not None and content.digest() == taken.digest
        _log.info("already_taken", client_reference=taken.client_reference, same=same)
        return Reply() if same else errors({ids.TO: ALREADY_TAKEN})

    def _review(self, submit: Submit, content: Content) -> Reply:
        view = views.compose(
            submit.fields,
            dialog=replace(submit.dialog, reviewed=content.digest()),
            default_region=self._rules.default_region,
            review=content,
        )
        return update(view)

    async def open_again(self, click: Click) -> Reply:
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                message = await self._store.get(click.value)
        except (StoreUnavailableError, TimeoutError):
            return self._replies.say(click, self._replies.own("database-read"))
        if message is None or message.reply.user_id != click.person.user_id:
            return self._say(click, "Only the person who sent this message can open it again. Nothing was sent.")
        if message.content is None:
            return self._say(
                click, "This message is too old: its numbers and text are no longer kept. Nothing was sent."
            )
        content = message.content
        fields = Fields(
            to=content.typed_to,
            message=for_field(content.text),
            subject=for_field(content.subject) if content.subject else None,
            media_url=content.media_url,
        )
        dialog = replace(click.dialog, channel_id=click.dialog.channel_id or message.reply.channel_id)
        view = views.compose(fields, dialog=dialog, default_region=self._rules.default_region)

        async def after() -> None:
            await self._replies.open(click, view)

        return Reply(after=after)

    # -- after the ack

    async def _tell_untold(self, command: Command) -> None:
        """Answers that Slack did not take when they were due are told now."""
        try:
            late = [a for a in await self._store.untold(command.person.user_id, limit=_UNTOLD) if a.tries > 0]
            if late and await self._replies.tell(
                command.dialog,
                command.person.user_id,
                messages.untold([messages.answer(answer, causes=self._causes) for answer in late]),
            ):
                for answer in late:
                    await self._store.answer_told(answer.answer_id, by_response_url=False, now=self._clock.now())
        except StoreUnavailableError:
            _log.warning("store_unavailable", during="untold")

    # -- saying no

    async def _refuse_submit(self, submit: Submit, reason: Reason) -> Reply:
        if reason is Reason.NOT_READY:
            return errors({ids.TO: NOT_CONNECTED})
        content = self._check(submit)
        known = None if isinstance(content, Faults) else content
        return await self._taken_before(submit, known) or self._denied(submit, reason)

    def _denied(self, submit: Submit, reason: Reason) -> Reply:
        """Only for what was not taken before: it says that nothing was sent."""
        admins = self._replies.admins()
        text = messages.denied_text(reason, admins=admins, may_ask=True)
        return update(views.denied(text, submit.fields, may_ask=messages.can_ask(reason, admins)))

    def _say(self, click: Click, text: str) -> Reply:
        return self._replies.say(click, messages.plain(text))
