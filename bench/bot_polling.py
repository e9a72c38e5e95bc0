"""The bot with a worker that nobody wakes: it looks for new rows once a second, as a simple queue does.

A program, not a module.
"""

from __future__ import annotations

import sys
from unittest.mock import patch

from bot.cli import main
from bot.delivery import worker

EVERY_S = 1.0


def not_woken(_: object) -> None:
    """Stands for ``wake``."""


if __name__ == "__main__":
    with (
        patch.object(worker.Worker, "wake", not_woken),
        patch.object(worker, "POLL_S", EVERY_S),
        patch.object(worker, "CLAIMED_AT_ONCE", worker.MAX_SENDING),  # all that waits, at each look
    ):
        sys.exit(main())
