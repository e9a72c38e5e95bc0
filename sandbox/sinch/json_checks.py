"""The checks that every body has in common: JSON, objects, texts, flags, numbers, addresses. Pure.

Stricter than Sinch where its pages are silent: unknown keys and nulls are refused, so that a caller's slip shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

from sandbox.sinch.refusals import RefusedError, bad_constraint, bad_format
from sandbox.sinch.wire_values import msisdn_digits

MAX_URL = 2048
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_object(content_type: str | None, raw: bytes) -> dict[str, Any]:
    """The JSON object that a body is.

    Raises:
        RefusedError: 415 for another content type, 400 for what is no JSON or no object.
    """
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415)
    return as_object(_json(raw), "the body")


def _json(raw: bytes) -> object:
    def no_constant(name: str) -> NoReturn:
        raise ValueError(name)

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key twice")
        return found

    try:
        text = raw.decode("utf-8")
        value: object = json.loads(text, parse_constant=no_constant, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise RefusedError(400, "syntax_invalid_json", "The body is not JSON.") from None
    if _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise RefusedError(400, "syntax_invalid_json", "The body has half of a surrogate pair.")
    return value


def as_object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_format(f"{where}: must be an object")
    return value


def no_nulls(value: object, where: str = "", *, but: Collection[str] = ()) -> None:
    """Refuse ``null`` at any depth, except for the fields named in ``but``."""
    match value:
        case None:
            if where not in but:
                raise bad_format(f"{where}: null is not a value; leave the field out")
        case dict():
            for key, inner in value.items():
                no_nulls(inner, f"{where}.{key}" if where else key, but=but)
        case list():
            for index, inner in enumerate(value):
                no_nulls(inner, f"{where}[{index}]", but=but)


def only(fields: Mapping[str, Any], known: Collection[str], where: str = "") -> None:
    for key in fields:
        if key not in known:
            raise bad_format(f"{where}{key}: unknown field")


def string(
    fields: Mapping[str, Any], key: str, where: str = "", *, required: bool = False, most: int | None = None
) -> str:
    """The text under ``key``; empty when there is none."""
    if key not in fields:
        if required:
            raise bad_constraint(f"{where}{key}: is required")
        return ""
    value = fields[key]
    if not isinstance(value, str):
        raise bad_format(f"{where}{key}: must be a string")
    if most is not None and len(value) > most:
        raise bad_constraint(f"{where}{key}: at most {most} characters, got {len(value)}")
    return value


def flag(fields: Mapping[str, Any], key: str) -> bool:
    value = fields.get(key, False)
    if not isinstance(value, bool):
        raise bad_format(f"{key}: must be true or false")
    return value


def whole_number(fields: Mapping[str, Any], key: str, *, least: int, most: int | None) -> None:
    if key not in fields:
        return
    value = fields[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_format(f"{key}: must be a whole number")
    if value < least or (most is not None and value > most):
        raise bad_constraint(f"{key}: out of range")


def strings(fields: Mapping[str, Any], key: str, *, least: int, most: int) -> list[Any]:
    """An array of so many entries, which are still to be checked."""
    value = fields[key]
    if not isinstance(value, list):
        raise bad_format(f"{key}: must be an array of strings")
    if not least <= len(value) <= most:
        raise bad_constraint(f"{key}: takes {least} to {most} entries, got {len(value)}")
    return value


def numbers(fields: Mapping[str, Any], key: str, *, least: int, most: int) -> list[str]:
    """An array of MSISDNs; the digits of each."""
    found = []
    for index, entry in enumerate(strings(fields, key, least=least, most=most)):
        digits = msisdn_digits(entry) if isinstance(entry, str) else None
        if digits is None:
            raise bad_format(f"{key}[{index}]: must be an MSISDN")
        found.append(digits)
    return found


def web_address(text: str, where: str) -> None:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and text.isascii() and " " not in text
    except ValueError:
        good = False
    if not good:
        raise bad_format(f"{where}: must be an http or https address")
