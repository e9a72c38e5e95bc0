"""The dialog about one message, as Slack's dict. Pure: everything shown is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.causes import Catalogue, Sent
from bot.domain import Message, State
from bot.reports import Counts, RecipientState, counts_of, standing_of
from bot.slack import ids
from bot.slack.blocks import SECTION_MAX, Block, at, button, plain_text, section
from bot.slack.recipients import STANDING_WORDS, between, by_standing, fitting, for_admin
from bot.slack.states import STATE_WORDS, cause_of, recipients, state_words, what
from bot.slack.stopping import cancel_button, may_stop
from bot.slack.text import code_span, escape
from bot.slack.whose import Sight

TITLE = "Message"

# Slack takes 100 blocks and 250 KB. A message has 1000 recipients at most, a line each of about 100 characters: 35 full
# sections and one more for each group. What does not fit, in whatever it may be, is counted.
_LISTED_BLOCKS = 60


def details(message: Message, reported: Sequence[RecipientState], *, sight: Sight, causes: Catalogue) -> dict[str, Any]:
    """Everything about one message that somebody with this sight may know.

    Args:
        reported: its recipients; empty as long as Sinch does not have the message.
    """
    counts = counts_of(reported) if reported else None
    blocks = [section(_head(message, counts, sight, causes))]
    if trouble := _trouble(message, sight, causes):
        blocks.append(section(escape(trouble)))
    blocks.append({"type": "actions", "elements": _buttons(message, counts)})
    blocks += _content(message, sight)
    blocks.append(section(f"*Recipients* ({message.recipient_count})"))
    blocks += fitting(by_standing(message, reported, sight=sight, causes=causes), most=_LISTED_BLOCKS)
    blocks.append(section("\n".join(["*What happened, and when*", *_history(message, reported)])))
    return {
        "type": "modal",
        "callback_id": ids.DETAILS,
        "title": plain_text(TITLE),
        "close": plain_text("Close"),
        "blocks": blocks,
    }


def details_notice(text: str) -> dict[str, Any]:
    """The dialog when there is nothing to show. ``text`` is plain."""
    return {
        "type": "modal",
        "callback_id": ids.DETAILS,
        "title": plain_text(TITLE),
        "close": plain_text("Close"),
        "blocks": [section(escape(text))],
    }


def _head(message: Message, counts: Counts | None, sight: Sight, causes: Catalogue) -> str:
    start = what(message)
    lines = [f"*{start[0].upper()}{start[1:]}*"]
    if sight is Sight.MASKED:
        lines.append(f"Sent by <@{message.reply.user_id}>")
    lines.append(f"State: {state_words(message, counts, causes=causes)}")
    if message.batch_id:
        lines.append(f"Batch ID: {code_span(message.batch_id)}")
    lines.append(f"Reference: {code_span(message.client_reference)}")
    return "\n".join(lines)


def _trouble(message: Message, sight: Sight, causes: Catalogue) -> str:
    """Why it was not sent, or is not known to be, or waits (plain text); empty if all is well."""
    if message.cause is None or message.state in (State.SENDING, State.ACCEPTED):
        return ""
    cause = cause_of(message, causes=causes)
    if sight is Sight.MASKED:  # Sinch's own words may quote a number or the text
        return for_admin(cause)
    reference = message.client_reference if cause.sent is Sent.MAYBE else None
    return causes.sentence(cause, reference=reference, vendor_text=message.vendor_text)


def _buttons(message: Message, counts: Counts | None) -> list[Block]:
    buttons = [button(ids.REFRESH, "Refresh", value=message.client_reference)]
    if may_stop(message, counts):
        buttons.append(cancel_button(message))
    return buttons


def _content(message: Message, sight: Sight) -> list[Block]:
    content = message.content
    if content is None:
        return [section("Its numbers and its text are no longer kept.")]
    if sight is Sight.MASKED:
        return [section("Numbers are masked, and what was written is not shown: that is for its sender alone.")]
    shown = [("Text", content.text), ("Picture address", content.media_url), ("Subject", content.subject)]
    blocks: list[Block] = []
    for label, text in shown:
        if text and text.strip():
            blocks += [
                {"type": "context", "elements": [plain_text(label)]},
                {"type": "section", "text": plain_text(text[:SECTION_MAX])},
            ]
    return blocks


# -- history


def _history(message: Message, reported: Sequence[RecipientState]) -> list[str]:
    """What happened, oldest first; of the recipients, the first and the last of each standing."""
    lines = [f"• {at(message.created_at, seconds=True)}: taken"]
    if message.first_attempt_at is not None:
        times = f" of {message.attempts}" if message.attempts > 1 else ""
        lines.append(f"• {at(message.first_attempt_at, seconds=True)}: first attempt{times} at Sinch")
    if message.batch_id is not None and message.state is not State.ACCEPTED:
        lines.append(f"• {STATE_WORDS[State.ACCEPTED]}")
    if message.state not in (State.QUEUED, State.SCHEDULED):
        when = f"{at(message.finished_at, seconds=True)}: " if message.finished_at else ""
        lines.append(f"• {when}{STATE_WORDS[message.state]}")
    steps = {"with the carrier": [one.dispatched_at for one in reported]}
    for standing, words in STANDING_WORDS.items():
        steps[words] = [one.final_at for one in reported if standing_of(one.state) is standing]
    for words, moments in steps.items():
        if known := sorted(filter(None, moments)):
            lines.append(f"• {between(known[0], known[-1])}: {words}, {recipients(len(known))}")
    return lines
