"""Dialogs as Slack's dicts. Pure: everything shown is an argument."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bot.compose import MAX_FIELD, MAX_SUBJECT, MAX_TEXT, Fields
from bot.domain import Content, Kind
from bot.phone import MAX_RECIPIENTS
from bot.picture import MEDIA_HINT
from bot.slack import ids
from bot.slack.blocks import SECTION_MAX, ask_button, plain_text, section
from bot.slack.payloads import Dialog, dialog_metadata

_ABOUT_FITS = 230  # numbers of 12 characters with a comma in MAX_FIELD
_COUNTRIES_SHOWN = 12


def compose(fields: Fields, *, dialog: Dialog, default_region: str, review: Content | None = None) -> dict[str, Any]:
    """The compose dialog, filled in with ``fields``.

    With ``review`` it is the review step: the same inputs, so that Slack keeps what was typed, under a summary of what
    is about to be sent.
    """
    blocks: list[dict[str, Any]] = []
    if review is not None:
        blocks += [section(summary(review)), {"type": "divider"}]
    blocks += [
        _input(
            ids.TO,
            "To",
            _text_input(ids.TO, fields.to, multiline=True, placeholder="+1 201 555 0123, +1 201 555 0124"),
            hint=f"One number or several, with commas or each on its own line; about {_ABOUT_FITS} fit, "
            f"{MAX_RECIPIENTS:,} at most. Numbers without a country code are read as {default_region} numbers.",
        ),
        _input(
            ids.MESSAGE,
            "Text",
            _text_input(ids.MESSAGE, fields.message, multiline=True),
            hint=f"Up to {MAX_TEXT:,} characters. Without a picture it goes as a text message (SMS), with a picture as "
            "a picture message (MMS).",
            optional=True,
        ),
        _input(
            ids.MEDIA_URL,
            "Picture address",
            # What was typed may need cleaning before it is an address that Slack takes as a first value.
            _url_input(review.media_url if review else fields.media_url),
            hint=MEDIA_HINT,
            optional=True,
        ),
        _input(
            ids.SUBJECT,
            "Subject",
            _text_input(ids.SUBJECT, fields.subject, max_length=MAX_SUBJECT),
            hint="Shown above the picture on some phones. Only with a picture.",
            optional=True,
        ),
    ]
    return {
        "type": "modal",
        "callback_id": ids.COMPOSE,
        "title": plain_text("Check before sending" if review else "Send a message"),
        "submit": plain_text(f"Send to {len(review.recipients)}" if review else "Send"),
        "close": plain_text("Cancel"),
        "private_metadata": dialog_metadata(dialog),
        "blocks": blocks,
    }


def summary(content: Content) -> str:
    """What is about to be sent, to how many, to where (mrkdwn)."""
    count = len(content.recipients)
    by_country = Counter(recipient.region for recipient in content.recipients).most_common()
    shown = [f"{_country(region)}: {number}" for region, number in by_country[:_COUNTRIES_SHOWN]]
    if rest := sum(number for _, number in by_country[_COUNTRIES_SHOWN:]):
        shown.append(f"elsewhere: {rest}")
    what = "a picture message (MMS)" if content.kind is Kind.MMS else "a text message (SMS)"
    return (
        f"*Nothing was sent yet.* This is {what} to *{count} recipients* ({', '.join(shown)}).\n"
        f"Press *Send to {count}* to send it. If you change something first, you are shown this again."
    )


def denied(reason: str, fields: Fields, *, may_ask: bool = False) -> dict[str, Any]:
    """A dialog without a Send button; what was typed stays, so that it can be copied. ``reason`` is mrkdwn of ours.

    With ``may_ask`` there is a button to ask for access; its block is replaced once it was pressed.
    """
    blocks: list[dict[str, Any]] = [section(reason)]
    if may_ask:
        blocks += [section("Asking does not send what you typed: copy it, and send it once you may."), ask_button()]
    typed = [
        ("To", fields.to),
        ("Text", fields.message),
        ("Picture address", fields.media_url),
        ("Subject", fields.subject),
    ]
    kept = [(label, text) for label, text in typed if text and text.strip()]
    if kept:
        blocks += [{"type": "divider"}, section("What you typed, to copy:")]
    for label, text in kept:
        blocks += [
            {"type": "context", "elements": [plain_text(label)]},
            {"type": "section", "text": plain_text(text[:SECTION_MAX])},
        ]
    return {"type": "modal", "title": plain_text("Not sent"), "close": plain_text("Close"), "blocks": blocks}


def _country(region: str) -> str:
    return "no country" if region == "001" else region


def _input(name: str, label: str, element: dict[str, Any], *, hint: str, optional: bool = False) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "label": plain_text(label),
        "element": element,
        "hint": plain_text(hint),
        "optional": optional,
    }


def _text_input(
    name: str,
    value: str | None,
    *,
    multiline: bool = False,
    max_length: int = MAX_FIELD,
    placeholder: str | None = None,
) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": name,
        "multiline": multiline,
        "max_length": max_length,
    }
    if placeholder:
        element["placeholder"] = plain_text(placeholder)
    if value and len(value) <= max_length:
        element["initial_value"] = value
    return element


def _url_input(value: str | None) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "url_text_input", "action_id": ids.MEDIA_URL}
    if value:
        element["initial_value"] = value
    return element
