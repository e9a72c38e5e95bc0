"""The Block Kit checker: a view or the blocks of a message → the list of what Slack would refuse in it. Pure.

It is as strict as the documents, and stricter where they are silent: a key or a block type that is not known here is a
problem, never ignored. Source: docs.slack.dev, reference/block-kit/blocks and reference/views, first half of 2026.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sandbox.slack.block_elements import (
    ACCESSORIES,
    ACTION_ELEMENTS,
    CONTEXT_ELEMENTS,
    INPUT_ELEMENTS,
    MAX_ALT_TEXT,
    MAX_ID,
    MAX_URL,
    SLACK_FILE,
    any_text,
    plain_text,
)
from sandbox.slack.checks import (
    Check,
    anything,
    at_least_one,
    boolean,
    by_type,
    each,
    exactly_one,
    http_url,
    one_of,
    problem,
    record,
    string,
)

MAX_VIEW_BYTES = 250_000  # "250 KB", read in the strict sense
MAX_VIEW_BLOCKS = 100
MAX_MESSAGE_BLOCKS = 50
MAX_TITLE = 24  # also submit and close
MAX_PRIVATE_METADATA = 3000
MAX_SECTION_TEXT = 3000
MAX_SECTION_FIELDS = 10
MAX_FIELD_TEXT = 2000
MAX_HEADER = 150
MAX_LABEL = 2000  # also hint
MAX_CONTEXT = 10
MAX_ACTIONS = 25
MAX_MARKDOWN = 12_000


class Surface(StrEnum):
    """Where blocks are shown; some blocks have only some surfaces."""

    MODAL = "modal"
    HOME = "home"
    MESSAGE = "message"


_BLOCK_ID: dict[str, Check] = {"block_id": string(MAX_ID)}


def _block(kind: str, required: Mapping[str, Check], optional: Mapping[str, Check], *crosses: Any) -> Check:
    return record({"type": one_of(kind), **required}, {**_BLOCK_ID, **optional}, *crosses)


_EVERYWHERE: dict[str, Check] = {
    "section": _block(
        "section",
        {},
        {
            "text": any_text(MAX_SECTION_TEXT),
            "fields": each(any_text(MAX_FIELD_TEXT), most=MAX_SECTION_FIELDS),
            "accessory": by_type(ACCESSORIES, what="accessory element"),
            "expand": boolean,
        },
        at_least_one("text", "fields"),
    ),
    "header": _block("header", {"text": plain_text(MAX_HEADER)}, {}),
    "divider": _block("divider", {}, {}),
    "image": _block(
        "image",
        {"alt_text": string(MAX_ALT_TEXT)},
        {"image_url": http_url(MAX_URL), "slack_file": SLACK_FILE, "title": plain_text(2000)},
        exactly_one("image_url", "slack_file"),
    ),
    "context": _block(
        "context", {"elements": each(by_type(CONTEXT_ELEMENTS, what="context element"), most=MAX_CONTEXT)}, {}
    ),
    "actions": _block(
        "actions", {"elements": each(by_type(ACTION_ELEMENTS, what="actions element"), most=MAX_ACTIONS)}, {}
    ),
    "input": _block(
        "input",
        {"label": plain_text(MAX_LABEL), "element": by_type(INPUT_ELEMENTS, what="input element")},
        {"dispatch_action": boolean, "hint": plain_text(MAX_LABEL), "optional": boolean},
    ),
    "rich_text": _block("rich_text", {"elements": each(anything, fewest=0, most=1000)}, {}),
    "video": _block(
        "video",
        {
            "alt_text": string(MAX_ALT_TEXT),
            "title": plain_text(199),
            "thumbnail_url": http_url(MAX_URL),
            "video_url": http_url(MAX_URL),
        },
        {
            "author_name": string(49),
            "description": plain_text(MAX_ALT_TEXT),
            "provider_icon_url": http_url(MAX_URL),
            "provider_name": string(MAX_ID),
            "title_url": http_url(MAX_URL),
        },
    ),
}
_MESSAGE_ONLY: dict[str, Check] = {
    "markdown": _block("markdown", {"text": string(MAX_MARKDOWN)}, {}),
    "table": _block("table", {"rows": each(each(anything, most=20), most=100)}, {"column_settings": anything}),
}
_BLOCKS: dict[Surface, Check] = {
    Surface.MODAL: by_type(_EVERYWHERE, what="block"),
    Surface.HOME: by_type(_EVERYWHERE, what="block"),
    Surface.MESSAGE: by_type({**_EVERYWHERE, **_MESSAGE_ONLY}, what="block"),
}

_VIEW_COMMON: dict[str, Check] = {
    "private_metadata": string(MAX_PRIVATE_METADATA, shortest=0),
    "callback_id": string(MAX_ID, shortest=0),
    "external_id": string(MAX_ID, shortest=0),
}


def _needs_submit(view: Mapping[str, Any], path: str) -> Iterator[str]:
    if "submit" not in view and any(block.get("type") == "input" for block in view["blocks"]):
        yield problem("missing required field: submit (a view with an input block needs it)", path)


def _at_most_one_focus(view: Mapping[str, Any], path: str) -> Iterator[str]:
    if sum(bool(element.get("focus_on_load")) for _, element in elements_of(view["blocks"])) > 1:
        yield problem("only one element can set focus_on_load", path)


_VIEW = by_type(
    {
        "modal": record(
            {
                "type": one_of("modal"),
                "title": plain_text(MAX_TITLE),
                "blocks": each(_BLOCKS[Surface.MODAL], most=MAX_VIEW_BLOCKS),
            },
            {
                **_VIEW_COMMON,
                "submit": plain_text(MAX_TITLE),
                "close": plain_text(MAX_TITLE),
                "clear_on_close": boolean,
                "notify_on_close": boolean,
                "submit_disabled": boolean,
            },
            _needs_submit,
            _at_most_one_focus,
        ),
        "home": record(
            {"type": one_of("home"), "blocks": each(_BLOCKS[Surface.HOME], most=MAX_VIEW_BLOCKS)}, _VIEW_COMMON
        ),
    },
    what="view",
)


def elements_of(blocks: Sequence[Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every (block, interactive element) of sound or unsound blocks, in order."""
    for block in blocks:
        if not isinstance(block, dict):
            continue
        inside = block.get("elements") if block.get("type") == "actions" else []
        for element in [block.get("element"), block.get("accessory"), *(inside if isinstance(inside, list) else [])]:
            if isinstance(element, dict) and element.get("type") != "image":
                yield block, element


def _unique_ids(blocks: object, path: str) -> Iterator[str]:
    if not isinstance(blocks, list):
        return
    seen_blocks: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id") if isinstance(block, dict) else None
        if not isinstance(block_id, str):
            continue
        if block_id in seen_blocks:
            yield problem(f"block_id {block_id[:60]!r} is used more than once", f"{path}/{index}/block_id")
        seen_blocks.add(block_id)
    for index, block in enumerate(blocks):
        actions = [e["action_id"] for _, e in elements_of([block]) if isinstance(e.get("action_id"), str)]
        for action_id in sorted({a for a in actions if actions.count(a) > 1}):
            yield problem(f"action_id {action_id[:60]!r} is used more than once in a block", f"{path}/{index}")


def _no_file_input(blocks: object, path: str) -> list[str]:
    """file_input is for modals only."""
    return [
        problem("file_input is for modals only", f"{path}/{index}/element")
        for index, block in enumerate(blocks if isinstance(blocks, list) else [])
        if any(element.get("type") == "file_input" for _, element in elements_of([block]))
    ]


def view_bytes(view: object) -> int:
    """The size of a view as UTF-8 JSON."""
    return len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def check_view(view: object) -> list[str]:
    """What Slack would refuse in a modal or Home view; empty when nothing."""
    problems = list(_VIEW(view, "/view"))
    if isinstance(view, dict):
        problems += _unique_ids(view.get("blocks"), "/view/blocks")
        if view.get("type") == "home":
            problems += _no_file_input(view.get("blocks"), "/view/blocks")
    if view_bytes(view) > MAX_VIEW_BYTES:
        problems.append(problem(f"a view may have {MAX_VIEW_BYTES} bytes, this has {view_bytes(view)}", "/view"))
    return problems


def check_blocks(blocks: object) -> list[str]:
    """What Slack would refuse in the blocks of a message; empty when nothing."""
    problems = list(each(_BLOCKS[Surface.MESSAGE], fewest=0, most=MAX_MESSAGE_BLOCKS)(blocks, "/blocks"))
    problems += _unique_ids(blocks, "/blocks")
    if isinstance(blocks, list):
        texts = (b.get("text") for b in blocks if isinstance(b, dict) and b.get("type") == "markdown")
        if sum(len(text) for text in texts if isinstance(text, str)) > MAX_MARKDOWN:
            problems.append(problem(f"markdown blocks may have {MAX_MARKDOWN} characters together", "/blocks"))
    return problems + _no_file_input(blocks, "/blocks")


def check_message(message: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse in a message's ``text`` and ``blocks``; its other fields are the caller's concern."""
    problems: list[str] = []
    if message.get("text") is not None and not isinstance(message["text"], str):
        problems.append(problem("must be a string", "/text"))
    if message.get("blocks") is not None:
        problems += check_blocks(message["blocks"])
    return problems
