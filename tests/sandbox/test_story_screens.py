"""Dialogs, messages and phones as the story draws them from real blocks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sinch.phones import PhoneMessage
from sandbox.slack.form import initial_values
from sandbox.story.lines import Line, Span, Tone, line_columns, text_of
from sandbox.story.mrkdwn import spans
from sandbox.story.phone_screen import PHONE_WIDTH, phone, phones, spaced
from sandbox.story.slack_screen import dialog, message, typed_line

WIDTH = 50
NAMES = {"U0ADA": "@ada", "C0GENERAL": "#general", "S0SUPPORT": "@support"}


def name_of(some_id: str) -> str:
    return NAMES.get(some_id, some_id)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def input_block(name: str, label: str, *, typed: str | None = None, optional: bool = False) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": name, "initial_value": typed or ""}
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label),
        "element": element,
        "hint": plain("A hint that goes on and on, much longer than one line of any dialog is."),
        "optional": optional,
    }


def view(*blocks: dict[str, Any], submit: str | None = "Send") -> dict[str, Any]:
    shown: dict[str, Any] = {"title": plain("A title"), "close": plain("Cancel"), "blocks": list(blocks)}
    if submit:
        shown["submit"] = plain(submit)
    return {**shown, "state": {"values": initial_values(shown["blocks"])}}


def drawn(lines: list[Line]) -> list[str]:
    return [line.rstrip() for line in text_of(lines).split("\n")]


def test_a_dialog_shows_title_labels_what_is_typed_and_buttons() -> None:
    lines = drawn(dialog(view(input_block("to", "To", typed="555-12")), {}, 40, name_of=name_of, hints=False))
    assert lines == [
        "╭─ A title ────────────────────────────╮",
        "│ To                                   │",
        "│ [ 555-12                           ] │",
        "│                 [ Cancel ]  [ Send ] │",
        "╰──────────────────────────────────────╯",
    ]


def test_an_error_stands_right_below_its_field() -> None:
    fields = view(input_block("to", "To", typed="555-12"), input_block("message", "Text"))
    lines = drawn(dialog(fields, {"to": "That number is too short."}, WIDTH, name_of=name_of, hints=False))
    place = next(number for number, line in enumerate(lines) if "! That number is too short." in line)
    assert "555-12" in lines[place - 1]
    assert "Text" in lines[place + 1]


def test_a_long_error_is_shown_in_full() -> None:
    error = " ".join(f"word{number}" for number in range(40))
    text = text_of(dialog(view(input_block("to", "To")), {"to": error}, WIDTH, name_of=name_of))
    assert all(word in text for word in error.split())


def test_hints_are_cut_to_one_line_and_can_be_left_out() -> None:
    fields = view(input_block("to", "To"))
    with_hints = text_of(dialog(fields, {}, WIDTH, name_of=name_of, hints=True))
    assert "A hint that goes on" in with_hints
    assert "of any dialog is" not in with_hints
    assert "A hint" not in text_of(dialog(fields, {}, WIDTH, name_of=name_of, hints=False))


def test_several_typed_lines_are_several_lines() -> None:
    lines = drawn(dialog(view(input_block("to", "To", typed="one\ntwo")), {}, 20, name_of=name_of, hints=False))
    assert "│ [ one          ] │" in lines
    assert "│ [ two          ] │" in lines


def test_optional_fields_are_marked_as_slack_marks_them() -> None:
    assert "Subject (optional)" in text_of(
        dialog(view(input_block("s", "Subject", optional=True)), {}, WIDTH, name_of=name_of)
    )


def test_a_dialog_without_submit_has_no_such_button() -> None:
    text = text_of(dialog(view({"type": "section", "text": plain("No")}, submit=None), {}, WIDTH, name_of=name_of))
    assert "[ Cancel ]" in text
    assert "Send" not in text


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ({"type": "multi_users_select", "selected_users": ["U0ANN", "U0BEN"]}, "U0ANN, U0BEN"),
        ({"type": "static_select", "selected_option": {"text": {"text": "Later"}, "value": "l"}}, "Later"),
        ({"type": "datetimepicker", "selected_date_time": 1700000000}, "1700000000"),
        ({"type": "file_input", "files": [{"id": "F1", "name": "cat.jpg"}]}, "cat.jpg"),
        ({"type": "plain_text_input", "value": None}, ""),
    ],
)
def test_other_inputs_show_what_is_entered_too(state: dict[str, Any], shown: str) -> None:
    shape = view(input_block("x", "Label"))
    shape["state"]["values"] = {"x": {"x": state}}
    assert f"[ {shown}".rstrip() in text_of(dialog(shape, {}, WIDTH, name_of=name_of))


@given(st.text(max_size=200), st.text(min_size=1, max_size=200), st.integers(12, 90))
def test_a_dialog_is_never_wider_than_asked(typed: str, error: str, width: int) -> None:
    fields = view(input_block("to", "To", typed=typed), {"type": "section", "text": mrkdwn(error)})
    lines = dialog(fields, {"to": error}, width, name_of=name_of)
    assert {line_columns(line) for line in lines} == {width}


def test_a_message_shows_its_blocks_and_its_button() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": mrkdwn("*Sent*: `01ABC`, ask <@U0ADA>")},
        {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": plain("Open it again")}]},
    ]
    assert drawn(message("only ann sees this", "not shown", blocks, WIDTH, name_of=name_of)) == [
        "only ann sees this",
        "┃ Sent: 01ABC, ask @ada",
        "┃ [ Open it again ]",
    ]


def test_a_message_without_blocks_shows_its_text() -> None:
    assert "┃ a < b" in drawn(message("header", "a &lt; b", [], WIDTH, name_of=name_of))


def test_a_picture_shows_what_stands_for_it() -> None:
    image = {"type": "image", "alt_text": "a cat"}
    lines = drawn(message("header", "", [image, {"type": "context", "elements": [image]}], WIDTH, name_of=name_of))
    assert lines.count("┃ (a cat)") == 2


def test_a_kind_of_block_that_is_not_known_is_not_silently_left_out() -> None:
    assert "┃ (video)" in drawn(message("header", "", [{"type": "video"}], WIDTH, name_of=name_of))


@given(st.text(max_size=300), st.integers(12, 90))
def test_a_message_is_never_wider_than_asked(text: str, width: int) -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": plain(text)},
        {"type": "context", "elements": [mrkdwn(text), {"type": "image", "alt_text": text}]},
        {"type": "section", "text": mrkdwn(text), "fields": [plain(text)]},
        {"type": "actions", "elements": [{"type": "button", "text": plain(text)}] * 3},
        {"type": "divider"},
    ]
    lines = message(text, text, blocks, width, name_of=name_of)
    assert all(line_columns(line) <= width for line in lines)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U0ADA> or <#C0GENERAL> or <!subteam^S0SUPPORT>", "@ada or #general or @support"),
        ("<@U0ADA|ada.a> <!here>", "ada.a @here"),
        ("<!date^1700000000^{date_short_pretty}|2023-11-14 22:13 UTC>", "2023-11-14 22:13 UTC"),
        ("<https://example.com/?a=1&amp;b=2|the page>, <https://example.com>", "the page, https://example.com"),
        ("2 * 3 * 4 &amp;lt; 30, a*b*c", "2 * 3 * 4 &lt; 30, a*b*c"),
        ("*bold `code` bold*", "bold `code` bold"),
    ],
)
def test_mrkdwn_reads_as_a_person_sees_it(text: str, shown: str) -> None:
    assert "".join(span.text for span in spans(text, name_of)).replace("`", "") == shown.replace("`", "")


def test_bold_code_and_names_stand_out() -> None:
    tones = {span.text: span.tone for span in spans("*a* `b` <@U0ADA> c", name_of)}
    assert tones["a"] is Tone.STRONG
    assert tones["b"] is Tone.CODE
    assert tones["@ada"] is Tone.STRONG
    assert tones[" c"] is Tone.PLAIN


@given(st.text(st.sampled_from("*`<>|@!#&; ab\n"), max_size=80))
def test_any_mrkdwn_can_be_drawn(text: str) -> None:
    assert isinstance(spans(text, name_of), list)


def received(text: str, *, media_url: str | None = None, subject: str | None = None) -> PhoneMessage:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return PhoneMessage("mms" if media_url else "sms", "12015550100", text, subject, media_url, "01ABC", at)


def test_a_phone_shows_number_sender_picture_and_text() -> None:
    text = text_of(phone("+12015550123", [received("Hello", media_url="https://example.com/a/cat.jpg", subject="New")]))
    for shown in ("+1 201 555 0123", "from +1 201 555 0100", "cat.jpg", "New", "Hello", "MMS"):
        assert shown in text
    assert "SMS" not in text


def test_a_phone_that_got_nothing_says_so() -> None:
    assert "(nothing)" in text_of(phone("+12015550123", []))


def test_a_phone_shows_every_message_that_it_got() -> None:
    assert text_of(phone("+12015550123", [received("Hello"), received("Hello")])).count("Hello") == 2


def test_three_phones_stand_beside_each_other_and_the_fourth_below() -> None:
    lines = text_of(phones([(f"+1201555012{number}", [received("Hello")]) for number in range(4)], 78)).split("\n")
    heads = [line.count("╭─ +1 201") for line in lines if "╭" in line]
    assert heads == [3, 1]


@given(st.text(max_size=200), st.one_of(st.none(), st.text(min_size=1, max_size=80)), st.integers(40, 90))
def test_phones_are_never_wider_than_asked(text: str, subject: str | None, width: int) -> None:
    media_url = None if subject is None else f"https://example.com/{subject}"
    shown = [received(text, media_url=media_url, subject=subject)]
    assert all(line_columns(line) <= width for line in phones([("+12015550123", shown)] * 4, width))
    assert {line_columns(line) for line in phone("+442079460123", shown)} == {PHONE_WIDTH}


def test_numbers_of_other_countries_stay_as_they_are() -> None:
    assert spaced("+442079460123") == "+442079460123"
    assert spaced("12015550123") == "+1 201 555 0123"


@given(st.text(max_size=200), st.integers(40, 90))
def test_a_typed_command_is_never_wider_than_asked(text: str, width: int) -> None:
    assert all(line_columns(line) <= width for line in typed_line("ann", "#general", text, width))


def test_a_typed_command_shows_who_types_where() -> None:
    assert drawn(typed_line("ann", "#general", "/mms hello", 40)) == ["#general  ann: /mms hello"]
    assert typed_line("ann", "#general", "/mms", 40)[0][-1] == Span("/mms", Tone.STRONG)
