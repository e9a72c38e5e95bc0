"""A dialog as a person has it on the screen: read it, type into it, submit, click, close."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sandbox.slack import payloads
from sandbox.slack.block_kit import MAX_VIEW_BYTES, check_view, elements_of, view_bytes
from sandbox.slack.delivery import Ack
from sandbox.slack.form import STATE_KEYS, CannotTypeError, client_errors, entered
from sandbox.slack.modals import OpenView
from sandbox.slack.people import Person
from sandbox.slack.state import JsonObject, SlackError, words_of
from sandbox.slack.workspace import Workspace

TROUBLE = "We had some trouble connecting. Try again?"
_RESPONSE_KEYS: Mapping[str, frozenset[str]] = {  # response_action → the other keys of the answer
    "errors": frozenset({"errors"}),
    "update": frozenset({"view"}),
    "push": frozenset({"view"}),
    "clear": frozenset(),
}


class Outcome(StrEnum):
    """What became of a press of the submit button."""

    CLOSED = "closed"  # this view; one below it may be on top now
    CLEARED = "cleared"  # the whole stack
    UPDATED = "updated"
    PUSHED = "pushed"
    ERRORS = "errors"  # the bot's, under the fields
    INCOMPLETE = "incomplete"  # Slack's client stopped it: nothing reached the bot
    TROUBLE = "trouble"  # no answer, or one that Slack does not take: the dialog stays


@dataclass(frozen=True, slots=True)
class SubmitAnswer:
    """``errors`` is block_id → sentence; ``others`` are the answers to the other presses of ``submit(times=…)``."""

    outcome: Outcome
    status: int | None
    elapsed_s: float
    errors: Mapping[str, str]
    shown: str
    others: tuple[SubmitAnswer, ...] = ()


class Dialog:
    """One view on one person's screen; it stays the same thing under updates."""

    def __init__(self, workspace: Workspace, person: Person, view: OpenView) -> None:
        self._workspace = workspace
        self._person = person
        self._view = view

    @property
    def id(self) -> str:
        return self._view.id

    @property
    def view(self) -> JsonObject:
        """The view as payloads show it, state included."""
        return self._view.payload()

    @property
    def callback_id(self) -> str:
        return str(self._view.definition.get("callback_id", ""))

    @property
    def title(self) -> str:
        return str(self._view.definition["title"]["text"])

    @property
    def shown(self) -> str:
        """Every word on the screen, top to bottom, errors last."""
        return "\n".join([words_of(self._view.definition), *self._view.errors.values()])

    @property
    def errors(self) -> dict[str, str]:
        """The sentences that stand under the fields: block_id → sentence."""
        return dict(self._view.errors)

    @property
    def is_open(self) -> bool:
        return self._workspace.modals.is_open(self._view)

    @property
    def can_submit(self) -> bool:
        return "submit" in self._view.definition

    @property
    def values(self) -> dict[str, Any]:
        """block_id → what is entered: text, IDs, chosen values; None or [] when empty."""
        return {
            block_id: _plain(state)
            for block_id, actions in self._view.values.items()
            for state in list(actions.values())[:1]
        }

    def type_in(self, entries: Mapping[str, Any]) -> None:
        """Enter values, by block_id (see ``form.entered`` for what each element takes).

        Raises:
            CannotTypeError: there is no such input, or Slack's client would not take the value.
        """
        self._require_open()
        for block_id, entry in entries.items():
            element = next(
                (e for b, e in self._elements() if b["block_id"] == block_id and e["type"] in STATE_KEYS), None
            )
            if element is None:
                raise CannotTypeError(f"the dialog {self.title!r} has no input {block_id!r}")
            self._view.values[block_id][element["action_id"]] = entered(element, entry)

    async def submit(self, *, times: int = 1) -> SubmitAnswer:
        """Press the submit button, ``times`` times at once (a double click: same view, same content, new triggers).

        Raises:
            CannotTypeError: the dialog is closed or has no submit button.
        """
        self._require_open()
        if not self.can_submit:
            raise CannotTypeError(f"the dialog {self.title!r} has no submit button")
        blocks = self._view.definition["blocks"]
        if errors := client_errors(blocks, self._view.values):
            self._workspace.modals.show_errors(self._view, errors)
            return SubmitAnswer(Outcome.INCOMPLETE, None, 0.0, errors, self.shown)
        first, *others = await asyncio.gather(*(self._press() for _ in range(times)))
        return replace(first, others=tuple(others))

    async def close(self, *, everything: bool = False) -> Ack | None:
        """Press Cancel, or with ``everything`` the x that closes the whole stack; the ack of view_closed, if wanted."""
        self._require_open()
        modals = self._workspace.modals
        cleared = everything or bool(self._view.definition.get("clear_on_close"))
        view = modals.find(self._view.root_view_id) or self._view if cleared else self._view
        if cleared:
            modals.clear(self._view)
        else:
            modals.close(self._view)
        if not view.definition.get("notify_on_close"):
            return None
        return await self._workspace.delivery.interactive(payloads.view_closed(self._person, view, is_cleared=cleared))

    async def click(self, action_id: str, entry: Any = None, *, value: str | None = None) -> Ack:
        """Use a button or another interactive element of the dialog; ``entry`` is what is chosen.

        Args:
            value: which one, where several have the same action_id.
        """
        self._require_open()
        return await click_in_view(self._workspace, self._person, self._view, action_id, entry, value=value)

    async def wait_until(self, holds: Callable[[Dialog], bool], *, timeout_s: float = 5.0) -> None:
        """Wait for the bot to change the dialog.

        Raises:
            NothingSeenError: it did not, in time.
        """
        await self._workspace.state.changes.wait_for(
            lambda: True if holds(self) else None, timeout_s=timeout_s, what=f"a change of the dialog {self.title!r}"
        )

    def _elements(self) -> list[tuple[JsonObject, JsonObject]]:
        return list(elements_of(self._view.definition["blocks"]))

    def _require_open(self) -> None:
        if not self.is_open:
            raise CannotTypeError("the dialog is closed")

    async def _press(self) -> SubmitAnswer:
        workspace = self._workspace
        trigger_id = workspace.state.new_trigger(self._person.id, view_id=self._view.id)
        payload = payloads.view_submission(self._person, self._view, trigger_id=trigger_id)
        ack = await workspace.delivery.interactive(payload)
        outcome, errors = self._apply(ack)
        return SubmitAnswer(outcome, ack.status, ack.elapsed_s, errors, TROUBLE if outcome == "trouble" else self.shown)

    def _apply(self, ack: Ack) -> tuple[Outcome, Mapping[str, str]]:
        """Do what the answer says, as Slack does; a wrong answer is recorded and leaves the dialog as it is."""
        if ack.status != 200:
            return Outcome.TROUBLE, {}
        try:
            return self._follow(_response(ack))
        except SlackError as refused:
            self._workspace.state.refuse("view_submission", refused.error, *refused.messages)
            return Outcome.TROUBLE, {}

    def _follow(self, response: JsonObject) -> tuple[Outcome, Mapping[str, str]]:
        modals, view = self._workspace.modals, self._view
        if not response:
            if self.is_open:  # not after a second press, when the first answer has closed it already
                modals.close(view)
            return Outcome.CLOSED, {}
        action = str(response.get("response_action"))
        if action not in _RESPONSE_KEYS:
            raise SlackError("unknown response_action", (action[:60],))
        if set(response) - {"response_action"} != _RESPONSE_KEYS[action]:
            raise SlackError("wrong keys for response_action", tuple(sorted(response)))
        if action == "errors":
            errors = _checked_errors(response["errors"], view.definition["blocks"])
            modals.show_errors(view, errors)
            return Outcome.ERRORS, errors
        definition = _checked_view(response["view"]) if "view" in response else {}
        if not self.is_open:
            return Outcome.CLOSED, {}
        if action == "update":
            modals.update(view, definition)
            return Outcome.UPDATED, {}
        if action == "push":
            modals.push(view, definition)
            return Outcome.PUSHED, {}
        modals.clear(view)
        return Outcome.CLEARED, {}


async def click_in_view(
    workspace: Workspace, person: Person, view: OpenView, action_id: str, entry: Any, *, value: str | None = None
) -> Ack:
    """Use an interactive element of a dialog or of the Home tab."""
    block, element = find_element(view.definition["blocks"], action_id, value=value)
    chosen = None
    if element["type"] in STATE_KEYS:
        chosen = entered(element, entry)
        view.values[block["block_id"]][action_id] = chosen
    trigger_id = workspace.state.new_trigger(person.id, view_id=view.id)
    action = payloads.action(block, element, chosen=chosen, action_ts=workspace.state.next_ts())
    return await workspace.delivery.interactive(payloads.click_in_view(person, view, action, trigger_id=trigger_id))


def find_element(blocks: Any, action_id: str, *, value: str | None = None) -> tuple[JsonObject, JsonObject]:
    """The first one with this action_id, and with this value if that is asked for.

    Raises:
        CannotTypeError: there is none in these blocks.
    """
    for block, element in elements_of(blocks):
        if element.get("action_id") == action_id and value in (None, element.get("value")):
            return block, element
    raise CannotTypeError(f"there is nothing to click with action_id {action_id!r}")


def _plain(state: JsonObject) -> Any:
    value = state[STATE_KEYS[state["type"]][0]]
    if isinstance(value, dict) and "value" in value:
        return value["value"]
    if isinstance(value, list):
        return [item["value"] if isinstance(item, dict) and "value" in item else item for item in value]
    return value


def _response(ack: Ack) -> JsonObject:
    """The answer as JSON; an empty body is an empty object."""
    if not ack.body.strip():
        return {}
    if ack.content_type != "application/json":
        raise SlackError("the answer to a view_submission must be empty or JSON", (ack.content_type,))
    try:
        response = json.loads(ack.body)
    except ValueError as wrong:
        raise SlackError("invalid JSON in the answer to a view_submission") from wrong
    if not isinstance(response, dict):
        raise SlackError("the answer to a view_submission must be a JSON object")
    return response


def _checked_errors(errors: object, blocks: list[JsonObject]) -> dict[str, str]:
    inputs = {block["block_id"] for block in blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise SlackError("errors must be an object with at least one entry")
    if unknown := sorted(set(errors) - inputs):
        raise SlackError("errors for blocks that are no inputs of this view", tuple(unknown))
    if wrong := sorted(key for key, text in errors.items() if not isinstance(text, str) or not text.strip()):
        raise SlackError("errors must be plain text, and not empty", tuple(wrong))
    return errors


def _checked_view(view: Any) -> JsonObject:
    if view_bytes(view) > MAX_VIEW_BYTES:
        raise SlackError("view_too_large")
    if problems := check_view(view):
        raise SlackError("invalid view in the answer to a view_submission", tuple(problems))
    if view["type"] != "modal":
        raise SlackError("a dialog cannot become a Home view")
    checked: JsonObject = view
    return checked
