"""The words after the command that are about access: `access`, `access log`, `allow …`, `remove …`."""

from __future__ import annotations

from bot.access import Denied, Role, is_group
from bot.access.changes import (
    ByDoor,
    Fixed,
    NotOnList,
    Plan,
    plan_allow,
    plan_remove,
)
from bot.slack.access import messages
from bot.slack.access.changing import Changing
from bot.slack.access.mentions import Mentions, parse_mentions
from bot.slack.command import Name, Word
from bot.slack.doors import Door, DoorKind, Doors, Reply
from bot.slack.messages import Blocks, denied
from bot.slack.payloads import Command
from bot.slack.replies import Replies, ephemeral
from bot.store import Changed, Repeated

LOG_SHOWN = 20


class AccessCommands:
    def __init__(self, *, changing: Changing, replies: Replies, command: str) -> None:
        self._changing = changing
        self._replies = replies
        self._command = command

    def doors(self) -> Doors:
        words = {
            Name.ACCESS: self.show_list,
            Name.ACCESS_LOG: self.show_log,
            Name.ALLOW: self.allow,
            Name.REMOVE: self.remove,
        }
        return Doors(
            words={
                str(word): Door(DoorKind.WORD, str(word), Role.ADMIN, enter, self._replies.refuse_command)
                for word, enter in words.items()
            }
        )

    async def show_list(self, _: Command) -> Reply:
        access = await self._changing.newest()
        if access is None:
            return ephemeral(self._replies.own("database-list"))
        return ephemeral(messages.access_list(self._changing.shown(access), command=self._command))

    async def show_log(self, _: Command) -> Reply:
        changes = await self._changing.read(self._changing.store.log(limit=LOG_SHOWN))
        return ephemeral(self._replies.own("database-list") if changes is None else messages.access_log(changes))

    async def allow(self, command: Command) -> Reply:
        mentions = parse_mentions(_rest(command))
        if wrong := self._not_allowable(mentions):
            return ephemeral(wrong)
        people = [member for member in mentions.members if not is_group(member)]
        known = await self._changing.who_are(people)
        if faults := {user: fault for user in people if (fault := known.fault(user))}:
            return ephemeral(messages.cannot_count(faults))
        return await self._change(command, self._plan_allow(mentions))

    async def remove(self, command: Command) -> Reply:
        mentions = parse_mentions(_rest(command))
        if mentions.not_mentions:
            return ephemeral(messages.not_mentions(mentions.not_mentions, command=self._command, word=Name.REMOVE))
        if not mentions.members:
            return ephemeral(messages.usage(self._command, Name.REMOVE))
        return await self._change(command, self._plan_remove(mentions))

    def _not_allowable(self, mentions: Mentions) -> Blocks | None:
        if mentions.not_mentions:
            return messages.not_mentions(mentions.not_mentions, command=self._command, word=Name.ALLOW)
        if not mentions.members:
            return messages.usage(self._command, Name.ALLOW)
        named = {group.group_id for group in self._changing.directory.user_groups()}
        unknown = [member for member in mentions.members if is_group(member) and member not in named]
        return messages.unknown_groups(unknown) if named and unknown else None

    def _plan_allow(self, mentions: Mentions) -> Plan:
        base = self._changing.access.base
        role = Role.ADMIN if mentions.as_admin else Role.SENDER
        return lambda current: plan_allow(current, base=base, members=mentions.members, role=role)

    def _plan_remove(self, mentions: Mentions) -> Plan:
        base, known = self._changing.access.base, self._changing.directory.known()
        role = Role.ADMIN if mentions.as_admin else None
        return lambda current: plan_remove(current, base=base, known=known, members=mentions.members, role=role)

    async def _change(self, command: Command, plan: Plan) -> Reply:
        """Make a change and say what came of it; nothing if this very command was handled before."""
        outcome = await self._changing.commit(
            command.person, plan, door=ByDoor.COMMAND, origin=command.trigger_id or None
        )
        match outcome:
            case None:
                return ephemeral(self._replies.own("database-change"))
            case Repeated():
                return Reply()
            case Denied():
                reason = await self._changing.no_admin_any_more(outcome)
                return ephemeral(denied(reason, admins=self._replies.admins()))
            case Fixed():
                return ephemeral(messages.fixed(outcome.member_ids))
            case NotOnList():
                return ephemeral(messages.not_on_list(outcome.member_ids))
            case Changed():
                return ephemeral(messages.saved(outcome.edit, self._changing.shown(outcome.access)))
            case _:
                return ephemeral(messages.last_admin())


def _rest(command: Command) -> str:
    return command.asked.rest if isinstance(command.asked, Word) else ""
