"""The Block Kit checker: a table of what Slack refuses, and properties over any JSON."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from sandbox.slack.block_kit import MAX_VIEW_BYTES, check_blocks, check_message, check_view


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def text_input(**fields: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "to", **fields}
    return {"type": "input", "block_id": "to", "label": plain("To"), "element": element}


def modal(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    view = {"type": "modal", "title": plain("A title"), "submit": plain("Send"), "blocks": list(blocks)}
    return {**view, **fields}


def without(view: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in view.items() if key != name}


def section(text: str = "words", **fields: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **fields}


def button(**fields: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "go", "text": plain("Go"), **fields}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def select(count: int = 2, **fields: Any) -> dict[str, Any]:
    options = [{"text": plain(f"option {n}"), "value": str(n)} for n in range(count)]
    element = {"type": "static_select", "action_id": "pick", "options": options, **fields}
    return {"type": "input", "label": plain("Pick"), "element": element}


CONFIRM = {"title": plain("Sure?"), "text": plain("Really"), "confirm": plain("Yes"), "deny": plain("No")}
IMAGE = {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a picture"}

SOUND_VIEWS: dict[str, dict[str, Any]] = {
    "one input": modal(text_input()),
    "every optional field of a view": modal(
        section(),
        close=plain("Cancel"),
        private_metadata="",
        callback_id="mms_compose",
        external_id="e",
        clear_on_close=True,
        notify_on_close=False,
    ),
    "title of 24": modal(section(), title=plain("x" * 24)),
    "100 blocks": modal(*[section() for _ in range(100)]),
    "metadata of 3000": modal(section(), private_metadata="x" * 3000),
    "text input at its limits": modal(
        text_input(multiline=True, min_length=0, max_length=3000, initial_value="x" * 3000, focus_on_load=True)
    ),
    "url input": modal({"type": "input", "label": plain("L"), "element": {"type": "url_text_input"}}),
    "datetimepicker": modal({"type": "input", "label": plain("L"), "element": {"type": "datetimepicker"}}),
    "users": modal({"type": "input", "label": plain("L"), "element": {"type": "multi_users_select"}}),
    "select with initial": modal(select(initial_option={"text": plain("option 1"), "value": "1"})),
    "home": {"type": "home", "blocks": [section()]},
    "button with confirm": modal(section(accessory=button(confirm=CONFIRM, style="danger", value="v"))),
    "image and context": modal(IMAGE, {"type": "context", "elements": [IMAGE, plain("small")]}),
}

REFUSED_VIEWS: dict[str, tuple[dict[str, Any], str]] = {
    "title of 25": (modal(section(), title=plain("x" * 25)), "/view/title/text"),
    "empty title": (modal(section(), title=plain("")), "/view/title/text"),
    "title in mrkdwn": (modal(section(), title={"type": "mrkdwn", "text": "t"}), "/view/title/type"),
    "no title": (without(modal(section()), "title"), "title"),
    "submit of 25": (modal(text_input(), submit=plain("x" * 25)), "/view/submit/text"),
    "close of 25": (modal(section(), close=plain("x" * 25)), "/view/close/text"),
    "input without submit": (without(modal(text_input()), "submit"), "submit"),
    "no blocks": (modal(), "/view/blocks"),
    "blocks missing": (without(modal(section()), "blocks"), "blocks"),
    "101 blocks": (modal(*[section() for _ in range(101)]), "/view/blocks"),
    "metadata of 3001": (modal(section(), private_metadata="x" * 3001), "private_metadata"),
    "callback_id of 256": (modal(section(), callback_id="x" * 256), "callback_id"),
    "unknown key of a view": (modal(section(), colour="red"), "colour"),
    "state handed back": (modal(section(), state={}), "state"),
    "unknown view type": ({"type": "page", "blocks": []}, "/view/type"),
    "home with a submit": ({"type": "home", "blocks": [section()], "submit": plain("S")}, "submit"),
    "no object": ([], "object"),  # type: ignore[dict-item]  # what the checker is for
    "same block_id twice": (modal(section(block_id="a"), section(block_id="a")), "block_id"),
    "same action_id twice": (modal(actions(button(), button())), "action_id"),
    "block_id of 256": (modal(section(block_id="x" * 256)), "block_id"),
    "action_id of 256": (modal(actions(button(action_id="x" * 256))), "action_id"),
    "two focuses": (
        modal(text_input(focus_on_load=True), {**text_input(focus_on_load=True), "block_id": "b"}),
        "focus_on_load",
    ),
    "section of 3001": (modal(section("x" * 3001)), "/view/blocks/0/text/text"),
    "empty section text": (modal(section("")), "/view/blocks/0/text/text"),
    "section without text": (modal({"type": "section"}), "text, fields"),
    "11 fields": (modal({"type": "section", "fields": [plain("f")] * 11}), "fields"),
    "field of 2001": (modal({"type": "section", "fields": [plain("x" * 2001)]}), "fields/0"),
    "section text as a string": (modal({"type": "section", "text": "words"}), "/view/blocks/0/text"),
    "unknown key of a block": (modal(section(color="red")), "color"),
    "unknown block": (modal({"type": "carousel_of_doom"}), "unsupported block type"),
    "markdown in a modal": (modal({"type": "markdown", "text": "x"}), "unsupported block type"),
    "block without type": (modal({}), "type"),
    "block of None": (modal(None), "object"),  # type: ignore[arg-type]  # what the checker is for
    "header of 151": (modal({"type": "header", "text": plain("x" * 151)}), "/view/blocks/0/text/text"),
    "header in mrkdwn": (modal({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}), "type"),
    "11 context elements": (modal({"type": "context", "elements": [plain("x")] * 11}), "elements"),
    "button in a context": (modal({"type": "context", "elements": [button()]}), "context element"),
    "26 actions": (modal(actions(*[button(action_id=str(n)) for n in range(26)])), "elements"),
    "no actions": (modal(actions()), "elements"),
    "text input in actions": (modal(actions({"type": "plain_text_input"})), "actions element"),
    "button in an input": (modal({"type": "input", "label": plain("L"), "element": button()}), "input element"),
    "button text of 76": (modal(actions(button(text=plain("x" * 76)))), "text"),
    "button value of 2001": (modal(actions(button(value="x" * 2001))), "value"),
    "button style": (modal(actions(button(style="green"))), "style"),
    "button url": (modal(actions(button(url="javascript:x"))), "url"),
    "confirm title of 101": (modal(actions(button(confirm={**CONFIRM, "title": plain("x" * 101)}))), "confirm"),
    "confirm text of 301": (modal(actions(button(confirm={**CONFIRM, "text": plain("x" * 301)}))), "confirm"),
    "confirm button of 31": (modal(actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)}))), "confirm"),
    "confirm without deny": (modal(actions(button(confirm=without(CONFIRM, "deny")))), "deny"),
    "label of 2001": (modal({**text_input(), "label": plain("x" * 2001)}), "label"),
    "label in mrkdwn": (modal({**text_input(), "label": {"type": "mrkdwn", "text": "x"}}), "label"),
    "no label": (modal(without(text_input(), "label")), "label"),
    "hint of 2001": (modal({**text_input(), "hint": plain("x" * 2001)}), "hint"),
    "placeholder of 151": (modal(text_input(placeholder=plain("x" * 151))), "placeholder"),
    "max_length of 3001": (modal(text_input(max_length=3001)), "max_length"),
    "max_length of 0": (modal(text_input(max_length=0)), "max_length"),
    "max_length as text": (modal(text_input(max_length="10")), "max_length"),
    "initial value above max_length": (modal(text_input(max_length=3, initial_value="four")), "initial_value"),
    "initial value of null": (modal(text_input(initial_value=None)), "initial_value"),
    "min above max": (modal(text_input(max_length=3, min_length=4)), "min_length"),
    "multiline as text": (modal(text_input(multiline="yes")), "multiline"),
    "number input without decimals": (
        modal({"type": "input", "label": plain("L"), "element": {"type": "number_input"}}),
        "is_decimal_allowed",
    ),
    "101 options": (modal(select(101)), "options"),
    "no options": (modal(select(0)), "options"),
    "initial option not offered": (modal(select(initial_option={"text": plain("x"), "value": "x"})), "initial option"),
    "two options of one value": (
        modal(select(options=[{"text": plain(n), "value": "1"} for n in ("a", "b")])),
        "unique",
    ),
    "option text of 76": (modal(select(options=[{"text": plain("x" * 76), "value": "1"}])), "options/0/text"),
    "option value of 151": (modal(select(options=[{"text": plain("x"), "value": "x" * 151}])), "options/0/value"),
    "options and groups": (
        modal(
            select(option_groups=[{"label": plain("g"), "options": [{"text": plain("x"), "value": "1"}]}]),
        ),
        "exactly one",
    ),
    "image without alt_text": (modal(without(IMAGE, "alt_text")), "alt_text"),
    "image without address": (modal(without(IMAGE, "image_url")), "image_url"),
    "image with both": (modal({**IMAGE, "slack_file": {"id": "F1"}}), "exactly one"),
    "image address of 3001": (modal({**IMAGE, "image_url": "https://" + "x" * 2993}), "image_url"),
    "date of no form": (
        modal({"type": "input", "label": plain("L"), "element": {"type": "datepicker", "initial_date": "1.2.2026"}}),
        "YYYY-MM-DD",
    ),
    "max_selected_items of 0": (
        modal(
            {"type": "input", "label": plain("L"), "element": {"type": "multi_users_select", "max_selected_items": 0}}
        ),
        "max_selected_items",
    ),
    "file_input on Home": (
        {"type": "home", "blocks": [{"type": "input", "label": plain("L"), "element": {"type": "file_input"}}]},
        "file_input",
    ),
}


@pytest.mark.parametrize("name", SOUND_VIEWS)
def test_a_view_within_the_documented_limits_has_no_problems(name: str) -> None:
    assert check_view(SOUND_VIEWS[name]) == []


@pytest.mark.parametrize("name", REFUSED_VIEWS)
def test_a_view_that_slack_refuses_is_reported_where_it_is_wrong(name: str) -> None:
    view, where = REFUSED_VIEWS[name]
    problems = check_view(view)
    assert any(where in problem for problem in problems), problems


@pytest.mark.parametrize("name", [name for name, view in SOUND_VIEWS.items() if view["type"] == "modal"])
def test_slacks_own_models_agree_about_sound_views(name: str) -> None:
    view = {key: value for key, value in SOUND_VIEWS[name].items() if key != "submit_disabled"}
    View(**copy.deepcopy(view)).to_dict()


def test_a_view_above_250_kilobytes_is_reported() -> None:
    wide = modal(*[section("ü" * 3000) for _ in range(50)])
    assert check_view(wide)[-1].startswith(f"[ERROR] a view may have {MAX_VIEW_BYTES} bytes")


def test_a_message_may_have_50_blocks_and_not_51() -> None:
    assert check_blocks([section()] * 50) == []
    assert check_blocks([section()] * 51) != []


@pytest.mark.parametrize(
    "blocks", [{}, "[]", [None], [{"type": []}], [section(block_id=7)], [{"type": "markdown", "text": "x" * 12_001}]]
)
def test_blocks_that_are_no_blocks_are_reported(blocks: object) -> None:
    assert check_blocks(blocks) != []


def test_markdown_blocks_share_one_limit() -> None:
    assert check_blocks([{"type": "markdown", "text": "x" * 7000}] * 2) != []


def test_a_messages_text_must_be_text() -> None:
    assert check_message({"text": 7}) != []
    assert check_message({"text": "words", "blocks": [section()]}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else []
    return [path, *(place for key, value in inside for place in _places(value, (*path, key)))]


@given(st.sampled_from(sorted(SOUND_VIEWS)), st.data(), JSON)
@settings(max_examples=300)
def test_whatever_stands_somewhere_in_a_view_the_checker_answers(name: str, data: st.DataObject, junk: Any) -> None:
    view = copy.deepcopy(SOUND_VIEWS[name])
    place = data.draw(st.sampled_from(_places(view)[1:]))
    target: Any = view
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = junk
    assert all(problem.startswith("[ERROR] ") for problem in check_view(view) + check_blocks(view.get("blocks")))


@given(st.text(max_size=200))
def test_a_section_is_taken_exactly_when_it_has_1_to_3000_characters(text: str) -> None:
    repeated = text * 20
    assert (check_blocks([section(repeated)]) == []) == (1 <= len(repeated) <= 3000)


@given(st.dictionaries(st.text(max_size=10), JSON, max_size=4))
def test_an_unknown_key_is_never_ignored(extra: dict[str, Any]) -> None:
    block = {**extra, **section()}
    unknown = set(extra) - {"type", "text", "block_id", "fields", "accessory", "expand"}
    problems = check_blocks([block])
    assert sum("invalid additional property" in problem for problem in problems) >= len(unknown)


def test_slacks_models_drop_what_the_checker_reports() -> None:
    assert Block.parse({"type": "carousel_of_doom"}) is None
    assert check_blocks([{"type": "carousel_of_doom"}]) != []
