"""The dialog about one message, as Slack's dict. Pure: everything shown is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bot.causes import Catalogue
from bot.causes.entry import Cause
from bot.domain import Message, State
from bot.reports import NO_FINAL_WORD, Counts, RecipientState, Standing, counts_of, standing_of
from bot.slack import ids
from bot.slack.blocks import SECTION_MAX, Block, at, button, plain_text, section
from bot.slack.home.groups import Group, grouped
from bot.slack.home.views import cancel_button, may_stop
from bot.slack.states import STATE_WORDS, recipients, state_words, what
from bot.slack.text import code_span, escape
from bot.slack.whose import Sight, number

TITLE = "Message"

# Slack takes 100 blocks and 250 KB. A message has 1000 recipients at most, a line each of about 100 characters: 35 full
# sections and one more for each group. What does not fit, in whatever it may be, is counted.
_LISTED_BLOCKS = 60

_STANDING_WORDS = {
    Standing.FAILED: "failed",
    Standing.NO_FINAL_WORD: "without a final word",
    Standing.ON_ITS_WAY: "on the way",
    Standing.DELIVERED: "delivered",
}


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
    blocks += _fitting(_recipients(message, reported, sight, causes))
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
    unknown = message.state is State.UNKNOWN
    cause = causes.describe(message.cause, vendor_code=message.vendor_code, maybe_sent=unknown)
    if sight is Sight.MASKED:  # Sinch's own words may quote a number or the text
        return _for_admin(cause)
    reference = message.client_reference if unknown else None
    return causes.sentence(cause, reference=reference, vendor_text=message.vendor_text)


def _for_admin(cause: Cause) -> str:
    return f"{cause.happened} {cause.sent_words} {cause.admin} (Code {cause.code})"


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


# -- recipients


def _recipients(
    message: Message, reported: Sequence[RecipientState], sight: Sight, causes: Catalogue
) -> list[tuple[str, list[str]]]:
    """A heading and the lines under it, for each group."""
    if not reported:
        content = message.content
        if content is None:
            return []
        lines = [f"• {number(one.e164, sight)}" for one in content.recipients]
        words = STATE_WORDS[message.state]
        return [(f"*{words[0].upper()}{words[1:]}*", lines)]
    return [(_heading(group, sight, causes), _lines(group, sight)) for group in grouped(reported)]


def _heading(group: Group, sight: Sight, causes: Catalogue) -> str:
    start = f"*{len(group.members)} {_STANDING_WORDS[group.standing]}*"
    if group.standing is Standing.DELIVERED:
        return start
    if group.reason is None:
        return f"{start}, for several reasons"
    state, code = group.reason
    if state == NO_FINAL_WORD:
        return f"{start}: nothing final came from the carrier within three days. Some never say more."
    cause = causes.for_delivery(status=state, code=code)
    return f"{start}: {escape(_for_admin(cause) if sight is Sight.MASKED else causes.sentence(cause))}"


def _lines(group: Group, sight: Sight) -> list[str]:
    if all(one.e164 is None for one in group.members):
        return [f"• {_between(*group.between)}"] if group.between else []
    return [f"• {number(one.e164, sight)}{_when(one)}{_why(one, group)}" for one in group.members]


def _when(one: RecipientState) -> str:
    return f", {at(one.at)}" if one.at is not None else ""


def _why(one: RecipientState, group: Group) -> str:
    if group.reason is not None:
        return ""
    return f": {code_span(' '.join(filter(None, [one.state[:40], '' if one.code is None else str(one.code)])))}"


def _fitting(parts: Iterable[tuple[str, list[str]]]) -> list[Block]:
    """Headings and lines in as many sections as there is room for, none cut; the rest is counted."""
    texts: list[str] = []
    left_out = 0
    for heading, lines in parts:
        texts.append(heading[:SECTION_MAX])
        for line in lines:
            if len(texts[-1]) + 1 + len(line) <= SECTION_MAX:
                texts[-1] += f"\n{line}"
            elif len(texts) < _LISTED_BLOCKS:
                texts.append(line)
            else:
                left_out += 1
    return [section(text) for text in texts] + ([section(f"and {left_out} more")] if left_out else [])


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
    for standing, words in _STANDING_WORDS.items():
        steps[words] = [one.final_at for one in reported if standing_of(one.state) is standing]
    for words, moments in steps.items():
        if known := sorted(filter(None, moments)):
            lines.append(f"• {_between(known[0], known[-1])}: {words}, {recipients(len(known))}")
    return lines


def _between(first: datetime, last: datetime) -> str:
    return at(first) if last == first else f"{at(first)} to {at(last)}"
