"""What the templates need to know of a block. One that they can't draw is shown as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.slack.block_kit import elements_of
from sandbox.slack.form import STATE_KEYS

JsonObject = Mapping[str, Any]

BLOCKS = frozenset({"section", "header", "divider", "context", "actions", "input", "image"})
CLICKED = frozenset({"button", "overflow", "static_select", "users_select"})
TYPED = frozenset(
    {"plain_text_input", "url_text_input", "email_text_input", "number_input", "datetimepicker", "datepicker"}
    | {"timepicker", "static_select", "multi_static_select", "radio_buttons", "checkboxes", "users_select"}
    | {"multi_users_select"}
)
IN_CONTEXT = frozenset({"plain_text", "mrkdwn", "image"})
_TEXTS = {
    "url_text_input": "url",
    "email_text_input": "email",
    "number_input": "number",
    "datetimepicker": "datetime-local",
    "datepicker": "date",
    "timepicker": "time",
}


def not_drawn(blocks: list[JsonObject]) -> Iterator[str]:
    """The types of blocks and elements that the page can't draw."""
    for block in blocks:
        if block["type"] not in BLOCKS:
            yield str(block["type"])
            continue
        elements = [*block.get("elements", []), *([block["accessory"]] if "accessory" in block else [])]
        known = {"context": IN_CONTEXT, "input": TYPED}.get(block["type"], CLICKED | {"image"})
        if block["type"] == "input":
            elements = [block["element"]]
        yield from (str(one["type"]) for one in elements if one["type"] not in known)


def input_type(element: JsonObject) -> str:
    """HTML's name for a text-like input."""
    return _TEXTS.get(str(element["type"]), "text")


def options(element: JsonObject) -> list[JsonObject]:
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped]


def entered(view: JsonObject, block: JsonObject) -> Any:
    """What stands in an input: text, a list of values or IDs, or an empty text."""
    element = block["element"]
    state = view.get("state", {}).get("values", {}).get(block["block_id"], {}).get(element["action_id"], {})
    value = state.get(STATE_KEYS[element["type"]][0])
    if isinstance(value, list):
        return [one["value"] if isinstance(one, Mapping) else one for one in value]
    if isinstance(value, Mapping):
        return value.get("value", "")
    if element["type"] == "datetimepicker" and value:
        return datetime.fromtimestamp(int(value), UTC).strftime("%Y-%m-%dT%H:%M")
    return "" if value is None else value


def typed(view: JsonObject, form: Mapping[str, list[str]]) -> dict[str, Any]:
    """What a submitted HTML form holds, as ``Dialog.type_in`` takes it: block_id → entry. Other names are left out.

    Raises:
        ValueError: a time can't be read.
    """
    entries: dict[str, Any] = {}
    for block, element in elements_of(view["blocks"]):
        if block["type"] != "input" or element["type"] not in TYPED:
            continue
        given = [one for one in form.get(str(block["block_id"]), []) if one]
        key = STATE_KEYS[element["type"]][0]
        if key.endswith("s"):
            entries[block["block_id"]] = given
        elif element["type"] == "datetimepicker" and given:
            entries[block["block_id"]] = int(datetime.fromisoformat(given[0]).replace(tzinfo=UTC).timestamp())
        else:
            entries[block["block_id"]] = given[0].replace("\r\n", "\n") if given else None
    return entries
