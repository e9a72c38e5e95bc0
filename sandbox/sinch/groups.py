"""Groups of numbers, which a batch can be sent to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.sinch.group_rules import GroupChange, GroupRequest
from sandbox.sinch.wire_values import Writer, is_group_id, msisdn_digits, new_id, write_time


@dataclass(slots=True, eq=False)
class Group:
    """One group. ``members`` are digits, in the order in which they came, its child groups' not among them."""

    id: str
    created_at: datetime
    modified_at: datetime
    name: str | None
    members: list[str] = field(default_factory=list)
    child_groups: tuple[str, ...] = ()
    auto_update: dict[str, Any] | None = None

    def to_json(self, write: Writer) -> dict[str, Any]:
        """As Sinch answers: the number of its members, not who they are."""
        answer: dict[str, Any] = {"id": self.id, "size": len(self.members)}
        if self.name is not None:
            answer["name"] = self.name
        if self.child_groups:
            answer["child_groups"] = list(self.child_groups)
        if self.auto_update is not None:
            answer["auto_update"] = self.auto_update | {"to": write.number(self.auto_update["to"])}
        return answer | {"created_at": write_time(self.created_at), "modified_at": write_time(self.modified_at)}


class GroupBook:
    """All groups of the service plan."""

    def __init__(self) -> None:
        self._by_id: dict[str, Group] = {}

    def __contains__(self, group_id: object) -> bool:
        return group_id in self._by_id

    def get(self, group_id: str) -> Group | None:
        return self._by_id.get(group_id)

    def newest_first(self) -> list[Group]:
        return list(reversed(self._by_id.values()))

    def name_taken(self, name: str | None, by_other_than: str | None = None) -> bool:
        return name is not None and any(one.name == name and one.id != by_other_than for one in self._by_id.values())

    def create(self, request: GroupRequest, now: datetime) -> Group:
        group = Group(new_id(now), now, now, request.name)
        self._by_id[group.id] = group
        self.replace(group, request, now)
        return group

    def replace(self, group: Group, request: GroupRequest, now: datetime) -> None:
        group.name, group.child_groups, group.auto_update = request.name, request.child_groups, request.auto_update
        group.members = list(dict.fromkeys(request.members))
        group.modified_at = now

    def change(self, group: Group, change: GroupChange, now: datetime) -> None:
        """Adds come first, then removals; members that are there or not there already make no difference."""
        members = dict.fromkeys(group.members) | dict.fromkeys(change.add)
        if change.add_from_group is not None:
            members |= dict.fromkeys(self._by_id[change.add_from_group].members)
        gone = set(change.remove)
        if change.remove_from_group is not None:
            gone |= set(self._by_id[change.remove_from_group].members)
        group.members = [number for number in members if number not in gone]
        if change.names:
            group.name = change.name
        if change.auto_update is not None:
            group.auto_update = change.auto_update
        group.modified_at = now

    def delete(self, group: Group) -> None:
        del self._by_id[group.id]
        for other in self._by_id.values():
            other.child_groups = tuple(child for child in other.child_groups if child != group.id)

    def hear(self, from_: str, to: str, text: str, now: datetime) -> bool:
        """Let groups with ``auto_update`` take in or let go whoever wrote their words; whether one did."""
        words, changed = text.split(), False
        for group in self._by_id.values():
            rule = group.auto_update
            if rule is None or msisdn_digits(rule["to"]) != to:
                continue
            for key in ("add", "remove"):
                if key in rule and _says(words, rule[key]) and (from_ in group.members) == (key == "remove"):
                    members = {*group.members} ^ {from_}
                    group.members = [one for one in (*group.members, from_) if one in members]
                    group.modified_at, changed = now, True
        return changed

    def recipients(self, to: Iterable[str]) -> Iterator[str]:
        """The numbers that a batch goes to: plain ones as often as they are named, a group's members once."""
        for one in to:
            digits = msisdn_digits(one)
            if digits is not None:
                yield digits
            elif is_group_id(one):
                yield from dict.fromkeys(self._members(one, set()))

    def _members(self, group_id: str, passed: set[str]) -> Iterator[str]:
        group = self._by_id.get(group_id)
        if group is None or group_id in passed:  # deleted meanwhile, or a child of its child
            return
        passed.add(group_id)
        yield from group.members
        for child in group.child_groups:
            yield from self._members(child, passed)


def _says(words: list[str], rule: dict[str, str]) -> bool:
    wanted = [rule["first_word"], *([rule["second_word"]] if "second_word" in rule else [])]
    return [word.casefold() for word in words[: len(wanted)]] == [word.casefold() for word in wanted]
