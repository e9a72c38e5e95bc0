"""Whose clock decides: the caller's, or that of a database which processes on several hosts share."""

from __future__ import annotations

import time
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, Engine, event

from bot.store.engine import is_shared
from bot.store.rows import known_moment, seconds

_T_co = TypeVar("_T_co", covariant=True)

_BEGUN = "begun"


class Time(Protocol):
    def at(self, connection: Connection, now: datetime) -> float:
        """What counts as now in this transaction (seconds since 1970); ``now`` is what the caller says."""
        ...

    def now(self) -> datetime | None:
        """What the database's clock says, if that is the one which counts and it was ever read."""
        ...


class Timed(Protocol[_T_co]):
    """Works in a transaction, as of ``at`` (seconds since 1970)."""

    def __call__(self, connection: Connection, /, *, at: float) -> _T_co: ...


class CallersTime:
    """One host: its own clock."""

    def at(self, connection: Connection, now: datetime) -> float:
        return seconds(now)

    def now(self) -> datetime | None:
        return None


class _Begun(NamedTuple):
    """When a transaction began: by the database's clock (seconds since 1970), and by this host's running time."""

    at: float
    monotonic: float

    def later(self) -> float:
        """The database's time by now: running time leads on, so that no statement has to ask for it."""
        return self.at + time.monotonic() - self.monotonic


def note_begun(connection: Connection, at: float) -> None:
    """The transaction that ``connection`` is in begins at this moment, and the database's clock says ``at``."""
    connection.info[_BEGUN] = _Begun(at, time.monotonic())


class DatabasesTime:
    """Many hosts, whose clocks may differ by any amount: the database's clock, read when a transaction begins."""

    def __init__(self, engine: Engine) -> None:
        self._last: _Begun | None = None

        @event.listens_for(engine, "begin")
        def _note(connection: Connection) -> None:
            self._last = connection.info[_BEGUN]

    def at(self, connection: Connection, now: datetime) -> float:
        begun: _Begun = connection.info[_BEGUN]
        return begun.later()

    def now(self) -> datetime | None:
        return None if self._last is None else known_moment(self._last.later())


def time_of(engine: Engine) -> Time:
    """The clock that decides on this database."""
    return DatabasesTime(engine) if is_shared(engine) else CallersTime()
