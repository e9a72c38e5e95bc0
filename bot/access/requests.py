"""Somebody who may not send asks to be let in; an admin answers. And what the bot tells people about that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.access.changes import AccessList

ASK_AGAIN_AFTER = timedelta(days=1)  # until then a second request changes nothing
ASKED_TOLD_WITHIN = timedelta(
    seconds=15
)  # where they asked; what has not come through by then is told once more, by DM


class Decision(StrEnum):
    ALLOWED = "allowed"
    DECLINED = "declined"
    REPLACED = "replaced"  # nobody answered, and the person asked anew


@dataclass(frozen=True, slots=True)
class Request:
    """``decision`` None: open. ``decided_by`` is a user ID, or ``shell:NAME``."""

    request_id: int
    user_id: str
    asked_at: datetime
    decision: Decision | None = None
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    request: Request


@dataclass(frozen=True, slots=True)
class AskedBefore:
    """Within the last day; nothing was changed."""

    request: Request


@dataclass(frozen=True, slots=True)
class Decided:
    """``access`` is the list as it is now."""

    request: Request
    access: AccessList


@dataclass(frozen=True, slots=True)
class DecidedBefore:
    """Somebody was first; nothing was changed."""

    request: Request


@dataclass(frozen=True, slots=True)
class NoSuchRequest:
    pass


class NoticeKind(StrEnum):
    ASK = "ask"  # to an admin: somebody asks. Once decided, the same message says who decided
    ASKED = "asked"  # to the person who asks: the admins are told. Only if the answer where they asked was lost
    OUTCOME = "outcome"  # to the person who asked
    GROUP_LOST = "group_lost"  # to an admin: the members of a listed group could not be read for an hour


@dataclass(frozen=True, slots=True)
class Notice:
    """A direct message that is to be posted or brought up to date, kept as a row until Slack has taken it.

    ``since`` is since when there is this to tell; ``channel_id`` and ``ts`` are of the posted message, None before.
    ``request`` is as it is now; ``group_id`` is what a GROUP_LOST is about.
    """

    notice_id: int
    kind: NoticeKind
    to_user_id: str
    since: datetime
    tries: int
    request: Request | None = None
    group_id: str | None = None
    channel_id: str | None = None
    ts: str | None = None
