"""What Slack's client does in a dialog: the state of every input, what can be typed, what stops a submit. Pure.

The state of an element is the object that Slack sends in ``view.state.values``: its type and its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.slack.block_elements import MAX_INPUT_LENGTH
from sandbox.slack.block_kit import elements_of

JsonObject = dict[str, Any]
Values = dict[str, dict[str, JsonObject]]

REQUIRED = "Please complete this required field."

# Element type → (key in the state, key of its initial value, value when empty).
STATE_KEYS: Mapping[str, tuple[str, str, Any]] = {
    "plain_text_input": ("value", "initial_value", None),
    "url_text_input": ("value", "initial_value", None),
    "email_text_input": ("value", "initial_value", None),
    "number_input": ("value", "initial_value", None),
    "rich_text_input": ("rich_text_value", "initial_value", None),
    "file_input": ("files", "", []),
    "static_select": ("selected_option", "initial_option", None),
    "external_select": ("selected_option", "initial_option", None),
    "radio_buttons": ("selected_option", "initial_option", None),
    "multi_static_select": ("selected_options", "initial_options", []),
    "multi_external_select": ("selected_options", "initial_options", []),
    "checkboxes": ("selected_options", "initial_options", []),
    "users_select": ("selected_user", "initial_user", None),
    "multi_users_select": ("selected_users", "initial_users", []),
    "conversations_select": ("selected_conversation", "initial_conversation", None),
    "multi_conversations_select": ("selected_conversations", "initial_conversations", []),
    "channels_select": ("selected_channel", "initial_channel", None),
    "multi_channels_select": ("selected_channels", "initial_channels", []),
    "datepicker": ("selected_date", "initial_date", None),
    "timepicker": ("selected_time", "initial_time", None),
    "datetimepicker": ("selected_date_time", "initial_date_time", None),
}
_TEXT_TYPES = ("plain_text_input", "url_text_input", "email_text_input", "number_input")


class CannotTypeError(ValueError):
    """Slack's client would not let a person enter this."""


def initial_values(blocks: Sequence[JsonObject]) -> Values:
    """The state of a fresh view: block_id → action_id → state."""
    values: Values = {}
    for block, element in elements_of(blocks):
        keys = STATE_KEYS.get(element["type"])
        if keys is None:
            continue
        key, initial_key, empty = keys
        initial = element.get(initial_key, empty)
        values.setdefault(block["block_id"], {})[element["action_id"]] = {
            "type": element["type"],
            key: empty if initial == "" else initial,
        }
    return values


def carried_values(old: Values, blocks: Sequence[JsonObject]) -> Values:
    """The state after an update: an input with the same block_id, action_id and type keeps what was entered."""
    values = initial_values(blocks)
    elements = {(block["block_id"], element["action_id"]): element for block, element in elements_of(blocks)}
    for block_id, actions in values.items():
        for action_id, fresh in actions.items():
            kept = old.get(block_id, {}).get(action_id)
            if kept and kept["type"] == fresh["type"] and _still_offered(kept, elements[block_id, action_id]):
                actions[action_id] = kept
    return values


def _still_offered(state: JsonObject, element: JsonObject) -> bool:
    if "options" not in element and "option_groups" not in element:
        return True
    chosen = state.get("selected_options") or [state.get("selected_option")]
    return all(option is None or option in _options(element) for option in chosen)


def _options(element: JsonObject) -> list[JsonObject]:
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped]


def entered(element: JsonObject, entry: Any) -> JsonObject:
    """The state after a person entered ``entry``; None or "" empties the field.

    Args:
        entry: text for text inputs; an option's value (or a list of them) for menus, checkboxes and radio buttons;
            IDs for users, channels and conversations; ``YYYY-MM-DD``, ``HH:mm``, or Unix seconds for the pickers;
            file objects for file_input.

    Raises:
        CannotTypeError: the client would not take it.
    """
    kind = element["type"]
    key, _, empty = STATE_KEYS[kind]
    if entry in (None, "", []):
        return {"type": kind, key: empty}
    if kind in _TEXT_TYPES:
        return {"type": kind, key: _typed_text(element, entry)}
    if key == "selected_option":
        return {"type": kind, key: _option(element, entry)}
    if key == "selected_options":
        return {"type": kind, key: [_option(element, value) for value in _listed(entry)]}
    if isinstance(empty, list):
        items = _listed(entry)
        most = element.get("max_selected_items") or element.get("max_files")
        if most is not None and len(items) > most:
            raise CannotTypeError(f"{kind} takes fewer items")
        return {"type": kind, key: items}
    if kind == "datetimepicker" and not isinstance(entry, int):
        raise CannotTypeError("datetimepicker takes Unix seconds as an integer")
    return {"type": kind, key: entry}


def _typed_text(element: JsonObject, entry: Any) -> str:
    if not isinstance(entry, str):
        raise CannotTypeError(f"{element['type']} takes text")
    if element["type"] == "plain_text_input":
        longest = element.get("max_length", MAX_INPUT_LENGTH)
        if len(entry) > longest:
            raise CannotTypeError(f"{len(entry)} characters do not fit into {longest}")
        if not element.get("multiline"):
            return re.sub(r"[\r\n]+", " ", entry)  # a paste into a single-line field loses its line ends
    return entry


def _option(element: JsonObject, value: Any) -> JsonObject:
    for option in _options(element):
        if value in (option["value"], option["text"]["text"]):
            return option
    raise CannotTypeError(f"{value!r} is not among the options")


def _listed(entry: Any) -> list[Any]:
    return list(entry) if isinstance(entry, (list, tuple, set, frozenset)) else [entry]


def client_errors(blocks: Sequence[JsonObject], values: Values) -> dict[str, str]:
    """What Slack's client says under the fields instead of submitting: block_id → sentence."""
    errors: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        key, _, _ = STATE_KEYS[element["type"]]
        value = values[block["block_id"]][element["action_id"]].get(key)
        if value in (None, []):
            if not block.get("optional", False):
                errors[block["block_id"]] = REQUIRED
        elif fault := _client_fault(element, value):
            errors[block["block_id"]] = fault
    return errors


def _client_fault(element: JsonObject, value: Any) -> str | None:
    match element["type"]:
        case "plain_text_input":
            shortest = int(element.get("min_length", 0))
            return f"Please enter at least {shortest} characters." if len(value) < shortest else None
        case "url_text_input" if not re.match(r"https?://\S+$", value):
            return "Please enter a valid URL."
        case "email_text_input" if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            return "Please enter a valid email address."
        case "number_input":
            whole = not element["is_decimal_allowed"]
            if not re.fullmatch(r"-?\d+" if whole else r"-?\d+(\.\d+)?", value):
                return "Please enter a valid number."
            low, high = float(element.get("min_value", "-inf")), float(element.get("max_value", "inf"))
            if not low <= float(value) <= high:
                return "Please enter a number in the allowed range."
    return None
