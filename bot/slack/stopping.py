"""The button that stops a message, whether there is anything left to stop, and where the answer goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain import Message, State
from bot.reports import Counts
from bot.slack import ids
from bot.slack.blocks import Block, button, plain_text


def may_stop(message: Message, counts: Counts | None) -> bool:
    """Might it still be stopped? It waits here, or Sinch has it and has not said of anybody how it ended."""
    if message.state is State.ACCEPTED:
        return counts is None or counts.on_their_way == counts.total
    return message.state in (State.QUEUED, State.SCHEDULED)


def cancel_button(message: Message) -> Block:
    made = button(ids.CANCEL, "Cancel", value=message.client_reference, style="danger")
    made["confirm"] = {
        "title": plain_text("Cancel this message?"),
        "text": plain_text("Whoever has not got it yet does not get it. You are told whether it was still in time."),
        "confirm": plain_text("Cancel the message"),
        "deny": plain_text("Keep it"),
    }
    return made


def with_answer(view: Mapping[str, Any], message: Mapping[str, Any], *, over: bool) -> dict[str, Any]:
    """A dialog with what came of a press below the Cancel button, or on top if that is gone.

    Args:
        over: there is nothing left to stop, and the button goes.
    """
    given = view.get("blocks")
    blocks = [block for block in given if isinstance(block, dict)] if isinstance(given, list) else []
    blocks = [block for block in blocks if block.get("block_id") != ids.CANCEL_ANSWER]
    place = next((place for place, block in enumerate(blocks) if _has_button(block)), -1)
    if over and place >= 0:
        left = [element for element in blocks[place]["elements"] if element.get("action_id") != ids.CANCEL]
        blocks[place : place + 1] = [{**blocks[place], "elements": left}] if left else []
        place -= not left
    answer = {**message["blocks"][0], "block_id": ids.CANCEL_ANSWER}
    return {**view, "blocks": [*blocks[: place + 1], answer, *blocks[place + 1 :]]}


def _has_button(block: Mapping[str, Any]) -> bool:
    elements = block.get("elements")
    return isinstance(elements, list) and any(
        isinstance(element, dict) and element.get("action_id") == ids.CANCEL for element in elements
    )
