"""A database that was restored from a backup: what waited then may have been sent since.

A backup remembers the past. To send again what it says is still to be sent could text a person twice, so nothing of it
is sent: each such message is looked up at Sinch, and whoever sent it is told what was found.
"""

from __future__ import annotations

from sqlalchemy import Engine, func, update

from bot.domain import State
from bot.store.tables import message

_OWNER = "a backup"
_ENDED = 0.0  # a lease that ended long ago: whoever starts next takes the message up as cut off in the middle of a send


def hold_back(engine: Engine) -> int:
    """Turn every `queued` and `scheduled` message into one whose answer was lost; how many.

    The next process that starts then looks them up, as after a crash, and sends none.
    """
    waiting = message.c.state.in_((State.QUEUED, State.SCHEDULED))
    lost = (
        update(message)
        .where(waiting)
        .values(
            state=State.SENDING,
            attempts=message.c.attempts + 1,
            first_attempt_at=func.coalesce(message.c.first_attempt_at, message.c.created_at),
            attempt_started_at=func.coalesce(message.c.attempt_started_at, message.c.created_at),
            lease_owner=_OWNER,
            lease_until=_ENDED,
        )
    )
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(message).where(message.c.state == State.SENDING).values(lease_until=_ENDED))
        return connection.execute(lost).rowcount
