"""Whatever happens in whatever order: no submission reaches Sinch twice, and none is forgotten.

And what is broken on purpose is seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot.delivery import decisions
from bot.delivery.sender import Fate, SendError
from bot.domain import AnswerKind, Message, State, Step, TryAgain
from bot.store import answers, keeping, steps
from bot.store.leases import FREE
from bot.store.rows import message_from
from bot.store.tables import message
from tests.bot import delivery_model
from tests.bot.databases import NewDatabase
from tests.bot.delivery_model import play

STORIES_TO_SEE_IT = 400  # most are seen within twenty


def test_at_most_once_and_never_lost(new_database: NewDatabase) -> None:
    play(new_database)


# -- one thing broken


def begin_whatever_it_is(
    connection: Connection, client_reference: str, *, owner: str, at: float, lease_s: float
) -> Message | None:
    begun = (
        update(message)
        .where(message.c.client_reference == client_reference, message.c.state.in_((State.QUEUED, State.SENDING)))
        .values(state=State.SENDING, attempts=message.c.attempts + 1, lease_owner=owner, lease_until=at + lease_s)
        .returning(message)
    )
    row = connection.execute(begun).mappings().first()
    return None if row is None else message_from(row)


def record_whoever_says_it(
    connection: Connection,
    client_reference: str,
    step: Step,
    *,
    owner: str,
    attempt: int,
    first_poll_s: float,
    at: float,
) -> bool:
    row = connection.execute(message.select().where(message.c.client_reference == client_reference)).mappings().one()
    return _record(
        connection,
        client_reference,
        step,
        owner=row["lease_owner"],
        attempt=row["attempts"],
        first_poll_s=first_poll_s,
        at=at,
    )


def take_up_into_the_queue(connection: Connection, *, cause: str, holding: Collection[str], at: float) -> int:
    over = (message.c.state == State.SENDING, message.c.lease_until <= at)
    return connection.execute(update(message).where(*over).values(state=State.QUEUED, due_at=at, **FREE)).rowcount


def cancel_what_is_sent(connection: Connection, references: Sequence[str], *, cause: str, at: float) -> int:
    sent = (message.c.client_reference.in_(references), message.c.state == State.SENDING)
    ended = connection.execute(update(message).where(*sent).values(state=State.CANCELLED, **FREE)).rowcount
    return ended + _cancel(connection, references, cause=cause, at=at)


def erase_what_waits(connection: Connection, references: Sequence[str]) -> int:
    these = message.c.client_reference.in_(references)
    return connection.execute(update(message).where(these).values(content=None)).rowcount


def send_what_was_lost_again(
    lost: Message, error: SendError, *, now: Any, give_up_after_s: float, jitter: float
) -> Step:
    if error.fate is Fate.LOST:
        return TryAgain(error.cause, now)
    return decisions.after_failure(lost, error, now=now, give_up_after_s=give_up_after_s, jitter=jitter)


def tell_nobody_of_a_find(
    connection: Connection, client_reference: str, kinds: Collection[AnswerKind], at: float
) -> bool:
    return True


_record, _cancel = steps.record, keeping.cancel
BROKEN = {
    "an attempt begins whatever the row is": (steps, "begin", begin_whatever_it_is),
    "an old owner's word counts": (steps, "record", record_whoever_says_it),
    "what was cut off goes back into the queue": (steps, "take_up_lost", take_up_into_the_queue),
    "what is being sent is cancelled": (keeping, "cancel", cancel_what_is_sent),
    "what waits is erased": (keeping, "erase", erase_what_waits),
    "what was lost is sent again": (delivery_model, "after_failure", send_what_was_lost_again),
    "an unknown is withdrawn in vain": (answers, "withdraw", tell_nobody_of_a_find),
}


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", BROKEN)
def test_one_broken_step_is_seen(what: str, monkeypatch: pytest.MonkeyPatch, new_database: NewDatabase) -> None:
    monkeypatch.setattr(*BROKEN[what])

    with pytest.raises(AssertionError):
        play(new_database, examples=STORIES_TO_SEE_IT, always_the_same=True)
