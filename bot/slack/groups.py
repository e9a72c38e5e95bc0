"""The recipients of a message, in groups of those who fared the same, so that hundreds of them fit a dialog. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.reports import RecipientState, Standing, standing_of

MAX_GROUPS = 20  # beyond it, the smallest of a standing go together

_ORDER = (Standing.FAILED, Standing.NO_FINAL_WORD, Standing.ON_ITS_WAY, Standing.DELIVERED)

Reason = tuple[str, int | None]
"""Sinch's state and code."""


@dataclass(frozen=True, slots=True)
class Group:
    """Recipients with one standing. ``reason`` None: they have several, each its own."""

    standing: Standing
    reason: Reason | None
    members: tuple[RecipientState, ...]

    @property
    def between(self) -> tuple[datetime, datetime] | None:
        """When the first and the last of them came to where they are; None if Sinch named no time."""
        times = [one.at for one in self.members if one.at is not None]
        return (min(times), max(times)) if times else None


def grouped(recipients: Sequence[RecipientState]) -> list[Group]:
    """Those first of whom something went wrong; of a standing, the largest groups first."""
    by_reason: dict[Reason, list[RecipientState]] = {}
    for one in recipients:
        by_reason.setdefault((one.state, one.code), []).append(one)
    groups = [Group(standing_of(reason[0]), reason, tuple(members)) for reason, members in by_reason.items()]
    groups.sort(key=lambda group: (_ORDER.index(group.standing), -len(group.members)))
    kept, rest = groups[: MAX_GROUPS - len(_ORDER)], groups[MAX_GROUPS - len(_ORDER) :]
    for standing in _ORDER:
        members = [one for group in rest if group.standing is standing for one in group.members]
        if members:
            kept.append(Group(standing, None, tuple(sorted(members, key=lambda one: one.position))))
    return sorted(kept, key=lambda group: _ORDER.index(group.standing))
