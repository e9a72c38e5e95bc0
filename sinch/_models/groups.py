"""Groups of numbers that a batch can be sent to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sinch import _json


@dataclass(frozen=True, slots=True)
class Keywords:
    """The first words of a message by which its sender joins or leaves a group."""

    first_word: str
    second_word: str | None = None

    @classmethod
    def from_json(cls, value: object) -> Keywords:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or has no ``first_word``.
        """
        source = _json.as_object(value)
        return cls(
            first_word=_json.required(_json.text(source.get("first_word")), "first_word"),
            second_word=_json.text(source.get("second_word")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written({"first_word": self.first_word, "second_word": self.second_word})


@dataclass(frozen=True, slots=True)
class AutoUpdate:
    """Who texts such words to this number joins or leaves the group. The number is not in ``repr``."""

    to: str = field(repr=False)
    add: Keywords | None = None
    remove: Keywords | None = None

    @classmethod
    def from_json(cls, value: object) -> AutoUpdate:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or has no usable ``to``.
        """
        source = _json.as_object(value)
        return cls(
            to=_json.required(_json.phone(source.get("to")), "to"),
            add=_json.perhaps(Keywords.from_json, source.get("add")),
            remove=_json.perhaps(Keywords.from_json, source.get("remove")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written({"to": self.to, "add": self.add, "remove": self.remove})


@dataclass(frozen=True, slots=True)
class Group:
    """One group. Its members are read apart. The name, which may be a person's, is not in ``repr``.

    Attributes:
        id: opaque, not empty; can stand in ``to`` of a batch.
        size: how many members it has.
        child_groups: IDs of the groups whose members belong to it as well.
        auto_update: who joins and leaves by texting.
        created_at, modified_at: aware UTC.

    Source: Sinch SMS API, "Groups".
    """

    id: str
    name: str | None = field(default=None, repr=False)
    size: int | None = None
    child_groups: tuple[str, ...] = ()
    auto_update: AutoUpdate | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None

    @classmethod
    def from_json(cls, value: object) -> Group:
        """Read one decoded JSON value.

        Raises:
            Malformed: it is no object, or has no usable ``id``. Any other odd field is left at its default.
        """
        source = _json.as_object(value)
        return cls(
            id=_json.required(_json.usable_id(source.get("id")), "id"),
            name=_json.text(source.get("name")),
            size=_json.whole(source.get("size")),
            child_groups=_json.readable(source.get("child_groups"), _json.usable_id),
            auto_update=_json.perhaps(AutoUpdate.from_json, source.get("auto_update")),
            created_at=_json.moment(source.get("created_at")),
            modified_at=_json.moment(source.get("modified_at")),
        )

    def to_json(self) -> dict[str, object]:
        return _json.written(
            {
                "id": self.id,
                "name": self.name,
                "size": self.size,
                "child_groups": self.child_groups,
                "auto_update": self.auto_update,
                "created_at": self.created_at,
                "modified_at": self.modified_at,
            }
        )


def read_members(value: object) -> tuple[str, ...]:
    """The members of a group: Sinch answers with a bare list of numbers. What is no number is left out.

    Raises:
        Malformed: it is no list.
    """
    return _json.phones(_json.as_list(value, "members"))
