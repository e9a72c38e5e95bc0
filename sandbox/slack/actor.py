"""Acting as a person of the sandbox workspace: type a command, use a dialog, click a button, read what is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.slack import payloads
from sandbox.slack.delivery import DISPATCH_FAILED, Ack
from sandbox.slack.dialog import Dialog, click_in_view, find_element
from sandbox.slack.form import STATE_KEYS, entered
from sandbox.slack.mentions import escape_command_text
from sandbox.slack.people import Channel, Person
from sandbox.slack.state import JsonObject, Message, words_of
from sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What a typed command brought.

    ``message`` is what the bot's ack showed, None for an empty ack. ``error`` is the word that Slack shows when the
    command failed (``operation_timeout``, ``dispatch_failed``), None when it went well. ``payload`` is what was sent.
    """

    status: int | None
    body: bytes
    elapsed_s: float
    message: Message | None
    error: str | None
    payload: dict[str, str]

    @property
    def timed_out(self) -> bool:
        return self.error == "operation_timeout"


class Actor:
    """One person at the keyboard."""

    def __init__(self, workspace: Workspace, person: Person) -> None:
        self._workspace = workspace
        self._person = person

    @property
    def id(self) -> str:
        return self._person.id

    @property
    def name(self) -> str:
        return self._person.name

    @property
    def messages(self) -> tuple[Message, ...]:
        """Every message of the bot that this person can see now, oldest first."""
        return tuple(message for message in self._workspace.state.messages if self._sees(message))

    @property
    def home(self) -> JsonObject | None:
        """The Home view published for this person."""
        view = self._workspace.modals.home(self.id)
        return None if view is None else view.payload()

    @property
    def home_shown(self) -> str:
        """Every word on this person's Home tab, top to bottom; empty when nothing was published."""
        view = self._workspace.modals.home(self.id)
        return "" if view is None else words_of(view.definition)

    def open_dialog(self) -> Dialog | None:
        """The dialog on top of this person's screen now, if any."""
        view = self._workspace.modals.top(self.id)
        return None if view is None else Dialog(self._workspace, self._person, view)

    async def command(
        self, command: str, text: str = "", *, channel: str = "general", escape: bool = True
    ) -> CommandAnswer:
        """Type a command.

        Args:
            channel: name or ID; ``@mms`` is the direct message with the bot.
            escape: False sends the text exactly as given, instead of rewriting it as Slack does.

        Raises:
            LookupError: the person is not in that channel.
        """
        place = self._place(channel)
        payload = self.command_payload(command, text, place, escape=escape)
        ack = await self._workspace.delivery.slash_command(payload)
        message, error = None, ack.error
        if ack.status == 200 and ack.body.strip():
            shown, problems = self._workspace.posting.from_ack(_ack_content(ack), user_id=self.id, channel_id=place.id)
            if problems:
                self._workspace.state.refuse("command ack", "invalid body", *problems)
                error = DISPATCH_FAILED
            elif shown is not None:
                self._workspace.state.post(shown)
                message = shown
        return CommandAnswer(ack.status, ack.body, ack.elapsed_s, message, error, payload)

    def command_payload(self, command: str, text: str, channel: Channel, *, escape: bool) -> dict[str, str]:
        """A command's payload with a fresh trigger and response_url, not sent."""
        workspace = self._workspace
        return payloads.command(
            self._person,
            channel,
            command=command,
            text=escape_command_text(text, workspace.people) if escape else text,
            response_url=workspace.response_url(self.id, channel.id),
            trigger_id=workspace.state.new_trigger(self.id),
        )

    async def dialog(self, *, callback_id: str | None = None, timeout_s: float = 5.0) -> Dialog:
        """Wait for a dialog (with this callback_id) on top of the screen.

        Raises:
            NothingSeenError: none came.
        """

        def look() -> Dialog | None:
            dialog = self.open_dialog()
            return dialog if dialog and callback_id in (None, dialog.callback_id) else None

        return await self._workspace.state.changes.wait_for(look, timeout_s=timeout_s, what=f"a dialog for {self.name}")

    async def click(self, message: Message, action_id: str, entry: Any = None) -> Ack:
        """Use a button or another interactive element of a message; ``entry`` is what is chosen."""
        workspace = self._workspace
        current = workspace.state.find_message(message.ts)
        if current is None or not self._sees(current):
            raise LookupError(f"{self.name} does not see this message")
        block, element = find_element(current.blocks, action_id)
        block = {**block, "block_id": block.get("block_id", "b0")}
        chosen = entered(element, entry) if element["type"] in STATE_KEYS else None
        action = payloads.action(block, element, chosen=chosen, action_ts=workspace.state.next_ts())
        return await workspace.delivery.interactive(
            payloads.click_in_message(
                self._person,
                workspace.people.channel(current.channel_id),
                current,
                action,
                response_url=workspace.response_url(self.id, current.channel_id, message_ts=current.ts),
                trigger_id=workspace.state.new_trigger(self.id),
            )
        )

    async def open_home(self, *, tab: str = "home") -> Ack:
        """Look at the bot's Home tab: sends app_home_opened."""
        workspace = self._workspace
        inner = payloads.app_home_opened(
            self._person,
            workspace.people.app_dm(self.id),
            tab=tab,
            home=workspace.modals.home(self.id),
            event_ts=workspace.state.next_ts(),
        )
        return await send_event(workspace, inner)

    async def click_home(self, action_id: str, entry: Any = None, *, value: str | None = None) -> Ack:
        """Use an interactive element of the Home tab; ``value`` says which one, where several have the same action_id.

        Raises:
            LookupError: nothing was published.
        """
        view = self._workspace.modals.home(self.id)
        if view is None:
            raise LookupError(f"nothing was published for {self.name}")
        return await click_in_view(self._workspace, self._person, view, action_id, entry, value=value)

    async def wait_for_home(
        self, predicate: Callable[[str], object] = lambda _: True, *, timeout_s: float = 5.0
    ) -> JsonObject:
        """The Home view, as soon as one is published for whose words ``predicate`` holds.

        Raises:
            NothingSeenError: none came.
        """
        return await self._workspace.state.changes.wait_for(
            lambda: self.home if self.home is not None and predicate(self.home_shown) else None,
            timeout_s=timeout_s,
            what=f"a Home view for {self.name}",
        )

    async def wait_for_message(
        self, predicate: Callable[[Message], bool] = lambda _: True, *, timeout_s: float = 5.0
    ) -> Message:
        """The first message, already there or still to come, for which ``predicate`` holds.

        Raises:
            NothingSeenError: none came.
        """
        return await self._workspace.state.changes.wait_for(
            lambda: next((message for message in self.messages if predicate(message)), None),
            timeout_s=timeout_s,
            what=f"a message for {self.name}",
        )

    def _place(self, channel: str) -> Channel:
        if channel == "@mms":
            return self._workspace.people.app_dm(self.id)
        place = self._workspace.people.channel(channel)
        if self.id not in place.members:
            raise LookupError(f"{self.name} is not in {place.name}")
        return place

    def _sees(self, message: Message) -> bool:
        if message.ephemeral_to is not None:
            return message.ephemeral_to == self.id
        return self.id in self._workspace.people.channel(message.channel_id).members


async def send_event(
    workspace: Workspace, inner: JsonObject, *, retry_num: int = 0, event_id: str | None = None
) -> Ack:
    """Any event, known to the bot or not; the same ``event_id`` with a ``retry_num`` is a repetition."""
    state = workspace.state
    outer = payloads.event(inner, event_id=event_id or state.next_id("Ev"), event_time=int(state.clock()))
    return await workspace.delivery.event(outer, retry_num=retry_num)


def _ack_content(ack: Ack) -> object:
    if ack.content_type != "application/json":
        return ack.body.decode("utf-8", "replace")
    try:
        return json.loads(ack.body)
    except ValueError:
        return None
