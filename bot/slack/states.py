"""What a message is and where it stands, in the words that people read everywhere. Pure."""

from __future__ import annotations

from bot.causes import Catalogue, Cause
from bot.domain import Kind, Message, State
from bot.reports import Counts
from bot.slack.blocks import listed
from bot.slack.text import code_span

STATE_WORDS = {
    State.SCHEDULED: "scheduled",
    State.QUEUED: "queued, nothing was sent yet",
    State.SENDING: "sending",
    State.ACCEPTED: "accepted by Sinch",
    State.REFUSED: "refused, nothing was sent",
    State.UNKNOWN: "unknown, may have been sent",
    State.CANCELLED: "cancelled",
}


def noun(message: Message) -> str:
    return "picture message (MMS)" if message.kind is Kind.MMS else "text message (SMS)"


def what(message: Message) -> str:
    """Such as ``picture message (MMS) to 43 recipients``."""
    return f"{noun(message)} to {recipients(message.recipient_count)}"


def recipients(count: int) -> str:
    return f"{count} recipient{'' if count == 1 else 's'}"


def counts_words(counts: Counts) -> str:
    """Such as ``41 delivered, 2 failed and 3 on their way``; empty if there is nobody to count."""
    parts = [
        (counts.delivered, "delivered"),
        (counts.failed, "failed"),
        (counts.on_their_way, "on their way" if counts.on_their_way != 1 else "on its way"),
        (counts.no_final_word, "without a final word"),
    ]
    return listed([f"{number} {word}" for number, word in parts if number])


def cause_of(message: Message, *, causes: Catalogue) -> Cause:
    """Why a message was refused or cancelled, waits, or is not known to be sent."""
    maybe_sent = message.state is State.UNKNOWN or (message.state is State.CANCELLED and message.batch_id is not None)
    return causes.describe(message.cause or "", vendor_code=message.vendor_code, maybe_sent=maybe_sent)


def state_words(message: Message, counts: Counts | None, *, causes: Catalogue) -> str:
    """Where a message stands, with the counts of its recipients and, where it went wrong, the code (mrkdwn)."""
    words = STATE_WORDS[message.state]
    if counts is not None and (counted := counts_words(counts)):
        return f"{words}: {counted}" if message.state is not State.ACCEPTED else counted
    if message.state in (State.REFUSED, State.UNKNOWN):
        return f"{words} (code {code_span(cause_of(message, causes=causes).code)})"
    return words
