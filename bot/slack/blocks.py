"""The small pieces that dialogs and messages are made of, as Slack's dicts. Pure."""

from __future__ import annotations

from typing import Any

SECTION_MAX = 3000  # Slack, section block

Block = dict[str, Any]


def plain_text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def section(text: str) -> Block:
    """A paragraph of mrkdwn. ``verbatim``: Slack makes no links or mentions of what only looks like one."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:SECTION_MAX], "verbatim": True}}
