"""Dialogs as Slack's dicts. Pure: everything shown is an argument."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bot.compose import Fields
from bot.domain import Content, Kind
from bot.phone import MAX_RECIPIENTS
from bot.picture import MEDIA_HINT
from bot.slack import ids
from bot.slack.payloads import Dialog, dialog_metadata

FIELD_MAX = 3000  # Slack, plain_text_input: max_length
SUBJECT_MAX = 80  # Sinch SMS API, mt_media: body.subject
TEXT_MAX = 2000  # Sinch SMS API: body and body.message
SECTION_MAX = 3000  # Slack, section block
_ABOUT_FITS = 230  # numbers of 12 characters with a comma in FIELD_MAX
_COUNTRIES_SHOWN = 12


def compose(fields: Fields, *, dialog: Dialog, default_region: str, review: Content | None = None) -> dict[str, Any]:
    """The compose dialog, filled in with ``fields``.

    With ``review`` it is the review step: the same inputs, so that Slack keeps what was typed, under a summary of what
    is about to be sent.
    """
    blocks: list[dict[str, Any]] = []
    if review is not None:
        blocks += [_section(summary(review)), {"type": "divider"}]
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
            hint=f"Up to {TEXT_MAX:,} characters. Without a picture it goes as a text message (SMS), with a picture as "
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
            _text_input(ids.SUBJECT, fields.subject, max_length=SUBJECT_MAX),
            hint="Shown above the picture on some phones. Only with a picture.",
            optional=True,
        ),
    ]
    return {
        "type": "modal",
        "callback_id": ids.COMPOSE,
        "title": _plain("Check before sending" if review else "Send a message"),
        "submit": _plain(f"Send to {len(review.recipients)}" if review else "Send"),
        "close": _plain("Cancel"),
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


def denied(reason: str, fields: Fields) -> dict[str, Any]:
    """A dialog without a Send button; what was typed stays, so that it can be copied. ``reason`` is mrkdwn of ours."""
    blocks: list[dict[str, Any]] = [_section(reason)]
    typed = [
        ("To", fields.to),
        ("Text", fields.message),
        ("Picture address", fields.media_url),
        ("Subject", fields.subject),
    ]
    kept = [(label, text) for label, text in typed if text and text.strip()]
    if kept:
        blocks += [{"type": "divider"}, _section("What you typed, to copy:")]
    for label, text in kept:
        blocks += [
            {"type": "context", "elements": [_plain(label)]},
            {"type": "section", "text": _plain(text[:SECTION_MAX])},
        ]
    return {"type": "modal", "title": _plain("Not sent"), "close": _plain("Close"), "blocks": blocks}


def _country(region: str) -> str:
    return "no country" if region == "001" else region


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:SECTION_MAX], "verbatim": True}}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _input(name: str, label: str, element: dict[str, Any], *, hint: str, optional: bool = False) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "label": _plain(label),
        "element": element,
        "hint": _plain(hint),
        "optional": optional,
    }


def _text_input(
    name: str,
    value: str | None,
    *,
    multiline: bool = False,
    max_length: int = FIELD_MAX,
    placeholder: str | None = None,
) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": name,
        "multiline": multiline,
        "max_length": max_length,
    }
    if placeholder:
        element["placeholder"] = _plain(placeholder)
    if value and len(value) <= max_length:
        element["initial_value"] = value
    return element


def _url_input(value: str | None) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "url_text_input", "action_id": ids.MEDIA_URL}
    if value:
        element["initial_value"] = value
    return element
