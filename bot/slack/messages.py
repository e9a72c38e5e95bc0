"""Everything that a person reads outside a dialog, as Slack's message dicts. Pure.

Every message has a full sentence as its ``text`` (notifications and screen readers read that) and the same in blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.access import Reason, Role
from bot.causes import Catalogue
from bot.domain import Answer, AnswerKind, Kind, Message, State
from bot.slack import ids
from bot.slack.blocks import SECTION_MAX, plain_text, section
from bot.slack.text import code_span, escape

_ADMINS_NAMED = 5

Blocks = dict[str, Any]


def answer(told: Answer, *, causes: Catalogue) -> Blocks:
    """The message for one answer."""
    message = told.message
    match told.kind:
        case AnswerKind.PROGRESS:
            return _message(f"Your {_what(message)} is queued and on its way to Sinch. The result follows here.")
        case AnswerKind.WAITING:
            return _message(
                f"Your {_what(message)} is waiting, nothing was sent yet: Sinch can't be reached at the moment. "
                "It is tried again by itself, and the result follows here."
            )
        case AnswerKind.RATE_LIMITED:
            again = f" It is tried again by itself {_at(told.until, seconds=True)}." if told.until else ""
            return _message(
                f"Your {_what(message)} is waiting, nothing was sent yet: Sinch asks us to slow down.{again} "
                f"The result follows here. (Code SINCH-429)"
            )
        case AnswerKind.FOUND:
            return _message(f"Good to know: the answer that was lost has been found. {_accepted(message)}")
        case AnswerKind.RESULT | AnswerKind.UNKNOWN if message.state is State.ACCEPTED:
            return _message(_accepted(message))
        case AnswerKind.RESULT | AnswerKind.UNKNOWN:
            return _failed(message, causes)


def _accepted(message: Message) -> str:
    return (
        f"Sinch accepted your {_what(message)}.\nBatch ID: {code_span(message.batch_id or '')}\n"
        "Accepted is not yet delivered: Sinch now passes it on to the carriers."
    )


def _failed(message: Message, causes: Catalogue) -> Blocks:
    unknown = message.state is not State.REFUSED
    cause = causes.describe(message.cause or "", vendor_code=message.vendor_code, maybe_sent=unknown)
    sentence = causes.sentence(
        cause, reference=message.client_reference if unknown else None, vendor_text=message.vendor_text
    )
    start = "It is not known what became of your" if unknown else "Problem with your"
    again: dict[str, Any] = {
        "type": "button",
        "action_id": ids.OPEN_AGAIN,
        "value": message.client_reference,
        "text": plain_text("Open it again"),
    }
    if unknown:
        again["style"] = "danger"
        again["confirm"] = {
            "title": plain_text("Send it again?"),
            "text": plain_text(
                "It may have been sent already. If you send it again, people may get it twice. "
                "Ask one of the recipients first."
            ),
            "confirm": plain_text("Open it"),
            "deny": plain_text("Not now"),
        }
    return _message(escape(f"{start} {_what(message)}. {sentence}"), actions=[again])


def recent(messages: Sequence[Message], *, causes: Catalogue) -> Blocks:
    """The caller's last messages, newest first."""
    if not messages:
        return _message("You have sent nothing yet with this bot.")
    lines = [_line(message, causes) for message in messages]
    start = "Your only message" if len(messages) == 1 else f"Your last {len(messages)} messages, newest first"
    return _message(f"{start}:\n" + "\n".join(lines))


def status(message: Message | None, batch_id: str, *, causes: Catalogue) -> Blocks:
    if message is None:
        return _message(
            f"There is no message of yours with the batch ID {code_span(batch_id)}. "
            "You see your own messages only; `recent` after the command lists them."
        )
    return _message(_line(message, causes))


def _line(message: Message, causes: Catalogue) -> str:
    state = {
        State.SCHEDULED: "scheduled",
        State.QUEUED: "queued, nothing was sent yet",
        State.SENDING: "sending",
        State.ACCEPTED: f"accepted by Sinch, batch ID {code_span(message.batch_id or '')}",
        State.REFUSED: "refused, nothing was sent",
        State.UNKNOWN: "unknown, may have been sent",
        State.CANCELLED: "cancelled",
    }[message.state]
    if message.state in (State.REFUSED, State.UNKNOWN):
        cause = causes.describe(
            message.cause or "", vendor_code=message.vendor_code, maybe_sent=message.state is State.UNKNOWN
        )
        state += f" (code {code_span(cause.code)}"
        state += f", reference {code_span(message.client_reference)})" if message.state is State.UNKNOWN else ")"
    return f"• {_at(message.created_at)}: {_what(message)}: {state}"


def whoami(user_id: str, role: Role | Reason, *, admins: Sequence[str]) -> Blocks:
    start = (
        f"You are <@{user_id}>, and your ID is {code_span(user_id)}." if user_id else "Slack did not say who you are."
    )
    if role is Role.ADMIN:
        return _message(f"{start} You are an admin, and you may send.")
    if role is Role.SENDER:
        return _message(f"{start} You may send.")
    reason = role if isinstance(role, Reason) else Reason.NOT_LISTED
    return _message(f"{start} {denied_text(reason, admins=admins)}")


def denied(reason: Reason, *, admins: Sequence[str]) -> Blocks:
    return _message(denied_text(reason, admins=admins))


def denied_text(reason: Reason, *, admins: Sequence[str]) -> str:
    """Why, and whom to ask (mrkdwn)."""
    match reason:
        case Reason.NOT_READY:
            return "The bot is still connecting to Slack. Nothing was sent. Please try again in a moment."
        case Reason.FOREIGN:
            return "Only people of the workspace that this bot belongs to may send. Nothing was sent."
        case Reason.BOT:
            return "Only people may send, not bots. Nothing was sent."
        case Reason.NOT_ADMIN:
            return f"Only an admin of this bot may do that. Nothing was changed. {_ask(admins)}"
        case Reason.NOT_LISTED:
            return f"You are not on the list of people who may send. Nothing was sent. {_ask(admins)}"


def _ask(admins: Sequence[str]) -> str:
    if not admins:
        return (
            "No admin is named yet: whoever runs the bot can put your ID into the setting SLACK_ALLOWED_USERS "
            "(`whoami` after the command shows it)."
        )
    named = " or ".join(f"<@{admin}>" for admin in admins[:_ADMINS_NAMED])
    return f"To be added, ask {named}."


def help_text(command: str) -> Blocks:
    lines = [
        "*Send a text or a picture to phones.*",
        f"`{command}` opens the dialog. What you type after it fills the dialog in: a number, a picture link, a text. "
        f"For example `{command} +1 201 555 0123 Your parcel is here`",
        f"`{command} recent` lists your last messages, `{command} status BATCH_ID` shows one of them.",
        f"`{command} whoami` shows your ID and whether you may send.",
        f"`{command} help` shows this.",
        "Only you see the answers.",
    ]
    return _message("\n".join(lines))


def suggestion(command: str, *, word: str, typed: str) -> Blocks:
    return _message(
        f"Did you mean `{command} {word}`? You typed {code_span(typed)}, and no dialog was opened. "
        "If it was meant as a text, open the dialog with the command alone and type it there."
    )


def access_is_in_settings(command: str) -> Blocks:
    return _message(
        "Who may send is kept in the bot's settings SLACK_ALLOWED_USERS and SLACK_ADMIN_USERS. Whoever runs the bot "
        f"changes it there and starts it again; nothing was changed now. `{command} whoami` shows people their ID."
    )


def status_usage(command: str) -> Blocks:
    return _message(f"Which message? Type `{command} status` and the batch ID that you were told.")


def not_opened(error: str) -> Blocks:
    """The dialog did not open; ``error`` is Slack's word for why."""
    if error in ("expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "away"):
        return _message(
            "Slack closed the moment in which the dialog could be opened. Nothing was sent. Please run the command "
            f"again. (Code SLACK-{escape(error)})"
        )
    return _message(
        "Slack did not open the dialog. Nothing was sent. Please run the command again; if that does not help, tell "
        f"whoever runs the bot. (Code SLACK-{escape(error)})"
    )


def failed() -> Blocks:
    """A fault of ours before anything was done."""
    return _message(
        "The bot could not do that just now. Nothing was sent. Please try again; if it goes on, tell whoever runs the "
        "bot. (Code MMS-INTERNAL)"
    )


def untold(answers: Sequence[Blocks]) -> Blocks:
    """What could not be told earlier."""
    intro = _message("Slack did not take this when it happened, so here it is now:")
    blocks = [block for one in answers for block in one["blocks"]]
    return {"text": " ".join([intro["text"], *(one["text"] for one in answers)]), "blocks": intro["blocks"] + blocks}


def plain(text: str) -> Blocks:
    """One paragraph of our own words (mrkdwn)."""
    return _message(text)


def _what(message: Message) -> str:
    noun = "picture message (MMS)" if message.kind is Kind.MMS else "text message (SMS)"
    count = message.recipient_count
    return f"{noun} to {count} recipient{'' if count == 1 else 's'}"


def _at(moment: datetime, *, seconds: bool = False) -> str:
    """A time in the reader's own time zone; the fallback is UTC."""
    shown, fallback = ("{time_secs}", "%H:%M:%S") if seconds else ("{time}", "%H:%M")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} at {shown}|{moment:%Y-%m-%d {fallback}} UTC>"


def _message(text: str, *, actions: Sequence[dict[str, Any]] = ()) -> Blocks:
    blocks = [section(text)]
    if actions:
        blocks.append({"type": "actions", "elements": list(actions)})
    return {"text": text[:SECTION_MAX], "blocks": blocks}
