"""What the chapters are told with: people act at the fakes, and what really comes of it is drawn and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from sandbox.sinch.faults import Reset
from sandbox.sinch.server import RequestSeen
from sandbox.slack.dialog import Dialog, Outcome, SubmitAnswer
from sandbox.slack.state import Message, NothingSeenError
from sandbox.story import checks, phone_screen, slack_screen
from sandbox.story.lines import Span, Tone, table
from sandbox.story.teller import Teller
from sandbox.world import World

ANSWER_WITHIN_S = 20.0  # on a busy machine; a fraction of a second on an idle one
FOUND_WITHIN_S = 45.0  # the product's own promise about a lost answer
COMMAND = "/mms"
DIALOG_WIDTH = 68
_BATCH_ID = re.compile(r"\b[0-9A-Z]{26}\b")  # Sinch SMS API: a batch's id
_OPEN_AGAIN, _DETAILS = "mms_open_again", "mms_details"
NEWS_WITHIN_S = 30.0  # the bot asks Sinch for the first time after five seconds


class StoryStoppedError(Exception):
    """What the story waits for did not come: there is nothing to go on with. The check is on record."""


class Stage:
    """One story under way.

    Args:
        answer_within_s: how long a dialog or an answer of the bot's is waited for.
    """

    def __init__(self, world: World, teller: Teller, *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self.slack = world.slack
        self.sinch = world.sinch
        self.teller = teller
        self.checks = checks.Checks()
        self.submissions = 0
        self._answer_within_s = answer_within_s
        self.reached: set[str] = set()  # the phones that must have got something
        self._shown: set[str] = set()  # the ts of every message that was drawn

    def say(self, *content: str | Span) -> None:
        self.teller.say(*content)

    # -- what people do

    async def types(self, who: str, text: str, *, channel: str = "general") -> None:
        """A person types the command, with ``text`` behind it."""
        typed = f"{COMMAND} {text}".rstrip()
        self.teller.show(slack_screen.typed_line(who, f"#{channel}", typed, self.teller.width))
        answer = await self.slack.person(who).command(COMMAND, text, channel=channel)
        self.checks.equal(f"what Slack says of {who}'s command", expected="all well", seen=answer.error or "all well")

    async def dialog(self, who: str) -> Dialog:
        """The dialog that the bot opens."""
        try:
            return await self.slack.person(who).dialog(timeout_s=self._answer_within_s)
        except NothingSeenError as absent:
            raise self._stopped(f"a dialog for {who}", absent) from None

    async def send(self, who: str, dialog: Dialog) -> SubmitAnswer:
        """Press the dialog's button."""
        answer = await dialog.submit()
        if answer.outcome is Outcome.CLOSED:
            self.submissions += 1
        return answer

    async def answer(self, who: str, *, is_last: Callable[[Message], bool], within_s: float | None = None) -> Message:
        """Draw what the bot tells a person, up to the message that it comes to."""
        person = self.slack.person(who)
        while True:
            try:
                message = await person.wait_for_message(
                    lambda m: m.ts not in self._shown and not is_news(m), timeout_s=within_s or self._answer_within_s
                )
            except NothingSeenError as absent:
                raise self._stopped(f"a private answer for {who}", absent) from None
            self._shown.add(message.ts)
            self._draw(message, who)
            if is_last(message):
                return message

    async def news(self, who: str, told: Message) -> Message:
        """Draw what the bot tells a person of the delivery of the message of which they were ``told`` the batch ID."""
        ids = set(_BATCH_ID.findall(told.shown))
        try:
            message = await self.slack.person(who).wait_for_message(
                lambda m: is_news(m) and ids <= set(_BATCH_ID.findall(m.shown)),
                timeout_s=max(NEWS_WITHIN_S, self._answer_within_s),
            )
        except NothingSeenError as absent:
            raise self._stopped(f"what became of {who}'s message", absent) from None
        self._draw(message, who)
        return message

    async def presses(self, who: str, message: Message, action_id: str) -> None:
        """A person presses a button below a message."""
        ack = await self.slack.person(who).click(message, action_id)
        self.checks.equal(f"what Slack says of {who}'s click", expected="all well", seen=ack.error or "all well")

    async def changed(self, who: str, message: Message) -> Message:
        """Draw a message of the bot's as it reads once the bot has changed it."""
        try:
            now = await self.slack.person(who).wait_for_message(
                lambda m: m.ts == message.ts and m.edits > message.edits, timeout_s=self._answer_within_s
            )
        except NothingSeenError as absent:
            raise self._stopped(f"a change of what {who} reads", absent) from None
        self._draw(now, who)
        return now

    # -- what is drawn

    def draw_dialog(self, dialog: Dialog, *, hints: bool = False) -> None:
        width = min(DIALOG_WIDTH, self.teller.width)
        self.teller.show(slack_screen.dialog(dialog.view, dialog.errors, width, name_of=self.name_of, hints=hints))

    def draw_phones(self, *numbers: str) -> None:
        inboxes = [(number, self.sinch.phones.of(number)) for number in numbers]
        self.teller.show(phone_screen.phones(inboxes, self.teller.width))

    def draw_requests(self, requests: Sequence[RequestSeen]) -> None:
        """What the bot asked Sinch, and what it was answered."""
        heads = tuple(Span(head, Tone.FAINT) for head in ("to do", "reference", "what came back"))
        self.teller.show(table([heads, *map(_request, requests)], self.teller.width))

    def _draw(self, message: Message, who: str) -> None:
        where = self.slack.people.channel(message.channel_id)
        place = f"#{where.name}" if where.kind != "im" else "direct message"
        readers = f"only {who} sees this" if message.ephemeral_to or where.kind == "im" else "everybody there sees this"
        bot = self.slack.people.person(self.slack.bot_user_id).real_name
        self.teller.show(
            slack_screen.message(
                f"{place} · {bot} · {readers}",
                message.text,
                message.blocks,
                self.teller.width,
                name_of=self.name_of,
            )
        )

    def name_of(self, some_id: str) -> str:
        """What people see for an ID of Slack's."""
        people = self.slack.people
        if person := people.find_person(some_id):
            return f"@{person.name}"
        if channel := people.find_channel(some_id):
            return f"#{channel.name}"
        if group := people.find_group(some_id):
            return f"@{group.handle}"
        return some_id

    # -- what is checked

    def check_told_privately(self, who: str, message: Message) -> None:
        person = self.slack.person(who)
        others = (self.slack.person(name) for name in ("ann", "ben", "ada", "sam") if name != who)
        readers = [who, *(other.name for other in others if message in other.messages)]
        self.checks.equal("who reads the answer", expected=[person.name], seen=readers)

    def check_sent(
        self, who: str, told: Message, *, phones: Sequence[str], shows: str, stopped: Sequence[str] = ()
    ) -> None:
        """One batch went to exactly these phones, each of them has it once, and the person was told its ID.

        Args:
            stopped: phones that it went to as well, and never reached.
        """
        digits = sorted(number.removeprefix("+") for number in (*phones, *stopped))
        ids = [batch.id for batch in self.sinch.batches if sorted(batch.recipients) == digits]
        self.checks.equal(f"batches at Sinch for {_listed(phones)}", expected=1, seen=len(ids))
        told_ids = _BATCH_ID.findall(told.shown)
        self.checks.equal(f"the batch ID that {who} was told", expected=ids[:1], seen=told_ids)
        self.reached.update(phones)
        for number in phones:
            self.check_phone(number, [shows])
        for number in stopped:
            self.check_phone(number, [])
        self.check_told_privately(who, told)

    def check_phone(self, number: str, expected: Sequence[str]) -> None:
        seen = checks.on_phone(self.sinch.phones.of(number))
        self.checks.equal(f"on the phone {phone_screen.spaced(number)}", expected=list(expected), seen=seen)

    def check_mistakes(self) -> None:
        """Slack took everything that the bot did."""
        self.checks.equal("what Slack did not take from the bot", expected=[], seen=checks.mistakes(self.slack))

    def _stopped(self, what: str, absent: NothingSeenError) -> StoryStoppedError:
        self.checks.equal(what, expected="there in time", seen=str(absent))
        return StoryStoppedError(what)


def is_result(message: Message) -> bool:
    """Is it the bot's last word on a message: a batch ID, or a button to try again?"""
    return bool(_BATCH_ID.search(message.shown) or _OPEN_AGAIN in message.buttons())


def is_news(message: Message) -> bool:
    """Is it about the delivery of a message that was told as accepted before?"""
    return _DETAILS in message.buttons()


def any_message(_: Message) -> bool:
    return True


def button(dialog: Dialog) -> str:
    """What stands on the dialog's submit button."""
    return str(dialog.view["submit"]["text"])


def typed(dialog: Dialog) -> Mapping[str, str]:
    """What stands in a dialog's fields, the empty ones left out."""
    return {name: value for name, value in dialog.values.items() if value}


def _request(seen: RequestSeen) -> tuple[Span, ...]:
    asked = {"send": "send", "list": "look up", "get": "look up"}.get(str(seen.operation), "other")
    back = f"an answer, status {seen.status}"
    if seen.status is None:
        back = "nothing: the connection broke" if isinstance(seen.fault, Reset) else "nothing"
    return Span(asked), Span(seen.client_reference or "", Tone.CODE), Span(back)


def _listed(numbers: Sequence[str]) -> str:
    return ", ".join(map(phone_screen.spaced, numbers))
