"""The button that stops a message, and whether there is anything left to stop. Pure."""

from __future__ import annotations

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
