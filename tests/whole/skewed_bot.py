"""The bot as ``mms-bot run`` starts it, on a host whose clock is off by ``SKEW_S`` seconds."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from bot.cli import main
from bot.clock import SystemClock

SKEW = timedelta(seconds=float(os.environ["SKEW_S"]))


def _off(_: SystemClock) -> datetime:
    return datetime.now(UTC) + SKEW


if __name__ == "__main__":
    with patch.object(SystemClock, "now", _off):  # the one place where the bot reads the host's clock
        sys.exit(main(sys.argv[1:]))
