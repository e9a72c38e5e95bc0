"""One world behind one page: people act in it, and what each of them sees is put together here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.bot_process import BotDiedError
from sandbox.page import hood
from sandbox.page.blocks import typed
from sandbox.page.faults import Trouble
from sandbox.sinch.lives import State
from sandbox.slack import Actor, Dialog, Message, Outcome
from sandbox.slack.delivery import Ack
from sandbox.slack.form import CannotTypeError
from sandbox.world import World

# Who a person at the page can be, and what they are there.
CAST = {"ann": "may send", "ada": "admin", "sam": "not on the list", "gus": "guest, not on the list"}
CHANNEL, DIRECT, HOME = "general", "@mms", "home"
COMMAND = "/mms"
LONGEST_TEXT = 4000
DEAD_FOR_S = 1.0  # between the kill and the next start, so that a person sees it

_WORDS = {
    "operation_timeout": "did not answer in time (operation_timeout)",
    "dispatch_failed": "could not be reached (dispatch_failed)",
}


class NotPossibleError(ValueError):
    """What was asked for can't be done here and now; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line in a conversation: a message of the bot's, or what a person typed, or a word of Slack's own."""

    key: tuple[int, int]
    author: str
    mine: bool
    text: str = ""
    message: Message | None = None
    only_you: bool = False
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """One message at one phone. ``mark`` is ✓ for handed over, ✓✓ for delivered, ✗ for what did not arrive."""

    text: str
    subject: str | None
    media_url: str | None
    arrived: bool
    mark: str
    said: str


@dataclass(slots=True)
class Stage:
    """See the module. ``folder`` is where the bot keeps its database."""

    world: World
    folder: Path
    log: list[hood.Line] = field(default_factory=list)
    bot_state: str = "running"
    _typed: list[tuple[str, str, Entry]] = field(default_factory=list)
    _trouble: Trouble | None = None
    _restart: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> Trouble:
        if self._trouble is None:
            self._trouble = Trouble(self.world.slack, self.world.sinch)
        return self._trouble

    def actor(self, name: str) -> Actor:
        """Raises ``NotPossibleError`` for somebody who is not in the cast."""
        if name not in CAST:
            raise NotPossibleError("There is nobody of that name here.")
        return self.world.slack.person(name)

    # -- what people do

    async def write(self, name: str, text: str, place: str) -> None:
        """Type a line and press Enter: the command, or a mere message, which the bot does not see."""
        actor = self.actor(name)
        text = " ".join(text.split("\n")).strip()[:LONGEST_TEXT]
        if not text:
            raise NotPossibleError("There is nothing to send.")
        if place not in (CHANNEL, DIRECT):
            raise NotPossibleError("Type in a channel or in the direct message.")
        self._note(name, place, Entry(self._key(), name, mine=True, text=text, only_you=text.startswith("/")))
        word, _, rest = text.partition(" ")
        if word != COMMAND:
            if word.startswith("/"):
                self._say(name, place, f"{word} is no command here. The bot’s is {COMMAND}.")
            return
        answer = await actor.command(COMMAND, rest.strip(), channel=place)
        ack = Ack(answer.status, answer.body, "", answer.elapsed_s, answer.error)
        self._acked(f"{COMMAND} typed by {name}", ack, "Slack hands it to the bot, signed, and waits 3 seconds.")
        if answer.error is not None:
            self._say(name, place, f"{COMMAND} failed: the bot {_WORDS.get(answer.error, answer.error)}.")

    async def submit(self, name: str, view_id: str, form: Mapping[str, list[str]]) -> None:
        """Fill the dialog in and press its button."""
        dialog = self._dialog(name, view_id)
        try:
            dialog.type_in(typed(dialog.view, form))
            answer = await dialog.submit()
        except CannotTypeError as wrong:
            raise NotPossibleError(str(wrong)) from None
        if answer.outcome is Outcome.INCOMPLETE:
            return  # stopped by Slack's client: nothing reached the bot
        ack = Ack(answer.status, b"", "", answer.elapsed_s, None)
        self._acked(f"dialog sent by {name}", ack, "The bot writes it to disk before it says yes.")

    async def close(self, name: str, view_id: str) -> None:
        await self._dialog(name, view_id).close()

    async def click(self, name: str, action_id: str, *, place: str, ts: str, value: str | None, entry: str) -> None:
        """Press a button in a message (``ts``), in the dialog or on the Home tab."""
        actor = self.actor(name)
        chosen = entry or None
        try:
            if place == "home":
                ack = await actor.click_home(action_id, chosen, value=value)
            elif place == "dialog":
                dialog = actor.open_dialog()
                if dialog is None:
                    raise NotPossibleError("The dialog is closed.")
                ack = await dialog.click(action_id, chosen, value=value)
            else:
                message = next((one for one in actor.messages if one.ts == ts), None)
                if message is None:
                    raise NotPossibleError("That message is not there any more.")
                ack = await actor.click(message, action_id, chosen)
        except (CannotTypeError, LookupError) as wrong:
            raise NotPossibleError(str(wrong)) from None
        self._acked(f"button pressed by {name}", ack, "Slack tells the bot which button, with a new trigger.")
        if ack.error is not None:
            where = DIRECT if place != "message" else self._place_of(name, ts)
            self._say(name, where, f"The bot {_WORDS.get(ack.error, ack.error)}.")

    async def look_home(self, name: str) -> None:
        ack = await self.actor(name).open_home()
        self._acked(f"Home tab opened by {name}", ack, "Slack tells the bot that somebody looks.")

    async def kill(self) -> None:
        """``kill -9``, and a new start a moment later."""
        if self._restart is not None and not self._restart.done():
            raise NotPossibleError("It is being started again already.")
        self.bot_state = "killed"
        await self.world.bot.kill()
        self._restart = asyncio.create_task(self._start_again())

    async def end(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)

    async def _start_again(self) -> None:
        await asyncio.sleep(DEAD_FOR_S)
        self.bot_state = "starting"
        try:
            await self.world.start_bot()
        except (BotDiedError, TimeoutError):
            self.bot_state = "dead"
        else:
            self.bot_state = "running"

    # -- what they see

    def conversation(self, name: str, place: str) -> list[Entry]:
        """Oldest first."""
        actor = self.actor(name)
        dm = self.world.slack.people.app_dm(actor.id).id
        here = [
            Entry(
                _order(one.ts),
                "mms",
                mine=False,
                message=one,
                only_you=one.ephemeral_to is not None,
                bot=True,
            )
            for one in actor.messages
            if (one.channel_id == dm) == (place == DIRECT)
        ]
        own = [one for who, where, one in self._typed if where == place and (who == name or not one.only_you)]
        shown = [one if one.author == name else Entry(one.key, one.author, mine=False, text=one.text) for one in own]
        return sorted([*here, *shown], key=lambda one: one.key)

    def dialog(self, name: str) -> Dialog | None:
        return self.actor(name).open_dialog()

    def phones(self) -> dict[str, list[Tick]]:
        """Number → what was sent there; the newest first, and the phone that got something last."""
        now = self.world.sinch.plan.clock()
        found: dict[str, list[Tick]] = {}
        for batch in reversed(self.world.sinch.batches):
            for message in batch.messages:
                step = message.now(now)
                at = message.arrives_at()
                arrived = at is not None and at <= now
                found.setdefault(f"+{message.recipient}", []).append(
                    Tick(
                        message.text,
                        batch.request.subject,
                        batch.request.media_url,
                        arrived=arrived,
                        mark="✓✓" if step.state is State.DELIVERED else "✓" if not step.state.final else "✗",
                        said=f"{step.state}{f' ({step.code})' if step.state.final and step.code else ''}",
                    )
                )
        return found

    def rows(self) -> list[hood.Row]:
        return hood.rows(self.folder / "mms-bot.db")

    def name_of(self, some_id: str) -> str:
        people = self.world.slack.people
        if person := people.find_person(some_id):
            return f"@{person.name}"
        if channel := people.find_channel(some_id):
            return f"#{channel.name}"
        if group := people.find_group(some_id):
            return f"@{group.handle}"
        return some_id

    def everybody(self) -> Sequence[tuple[str, str]]:
        """(ID, name) of whom a picker offers."""
        names = ("ann", "ben", "ada", "sam", "gus")
        found = [self.world.slack.people.person(name) for name in names]
        return [(one.id, one.real_name) for one in found]

    # --

    def _dialog(self, name: str, view_id: str) -> Dialog:
        dialog = self.actor(name).open_dialog()
        if dialog is None or dialog.id != view_id:
            raise NotPossibleError("That dialog is closed.")
        return dialog

    def _key(self) -> tuple[int, int]:
        return _order(self.world.slack.state.next_ts())

    def _note(self, name: str, place: str, entry: Entry) -> None:
        self._typed.append((name, place, entry))

    def _say(self, name: str, place: str, text: str) -> None:
        """A word of the workspace itself, to one person."""
        self._note(name, place, Entry(self._key(), "workspace", mine=False, text=text, only_you=True))

    def _place_of(self, name: str, ts: str) -> str:
        found = next((one for one in self.actor(name).messages if one.ts == ts), None)
        dm = self.world.slack.people.app_dm(self.actor(name).id).id
        return DIRECT if found is not None and found.channel_id == dm else CHANNEL

    def _acked(self, what: str, ack: Ack, meaning: str) -> None:
        came_back = ack.error or f"acked in {ack.elapsed_s * 1000:.0f} ms"
        self.log.append(hood.Line(self.world.slack.state.clock(), "You", what, came_back, meaning, ""))


def _order(ts: str) -> tuple[int, int]:
    seconds, _, count = ts.partition(".")
    return int(seconds), int(count)
