"""What became of each recipient of a message, listed by how they fared, for whoever has a certain sight. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.causes import Catalogue
from bot.causes.entry import Cause
from bot.domain import Message
from bot.reports import NO_FINAL_WORD, RecipientState, Standing
from bot.slack.blocks import SECTION_MAX, Block, at, section
from bot.slack.groups import Group, grouped
from bot.slack.states import STATE_WORDS
from bot.slack.text import code_span, escape
from bot.slack.whose import Sight, number

STANDING_WORDS = {
    Standing.FAILED: "failed",
    Standing.NO_FINAL_WORD: "without a final word",
    Standing.ON_ITS_WAY: "on the way",
    Standing.DELIVERED: "delivered",
}


def by_standing(
    message: Message, reported: Sequence[RecipientState], *, sight: Sight, causes: Catalogue
) -> list[tuple[str, list[str]]]:
    """A heading and the lines under it, for each group."""
    if not reported:
        content = message.content
        if content is None:
            return []
        lines = [f"• {number(one.e164, sight)}" for one in content.recipients]
        words = STATE_WORDS[message.state]
        return [(f"*{words[0].upper()}{words[1:]}*", lines)]
    return [(heading(group, sight=sight, causes=causes), _lines(group, sight)) for group in grouped(reported)]


def heading(group: Group, *, sight: Sight, causes: Catalogue) -> str:
    start = f"*{len(group.members)} {STANDING_WORDS[group.standing]}*"
    if group.standing is Standing.DELIVERED:
        return start
    if group.reason is None:
        return f"{start}, for several reasons"
    state, code = group.reason
    cause = reason(state, code, causes=causes)
    return f"{start}: {escape(for_admin(cause) if sight is Sight.MASKED else causes.sentence(cause))}"


def reason(state: str, code: int | None, *, causes: Catalogue) -> Cause:
    """Why a recipient's state is what it is. ``state`` and ``code`` are Sinch's, or the state is our NO_FINAL_WORD."""
    if state == NO_FINAL_WORD:
        return causes.get("own-no-final-word")
    return causes.for_delivery(status=state, code=code)


def _lines(group: Group, sight: Sight) -> list[str]:
    if all(one.e164 is None for one in group.members):
        return [f"• {between(*group.between)}"] if group.between else []
    return [f"• {number(one.e164, sight)}{_when(one)}{_why(one, group)}" for one in group.members]


def _when(one: RecipientState) -> str:
    return f", {at(one.at)}" if one.at is not None else ""


def _why(one: RecipientState, group: Group) -> str:
    if group.reason is not None:
        return ""
    return f": {code_span(' '.join(filter(None, [one.state[:40], '' if one.code is None else str(one.code)])))}"


def fitting(parts: Iterable[tuple[str, list[str]]], *, most: int, rest: str = "and {} more") -> list[Block]:
    """Every heading, and lines below it as far as they fit, none cut; the rest is counted.

    Args:
        most: for how many full sections there is room; with many short groups it is more sections, and no more text.
    """
    groups = [(heading[:SECTION_MAX], lines) for heading, lines in parts]
    room = most * SECTION_MAX - sum(len(heading) for heading, _ in groups)
    texts: list[str] = []
    left_out = 0
    for heading, lines in groups:
        texts.append(heading)
        for line in lines:
            if (room := room - 1 - len(line)) < 0:
                left_out += 1
            elif len(texts[-1]) + 1 + len(line) <= SECTION_MAX:
                texts[-1] += f"\n{line}"
            else:
                texts.append(line)
    return [section(text) for text in texts] + ([section(rest.format(left_out))] if left_out else [])


def for_admin(cause: Cause) -> str:
    return f"{cause.happened} {cause.sent_words} {cause.admin} (Code {cause.code})"


def between(first: datetime, last: datetime) -> str:
    return at(first) if last == first else f"{at(first)} to {at(last)}"
