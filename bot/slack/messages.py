"""Everything that a person reads outside a dialog, as Slack's message dicts. Pure.

Every message has a full sentence as its ``text`` (notifications and screen readers read that) and the same in blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.access import Reason, Role
from bot.causes import Catalogue, Sent
from bot.domain import Answer, AnswerKind, Message, State
from bot.reports import Counts, RecipientState, counts_of
from bot.slack import ids
from bot.slack.blocks import SECTION_MAX, as_message, ask_button, at, button, listed, plain_text, section
from bot.slack.blocks import Blocks as Blocks
from bot.slack.recipients import by_standing, fitting
from bot.slack.states import STATE_WORDS, cause_of, counts_words, what
from bot.slack.stopping import cancel_button, may_stop
from bot.slack.text import code_span, escape
from bot.slack.whose import NOT_YOURS, Sight

_LISTED_BLOCKS = 10  # full sections of recipients: 30,000 characters, of the 40,000 that Slack takes in a message
_ADMINS_NAMED = 5
ADMINS_CAN_MEND = frozenset({Reason.NOT_LISTED, Reason.GUEST})


def answer(told: Answer, *, causes: Catalogue) -> Blocks:
    """The message for one answer."""
    message = told.message
    match told.kind:
        case AnswerKind.PROGRESS:
            return _waiting(
                message, f"Your {what(message)} is queued and on its way to Sinch. The result follows here."
            )
        case AnswerKind.WAITING:
            return _waiting(
                message,
                f"Your {what(message)} is waiting, nothing was sent yet: Sinch can't be reached at the moment. "
                "It is tried again by itself, and the result follows here.",
            )
        case AnswerKind.RATE_LIMITED:
            again = f" It is tried again by itself {at(told.until, seconds=True)}." if told.until else ""
            return _waiting(
                message,
                f"Your {what(message)} is waiting, nothing was sent yet: Sinch asks us to slow down.{again} "
                f"The result follows here. (Code SINCH-429)",
            )
        case AnswerKind.FOUND:
            return _accepted(message, "Good to know: the answer that was lost has been found. ")
        case AnswerKind.RESULT | AnswerKind.UNKNOWN if message.state is State.ACCEPTED:
            return _accepted(message)
        case AnswerKind.RESULT | AnswerKind.UNKNOWN if message.state is State.CANCELLED:
            return _cancelled(message, causes)
        case AnswerKind.RESULT | AnswerKind.UNKNOWN:
            return _failed(message, causes)


def _waiting(message: Message, text: str) -> Blocks:
    return as_message(text, actions=[cancel_button(message)])


def _accepted(message: Message, start: str = "") -> Blocks:
    text = (
        f"{start}Sinch accepted your {what(message)}.\n{_batch(message)}\n"
        "Accepted is not yet delivered: Sinch now passes it on to the carriers, and you are told what becomes of it."
    )
    return as_message(text, actions=[cancel_button(message)] if may_stop(message, None) else ())


def _batch(message: Message) -> str:
    return f"Batch ID: {code_span(message.batch_id or '')}"


def _cancelled(message: Message, causes: Catalogue) -> Blocks:
    cause = cause_of(message, causes=causes)
    reference = message.client_reference if cause.sent is Sent.MAYBE else None
    sentence = causes.sentence(cause, reference=reference)
    return as_message(escape(f"Your {what(message)} was cancelled. {sentence}"))


def _failed(message: Message, causes: Catalogue) -> Blocks:
    unknown = message.state is not State.REFUSED
    cause = causes.describe(message.cause or "", vendor_code=message.vendor_code, maybe_sent=unknown)
    sentence = causes.sentence(
        cause, reference=message.client_reference if unknown else None, vendor_text=message.vendor_text
    )
    start = "It is not known what became of your" if unknown else "Problem with your"
    again = button(ids.OPEN_AGAIN, "Open it again", value=message.client_reference, style="danger" if unknown else None)
    if unknown:
        again["confirm"] = {
            "title": plain_text("Send it again?"),
            "text": plain_text(
                "It may have been sent already. If you send it again, people may get it twice. "
                "Ask one of the recipients first."
            ),
            "confirm": plain_text("Open it"),
            "deny": plain_text("Not now"),
        }
    return as_message(escape(f"{start} {what(message)}. {sentence}"), actions=[again])


# -- one message, or the last ones


def recent(messages: Sequence[Message], counts: Mapping[str, Counts], *, causes: Catalogue) -> Blocks:
    """The caller's last messages, newest first. ``counts``: by reference, for those that Sinch has."""
    if not messages:
        return as_message("You have sent nothing yet with this bot.")
    lines = [_line(message, counts.get(message.client_reference), causes) for message in messages]
    start = "Your only message" if len(messages) == 1 else f"Your last {len(messages)} messages, newest first"
    return as_message(f"{start}:\n" + "\n".join(lines))


def status(message: Message, reported: Sequence[RecipientState], *, sight: Sight, causes: Catalogue) -> Blocks:
    """One message with each of its recipients, as far as whoever asks may see it.

    Args:
        reported: empty as long as Sinch does not have it.
    """
    counts = counts_of(reported) if reported else None
    line = _line(message, counts, causes)
    if sight is Sight.MASKED:
        line += f"\nSent by <@{message.reply.user_id}>; numbers are masked for everybody but the sender."
    parts = by_standing(message, reported, sight=sight, causes=causes)
    listed = fitting(parts, most=_LISTED_BLOCKS, rest="and {} more, see the details")
    buttons = [button(ids.DETAILS, "Details", value=message.client_reference)]
    if may_stop(message, counts):
        buttons.append(cancel_button(message))
    blocks = [section(line), *listed, {"type": "actions", "elements": buttons}]
    return {"text": line[:SECTION_MAX], "blocks": blocks}


def no_such_batch(batch_id: str, *, admin: bool) -> Blocks:
    if admin:
        return as_message(f"There is no message with the batch ID {code_span(batch_id)}.")
    return as_message(
        f"There is no message of yours with the batch ID {code_span(batch_id)}. "
        "You see your own messages only; `recent` after the command lists them."
    )


def _line(message: Message, counts: Counts | None, causes: Catalogue) -> str:
    state = STATE_WORDS[message.state]
    if message.batch_id is not None:
        state += f", batch ID {code_span(message.batch_id)}"
    if message.state in (State.REFUSED, State.UNKNOWN):
        state += f" (code {code_span(cause_of(message, causes=causes).code)}"
        state += f", reference {code_span(message.client_reference)})" if message.state is State.UNKNOWN else ")"
    counted = counts_words(counts) if counts is not None else ""
    return f"• {at(message.created_at)}: {what(message)}: {state}{f': {counted}' if counted else ''}"


# -- after a press of Cancel


def cancelled(message: Message, sight: Sight) -> Blocks:
    """In the place of what was pressed."""
    whose = f"Your {what(message)}"
    if sight is Sight.MASKED:
        whose = f"The {what(message)} of <@{message.reply.user_id}>"
    batch = f"\n{_batch(message)}" if message.batch_id else ""
    return as_message(f"{whose} is cancelled.{batch}")


def not_cancelled(key: str, reference: str, *, causes: Catalogue) -> Blocks:
    """``key`` is the catalogue's."""
    cause = causes.get(key)
    return as_message(escape(causes.sentence(cause, reference=reference if cause.sent is Sent.MAYBE else None)))


def not_yours() -> Blocks:
    return as_message(NOT_YOURS)


# -- access


def whoami(user_id: str, role: Role | Reason, *, admins: Sequence[str], may_ask: bool = False) -> Blocks:
    """``admins`` are the users who are admins now, by ID or by a group."""
    start = (
        f"You are <@{user_id}>, and your ID is {code_span(user_id)}." if user_id else "Slack did not say who you are."
    )
    if role is Role.ADMIN:
        return as_message(f"{start} You are an admin, and you may send.")
    if role is Role.SENDER:
        return as_message(f"{start} You may send.{'' if admins else f' {_no_admin(user_id)}'}")
    reason = role if isinstance(role, Reason) else Reason.NOT_LISTED
    return _denial(reason, admins, f"{start} {_why(reason, admins, may_ask, user_id)}", may_ask)


def denied(reason: Reason, *, admins: Sequence[str], may_ask: bool = False) -> Blocks:
    """Why, and what to do; with a button to ask for access where that helps."""
    return _denial(reason, admins, denied_text(reason, admins=admins, may_ask=may_ask), may_ask)


def denied_text(reason: Reason, *, admins: Sequence[str], may_ask: bool = False) -> str:
    """Why, and whom to ask (mrkdwn). With ``may_ask`` it speaks of the button that stands below it."""
    return _why(reason, admins, may_ask, "")


def can_ask(reason: Reason, admins: Sequence[str]) -> bool:
    """Would asking help this person, and is there anybody to be asked?"""
    return reason in ADMINS_CAN_MEND and bool(admins)


def _denial(reason: Reason, admins: Sequence[str], text: str, may_ask: bool) -> Blocks:
    message = as_message(text)
    if may_ask and can_ask(reason, admins):
        message["blocks"].append(ask_button())
    return message


def _why(reason: Reason, admins: Sequence[str], may_ask: bool, user_id: str) -> str:
    match reason:
        case Reason.NOT_READY:
            return "The bot is still connecting to Slack. Nothing was sent. Please try again in a moment."
        case Reason.FOREIGN:
            return "Only people of the workspace that this bot belongs to may send. Nothing was sent."
        case Reason.BOT:
            return "Only people may send, not bots. Nothing was sent."
        case Reason.DEACTIVATED:
            return "Slack says that your account is deactivated, so you may not send. Nothing was sent."
        case Reason.NOT_KNOWN:
            return (
                "You are in a user group that may send, but Slack has not said yet who you are. Nothing was sent. "
                "Please try again in a minute."
            )
        case Reason.GUEST:
            start = (
                "You are a guest here. Guests may send only when they are listed by name, not through a user group. "
                "Nothing was sent."
            )
        case Reason.NOT_LISTED:
            start = "You are not on the list of people who may send. Nothing was sent."
        case Reason.NOT_ADMIN:
            start = "Only an admin of this bot may do that. Nothing was changed."
    if not admins:
        return f"{start} {_no_admin(user_id)}"
    if may_ask and can_ask(reason, admins):
        return f"{start} To be added, ask {_named(admins)}, or press *Ask for access* and they are told."
    return f"{start} {'Ask' if reason is Reason.NOT_ADMIN else 'To be added, ask'} {_named(admins)}."


def _named(admins: Sequence[str]) -> str:
    return listed([f"<@{admin}>" for admin in admins], most=_ADMINS_NAMED, last="or")


def _no_admin(user_id: str) -> str:
    yours = f"your ID {code_span(user_id)}" if user_id else "your ID (`whoami` after the command shows it)"
    command = f"mms-bot access allow --admin {user_id or 'ID'}"
    return (
        f"No admin is named yet: whoever runs the bot puts {yours} into the setting SLACK_ADMIN_USERS, or runs "
        f"{code_span(command)}."
    )


def help_text(command: str, *, admin: bool) -> Blocks:
    lines = [
        "*Send a text or a picture to phones.*",
        f"`{command}` opens the dialog. What you type after it fills the dialog in: a number, a picture link, a text. "
        f"For example `{command} +1 201 555 0123 Your parcel is here`",
        f"`{command} recent` lists your last messages, `{command} status BATCH_ID` shows one of them.",
        f"`{command} whoami` shows your ID and whether you may send.",
        f"`{command} help` shows this.",
    ]
    if admin:
        lines += [
            "*You are an admin: you decide who may send.*",
            f"`{command} admin` opens the dialog with the list of senders and admins.",
            f"`{command} access` shows who may send, who added them and when; `{command} access log` the last changes.",
            f"`{command} allow @ann` adds somebody, `{command} remove @ann` takes them away. End it with `as admin` "
            "for admins. User groups work too.",
        ]
    return as_message("\n".join([*lines, "Only you see the answers."]))


def suggestion(command: str, *, word: str, typed: str) -> Blocks:
    return as_message(
        f"Did you mean `{command} {word}`? You typed {code_span(typed)}, and no dialog was opened. "
        "If it was meant as a text, open the dialog with the command alone and type it there."
    )


def status_usage(command: str) -> Blocks:
    return as_message(f"Which message? Type `{command} status` and the batch ID that you were told.")


def not_opened(error: str, *, causes: Catalogue, otherwise: str = "") -> Blocks:
    """The dialog did not open. ``error`` is Slack's word for why, ``otherwise`` what works without it (mrkdwn)."""
    cause = causes.for_dialog(error)
    more = f" {otherwise}" if otherwise else ""
    return as_message(f"The dialog did not open. {escape(cause.words)}{more} (Code {escape(cause.code)})")


def own(key: str, *, causes: Catalogue) -> Blocks:
    """A failure of the bot's own. ``key`` is what follows ``own-`` in the catalogue."""
    return as_message(escape(causes.own(key)))


def untold(answers: Sequence[Blocks]) -> Blocks:
    """What could not be told earlier."""
    intro = as_message("Slack did not take this when it happened, so here it is now:")
    blocks = [block for one in answers for block in one["blocks"]]
    return {"text": " ".join([intro["text"], *(one["text"] for one in answers)]), "blocks": intro["blocks"] + blocks}


def plain(text: str) -> Blocks:
    """One paragraph of our own words (mrkdwn)."""
    return as_message(text)
