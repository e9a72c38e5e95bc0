"""Is the database there, writable, up to date, and kept? Pure: how it is was looked at before."""

from __future__ import annotations

from bot.doctor import findings
from bot.doctor.findings import Finding, ok, wrong
from bot.store.health import Condition, Health
from bot.store.migrate import HEAD

_WELL = {
    Condition.NOT_THERE_YET: "that is not there yet; the first start makes it",
    Condition.EMPTY: "writable, and empty; the first start makes the tables",
    Condition.OLDER: "writable, of an older version; the next start brings it up to date",
    Condition.CURRENT: "writable, and up to date",
}


def database(health: Health, *, sqlite: bool, forgetful: str | None) -> Finding:
    """One line about it.

    Args:
        forgetful: the variable that says that this host forgets its disk; None if none does.
    """
    if sqlite and forgetful is not None:
        return wrong("database-forgotten", variable=forgetful)
    match health.condition:
        case Condition.AWAY:
            return wrong("database-away", reason=health.reason)
        case Condition.READ_ONLY:
            return wrong("database-read-only", reason=health.reason)
        case Condition.NEWER:
            return wrong("database-newer", found=str(health.schema), known=HEAD)
    return ok(findings.DATABASE, f"{'A SQLite file' if sqlite else 'A PostgreSQL'}, {_WELL[health.condition]}.")
