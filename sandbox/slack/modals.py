"""Open dialogs and Home views: stacks, IDs, hashes, what an update keeps. Memory only, no I/O."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.block_kit import elements_of
from sandbox.slack.form import Values, carried_values, initial_values
from sandbox.slack.people import APP_ID, BOT_ID, TEAM_ID
from sandbox.slack.state import JsonObject, SlackError, State

MAX_STACK = 3  # Slack: one view and two pushed on it


@dataclass(slots=True, eq=False)
class OpenView:
    """One view on a person's screen. ``definition`` is what the bot gave, IDs filled in."""

    id: str
    user_id: str
    root_view_id: str
    previous_view_id: str | None
    definition: JsonObject
    hash: str
    values: Values
    errors: dict[str, str] = field(default_factory=dict)
    updates: int = 0

    def payload(self, *, with_inputs: bool = True) -> JsonObject:
        """The view as payloads and answers show it, every documented field."""
        given = self.definition
        inputs = {block["block_id"] for block in given["blocks"] if block["type"] == "input"}
        shown = {block: v for block, v in self.values.items() if with_inputs or block not in inputs}
        view: JsonObject = {
            "id": self.id,
            "team_id": TEAM_ID,
            "type": given["type"],
            "blocks": given["blocks"],
            "private_metadata": given.get("private_metadata", ""),
            "callback_id": given.get("callback_id", ""),
            "state": {"values": shown},
            "hash": self.hash,
            "title": given.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
            "clear_on_close": given.get("clear_on_close", False),
            "notify_on_close": given.get("notify_on_close", False),
            "close": given.get("close"),
            "submit": given.get("submit"),
            "previous_view_id": self.previous_view_id,
            "root_view_id": self.root_view_id,
            "app_id": APP_ID,
            "external_id": given.get("external_id", ""),
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }
        return copy.deepcopy(view)


def filled_in(definition: JsonObject) -> JsonObject:
    """A copy with the IDs that Slack invents where the bot gave none, and the defaults of text objects."""
    view = copy.deepcopy(definition)
    for block in view["blocks"]:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
    for _, element in elements_of(view["blocks"]):
        element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    _text_defaults(view)
    return view


def _text_defaults(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("type") == "plain_text":
            node.setdefault("emoji", True)
        elif node.get("type") == "mrkdwn":
            node.setdefault("verbatim", False)
        for value in node.values():
            _text_defaults(value)
    elif isinstance(node, list):
        for item in node:
            _text_defaults(item)


class Modals:
    """Every person's dialogs. The newest stack is the one that the person sees."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.home_tab_enabled = True
        self._stacks: dict[str, list[list[OpenView]]] = {}
        self._homes: dict[str, OpenView] = {}

    def top(self, user_id: str) -> OpenView | None:
        stacks = self._stacks.get(user_id, [])
        return stacks[-1][-1] if stacks else None

    def home(self, user_id: str) -> OpenView | None:
        return self._homes.get(user_id)

    def find(self, view_id: str) -> OpenView | None:
        """The view while it is open, wherever in a stack it is. A Home view is none: views.publish changes it."""
        return next((view for view in self._all() if view.id == view_id), None)

    def find_external(self, external_id: str) -> OpenView | None:
        return next((v for v in self._all() if v.definition.get("external_id") == external_id), None)

    def open(self, user_id: str, definition: JsonObject) -> OpenView:
        self._no_duplicate(definition, but=None)
        view = self._new(user_id, definition, previous=None)
        self._stacks.setdefault(user_id, []).append([view])
        self._state.changes.notify()
        return view

    def push(self, onto: OpenView, definition: JsonObject) -> OpenView:
        """Raises ``SlackError`` push_limit_reached, duplicate_external_id or not_found."""
        stack = self._stack_of(onto)
        if len(stack) >= MAX_STACK:
            raise SlackError("push_limit_reached")
        self._no_duplicate(definition, but=None)
        view = self._new(onto.user_id, definition, previous=stack[-1])
        stack.append(view)
        self._state.changes.notify()
        return view

    def update(self, view: OpenView, definition: JsonObject, *, expected_hash: str | None = None) -> None:
        """Raises ``SlackError`` hash_conflict or duplicate_external_id."""
        if expected_hash is not None and expected_hash != view.hash:
            raise SlackError("hash_conflict")
        self._no_duplicate(definition, but=view)
        view.definition = filled_in(definition)
        view.values = carried_values(view.values, view.definition["blocks"])
        view.hash = self._hash()
        view.errors = {}
        view.updates += 1
        self._state.changes.notify()

    def publish(self, user_id: str, definition: JsonObject, *, expected_hash: str | None = None) -> OpenView:
        """Raises ``SlackError`` not_enabled or hash_conflict."""
        if not self.home_tab_enabled:
            raise SlackError("not_enabled")
        home = self._homes.get(user_id)
        if home is None:
            if expected_hash is not None:
                raise SlackError("hash_conflict")
            self._homes[user_id] = home = self._new(user_id, definition, previous=None)
            self._state.changes.notify()
        else:
            self.update(home, definition, expected_hash=expected_hash)
        return home

    def show_errors(self, view: OpenView, errors: dict[str, str]) -> None:
        view.errors = errors
        self._state.changes.notify()

    def close(self, view: OpenView) -> None:
        """Close this view and everything pushed on it."""
        stack = self._stack_of(view)
        del stack[stack.index(view) :]
        self._tidy(view.user_id)

    def clear(self, view: OpenView) -> None:
        """Close the whole stack that this view is in."""
        self._stack_of(view).clear()
        self._tidy(view.user_id)

    def is_open(self, view: OpenView) -> bool:
        return any(other is view for other in self._all())

    def _tidy(self, user_id: str) -> None:
        self._stacks[user_id] = [stack for stack in self._stacks[user_id] if stack]
        self._state.changes.notify()

    def _all(self) -> Iterator[OpenView]:
        return (view for stacks in self._stacks.values() for stack in stacks for view in stack)

    def _stack_of(self, view: OpenView) -> list[OpenView]:
        for stack in self._stacks.get(view.user_id, []):
            if any(other is view for other in stack):
                return stack
        raise SlackError("not_found")

    def _no_duplicate(self, definition: JsonObject, *, but: OpenView | None) -> None:
        external_id = definition.get("external_id")
        if external_id and self.find_external(external_id) not in (None, but):
            raise SlackError("duplicate_external_id")

    def _new(self, user_id: str, definition: JsonObject, *, previous: OpenView | None) -> OpenView:
        view_id = self._state.next_id("V")
        given = filled_in(definition)
        return OpenView(
            id=view_id,
            user_id=user_id,
            root_view_id=previous.root_view_id if previous else view_id,
            previous_view_id=previous.id if previous else None,
            definition=given,
            hash=self._hash(),
            values=initial_values(given["blocks"]),
        )

    def _hash(self) -> str:
        return f"{int(self._state.clock())}.{secrets.token_hex(4)}"
