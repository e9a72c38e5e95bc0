"""The dialog in which an admin changes the whole list at once; two who save at one moment don't undo each other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from bot.access import Denied, Reason, Role
from bot.access.changes import AccessChange, AccessList, Action, Added, ByDoor, Edit, Stale, plan_save
from bot.slack import ids, payloads
from bot.slack.access import messages, views
from bot.slack.access.changing import AGAIN_LIMIT_S, Changing
from bot.slack.command import Name
from bot.slack.doors import DialogDoor, Door, DoorKind, Doors, Reply
from bot.slack.messages import ADMINS_CAN_MEND, denied_text
from bot.slack.payloads import ACCESS_FIELDS, AccessSubmit, Command
from bot.slack.replies import Replies, errors, update
from bot.store import Changed

SAVED_VIEWS_KEPT = 1_000
MAX_DEPTH = 3  # Slack, "Modals": a dialog and two pushed on it
_FAULTS_SHOWN = 3


class AccessDialog:
    def __init__(self, *, changing: Changing, replies: Replies, command: str) -> None:
        self._command = command
        self._changing = changing
        self._replies = replies
        self._saved_views: OrderedDict[str, None] = OrderedDict()

    def doors(self) -> Doors:
        return Doors(
            words={
                str(Name.ADMIN): Door(
                    DoorKind.WORD, str(Name.ADMIN), Role.ADMIN, self.open, self._replies.refuse_command
                )
            },
            submits={
                ids.ADMIN: DialogDoor(
                    DoorKind.SUBMIT, ids.ADMIN, Role.ADMIN, self.save, self._refuse, payloads.access_submit
                )
            },
        )

    async def open(self, command: Command) -> Reply:
        async def after() -> None:
            # Read now, not taken from this process's copy: a save has to start from the newest list.
            access = await self._changing.newest()
            if access is None:
                await self._replies.tell(command.dialog, command.person.user_id, self._replies.own("database-list"))
            else:
                view = views.access_dialog(self._changing.shown(access), dialog=command.dialog)
                await self._replies.open(command, view, otherwise=messages.without_dialog(self._command))

        return Reply(after=after)

    async def save(self, submit: AccessSubmit) -> Reply:
        listed = self._changing.access.added.policy
        picked = {
            role: members - (listed.admins if role is Role.ADMIN else listed.senders)
            for (role, groups), members in submit.given.items()
            if not groups
        }
        known = await self._changing.who_are(frozenset().union(*picked.values()))
        faults = dict(submit.odd)
        for role, members in picked.items():
            wrong = [fault for user in sorted(members) if (fault := views.field_error(user, known))]
            if wrong:
                faults.setdefault(ids.ADMINS if role is Role.ADMIN else ids.SENDERS, " ".join(wrong[:_FAULTS_SHOWN]))
        for field, unknown in self._unknown_groups(submit).items():
            faults.setdefault(field, views.group_error(unknown))
        if faults:
            return _under(submit, faults)
        base = self._changing.access.base
        outcome = await self._changing.commit(
            submit.person,
            lambda current: plan_save(current, base=base, known=known, seen=submit.seen, given=submit.given),
            door=ByDoor.DIALOG,
            origin=None,  # a second press is known by the version that the dialog was made from
        )
        match outcome:
            case Changed():
                return self._saved(submit, outcome)
            case Denied():
                return await self._refuse(submit, await self._changing.no_admin_any_more(outcome))
            case Stale():
                return await self._changed_meanwhile(submit)
            case None:
                return _under(submit, {ids.SENDERS: self._replies.own_text("database-save")})
            case _:
                return _under(submit, {ids.ADMINS: messages.LAST_ADMIN})

    def _unknown_groups(self, submit: AccessSubmit) -> dict[str, list[str]]:
        """block_id → groups that neither stand there already nor are the workspace's."""
        listed = self._changing.access.added.policy.groups
        named = {group.group_id for group in self._changing.directory.user_groups()}
        picked = {name: submit.given.get(kind, frozenset()) for name, kind in ACCESS_FIELDS.items() if kind[1]}
        return {name: sorted(members - listed - named) for name, members in picked.items() if members - listed - named}

    def _saved(self, submit: AccessSubmit, changed: Changed) -> Reply:
        closed = {"response_action": "clear"} if submit.depth > 1 else None  # the outdated ones below close with it
        if not changed.edit and submit.view_id in self._saved_views:
            return Reply(closed)  # a second press: it was told what was saved
        self._saved_views[submit.view_id] = None
        if len(self._saved_views) > SAVED_VIEWS_KEPT:
            self._saved_views.popitem(last=False)

        async def after() -> None:
            edit = changed.edit or await self._saved_before(submit)
            message = messages.saved(edit, self._changing.shown(changed.access))
            await self._replies.tell(submit.dialog, submit.person.user_id, message)

        return Reply(closed, after)

    async def _changed_meanwhile(self, submit: AccessSubmit) -> Reply:
        """Nothing was saved. The newest list goes on top: an update would keep what was entered in this one."""
        if submit.depth >= MAX_DEPTH:
            return update(views.access_notice(messages.CHANGED_AGAIN))
        found = await self._changing.read(self._newest(submit.seen), within_s=AGAIN_LIMIT_S)
        if found is None:
            return _under(submit, {ids.SENDERS: self._replies.own_text("database-save")})
        access, news = found
        wanted = plan_save(
            _as_seen(submit.seen, access, news),
            base=self._changing.access.base,
            known=self._changing.directory.known(),
            seen=submit.seen,
            given=submit.given,
        )
        view = views.access_dialog(
            self._changing.shown(access),
            dialog=submit.dialog,
            depth=submit.depth + 1,
            news=news,
            unsaved=wanted if isinstance(wanted, Edit) else None,
        )
        return Reply({"response_action": "push", "view": view})

    async def _saved_before(self, submit: AccessSubmit) -> Edit:
        """What this person has changed since the dialog was made: by a press whose commit came too late for its ack."""
        news = await self._changing.read(self._changing.store.changes_after(submit.seen)) or ()
        theirs = [change for change in news if change.by == submit.person.user_id]
        return Edit(
            add=frozenset(change.entry for change in theirs if change.action is Action.ADDED),
            remove=frozenset(change.entry for change in theirs if change.action is Action.REMOVED),
        )

    async def _newest(self, seen: int) -> tuple[AccessList, Sequence[AccessChange]]:
        access = await self._changing.store.current()
        news = await self._changing.store.changes_after(seen)
        return access, [change for change in news if change.version <= access.version]

    async def _refuse(self, submit: AccessSubmit, reason: Reason) -> Reply:
        if reason is Reason.NOT_READY:
            return _under(submit, {ids.SENDERS: messages.NOT_CONNECTED})
        why = Reason.NOT_ADMIN if reason in ADMINS_CAN_MEND else reason  # it was about the list, not about sending
        return update(views.access_notice(denied_text(why, admins=self._replies.admins())))


def _as_seen(version: int, access: AccessList, news: Sequence[AccessChange]) -> AccessList:
    """The list as this person saw it, without the news: what others did meanwhile is no part of their change."""
    added = {one.entry: one for one in access.added}
    for change in reversed(news):
        if change.action is Action.ADDED:
            added.pop(change.entry, None)
        else:
            added[change.entry] = Added(change.entry, change.by, change.at, change.door)
    return AccessList(version, tuple(added.values()))


def _under(submit: AccessSubmit, faults: Mapping[str, str]) -> Reply:
    """Sentences under their fields, or under another one where a long list has no field in the dialog."""
    shown = [name for name, kind in ACCESS_FIELDS.items() if kind in submit.given or name in submit.odd]
    if not shown:
        return update(views.access_notice(" ".join(faults.values())))
    by_block: dict[str, str] = {}
    for name, sentence in faults.items():
        block = name if name in shown else shown[0]
        by_block[block] = " ".join(filter(None, [by_block.get(block), sentence]))
    return errors(by_block)
