"""The dialog in which admins decide who may send, as Slack's dicts. Pure: everything shown is an argument."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.access import Known, Policy, Reason, is_group
from bot.access.changes import AccessChange, Edit
from bot.slack import ids
from bot.slack.access.words import Shown, change_words, edit_words, mark, with_mark
from bot.slack.blocks import SECTION_MAX, Block, listed, plain_text, section, within
from bot.slack.payloads import ACCESS_FIELDS, MAX_PICKED, Dialog, access_metadata
from bot.slack.profiles import UserGroup
from bot.slack.text import printable

TITLE = "Who may send"
_TITLE_MAX = 24  # Slack, modal views
_OPTION_TEXT_MAX = 75  # Slack, option object
_OPTIONS_MAX = 100  # Slack, in one list and in one group of options
_HANDLE_SHOWN = 30
_NAME_MAX = 80
_FIXED_SHOWN = 12  # of each role; `access` after the command shows all

# Slack takes a view of 250 KB at most. Two pickers, each with its first values once more, stay well below it.
_OPTIONS_BYTES = 60_000

_LABELS = {
    ids.SENDERS: "Senders",
    ids.SENDER_GROUPS: "User groups of senders",
    ids.ADMINS: "Admins",
    ids.ADMIN_GROUPS: "User groups of admins",
}
_HINTS = {
    ids.SENDERS: "People who may send messages.",
    ids.SENDER_GROUPS: "Their members may send; guests among them may not.",
    ids.ADMINS: "People who decide here. They may send too.",
    ids.ADMIN_GROUPS: "Their members are admins; guests among them are not.",
}
_NOT_ALL_SHOWN = " Not all user groups fit in this list: for others use the command with the word allow."


def access_dialog(
    shown: Shown, *, dialog: Dialog, depth: int = 1, news: Sequence[AccessChange] = (), unsaved: Edit | None = None
) -> dict[str, Any]:
    """The list with a picker for each kind of entry, filled in with what was added in Slack.

    Args:
        depth: 1 for the first view of the stack, one more for each that is pushed on it.
        news: what somebody else changed while this person had the dialog open, oldest first.
        unsaved: what this person's save would have changed.
    """
    blocks: list[Block] = []
    if news or unsaved is not None:
        blocks += [section(_not_saved(news, unsaved)), {"type": "divider"}]
    blocks.append(section(_fixed(shown.base, shown.known)))
    if marks := _marks(shown):
        blocks.append(section(marks))
    blocks += [block for name in ACCESS_FIELDS if (block := _field(name, shown)) is not None]
    return {
        "type": "modal",
        "callback_id": ids.ADMIN,
        "title": plain_text(TITLE),
        "submit": plain_text("Save"),
        "close": plain_text("Cancel"),
        "private_metadata": access_metadata(dialog, seen=shown.access.version, depth=depth),
        "blocks": blocks,
    }


def access_notice(text: str, *, title: str = "Not saved") -> dict[str, Any]:
    """A dialog that only says something. ``text`` is mrkdwn of ours."""
    return {
        "type": "modal",
        "title": plain_text(title[:_TITLE_MAX]),
        "close": plain_text("Close"),
        "blocks": [section(text)],
    }


def field_error(user_id: str, known: Known) -> str | None:
    """Why this user can't be on the list (plain text, for under the field); None if they count."""
    fault = known.fault(user_id)
    if fault is None:
        return None
    profile = known.profiles.get(user_id)
    name = " ".join(printable(profile.name).split())[:_NAME_MAX] if profile else ""
    why = {
        Reason.BOT: "is a bot: bots can't send",
        Reason.DEACTIVATED: "is deactivated in Slack and can't send",
        Reason.FOREIGN: "belongs to another workspace and can't send",
    }[fault]
    return f"{name or user_id} {why}. Take {'it' if fault is Reason.BOT else 'them'} out."


def group_error(group_ids: Sequence[str]) -> str:
    """Under a field (plain text)."""
    one = len(group_ids) == 1
    return f"{listed(group_ids)} {'is not a user group' if one else 'are not user groups'} of this workspace."


def with_answer(view: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    """The dialog with an answer in the place of its button *Ask for access*; on top if that is gone."""
    given = view.get("blocks")
    blocks = [block for block in given if isinstance(block, dict)] if isinstance(given, list) else []
    places = [place for place, block in enumerate(blocks) if block.get("block_id") == ids.ASK_BLOCK]
    start, end = (places[0], places[0] + 1) if places else (0, 0)
    return {**view, "blocks": [*blocks[:start], *message["blocks"], *blocks[end:]]}


def _not_saved(news: Sequence[AccessChange], unsaved: Edit | None) -> str:
    start = "*Not saved: somebody else changed the list meanwhile.*"
    end = ["Look at the list below, make your change again and save."]
    if unsaved:
        end.insert(0, f"Your change would have been: {edit_words(unsaved)}.")
    changes = [f"• {change_words(change)}" for change in news]
    room = SECTION_MAX - len("\n".join([start, *end])) - 2
    return "\n".join([start, *within(changes, most=room, rest="• and {} more changes"), *end])


def _fixed(base: Policy, known: Known) -> str:
    start = "Fixed in the settings, changed only by whoever runs the bot:"
    if not base.senders | base.admins:
        return f"{start} nobody."
    roles = [("Admins", base.admins), ("Senders", base.senders)]
    lines = [
        f"• {name}: {listed([with_mark(member, known) for member in _in_order(members)], most=_FIXED_SHOWN)}"
        for name, members in roles
        if members
    ]
    if any(len(members) > _FIXED_SHOWN for _, members in roles):
        lines.append("The word `access` after the command shows all.")
    return "\n".join([start, *within(lines, most=SECTION_MAX - len(start) - 1)])


def _marks(shown: Shown) -> str:
    """Those who were added and of whom there is something to say."""
    added = _in_order(frozenset(entry.member_id for entry in shown.access.entries))
    lines = [f"• {with_mark(member, shown.known)}" for member in added if mark(member, shown.known)]
    start = "Added, and to be known:"
    return "\n".join([start, *within(lines, most=SECTION_MAX - len(start) - 1)]) if lines else ""


def _field(name: str, shown: Shown) -> Block | None:
    """One input, a sentence instead of it where it could not show everybody, or nothing to choose from."""
    role, groups = ACCESS_FIELDS[name]
    chosen = [
        added.entry.member_id
        for added in shown.access.added
        if added.entry.role is role and is_group(added.entry.member_id) is groups
    ]
    if len(chosen) > MAX_PICKED:
        return section(
            f"*{_LABELS[name]}*\nThese are {len(chosen)}, more than Slack shows in a field; saving leaves them as they "
            "are. Change them by command, with `allow` and `remove`; `access` lists them."
        )
    if groups:
        return _groups_input(name, chosen, shown.groups)
    element: Block = {
        "type": "multi_users_select",
        "action_id": name,
        "placeholder": plain_text("Choose people"),
        "max_selected_items": MAX_PICKED,
    }
    if chosen:
        element["initial_users"] = chosen
    return _input(name, element, hint=_HINTS[name])


def _groups_input(name: str, chosen: Sequence[str], groups: Sequence[UserGroup]) -> Block | None:
    labels = {group.group_id: _label(group) for group in groups}
    labels |= {member: member for member in chosen if member not in labels}  # Slack no longer names them
    options = _fitting(labels, chosen)
    if not options:
        return None
    element: Block = {
        "type": "multi_static_select",
        "action_id": name,
        "placeholder": plain_text("Choose user groups"),
        "max_selected_items": MAX_PICKED,
    }
    if len(options) <= _OPTIONS_MAX:
        element["options"] = options
    else:
        parts = [options[start : start + _OPTIONS_MAX] for start in range(0, len(options), _OPTIONS_MAX)]
        element["option_groups"] = [{"label": plain_text(_from_to(part)), "options": part} for part in parts]
    if chosen:
        picked = set(chosen)
        element["initial_options"] = [option for option in options if option["value"] in picked]
    return _input(name, element, hint=_HINTS[name] + (_NOT_ALL_SHOWN if len(options) < len(labels) else ""))


def _fitting(labels: Mapping[str, str], chosen: Sequence[str]) -> list[Block]:
    """The options in their order: those chosen, and of the others as many as a view has room for."""
    made = {member: _option(label, member) for member, label in labels.items()}
    kept = set(chosen)
    room = _OPTIONS_BYTES - sum(_bytes(made[member]) for member in kept)
    for member, option in made.items():
        if member in kept:
            continue
        room -= _bytes(option)
        if room < 0:
            break
        kept.add(member)
    return [option for member, option in made.items() if member in kept]


def _option(label: str, value: str) -> Block:
    return {"text": plain_text(label), "value": value}


def _bytes(option: Block) -> int:
    return len(json.dumps(option))  # as the SDK sends it; how Slack counts is not documented


def _label(group: UserGroup) -> str:
    """``@handle (Name)``, within Slack's limit; the ID if Slack gives neither."""
    handle, name = (" ".join(printable(text).split()) for text in (group.handle, group.name))
    parts = [f"@{handle}" if handle else "", f"({name})" if name and handle else name]
    label = " ".join(filter(None, parts)) or group.group_id
    return label if len(label) <= _OPTION_TEXT_MAX else f"{label[: _OPTION_TEXT_MAX - 1]}…"


def _from_to(options: Sequence[Block]) -> str:
    """What a stretch of options is called: its first and its last."""
    first, last = (str(option["text"]["text"])[:_HANDLE_SHOWN] for option in (options[0], options[-1]))
    return f"{first} … {last}"


def _input(name: str, element: Block, *, hint: str) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "label": plain_text(_LABELS[name]),
        "element": element,
        "hint": plain_text(hint),
        "optional": True,
    }


def _in_order(members: frozenset[str]) -> list[str]:
    return sorted(sorted(members), key=is_group)
