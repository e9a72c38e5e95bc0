"""The rules of an update: a batch and what is to change → the batch as it is then. Pure.

Source: Sinch SMS API reference, "Update a batch message"; pages of 2020 for ``null``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.sinch.json_checks import no_nulls, only, read_object
from sandbox.sinch.refusals import bad_constraint
from sandbox.sinch.rules import KEYS, BatchRequest, PlanRules, check_batch, read_type, recipients
from sandbox.sinch.wire_values import bare_digits

MAX_CHANGES = 100
_OLDER = {"toAdd": "to_add", "toRemove": "to_remove"}
_NEVER_NULL = {"type", "from", "body", "udh", "to_add", "to_remove"}


def read_changes(content_type: str | None, raw: bytes, *, older_names: bool) -> dict[str, Any]:
    """What is to change; None clears a field. The values are checked with the batch, in ``changed``.

    Raises:
        RefusedError: it can't be a change of any batch.
    """
    changes = read_object(content_type, raw)
    if older_names:
        changes = {_OLDER.get(key, key): value for key, value in changes.items()}
    known = (KEYS[read_type(changes)] - {"to"}) | {"to_add", "to_remove"}
    only(changes, known)
    no_nulls(changes, but=known - _NEVER_NULL)
    for key in ("to_add", "to_remove"):
        if key in changes:
            recipients(changes, key, most=MAX_CHANGES)
    return changes


def changed(batch: BatchRequest, changes: Mapping[str, Any], now: datetime, plan: PlanRules) -> BatchRequest:
    """The batch with these changes. Recipients that it has or has not already make no difference.

    Raises:
        RefusedError: as for a send, of the batch as it would be; or the type is another one.
    """
    if read_type(changes) != batch.type:
        raise bad_constraint(f"type: this batch is {batch.type}")
    fields = {**batch.fields}
    for key, value in changes.items():
        if value is None:
            fields.pop(key, None)
        elif key not in ("to_add", "to_remove"):
            fields[key] = value
    gone = set(map(bare_digits, changes.get("to_remove", ())))
    to = [number for number in batch.to if bare_digits(number) not in gone]
    present = set(map(bare_digits, to))
    for number in changes.get("to_add", ()):
        if bare_digits(number) not in present:
            present.add(bare_digits(number))
            to.append(number)
    return check_batch(fields | {"to": to}, now, plan)
