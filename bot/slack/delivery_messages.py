"""What a sender reads of the delivery of one message: the one answer that grows, as Slack's message dicts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.causes import Catalogue
from bot.domain import Message, State
from bot.reports import NO_FINAL_WORD, Counts, RecipientState, Standing, counts_of, standing_of
from bot.slack import ids
from bot.slack.blocks import SECTION_MAX, Block, Blocks, button, section
from bot.slack.groups import grouped
from bot.slack.recipients import heading, reason
from bot.slack.states import counts_words, noun, what
from bot.slack.text import code_span, escape
from bot.slack.whose import Sight, number

# How long a message with blocks may be in all is not documented; a few thousand characters are what people read.
_UNFOLDED_MAX = 9000
_REST = "and {} more, see the details"
_WENT_WRONG = (Standing.FAILED, Standing.NO_FINAL_WORD)


def delivery_news(message: Message, reported: Sequence[RecipientState], *, unfolded: bool, causes: Catalogue) -> Blocks:
    """How far a message has come, for its sender.

    Args:
        reported: its recipients, all of them.
        unfolded: with those whom it did not reach, and why.
    """
    counts = counts_of(reported)
    single = reported[0] if len(reported) == 1 else None
    said = _of_one(message, single, causes) if single is not None else _of_many(message, counts, causes)
    batch = f"\nBatch ID: {code_span(message.batch_id)}" if message.batch_id else ""
    text = f"{said}{batch}"
    blocks = [section(text)]
    buttons = []
    if single is None and (counts.failed or counts.no_final_word):
        if unfolded:
            blocks += _unfolded(reported, causes)
        buttons.append(_fold_button(message, counts, unfolded))
    buttons.append(button(ids.DETAILS, "Details", value=message.client_reference))
    return {"text": text[:SECTION_MAX], "blocks": [*blocks, {"type": "actions", "elements": buttons}]}


def _of_one(message: Message, one: RecipientState, causes: Catalogue) -> str:
    start = f"Your {noun(message)}"
    to = number(one.e164, Sight.WHOLE)
    cause = reason(one.state, one.code, causes=causes)
    match standing_of(one.state):
        case Standing.DELIVERED:
            return f"{start} was delivered to {to}."
        case Standing.FAILED:
            return f"{start} was not delivered to {to}. {escape(causes.sentence(cause))}"
        case Standing.NO_FINAL_WORD:
            return f"There is no final word on your {noun(message)} to {to}. {escape(causes.sentence(cause))}"
        case Standing.ON_ITS_WAY:
            return f"{start} is on its way to {to}."


def _of_many(message: Message, counts: Counts, causes: Catalogue) -> str:
    if message.state is State.CANCELLED:
        return f"Your {what(message)} was cancelled. What became of it all the same: {counts_words(counts)}."
    if counts.delivered == counts.total > 0:
        return f"Your {noun(message)} was delivered to all {counts.total} recipients."
    said = f"Your {what(message)}: {counts_words(counts) or 'nothing is known yet'}."
    if counts.no_final_word:
        said += f" {escape(reason(NO_FINAL_WORD, None, causes=causes).happened)}"
    return said


def _fold_button(message: Message, counts: Counts, unfolded: bool) -> Block:
    if unfolded:
        return button(ids.FOLD, "Hide them", value=message.client_reference)
    which = "the failed ones" if counts.failed else "those without a final word"
    return button(ids.UNFOLD, f"Show {which}", value=message.client_reference)


def _unfolded(reported: Sequence[RecipientState], causes: Catalogue) -> list[Block]:
    """A section for each reason, with the numbers that it holds for; what does not fit is counted."""
    blocks: list[Block] = []
    room = _UNFOLDED_MAX
    left_out = 0
    for group in grouped(reported):
        if group.standing not in _WENT_WRONG:
            continue
        start = heading(group, sight=Sight.WHOLE, causes=causes)
        kept = [one.e164 for one in group.members if one.e164 is not None]
        if len(start) > room:
            left_out += len(group.members)
            continue
        listed = _listed(kept, room=min(room, SECTION_MAX) - len(start) - 1)
        blocks.append(section("\n".join(filter(None, [start, listed]))))
        room -= len(start) + len(listed)
    return [*blocks, section(_REST.format(left_out))] if left_out else blocks


def _listed(numbers: Sequence[str], *, room: int) -> str:
    """As many of the numbers as there is room for, in characters, and how many more."""
    whole = ", ".join(numbers)
    if len(whole) <= room:
        return whole
    shown: list[str] = []
    room -= len(_REST.format(len(numbers))) + 1
    for one in numbers:
        room -= len(one) + 2
        if room < 0:
            break
        shown.append(one)
    return " ".join([*(f"{one}," for one in shown[:-1]), *shown[-1:], _REST.format(len(numbers) - len(shown))])
