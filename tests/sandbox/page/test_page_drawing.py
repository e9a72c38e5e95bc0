"""Blocks as HTML: every kind that the product makes is drawn, and no text becomes anything but text."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.page.blocks import BLOCKS, CLICKED, IN_CONTEXT, TYPED, entered, not_drawn, typed
from sandbox.page.render import Renderer
from sandbox.page.stage import Stage
from sandbox.slack.block_kit import check_view
from sandbox.slack.form import entered as state_of
from sandbox.slack.form import initial_values
from sandbox.world import World

ROOT = Path(__file__).parents[3]
NOT_BLOCKS = {"modal", "home", "plain_text", "mrkdwn", "view_submission", "block_actions"}
TEXT = {"type": "plain_text", "text": "Label"}
OPTIONS = [{"text": {"type": "plain_text", "text": word}, "value": word} for word in ("one", "two")]
ELEMENTS: dict[str, tuple[dict[str, Any], Any]] = {
    "plain_text_input": ({}, "two\nlines"),
    "url_text_input": ({}, "https://a.example/b"),
    "email_text_input": ({}, "a@b.example"),
    "number_input": ({"is_decimal_allowed": False}, "12"),
    "datetimepicker": ({}, 1_800_000_000),
    "datepicker": ({}, "2026-01-02"),
    "timepicker": ({}, "12:30"),
    "static_select": ({"options": OPTIONS}, "two"),
    "multi_static_select": ({"options": OPTIONS}, ["one", "two"]),
    "radio_buttons": ({"options": OPTIONS}, "one"),
    "checkboxes": ({"options": OPTIONS}, ["two"]),
    "users_select": ({}, "U0ANN"),
    "multi_users_select": ({}, ["U0ANN", "U0ADA"]),
}


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = tmp_path_factory.mktemp("drawing")
    return Renderer(Stage(World(folder), folder), token="token")


class Reader(HTMLParser):
    """The elements and the text of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "br":
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        self.text += data


def kinds_in_the_product() -> set[str]:
    """Every literal ``"type": "…"`` in the code that makes messages, dialogs and the Home tab."""
    found = set()
    for file in (ROOT / "bot/slack").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "type" and isinstance(value, ast.Constant):
                        found.add(str(value.value))
    return found


def test_every_kind_of_block_and_element_that_the_product_makes_can_be_drawn() -> None:
    kinds = kinds_in_the_product()

    assert {"section", "actions", "button", "input", "plain_text_input", "multi_users_select"} <= kinds
    assert kinds - NOT_BLOCKS <= BLOCKS | CLICKED | TYPED | IN_CONTEXT


def test_what_cannot_be_drawn_is_shown_as_such(renderer: Renderer) -> None:
    strange: list[Mapping[str, Any]] = [
        {"type": "video"},
        {"type": "actions", "elements": [{"type": "workflow_button"}]},
    ]

    drawn = str(renderer.blocks(strange))

    assert "not drawn: video" in drawn
    assert "not drawn: workflow_button" in drawn
    assert list(not_drawn(strange)) == ["video", "workflow_button"]


@given(text=st.text(min_size=1, max_size=200), kind=st.sampled_from(["mrkdwn", "plain_text"]))
def test_no_text_becomes_an_element_or_an_attribute(renderer: Renderer, text: str, kind: str) -> None:
    block = {"type": "section", "text": {"type": kind, "text": text}}
    button = {"type": "button", "action_id": text, "value": text, "text": {"type": "plain_text", "text": text}}

    read = Reader(str(renderer.blocks([block, {"type": "actions", "elements": [button]}])))

    assert set(read.tags) <= {"div", "p", "br", "strong", "code", "form", "input", "button"}
    assert {name for name, _ in read.attributes} <= {"class", "action", "type", "name", "value"}


@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=200))
def test_plain_text_is_shown_as_it_is(renderer: Renderer, text: str) -> None:
    read = Reader(str(renderer.blocks([{"type": "header", "text": {"type": "plain_text", "text": text}}])))

    assert read.text == text


@pytest.mark.parametrize("text", ["<@U0ADA> &amp; <#C0GENERAL>", "*bold* `code` <https://a.example|a link>"])
def test_mrkdwn_reads_as_in_the_workspace(renderer: Renderer, text: str) -> None:
    read = Reader(str(renderer.blocks([{"type": "section", "text": {"type": "mrkdwn", "text": text}}])))

    assert read.text in ("@ada & #general", "bold code a link")


def dialog(kind: str) -> dict[str, Any]:
    element = {"type": kind, "action_id": "it", **ELEMENTS[kind][0]}
    if kind == "plain_text_input":
        element["multiline"] = True
    block = {"type": "input", "block_id": "it", "label": TEXT, "element": element, "optional": True}
    view: dict[str, Any] = {"type": "modal", "title": TEXT, "submit": TEXT, "blocks": [block]}
    assert check_view(view) == []
    return {"id": "V0", **view, "state": {"values": initial_values(view["blocks"])}}


@pytest.mark.parametrize("kind", sorted(TYPED))
def test_what_stands_in_a_field_is_drawn_and_read_back_the_same(renderer: Renderer, kind: str) -> None:
    view, entry = dialog(kind), ELEMENTS[kind][1]
    block = view["blocks"][0]
    view["state"]["values"]["it"]["it"] = state_of(block["element"], entry)
    shown = entered(view, block)

    drawn = str(renderer.view(view, {"it": "Wrong & <odd>"}))
    form = {"it": shown if isinstance(shown, list) else [str(shown)]}

    assert typed(view, form) == {"it": entry}
    assert "Wrong &amp; &lt;odd&gt;" in drawn
    assert "not-drawn" not in drawn


@pytest.mark.parametrize("kind", sorted(TYPED))
def test_an_empty_field_stays_empty(kind: str) -> None:
    read = typed(dialog(kind), {})

    assert not read["it"]


@given(form=st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=10), max_size=3)))
def test_a_form_with_anything_in_it_gives_the_fields_alone(form: Mapping[str, list[str]]) -> None:
    assert set(typed(dialog("plain_text_input"), form)) == {"it"}
