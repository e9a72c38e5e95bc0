"""Composition objects and block elements of Block Kit with their documented limits.

Source: docs.slack.dev, reference/block-kit (block elements, composition objects), state of the first half of 2026,
and the limits that slack_sdk's own models enforce. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.slack.checks import (
    Check,
    anything,
    at_least_one,
    boolean,
    by_type,
    each,
    exactly_one,
    http_url,
    integer,
    one_of,
    problem,
    record,
    string,
)

MAX_ID = 255  # action_id, block_id, callback_id, external_id
MAX_URL = 3000
MAX_PLACEHOLDER = 150
MAX_INPUT_LENGTH = 3000  # plain_text_input: max_length
MAX_BUTTON_TEXT = 75
MAX_BUTTON_VALUE = 2000
MAX_OPTION_TEXT = 75
MAX_OPTION_VALUE = 150
MAX_OPTIONS = 100
MAX_CHOICES = 10  # checkboxes, radio_buttons
MAX_OVERFLOW = 5
MAX_ALT_TEXT = 2000
MAX_CONTEXT_TEXT = 3000  # a text object's own limit

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def plain_text(longest: int) -> Check:
    """A text object that must be ``plain_text``."""
    return record({"type": one_of("plain_text"), "text": string(longest)}, {"emoji": boolean})


def any_text(longest: int) -> Check:
    """A text object, ``plain_text`` or ``mrkdwn``."""
    mrkdwn = record({"type": one_of("mrkdwn"), "text": string(longest)}, {"verbatim": boolean})
    return by_type({"plain_text": plain_text(longest), "mrkdwn": mrkdwn}, what="text object")


CONFIRM = record(
    {"title": plain_text(100), "text": any_text(300), "confirm": plain_text(30), "deny": plain_text(30)},
    {"style": one_of("primary", "danger")},
)
_PLAIN_OPTION = record(
    {"text": plain_text(MAX_OPTION_TEXT), "value": string(MAX_OPTION_VALUE)},
    {"description": plain_text(MAX_OPTION_TEXT)},
)
_RICH_OPTION = record(  # only checkboxes and radio buttons show mrkdwn
    {"text": any_text(MAX_OPTION_TEXT), "value": string(MAX_OPTION_VALUE)},
    {"description": any_text(MAX_OPTION_TEXT)},
)
_OVERFLOW_OPTION = record(
    {"text": plain_text(MAX_OPTION_TEXT)},
    {
        "value": string(MAX_OPTION_VALUE),
        "description": plain_text(MAX_OPTION_TEXT),
        "url": http_url(MAX_URL),
    },
)
_GROUP = record({"label": plain_text(MAX_OPTION_TEXT), "options": each(_PLAIN_OPTION, most=MAX_OPTIONS)}, {})
_DISPATCH = record(
    {}, {"trigger_actions_on": each(one_of("on_enter_pressed", "on_character_entered"), fewest=1, most=2)}
)
_FILTER = record(
    {},
    {
        "include": each(one_of("im", "mpim", "private", "public"), most=4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
    at_least_one("include", "exclude_external_shared_channels", "exclude_bot_users"),
)
SLACK_FILE = record({}, {"id": string(MAX_ID), "url": http_url(MAX_URL)}, exactly_one("id", "url"))

_ACTION: dict[str, Check] = {"action_id": string(MAX_ID)}
_FOCUS: dict[str, Check] = {"focus_on_load": boolean}
_PLACEHOLDER: dict[str, Check] = {"placeholder": plain_text(MAX_PLACEHOLDER)}
_CONFIRM: dict[str, Check] = {"confirm": CONFIRM}
_MENU: dict[str, Check] = {**_ACTION, **_FOCUS, **_PLACEHOLDER, **_CONFIRM}
_MAX_ITEMS: dict[str, Check] = {"max_selected_items": integer(1, 1_000_000)}


def _element(kind: str, required: Mapping[str, Check], optional: Mapping[str, Check], *crosses: Any) -> Check:
    return record({"type": one_of(kind), **required}, optional, *crosses)


def _pattern(expression: re.Pattern[str], form: str) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, str) or not expression.fullmatch(value):
            yield problem(f"must look like {form}", path)

    return check


def _number(value: object, path: str) -> Iterator[str]:
    if not isinstance(value, str) or not re.fullmatch(r"-?\d+(\.\d+)?", value):
        yield problem("must be a number in a string", path)


def _text_lengths(value: Mapping[str, Any], path: str) -> Iterator[str]:
    longest = value.get("max_length", MAX_INPUT_LENGTH)
    if value.get("min_length", 0) > longest:
        yield problem("min_length must not be more than max_length", path)
    if len(value.get("initial_value", "")) > longest:
        yield problem(f"initial_value must be less than {longest + 1} characters", f"{path}/initial_value")


def _all_options(value: Mapping[str, Any]) -> list[Any]:
    grouped = [option for group in value.get("option_groups", []) for option in group["options"]]
    return [*value.get("options", []), *grouped]


def _initial_choices(value: Mapping[str, Any], path: str) -> Iterator[str]:
    """Initial options must equal one of the options exactly; option values differ from each other."""
    options = _all_options(value)
    initial = value.get("initial_options", [])
    if "initial_option" in value:
        initial = [value["initial_option"]]
    for option in initial:
        if option not in options:
            yield problem("initial option must match exactly one of the provided options", path)
    values = [option.get("value") for option in options]
    if len(set(values)) != len(values):
        yield problem("option values must be unique", path)
    if len(value.get("initial_options", [])) > value.get("max_selected_items", MAX_OPTIONS):
        yield problem("more initial options than max_selected_items", path)


_OPTIONS: dict[str, Check] = {
    "options": each(_PLAIN_OPTION, most=MAX_OPTIONS),
    "option_groups": each(_GROUP, most=MAX_OPTIONS),
}
_TYPED: dict[str, Check] = {**_ACTION, **_FOCUS, **_PLACEHOLDER, "dispatch_action_config": _DISPATCH}
_ID = string(MAX_ID)
_IDS = each(_ID, fewest=0, most=MAX_OPTIONS)
_CONVERSATIONS: dict[str, Check] = {"default_to_current_conversation": boolean, "filter": _FILTER}
_MIN_QUERY: dict[str, Check] = {"min_query_length": integer(0, 1000)}

BUTTON = _element(
    "button",
    {"text": plain_text(MAX_BUTTON_TEXT)},
    {
        **_ACTION,
        **_CONFIRM,
        "url": http_url(MAX_URL),
        "value": string(MAX_BUTTON_VALUE, shortest=0),
        "style": one_of("primary", "danger"),
        "accessibility_label": string(75),
    },
)
IMAGE = _element(
    "image",
    {"alt_text": string(MAX_ALT_TEXT)},
    {"image_url": http_url(MAX_URL), "slack_file": SLACK_FILE},
    exactly_one("image_url", "slack_file"),
)
_TEXT_INPUTS: dict[str, Check] = {
    "plain_text_input": _element(
        "plain_text_input",
        {},
        {
            **_TYPED,
            "initial_value": string(MAX_INPUT_LENGTH, shortest=0),
            "multiline": boolean,
            "min_length": integer(0, MAX_INPUT_LENGTH),
            "max_length": integer(1, MAX_INPUT_LENGTH),
        },
        _text_lengths,
    ),
    "url_text_input": _element("url_text_input", {}, {**_TYPED, "initial_value": http_url(MAX_URL)}),
    "email_text_input": _element("email_text_input", {}, {**_TYPED, "initial_value": string(MAX_URL)}),
    "number_input": _element(
        "number_input",
        {"is_decimal_allowed": boolean},
        {**_TYPED, "initial_value": _number, "min_value": _number, "max_value": _number},
    ),
    "file_input": _element(
        "file_input", {}, {**_ACTION, "filetypes": each(string(32), most=100), "max_files": integer(1, 10)}
    ),
    "rich_text_input": _element("rich_text_input", {}, {**_TYPED, "initial_value": anything}),
}
_MENUS: dict[str, Check] = {
    "static_select": _element(
        "static_select",
        {},
        {**_MENU, **_OPTIONS, "initial_option": _PLAIN_OPTION},
        exactly_one("options", "option_groups"),
        _initial_choices,
    ),
    "multi_static_select": _element(
        "multi_static_select",
        {},
        {**_MENU, **_OPTIONS, **_MAX_ITEMS, "initial_options": each(_PLAIN_OPTION, most=MAX_OPTIONS)},
        exactly_one("options", "option_groups"),
        _initial_choices,
    ),
    "users_select": _element("users_select", {}, {**_MENU, "initial_user": _ID}),
    "multi_users_select": _element("multi_users_select", {}, {**_MENU, **_MAX_ITEMS, "initial_users": _IDS}),
    "conversations_select": _element(
        "conversations_select",
        {},
        {**_MENU, **_CONVERSATIONS, "initial_conversation": _ID, "response_url_enabled": boolean},
    ),
    "multi_conversations_select": _element(
        "multi_conversations_select", {}, {**_MENU, **_CONVERSATIONS, **_MAX_ITEMS, "initial_conversations": _IDS}
    ),
    "channels_select": _element(
        "channels_select", {}, {**_MENU, "initial_channel": _ID, "response_url_enabled": boolean}
    ),
    "multi_channels_select": _element("multi_channels_select", {}, {**_MENU, **_MAX_ITEMS, "initial_channels": _IDS}),
    "external_select": _element("external_select", {}, {**_MENU, **_MIN_QUERY, "initial_option": _PLAIN_OPTION}),
    "multi_external_select": _element(
        "multi_external_select",
        {},
        {**_MENU, **_MIN_QUERY, **_MAX_ITEMS, "initial_options": each(_PLAIN_OPTION, most=MAX_OPTIONS)},
    ),
}
_CHOICES: dict[str, Check] = {
    "checkboxes": _element(
        "checkboxes",
        {"options": each(_RICH_OPTION, most=MAX_CHOICES)},
        {**_ACTION, **_FOCUS, **_CONFIRM, "initial_options": each(_RICH_OPTION, most=MAX_CHOICES)},
        _initial_choices,
    ),
    "radio_buttons": _element(
        "radio_buttons",
        {"options": each(_RICH_OPTION, most=MAX_CHOICES)},
        {**_ACTION, **_FOCUS, **_CONFIRM, "initial_option": _RICH_OPTION},
        _initial_choices,
    ),
    "datepicker": _element("datepicker", {}, {**_MENU, "initial_date": _pattern(_DATE, "YYYY-MM-DD")}),
    "timepicker": _element(
        "timepicker", {}, {**_MENU, "initial_time": _pattern(_TIME, "HH:mm"), "timezone": string(MAX_ID)}
    ),
    "datetimepicker": _element(
        "datetimepicker",
        {},
        {**_ACTION, **_FOCUS, **_CONFIRM, "initial_date_time": integer(1_000_000_000, 9_999_999_999)},
    ),
}
_OVERFLOW = _element("overflow", {"options": each(_OVERFLOW_OPTION, most=MAX_OVERFLOW)}, {**_ACTION, **_CONFIRM})

INPUT_ELEMENTS: dict[str, Check] = {**_TEXT_INPUTS, **_MENUS, **_CHOICES}
ACTION_ELEMENTS: dict[str, Check] = {"button": BUTTON, "overflow": _OVERFLOW, **_MENUS, **_CHOICES}
ACCESSORIES: dict[str, Check] = {"image": IMAGE, **ACTION_ELEMENTS}
CONTEXT_ELEMENTS: dict[str, Check] = {
    "image": IMAGE,
    "plain_text": plain_text(MAX_CONTEXT_TEXT),
    "mrkdwn": any_text(MAX_CONTEXT_TEXT),
}
