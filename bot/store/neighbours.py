"""Is another process of the bot on the same SQLite file? That is correct, but one waits for the other at each write.

On PostgreSQL they hardly do, and neighbours are what it is for.
"""

from __future__ import annotations

import os

from sqlalchemy.engine import make_url


def first_on_file(database_url: str) -> bool:
    """Mark the file as in use for as long as this process lives; False if another process has marked it.

    The mark stands beside the database: a lock on the database file itself would get in the way of SQLite's own.

    Raises:
        OSError: the mark can't be written.
    """
    if not database_url.startswith("sqlite"):
        return True
    import fcntl  # not on every system; the hosts that we support have it

    mark = os.open(f"{make_url(database_url).database}.in-use", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(mark)
        return False
    return True  # the descriptor stays open on purpose: the system lets go of the mark when the process ends
