"""The bot as it is, ``mms-bot run``, but that nothing is sent and nobody is told: for what is measured up to the ack.

A program, not a module. The contenders send nothing either.
"""

from __future__ import annotations

import sys
from unittest.mock import patch

from bot.cli import main
from bot.delivery.worker import Worker
from bot.slack.outbox import Outbox


def rest(_: object) -> None:
    """Stands for ``start``."""


async def stay_at_rest(_: object, *, within_s: float) -> None:
    """Stands for ``stop``."""


if __name__ == "__main__":
    with (
        patch.object(Worker, "start", rest),
        patch.object(Worker, "stop", stay_at_rest),
        patch.object(Outbox, "start", rest),
    ):
        sys.exit(main())
