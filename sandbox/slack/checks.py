"""Small checks that combine into the shape of a JSON object: each yields what is wrong, with a JSON pointer.

A check never raises, whatever JSON it is given. The words follow the manner of Slack's ``response_metadata.messages``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Check = Callable[[object, str], Iterator[str]]
CrossCheck = Callable[[Mapping[str, Any], str], Iterator[str]]


def problem(message: str, path: str) -> str:
    """One problem as text: what is wrong, and where."""
    return f"[ERROR] {message} [json-pointer:{path}]"


def anything(_value: object, _path: str) -> Iterator[str]:
    """Accepts every value: used where Slack's own shape is deep and of no use to this product."""
    return iter(())


def boolean(value: object, path: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield problem("must be true or false", path)


def string(longest: int, *, shortest: int = 1) -> Check:
    """A string of ``shortest`` to ``longest`` characters (code points)."""

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield problem("must be a string", path)
        elif len(value) < shortest:
            yield problem(f"must be more than {shortest - 1} characters", path)
        elif len(value) > longest:
            yield problem(f"must be less than {longest + 1} characters, has {len(value)}", path)

    return check


def http_url(longest: int) -> Check:
    """An absolute http or https address of at most ``longest`` characters."""
    length = string(longest)

    def check(value: object, path: str) -> Iterator[str]:
        yield from length(value, path)
        if isinstance(value, str) and not value.startswith(("http://", "https://")):
            yield problem("must be a valid http or https URL", path)

    return check


def integer(lowest: int, highest: int) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield problem("must be an integer", path)
        elif not lowest <= value <= highest:
            yield problem(f"must be between {lowest} and {highest}", path)

    return check


def one_of(*allowed: str) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, str) or value not in allowed:
            yield problem(f"must be one of {', '.join(allowed)}", path)

    return check


def each(check_item: Check, *, fewest: int = 1, most: int) -> Check:
    """A list of ``fewest`` to ``most`` items, every one of them checked."""

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield problem("must be an array", path)
            return
        if len(value) < fewest:
            yield problem(f"no fewer than {fewest} items allowed, has {len(value)}", path)
        if len(value) > most:
            yield problem(f"no more than {most} items allowed, has {len(value)}", path)
        for index, item in enumerate(value):
            yield from check_item(item, f"{path}/{index}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check], *crosses: CrossCheck) -> Check:
    """An object with exactly these fields; ``crosses`` look at several fields at once, after the fields themselves."""
    known = {**required, **optional}

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield problem("must be an object", path)
            return
        sound = True
        for name in required:
            if name not in value:
                sound = False
                yield problem(f"missing required field: {name}", path)
        for name, item in value.items():
            if name not in known:
                yield problem(f"invalid additional property: {name}", path)
                continue
            for found in known[name](item, f"{path}/{name}"):
                sound = False
                yield found
        if sound:  # a rule between fields means something only when the fields themselves are sound
            for cross in crosses:
                yield from cross(value, path)

    return check


def by_type(table: Mapping[str, Check], *, what: str) -> Check:
    """Chooses the check by the object's ``type``; ``what`` names the kind of thing, as in "unsupported block type"."""

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield problem("must be an object", path)
            return
        kind = value.get("type")
        if kind is None:
            yield problem("missing required field: type", path)
        elif not isinstance(kind, str) or kind not in table:
            yield problem(f"unsupported {what} type: {str(kind)[:60]}", f"{path}/type")
        else:
            yield from table[kind](value, path)

    return check


def exactly_one(*names: str) -> CrossCheck:
    """Exactly one of these fields is given."""

    def check(value: Mapping[str, Any], path: str) -> Iterator[str]:
        if sum(name in value for name in names) != 1:
            yield problem(f"exactly one of {', '.join(names)} is required", path)

    return check


def at_least_one(*names: str) -> CrossCheck:
    def check(value: Mapping[str, Any], path: str) -> Iterator[str]:
        if not any(name in value for name in names):
            yield problem(f"one of {', '.join(names)} is required", path)

    return check
