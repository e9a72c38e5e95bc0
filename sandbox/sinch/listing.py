"""The batch list: query string → a checked query → one page. Pure.

Source: Sinch SMS API reference, "List batches".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.sinch.batches import FINDABLE_FOR, Batch
from sandbox.sinch.refusals import bad_constraint, bad_format
from sandbox.sinch.wire_values import bare_digits, read_time

DEFAULT_PAGE_SIZE = 30
MAX_PAGE_SIZE = 100
DEFAULT_LOOK_BACK = timedelta(hours=24)
_KNOWN = {"page", "page_size", "from", "start_date", "end_date", "client_reference"}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One question. ``start`` inclusive, ``end`` exclusive; no ``end`` means up to and with now."""

    page: int
    page_size: int
    senders: frozenset[str]
    start: datetime
    end: datetime | None
    client_reference: str | None

    def fits(self, batch: Batch, now: datetime) -> bool:
        """Whether sender and dates fit; the reference is looked up by the caller."""
        return (
            (not self.senders or batch.sender in self.senders)
            and batch.created_at >= max(self.start, now - FINDABLE_FOR)
            and (self.end is None or batch.created_at < self.end)
        )


def read_list_query(query: Mapping[str, str], now: datetime) -> ListQuery:
    """Raises RefusedError for an unknown name or a value that does not fit."""
    for name in query:
        if name not in _KNOWN:
            raise bad_format(f"{name}: unknown query parameter")
    start = _time(query, "start_date")
    return ListQuery(
        page=_number(query, "page", default=0, least=0, most=None),
        page_size=_number(query, "page_size", default=DEFAULT_PAGE_SIZE, least=1, most=MAX_PAGE_SIZE),
        senders=frozenset(bare_digits(one.strip()) for one in query.get("from", "").split(",") if one.strip()),
        start=now - DEFAULT_LOOK_BACK if start is None else start,
        end=_time(query, "end_date"),
        client_reference=query.get("client_reference"),
    )


def one_page(query: ListQuery, found: Sequence[Batch]) -> dict[str, Any]:
    """``count`` over all pages; ``page_size`` is what is in this answer, not what was asked for."""
    first = query.page * query.page_size
    batches = [batch.to_json() for batch in found[first : first + query.page_size]]
    return {"count": len(found), "page": query.page, "page_size": len(batches), "batches": batches}


def _number(query: Mapping[str, str], name: str, *, default: int, least: int, most: int | None) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise bad_format(f"{name}: must be a whole number")
    value = int(text)
    if value < least or (most is not None and value > most):
        raise bad_constraint(f"{name}: out of range")
    return value


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    at = read_time(query[name])
    if at is None:
        raise bad_format(f"{name}: must be an ISO-8601 time, percent-encoded")
    return at
