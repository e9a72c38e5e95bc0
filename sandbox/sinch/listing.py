"""Lists: query string → a checked query → one page. Pure.

Source: Sinch SMS API reference, "List batches", "List delivery reports", "List incoming messages", "List groups".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sandbox.sinch.batches import FINDABLE_FOR
from sandbox.sinch.lives import State
from sandbox.sinch.readings import ReferenceFilter
from sandbox.sinch.refusals import bad_constraint, bad_format
from sandbox.sinch.wire_values import bare_digits, read_time

DEFAULT_PAGE_SIZE = 30
MAX_PAGE_SIZE = 100
DEFAULT_LOOK_BACK = timedelta(hours=24)
PAGE = {"page", "page_size"}
_PERIOD = PAGE | {"start_date", "end_date", "client_reference"}
OF_BATCHES = _PERIOD | {"from"}
OF_INBOUNDS = _PERIOD | {"to"}
OF_REPORTS = _PERIOD | {"status", "code"}
_STATES = {state.upper(): state for state in State}

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One question. ``start`` inclusive, ``end`` exclusive; no ``end`` means up to and with now. Empty sets: any."""

    page: int
    page_size: int
    senders: frozenset[str]
    receivers: frozenset[str]
    states: frozenset[State]
    codes: frozenset[int]
    start: datetime
    end: datetime | None
    client_reference: str | None

    def in_time(self, at: datetime, now: datetime) -> bool:
        return at >= max(self.start, now - FINDABLE_FOR) and (self.end is None or at < self.end)

    def of_state(self, state: State, code: int) -> bool:
        return (not self.states or state in self.states) and (not self.codes or code in self.codes)

    def of_reference(self, reference: str | None, how: ReferenceFilter) -> bool:
        if self.client_reference is None or how is ReferenceFilter.IGNORED:
            return True
        if how is ReferenceFilter.PARTIAL:
            return self.client_reference in (reference or "")
        return self.client_reference == reference


def read_list_query(query: Mapping[str, str], known: set[str], now: datetime) -> ListQuery:
    """Raises RefusedError for a name that is not in ``known`` or a value that does not fit."""
    for name in query:
        if name not in known:
            raise bad_format(f"{name}: unknown query parameter")
    start = _time(query, "start_date")
    return ListQuery(
        page=query_number(query, "page", default=0, least=0, most=None),
        page_size=query_number(query, "page_size", default=DEFAULT_PAGE_SIZE, least=1, most=MAX_PAGE_SIZE),
        senders=frozenset(map(bare_digits, _parts(query, "from"))),
        receivers=frozenset(map(bare_digits, _parts(query, "to"))),
        states=read_states(query),
        codes=read_codes(query),
        start=now - DEFAULT_LOOK_BACK if start is None else start,
        end=_time(query, "end_date"),
        client_reference=query.get("client_reference"),
    )


def one_page(
    name: str, query: ListQuery, found: Sequence[Entry], to_json: Callable[[Entry], dict[str, Any]]
) -> dict[str, Any]:
    """``count`` over all pages; ``page_size`` is what is in this answer, not what was asked for."""
    first = query.page * query.page_size
    entries = [to_json(entry) for entry in found[first : first + query.page_size]]
    return {"count": len(found), "page": query.page, "page_size": len(entries), name: entries}


def read_states(query: Mapping[str, str]) -> frozenset[State]:
    """The comma list under ``status``; one of the Python SDK's is in capitals, so that case makes no difference."""
    for word in _parts(query, "status"):
        if word.upper() not in _STATES:
            raise bad_format(f"status: {word} is no delivery state")
    return frozenset(_STATES[word.upper()] for word in _parts(query, "status"))


def read_codes(query: Mapping[str, str]) -> frozenset[int]:
    for word in _parts(query, "code"):
        if not _is_number(word):
            raise bad_format(f"code: {word} is no whole number")
    return frozenset(map(int, _parts(query, "code")))


def query_number(query: Mapping[str, str], name: str, *, default: int, least: int, most: int | None) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _is_number(text):
        raise bad_format(f"{name}: must be a whole number")
    value = int(text)
    if value < least or (most is not None and value > most):
        raise bad_constraint(f"{name}: out of range")
    return value


def query_flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise bad_format(f"{name}: must be true or false")
    return text == "true"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _parts(query: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in query.get(name, "").split(",") if part.strip()]


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    at = read_time(query[name])
    if at is None:
        raise bad_format(f"{name}: must be an ISO-8601 time, percent-encoded")
    return at
