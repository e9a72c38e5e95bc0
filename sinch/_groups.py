"""Groups of recipients that Sinch keeps: one method per call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sinch import _calls, _paging
from sinch._calls import Effect
from sinch._messages import Clear
from sinch._models import AutoUpdate, Group, read_members
from sinch._paging import PAGE_SIZE
from sinch._session import READ_TIMEOUT_S, SEND_TIMEOUT_S, Session


class Groups:
    """Make, read and change groups. The ID of a group can stand among the recipients of a message.

    Every method may raise any SinchError but Malformed and CallbackRefused; ``timeout_s`` bounds the whole call.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        *,
        name: str | None = None,
        members: Sequence[str] = (),
        child_groups: Sequence[str] = (),
        auto_update: AutoUpdate | None = None,
        timeout_s: float = SEND_TIMEOUT_S,
    ) -> Group:
        """Make a group.

        Args:
            name: at most 20 characters.
            members: at most 10 000 numbers; one that is there twice counts once.
            child_groups: IDs of groups whose members belong to it as well.
            auto_update: words by which people join and leave it themselves.

        Raises:
            Refused: among others, 403 ``unknown_group`` for a child group that is not there.

        Source: Sinch SMS API reference, "Create a group".
        """
        body = _group(name, members, child_groups, auto_update)
        call = _calls.change("POST", self._session.url("groups"), body, effect=Effect.EACH)
        return await self._session.read(call, Group.from_json, deadline=self._session.deadline(timeout_s))

    async def list(self, *, page_size: int = PAGE_SIZE, timeout_s: float = READ_TIMEOUT_S) -> AsyncIterator[Group]:
        """Each group once, newest first, page by page. ``timeout_s`` is for each page.

        Source: Sinch SMS API reference, "List groups".
        """
        pages = _paging.pages(
            self._session,
            self._session.url("groups"),
            "groups",
            Group.from_json,
            query={},
            page_size=page_size,
            deadline=lambda: self._session.deadline(timeout_s),
        )
        async for group in _paging.entries(pages, lambda group: group.id):
            yield group

    async def get(self, group_id: str, *, timeout_s: float = READ_TIMEOUT_S) -> Group:
        """Read one group, without its members. Raises NotFound.

        Source: Sinch SMS API reference, "Retrieve a group".
        """
        call = _calls.read(self._session.url("groups", group_id))
        return await self._session.read(call, Group.from_json, deadline=self._session.deadline(timeout_s))

    async def list_members(self, group_id: str, *, timeout_s: float = READ_TIMEOUT_S) -> tuple[str, ...]:
        """The numbers in a group, in digits. Raises NotFound.

        Source: Sinch SMS API reference, "Get phone numbers for a group".
        """
        call = _calls.read(self._session.url("groups", group_id, "members"))
        return await self._session.read(call, read_members, deadline=self._session.deadline(timeout_s))

    async def update(
        self,
        group_id: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        name: str | Clear | None = None,
        add_from_group: str | None = None,
        remove_from_group: str | None = None,
        auto_update: AutoUpdate | None = None,
        timeout_s: float = SEND_TIMEOUT_S,
    ) -> Group:
        """Change a group; what is not named stays as it is.

        Args:
            add, remove: at most 10 000 numbers each. Sinch adds first, so that a number in both is out.
            name: ``CLEAR`` takes it away.
            add_from_group, remove_from_group: IDs of groups whose members are added or removed.

        Raises:
            NotFound, Refused

        Source: Sinch SMS API reference, "Update a group".
        """
        body: dict[str, Any] = {
            "add": _calls.several(add, "add") or None,
            "remove": _calls.several(remove, "remove") or None,
            "name": name,
            "add_from_group": add_from_group,
            "remove_from_group": remove_from_group,
            "auto_update": None if auto_update is None else auto_update.to_json(),
        }
        given = {key: None if isinstance(value, Clear) else value for key, value in body.items() if value is not None}
        call = _calls.change("POST", self._session.url("groups", group_id), given, effect=Effect.ONCE)
        return await self._session.read(call, Group.from_json, deadline=self._session.deadline(timeout_s))

    async def replace(
        self,
        group_id: str,
        *,
        members: Sequence[str],
        name: str | None = None,
        child_groups: Sequence[str] = (),
        auto_update: AutoUpdate | None = None,
        timeout_s: float = SEND_TIMEOUT_S,
    ) -> Group:
        """Give a group a new content, members and all. The arguments are those of ``create``. Raises NotFound.

        Source: Sinch SMS API reference, "Replace a group".
        """
        body = {**_group(name, members, child_groups, auto_update), "members": _calls.several(members, "members")}
        call = _calls.change("PUT", self._session.url("groups", group_id), body, effect=Effect.ONCE)
        return await self._session.read(call, Group.from_json, deadline=self._session.deadline(timeout_s))

    async def delete(self, group_id: str, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        """Delete a group. After a lost answer it is tried again, so that a deletion which worked may end as NotFound.

        Source: Sinch SMS API reference, "Delete a group".
        """
        call = _calls.change("DELETE", self._session.url("groups", group_id), effect=Effect.ONCE)
        await self._session.do(call, deadline=self._session.deadline(timeout_s))


def _group(
    name: str | None, members: Sequence[str], child_groups: Sequence[str], auto_update: AutoUpdate | None
) -> dict[str, Any]:
    fields = {
        "name": name,
        "members": _calls.several(members, "members") or None,
        "child_groups": _calls.several(child_groups, "child_groups") or None,
        "auto_update": None if auto_update is None else auto_update.to_json(),
    }
    return {key: value for key, value in fields.items() if value is not None}
