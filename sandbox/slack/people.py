"""The sandbox workspace: its people, user groups and channels, with IDs that never change.

================  ==========================================================================
ann, ben          ordinary members
ada               a member, meant to be the bot's admin
sam               a member, meant to be on no list: the stranger
gus               a guest of this workspace, in #general and in no group
eve               somebody from another workspace, in #general by Slack Connect
robo              another app's bot user
dan               a deactivated member
``@support``      user group: ben. ``@nobody``: an empty one
``#general``      public, everybody and the bot in it
``#ops``          public, ann, ben and ada in it, the bot not
``#backroom``     private, ann and ada in it, the bot not
ann-ben           a direct message between ann and ben
================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

TEAM_ID = "T0SANDBOX"
TEAM_DOMAIN = "sandbox"
OTHER_TEAM_ID = "T0ELSEWHERE"
APP_ID = "A0MMSBOT"
BOT_ID = "B0MMSBOT"
BOT_USER = "U0MMSBOT"

ANN = "U0ANN"
BEN = "U0BEN"
ADA = "U0ADA"
SAM = "U0SAM"
GUS = "U0GUS"
EVE = "U0EVE"
ROBO = "U0ROBO"
DAN = "U0DAN"

SUPPORT = "S0SUPPORT"
NOBODY = "S0NOBODY"

GENERAL = "C0GENERAL"
OPS = "C0OPS"
BACKROOM = "C0BACKROOM"
ANN_BEN = "D0ANNBEN"


@dataclass(frozen=True, slots=True)
class Person:
    """A user as ``users.info`` knows it."""

    id: str
    name: str
    real_name: str
    team_id: str = TEAM_ID
    is_bot: bool = False
    deleted: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A user group; ``handle`` is what people type after ``@``."""

    id: str
    handle: str
    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation. ``kind`` is ``public``, ``private`` or ``im``; ``members`` are user IDs, the bot's among them."""

    id: str
    name: str
    kind: str
    members: frozenset[str]

    @property
    def shown_name(self) -> str:
        """The ``channel_name`` of a payload: Slack hides the names of private conversations."""
        return {"private": "privategroup", "im": "directmessage"}.get(self.kind, self.name)


Named = TypeVar("Named", Person, Channel)
Thing = TypeVar("Thing")


class People:
    """Who and what is in the workspace; everything can be looked up by ID or by name, and changed by a test."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}
        self._groups: dict[str, Group] = {}
        self._channels: dict[str, Channel] = {}
        for person in (
            Person(ANN, "ann", "Ann Archer"),
            Person(BEN, "ben", "Ben Brook"),
            Person(ADA, "ada", "Ada Atwood", is_admin=True),
            Person(SAM, "sam", "Sam Stone"),
            Person(GUS, "gus", "Gus Guest", is_restricted=True),
            Person(EVE, "eve", "Eve Elsewhere", team_id=OTHER_TEAM_ID),
            Person(ROBO, "robo", "Robo", is_bot=True),
            Person(DAN, "dan", "Dan Departed", deleted=True),
            Person(BOT_USER, "mms", "MMS bot", is_bot=True),
        ):
            self.add_person(person)
        everybody = frozenset({ANN, BEN, ADA, SAM, GUS, EVE, ROBO, BOT_USER})
        for channel in (
            Channel(GENERAL, "general", "public", everybody),
            Channel(OPS, "ops", "public", frozenset({ANN, BEN, ADA})),
            Channel(BACKROOM, "backroom", "private", frozenset({ANN, ADA})),
            Channel(ANN_BEN, "ann-ben", "im", frozenset({ANN, BEN})),
        ):
            self.add_channel(channel)
        self.add_group(Group(SUPPORT, "support", "Support", (BEN,)))
        self.add_group(Group(NOBODY, "nobody", "Nobody", ()))

    def add_person(self, person: Person) -> None:
        self._people[person.id] = person

    def add_channel(self, channel: Channel) -> None:
        self._channels[channel.id] = channel

    def add_group(self, group: Group) -> None:
        self._groups[group.id] = group

    def change(self, name_or_id: str, **fields: Any) -> None:
        """Change somebody, such as ``change("dan", deleted=False)``; takes effect with the next ``users.info``."""
        self.add_person(replace(self.person(name_or_id), **fields))

    def set_members(self, group: str, members: tuple[str, ...]) -> None:
        """Change who is in a group; takes effect with the next ``usergroups.users.list``."""
        self.add_group(replace(self.group(group), members=members))

    def find_person(self, name_or_id: str) -> Person | None:
        return self._people.get(name_or_id) or _by_name(self._people.values(), name_or_id)

    def find_channel(self, name_or_id: str) -> Channel | None:
        name = name_or_id.removeprefix("#")
        return self._channels.get(name_or_id) or _by_name(self._channels.values(), name)

    def find_group(self, handle_or_id: str) -> Group | None:
        handle = handle_or_id.removeprefix("@")
        return self._groups.get(handle_or_id) or next((g for g in self._groups.values() if g.handle == handle), None)

    def person(self, name_or_id: str) -> Person:
        """Raises ``LookupError`` when there is nobody of that name or ID."""
        return _found(self.find_person(name_or_id), "person", name_or_id)

    def channel(self, name_or_id: str) -> Channel:
        """Raises ``LookupError`` when there is no such channel."""
        return _found(self.find_channel(name_or_id), "channel", name_or_id)

    def group(self, handle_or_id: str) -> Group:
        """Raises ``LookupError`` when there is no such group."""
        return _found(self.find_group(handle_or_id), "group", handle_or_id)

    def groups(self) -> tuple[Group, ...]:
        return tuple(self._groups.values())

    def app_dm(self, user_id: str) -> Channel:
        """The direct message between a person and the bot; made on first use, its ID stays the same."""
        channel_id = f"D{user_id[1:]}MMS"
        if channel_id not in self._channels:
            self.add_channel(Channel(channel_id, f"app-dm-{user_id}", "im", frozenset({user_id, BOT_USER})))
        return self._channels[channel_id]


def _by_name(things: Iterable[Named], name: str) -> Named | None:
    return next((thing for thing in things if thing.name == name), None)


def _found(thing: Thing | None, what: str, name: str) -> Thing:
    if thing is None:
        raise LookupError(f"the sandbox workspace has no {what} {name!r}")
    return thing
