"""The small pieces that dialogs and messages are made of, as Slack's dicts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.slack import ids

SECTION_MAX = 3000  # Slack, section block
_REST_MAX = 120  # room for the line that says how much was cut

Block = dict[str, Any]
Blocks = dict[str, Any]


def plain_text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def section(text: str) -> Block:
    """A paragraph of mrkdwn. ``verbatim``: Slack makes no links or mentions of what only looks like one."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:SECTION_MAX], "verbatim": True}}


def button(action_id: str, label: str, *, value: str | None = None, style: str | None = None) -> Block:
    """``style`` is ``primary`` or ``danger``."""
    made: Block = {"type": "button", "action_id": action_id, "text": plain_text(label)}
    if value is not None:
        made["value"] = value
    if style is not None:
        made["style"] = style
    return made


def ask_button() -> Block:
    """The block in which somebody who was denied can ask for access."""
    return {"type": "actions", "block_id": ids.ASK_BLOCK, "elements": [button(ids.ASK_ACCESS, "Ask for access")]}


def as_message(text: str, *, actions: Sequence[Block] = ()) -> Blocks:
    """A message of one paragraph: the same words for the eye, for notifications and for screen readers."""
    blocks = [section(text)]
    if actions:
        blocks.append({"type": "actions", "elements": list(actions)})
    return {"text": text[:SECTION_MAX], "blocks": blocks}


def at(moment: datetime, *, seconds: bool = False) -> str:
    """A time in the reader's own time zone (mrkdwn); the fallback is UTC."""
    shown, fallback = ("{time_secs}", "%H:%M:%S") if seconds else ("{time}", "%H:%M")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} at {shown}|{moment:%Y-%m-%d {fallback}} UTC>"


def within(lines: Sequence[str], *, most: int = SECTION_MAX, rest: str = "and {} more") -> list[str]:
    """The lines, if they take ``most`` characters at most; else the first ones, and one that says how many are left."""
    if len("\n".join(lines)) <= most:
        return list(lines)
    kept: list[str] = []
    room = most - _REST_MAX
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return [*kept, rest.format(len(lines) - len(kept))]


def paragraphs(lines: Sequence[str]) -> list[Block]:
    """The lines in as few sections as they fit in, none cut."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + 1 + len(line) <= SECTION_MAX:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return [section(text) for text in texts]


def listed(words: Sequence[str], *, most: int = 30, last: str = "and") -> str:
    """``a, b and c``; beyond ``most``, how many more."""
    shown = list(words[:most])
    if rest := len(words) - len(shown):
        shown.append(f"{rest} more")
        last = "and"
    return f" {last} ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))
