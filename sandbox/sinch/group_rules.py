"""The rules of groups: JSON bytes → a checked request, or the refusal that Sinch documents. Pure.

Source: Sinch SMS API reference, "Groups"; limits from the models of its SDKs.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.sinch.json_checks import as_object, no_nulls, numbers, only, read_object, string, strings
from sandbox.sinch.refusals import RefusedError, bad_constraint, bad_format
from sandbox.sinch.wire_values import is_group_id, is_sender

MAX_NAME = 20
MAX_MEMBERS = 10_000
MAX_CHILDREN = 10
MAX_WORD = 15
_FIELDS = {"name", "members", "child_groups", "auto_update"}
_CHANGES = {"name", "add", "remove", "add_from_group", "remove_from_group", "auto_update"}
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class GroupRequest:
    """A group as it was asked for; ``members`` are digits."""

    name: str | None
    members: tuple[str, ...]
    child_groups: tuple[str, ...]
    auto_update: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What is to change in a group. ``names`` is whether it gets another name, or with ``name`` None loses its own."""

    names: bool
    name: str | None
    add: tuple[str, ...]
    remove: tuple[str, ...]
    add_from_group: str | None
    remove_from_group: str | None
    auto_update: dict[str, Any] | None


def read_group(
    content_type: str | None, raw: bytes, known: Container[str], *, needs_members: bool = False
) -> GroupRequest:
    """Check a group that is to be made or to replace another.

    Args:
        known: IDs of the groups there are.
        needs_members: they have to be named, as in a replacement.

    Raises:
        RefusedError: with the documented status and word code.
    """
    fields = read_object(content_type, raw)
    no_nulls(fields)
    only(fields, _FIELDS)
    if needs_members and "members" not in fields:
        raise bad_constraint("members: is required")
    children = strings(fields, "child_groups", least=0, most=MAX_CHILDREN) if "child_groups" in fields else []
    return GroupRequest(
        name=_name(fields) if "name" in fields else None,
        members=_numbers(fields, "members"),
        child_groups=tuple(_group_id(child, f"child_groups[{index}]", known) for index, child in enumerate(children)),
        auto_update=_auto_update(fields),
    )


def read_group_change(content_type: str | None, raw: bytes, known: Container[str]) -> GroupChange:
    """Check an update. Raises RefusedError with the documented status and word code."""
    fields = read_object(content_type, raw)
    no_nulls(fields, but={"name"})
    only(fields, _CHANGES)
    froms = {
        key: _group_id(fields[key], key, known) if key in fields else None
        for key in ("add_from_group", "remove_from_group")
    }
    return GroupChange(
        names="name" in fields,
        name=None if fields.get("name") is None else _name(fields),
        add=_numbers(fields, "add"),
        remove=_numbers(fields, "remove"),
        add_from_group=froms["add_from_group"],
        remove_from_group=froms["remove_from_group"],
        auto_update=_auto_update(fields),
    )


def _name(fields: Mapping[str, Any]) -> str:
    return string(fields, "name", most=MAX_NAME)


def _numbers(fields: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(numbers(fields, key, least=0, most=MAX_MEMBERS)) if key in fields else ()


def _group_id(value: object, where: str, known: Container[str]) -> str:
    if not isinstance(value, str) or not is_group_id(value):
        raise bad_format(f"{where}: must be a group ID")
    if value not in known:
        raise RefusedError(403, "unknown_group", f"{where}: this service plan has no such group")
    return value


def _auto_update(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    if "auto_update" not in fields:
        return None
    rule = as_object(fields["auto_update"], "auto_update")
    only(rule, {"to", "add", "remove"}, "auto_update.")
    if not is_sender(string(rule, "to", "auto_update.", required=True)):
        raise bad_format("auto_update.to: must be an MSISDN or a short code")
    for key in ("add", "remove"):
        if key in rule:
            _words(as_object(rule[key], f"auto_update.{key}"), f"auto_update.{key}.")
    return rule


def _words(words: Mapping[str, Any], where: str) -> None:
    only(words, {"first_word", "second_word"}, where)
    string(words, "first_word", where, required=True, most=MAX_WORD)
    string(words, "second_word", where, most=MAX_WORD)
    for key, word in words.items():
        if not _WORD.fullmatch(word):
            raise bad_format(f"{where}{key}: must be one word")
