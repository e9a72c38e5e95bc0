"""What admins, and people who ask for access, read outside the dialog, as Slack's message dicts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot.access import Known, Policy, Reason, Role, everybody_with, is_group
from bot.access.changes import AccessChange, Added, Edit
from bot.access.requests import ASK_AGAIN_AFTER, Decision, Request
from bot.slack import ids
from bot.slack.access.words import (
    Shown,
    as_role,
    change_words,
    door,
    mark,
    members_who_count,
    mention,
    mentions,
    who,
)
from bot.slack.access.words import edit_words as edit_words
from bot.slack.blocks import SECTION_MAX, as_message, at, button, listed, paragraphs, within
from bot.slack.blocks import Blocks as Blocks
from bot.slack.text import code_span

# Slack cuts a message at 40,000 characters (docs.slack.dev, chat.postMessage); this leaves room for its own.
_LIST_MAX = 30_000
_WORDS_SHOWN = 5
_WORD_SHOWN = 60

# Plain text: these stand under a field of the dialog.
LAST_ADMIN = (
    "Nobody listed by name would be an admin any more. Nothing was changed. Keep one, or add another person as an "
    "admin first; user groups do not count for this."
)
NOT_CONNECTED = "This is not saved yet: the bot is still connecting to Slack. Please press Save again in a moment."

CHANGED_AGAIN = (  # mrkdwn
    "*Not saved: somebody else changed the list once more.* Nothing was changed by you. Please close this and open the "
    "dialog again with `admin` after the command."
)


# -- the list and its log


def access_list(shown: Shown, *, command: str) -> Blocks:
    """Who may send: admins and senders, where each comes from, and what is to be known of them."""
    policy = shown.policy
    if not policy.senders | policy.admins:
        return as_message(
            "Nobody may send: nobody is on the list, and no admin is named. Whoever runs the bot puts an ID into the "
            "setting SLACK_ADMIN_USERS, or runs `mms-bot access allow --admin ID`. "
            f"`{command} whoami` shows people their ID."
        )
    lines = [*_role_lines(shown, Role.ADMIN), *_role_lines(shown, Role.SENDER)]
    count = len(everybody_with(policy, shown.known, Role.SENDER))
    start = f"{'1 person' if count == 1 else f'{count} people'} may send, as far as Slack has said who they are."
    return _list(
        start,
        lines,
        rest="and {} more; `mms-bot access list` shows all",
        end=f"`{command} admin` changes it, and so do `{command} allow` and `{command} remove`.",
    )


def access_log(changes: Sequence[AccessChange]) -> Blocks:
    """Changes, newest first."""
    if not changes:
        return as_message("Nothing has been changed yet: the list is as the settings have it.")
    start = "The only change:" if len(changes) == 1 else f"The last {len(changes)} changes, newest first:"
    return _list(
        start,
        [f"• {change_words(change)}" for change in changes],
        rest="and {} more; `mms-bot access log` shows them",
    )


def _list(start: str, lines: Sequence[str], *, rest: str, end: str = "") -> Blocks:
    shown = within(lines, most=_LIST_MAX, rest=rest)
    return {"text": start, "blocks": paragraphs([start, *shown, *filter(None, [end])])}


def _role_lines(shown: Shown, role: Role) -> list[str]:
    """One for each member, the first with the heading."""
    heading = "*Admins* (they may send too)" if role is Role.ADMIN else "*Senders*"
    fixed = frozenset(_of(shown.base, role))
    added = {one.entry.member_id: one for one in shown.access.added if one.entry.role is role}
    members = sorted(sorted(fixed | added.keys()), key=is_group)
    if not members:
        return [f"{heading}: nobody"]
    lines = [_member_line(member, member in fixed, added.get(member), shown.known) for member in members]
    return [f"{heading}\n{lines[0]}", *lines[1:]]


def _member_line(member: str, fixed: bool, added: Added | None, known: Known) -> str:
    origins = ["fixed in the settings"] if fixed else []
    if added is not None:
        origins.append(f"added by {who(added.by)} {at(added.at)}{door(added.door)}")
    count = members_who_count(member, known) if is_group(member) else None
    notes = [mark(member, known)] if mark(member, known) else []
    if count is not None:
        notes.append(f"{count} {'member' if count == 1 else 'members'} who may")
    said = f" ({'; '.join(notes)})" if notes else ""
    return f"• {mention(member)}: {'; also '.join(origins)}{said}"


def _of(policy: Policy, role: Role) -> list[str]:
    return sorted(policy.admins if role is Role.ADMIN else policy.senders)


# -- after a change


def saved(edit: Edit, shown: Shown) -> Blocks:
    """What a change did; ``shown`` is the list after it."""
    if not edit:
        return as_message("The list already reads so; nothing was changed.")
    lines = [f"Saved: {edit_words(edit)}."]
    lines += _still(edit, shown)
    if edit.remove:
        lines.append("Messages that they had queued before still go out.")
    lines += _unknown_yet(edit, shown.known)
    return as_message("\n".join(within(lines)))


def _still(edit: Edit, shown: Shown) -> list[str]:
    """Those who were taken away and may send all the same, and by what."""
    may = set(everybody_with(shown.policy, shown.known, Role.SENDER))
    removed = sorted({entry.member_id for entry in edit.remove} & may)
    return [f"{mention(user)} may still send: {listed(_ways(user, shown))}." for user in removed]


def _ways(user: str, shown: Shown) -> list[str]:
    ways = []
    if user in shown.base.senders | shown.base.admins:
        ways.append("listed in the settings")
    added = shown.access.policy
    ways += [f"listed {as_role(role)}" for role in (Role.SENDER, Role.ADMIN) if user in _of(added, role)]
    profile = shown.known.profiles.get(user)
    if profile is None or profile.guest:  # nobody by a group
        return ways
    groups = sorted(group for group in shown.policy.groups if user in shown.known.members.get(group, ()))
    return [*ways, *(f"a member of {mention(group)}" for group in groups)]


def _unknown_yet(edit: Edit, known: Known) -> list[str]:
    added = sorted({entry.member_id for entry in edit.add})
    people = [member for member in added if not is_group(member) and member not in known.profiles]
    groups = [member for member in added if is_group(member) and member not in known.members]
    lines = []
    if people:
        lines.append(
            f"Slack has not said yet who {mentions(people)} {'is' if len(people) == 1 else 'are'}; a bot, somebody "
            "deactivated or of another workspace may not send, even when listed."
        )
    if groups:
        lines.append(
            f"The members of {mentions(groups)} are not known yet; until they are, nobody may send through "
            f"{'it' if len(groups) == 1 else 'them'}."
        )
    return lines


# -- commands that can't be done


def usage(command: str, word: str) -> Blocks:
    """``word`` alone: ``allow`` or ``remove``."""
    effect = "makes somebody an admin" if word == "allow" else "takes that role alone away"
    more = f" `{command} {word} @ann as admin` {effect}."
    return as_message(
        f"Whom? Type `{command} {word} @ann`, with one or more people or user groups. Nothing was changed.{more}"
    )


def not_mentions(words: Sequence[str], *, command: str, word: str) -> Blocks:
    """``words`` are as the person typed them."""
    spans = [code_span(one[:_WORD_SHOWN]) for one in words]
    shown = listed([span for span in spans if span] or ["That"], most=_WORDS_SHOWN)
    several = len(words) > 1
    return as_message(
        f"{shown} {'are no mentions' if several else 'is no mention'} of a person or a user group. Nothing was "
        f"changed. Type `{command} {word} @` and pick {'them' if several else 'the person or group'} from the list "
        "that Slack offers. If you did that, tell whoever runs the bot: the app's manifest needs `should_escape: true`."
    )


def cannot_count(faults: Mapping[str, Reason]) -> Blocks:
    """People who can't be on the list, and why."""
    why = {
        Reason.BOT: "is a bot",
        Reason.DEACTIVATED: "is deactivated in Slack",
        Reason.FOREIGN: "belongs to another workspace",
    }
    lines = [f"• {mention(user)} {why.get(reason, 'does not count')}" for user, reason in sorted(faults.items())]
    start = "Nothing was changed: not everybody can be on the list."
    return as_message("\n".join([start, *within(lines, most=SECTION_MAX - len(start) - 1)]))


def unknown_groups(group_ids: Collection[str]) -> Blocks:
    several = len(group_ids) > 1
    return as_message(
        f"Slack does not name {mentions(sorted(group_ids))} among the user groups of this workspace. Nothing was "
        f"changed. Look whether {'they are' if several else 'it is'} still in use."
    )


def fixed(member_ids: Collection[str]) -> Blocks:
    return as_message(
        f"{mentions(sorted(member_ids))} {_is(member_ids)} fixed in the settings, where only whoever runs the bot can "
        "take them away (SLACK_ALLOWED_USERS and SLACK_ADMIN_USERS). Nothing was changed."
    )


def not_on_list(member_ids: Collection[str]) -> Blocks:
    return as_message(f"{mentions(sorted(member_ids))} {_is(member_ids)} not on the list. Nothing was changed.")


def last_admin() -> Blocks:
    return as_message(LAST_ADMIN)


def without_dialog(command: str) -> str:
    """What an admin can do while the dialog does not open (mrkdwn)."""
    return f"`{command} access`, `{command} allow` and `{command} remove` work without it."


def _is(members: Collection[str]) -> str:
    return "is" if len(members) == 1 else "are"


# -- requests


def may_send_already(command: str) -> Blocks:
    """To somebody who asks and was let in meanwhile."""
    return as_message(
        f"You may send already: type `{command}`. Nothing was changed, and a message that you typed is not sent by it."
    )


def asked(admins: Sequence[str]) -> Blocks:
    """To the person who asks."""
    if not admins:
        return as_message(
            "Your request is kept, but no admin is named yet who could answer it: tell whoever runs the bot. "
            "A message that you typed is not sent by it."
        )
    return as_message(
        f"You asked for access: {mentions(admins)} {'is' if len(admins) == 1 else 'are'} told, and you are told what "
        "they decide. A message that you typed is not sent by it."
    )


def asked_before(request: Request) -> Blocks:
    """To the person who asks again within a day."""
    by = f" by {who(request.decided_by)}" if request.decided_by else ""
    again = f"you can ask again {at(request.asked_at + ASK_AGAIN_AFTER)}"
    match request.decision:
        case Decision.ALLOWED:
            said = f"Your request of {at(request.asked_at)} was allowed{by}. If you still may not send, {again}."
        case Decision.DECLINED:
            said = f"Your request of {at(request.asked_at)} was declined{by}; {again}."
        case Decision.REPLACED | None:
            said = f"You asked already, {at(request.asked_at)}, and nobody has answered yet; {again}."
    return as_message(f"{said} Nothing was changed, and a message that you typed is not sent by it.")


def request_notice(request: Request, known: Known, *, command: str) -> Blocks:
    """To an admin: somebody asks. Once that is decided the same message says so, without buttons."""
    person = mention(request.user_id)
    match request.decision:
        case None:
            value = str(request.request_id)
            noted = _noted(request.user_id, known)
            return as_message(
                f"{person}{noted} asks to be allowed to send with `{command}`. Whoever answers first decides.",
                actions=[
                    button(ids.ALLOW_REQUEST, "Allow", value=value, style="primary"),
                    button(ids.DECLINE_REQUEST, "Decline", value=value),
                ],
            )
        case Decision.REPLACED:
            return as_message(f"{person} asked to be allowed to send, and has asked again: see the newer message.")
        case decision:
            by = f" by {who(request.decided_by)}" if request.decided_by else ""
            return as_message(f"{person} asked to be allowed to send with `{command}`: {decision.value}{by}.")


def outcome(request: Request, *, command: str) -> Blocks:
    """To the person who asked."""
    by = f" by {who(request.decided_by)}" if request.decided_by else ""
    match request.decision:
        case Decision.ALLOWED:
            return as_message(
                f"Your request was allowed{by}: you may send now. Type `{command}` to begin. What you typed before "
                "was not sent."
            )
        case Decision.DECLINED:
            whom = who(request.decided_by) if request.decided_by else "an admin of this bot"
            return as_message(
                f"Your request to send with `{command}` was declined{by}. Nothing was sent. If you need it, talk to "
                f"{whom}; you can ask again {at(request.asked_at + ASK_AGAIN_AFTER)}."
            )
        case Decision.REPLACED | None:
            return as_message(f"Your request to send with `{command}` is not answered yet. Nothing was sent.")


def decided_before(request: Request) -> Blocks:
    """To an admin who pressed a button after somebody else did."""
    if request.decision in (None, Decision.REPLACED):
        return as_message(f"{mention(request.user_id)} has asked again: see the newer message. Nothing was changed.")
    by = f" by {who(request.decided_by)}" if request.decided_by else ""
    return as_message(
        f"This was decided before: the request of {mention(request.user_id)} was {request.decision.value}{by}. "
        "Nothing was changed."
    )


def no_such_request() -> Blocks:
    return as_message("This request is no longer kept. Nothing was changed.")


def group_lost(group_id: str) -> Blocks:
    """To an admin."""
    return as_message(
        f"The members of {mention(group_id)} could not be read from Slack for an hour. Until they can, nobody may "
        "send through this user group; those listed by name still may. It is tried again by itself. Whoever runs the "
        "bot can look whether the user group is still in use and whether the app has the scope `usergroups:read`."
    )


def _noted(user_id: str, known: Known) -> str:
    profile = known.profiles.get(user_id)
    if known.fault(user_id) is not None:
        return f" ({mark(user_id, known)})"
    return " (a guest)" if profile is not None and profile.guest else ""
