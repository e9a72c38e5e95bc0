"""The bot as it is, ``mms-bot run``, but for the wall clock: it is off by what a file says, and that may change.

A program, not a module: ``CHAOS_CLOCK`` names the file, which holds one number of seconds. (The machine's own clock is
not ours to step.)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from bot.cli import main
from bot.clock import SystemClock

ROOM = 32  # bytes of the number, blanks around it


def shifted_by(path: str) -> Callable[[SystemClock], datetime]:
    """Stands for ``SystemClock.now``: off by the number of seconds that the file holds at the moment."""
    offset = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def now(_: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(os.pread(offset, ROOM, 0)))

    return now


if __name__ == "__main__":
    with patch.object(SystemClock, "now", shifted_by(os.environ["CHAOS_CLOCK"])):
        sys.exit(main())
