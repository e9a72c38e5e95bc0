"""Requests and notices in a store, for the tests of both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.access import Denied, Role
from bot.access.changes import ByDoor, Edit, Entry
from bot.access.requests import (
    Asked,
    Decided,
    DecidedBefore,
    NoSuchRequest,
    Notice,
    NoticeKind,
    Request,
)
from bot.store import Changed, Store
from bot.store.tables import access_notice
from sandbox.slack.people import ADA, ANN, BEN
from tests.bot.conftest import anybody

if TYPE_CHECKING:
    from tests.bot.databases import Database

T0 = datetime.fromisoformat("2026-01-02T12:00:00+00:00")
GROUP = "S0SUPPORT"
LEASE_S = 10.0
BEN_SENDS = Entry(BEN, Role.SENDER)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def open_notices(database: Database) -> list[dict[str, Any]]:
    """All but those that tell somebody that they asked, which they have read."""
    return [row for row in database.rows(access_notice) if row["kind"] != "asked"]


async def ask(store: Store, user_id: str = BEN, *, admins: Sequence[str] = (ADA, ANN), now: datetime = T0) -> Request:
    asked = await store.access.ask(user_id, admins=admins, now=now)
    assert isinstance(asked, Asked)
    await store.access.asker_told(asked.request.request_id, now=now)
    return asked.request


async def decide(
    store: Store, request: Request, *, allow: bool = True, by: str = ADA, now: datetime = T0
) -> Decided | DecidedBefore | NoSuchRequest | Denied:
    return await store.access.decide(request.request_id, allow=allow, may=anybody, by=by, now=now)


async def claim(store: Store, *, owner: str = "n1", limit: int = 100, now: datetime = T0) -> Sequence[Notice]:
    return await store.access.claim_notices(owner=owner, limit=limit, now=now, lease_s=LEASE_S)


async def tell(store: Store, notice: Notice, *, now: datetime = T0) -> None:
    """As if Slack had taken what the notice says."""
    await store.access.notice_told(
        notice.notice_id,
        shown=None if notice.request is None else notice.request.decision,
        channel_id=f"D-{notice.to_user_id}",
        ts="1767355200.000100",
        now=now,
    )


async def tell_all(store: Store, *, now: datetime = T0) -> None:
    for notice in await claim(store, now=now):
        await tell(store, notice, now=now)


async def change(store: Store, add: Sequence[Entry] = (), remove: Sequence[Entry] = (), *, by: str = ADA) -> Changed:
    edit = Edit(frozenset(add), frozenset(remove))
    changed = await store.access.change(lambda _: edit, by=by, door=ByDoor.COMMAND, origin=None, now=at(5))
    assert isinstance(changed, Changed)
    return changed


def whom(notices: Sequence[Notice]) -> list[tuple[str, NoticeKind]]:
    return [(notice.to_user_id, notice.kind) for notice in notices]
