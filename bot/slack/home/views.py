"""The Home tab as Slack's dicts. Pure: everything shown is an argument."""

from __future__ import annotations

from typing import Any

from bot.causes import Catalogue
from bot.domain import Message, State
from bot.reports import Counts
from bot.slack import ids
from bot.slack.blocks import Block, ask_button, at, button, listed, plain_text, section, within
from bot.slack.home.pages import Page, metadata
from bot.slack.states import STATE_WORDS, state_words, what
from bot.slack.stopping import cancel_button, may_stop
from bot.slack.text import escape
from bot.store import Overview, Stuck

STUCK_SHOWN = 10
SENDERS_SHOWN = 15


def home(page: Page, *, overview: Overview | None, command: str, causes: Catalogue) -> dict[str, Any]:
    """Somebody's own messages; with ``overview``, below them how things stand as a whole: for admins."""
    blocks: list[Block] = [_header("Your messages")]
    if page.messages:
        for message in page.messages:
            blocks += _entry(message, page.counts.get(message.client_reference), causes)
    elif page.trail:
        blocks.append(section("There are no older messages."))
    else:
        blocks.append(
            section(
                f"You have sent nothing yet. Type `{command}` in any conversation: a dialog opens, and what becomes of "
                "the message is shown here."
            )
        )
    if turning := _turning(page):
        blocks.append({"type": "actions", "elements": turning})
    if overview is not None:
        blocks += [{"type": "divider"}, *_for_admins(overview, command, causes)]
    return _home(blocks, metadata(page.trail))


def denied_home(text: str, *, may_ask: bool) -> dict[str, Any]:
    """For somebody who may not send. ``text`` is mrkdwn of ours: why, and whom to ask."""
    blocks = [section(text)]
    if may_ask:
        blocks.append(ask_button())
    return _home(blocks, "")


def home_notice(text: str) -> dict[str, Any]:
    """A Home tab that only says something. ``text`` is plain."""
    return _home([section(escape(text))], "")


def _home(blocks: list[Block], private_metadata: str) -> dict[str, Any]:
    return {"type": "home", "callback_id": ids.HOME, "private_metadata": private_metadata, "blocks": blocks}


def _header(text: str) -> Block:
    return {"type": "header", "text": plain_text(text)}


def _entry(message: Message, counts: Counts | None, causes: Catalogue) -> list[Block]:
    start = what(message)
    buttons = [button(ids.DETAILS, "Details", value=message.client_reference)]
    if may_stop(message, counts):
        buttons.append(cancel_button(message))
    return [
        section(
            f"*{start[0].upper()}{start[1:]}*, {at(message.created_at)}\n"
            f"{_capital(state_words(message, counts, causes=causes))}"
        ),
        {"type": "actions", "elements": buttons},
    ]


def _turning(page: Page) -> list[Block]:
    buttons = []
    if page.newer is not None:
        buttons.append(button(ids.HOME_NEWER, "Newer", value=page.newer))
    if page.older is not None:
        buttons.append(button(ids.HOME_PAGE, "Older", value=page.older))
    return buttons


# -- for admins


def _for_admins(overview: Overview, command: str, causes: Catalogue) -> list[Block]:
    blocks = [_header("For admins"), section(_queue(overview))]
    if overview.stuck:
        blocks.append(section("*Waiting for longer than usual*"))
        blocks += [_stuck(one, causes) for one in overview.stuck[:STUCK_SHOWN]]
        if rest := len(overview.stuck) - STUCK_SHOWN:
            blocks += [section(f"and {rest} more")] if rest > 0 else []
    blocks.append(section(_last_day(overview)))
    blocks.append(
        {
            "type": "context",
            "elements": [
                {
                    "type": "mrkdwn",
                    "text": f"`{command} admin` changes who may send, `{command} access` lists them and "
                    f"`{command} access log` what was changed.",
                }
            ],
        }
    )
    return blocks


def _queue(overview: Overview) -> str:
    if overview.waiting:
        since = f", the oldest since {at(overview.oldest_waiting_since)}" if overview.oldest_waiting_since else ""
        queue = f"{_messages(overview.waiting)} {'waits' if overview.waiting == 1 else 'wait'}{since}."
    else:
        queue = "Nothing waits."
    lines = [f"*Queue*: {queue}"]
    if overview.unknown:
        lines.append(f"*Unknown*: {_messages(overview.unknown)} may have been sent; Sinch's answer was lost.")
    if overview.untold:
        answers = "1 answer is" if overview.untold == 1 else f"{overview.untold} answers are"
        lines.append(f"*Answers*: {answers} still to be told.")
    return "\n".join(lines)


def _stuck(stuck: Stuck, causes: Catalogue) -> Block:
    why = ""
    if stuck.cause is not None:
        cause = causes.describe(stuck.cause, maybe_sent=stuck.state in (State.SENDING, State.UNKNOWN))
        why = f"\n{escape(f'{cause.happened} {cause.admin} (Code {cause.code})')}"
    block = section(f"<@{stuck.user_id}>: {STATE_WORDS[stuck.state]}, since {at(stuck.since)}{why}")
    block["accessory"] = button(ids.DETAILS, "Details", value=stuck.client_reference)
    return block


def _last_day(overview: Overview) -> str:
    counted = [f"{overview.last_day[state]} {state}" for state in State if overview.last_day.get(state)]
    lines = [f"*The last day*: {listed(counted) if counted else 'no message'}."]
    if overview.by_person:
        lines.append("*Who sent*:")
        lines += [f"• <@{user_id}>: {_messages(count)}" for user_id, count in overview.by_person[:SENDERS_SHOWN]]
        if (rest := len(overview.by_person) - SENDERS_SHOWN) > 0:
            lines.append(f"and {rest} more")
    return "\n".join(within(lines))


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
