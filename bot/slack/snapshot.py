"""What is known of people and groups at a moment, with when it was read; neither changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.access import Known, Profile


@dataclass(frozen=True, slots=True)
class Person:
    profile: Profile
    read_at: float

    def holds(self, since: float) -> bool:
        """Whom Slack called nobody stays nobody until it says otherwise."""
        return self.read_at >= since or self.profile.fault is not None


@dataclass(frozen=True, slots=True)
class Members:
    users: frozenset[str]
    read_at: float


class _Profiles(Mapping[str, Profile]):
    """The profiles among ``people`` that still count. ``people`` never changes."""

    def __init__(self, people: Mapping[str, Person], since: float) -> None:
        self._people = people
        self._since = since

    def __getitem__(self, user_id: str) -> Profile:
        person = self._people[user_id]
        if not person.holds(self._since):
            raise KeyError(user_id)
        return person.profile

    def __iter__(self) -> Iterator[str]:
        return (user_id for user_id, person in self._people.items() if person.holds(self._since))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What any thread may read. ``people`` by user ID, ``groups`` by group ID."""

    people: Mapping[str, Person]
    groups: Mapping[str, Members]

    def known(self, since: float) -> Known:
        members = {group_id: members.users for group_id, members in self.groups.items() if members.read_at >= since}
        return Known(members, _Profiles(self.people, since))
