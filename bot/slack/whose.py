"""Whose message it is, and so what somebody sees of it: asked behind every door to one message. Pure."""

from __future__ import annotations

from enum import StrEnum

from bot.access import Allowed, Denied, Person, Role
from bot.domain import Message
from bot.phone import mask

NOT_YOURS = "There is no such message of yours. You see your own messages only."


class Sight(StrEnum):
    """How much of a message somebody sees."""

    WHOLE = "whole"  # the sender: numbers in full, the text, the picture's address
    MASKED = "masked"  # an admin: masked numbers; no text, no subject, no address of the picture


def may_see(message: Message, person: Person, decision: Allowed | Denied) -> Sight | None:
    """What ``person`` sees of ``message``, and may stop; None: nothing, not even that it is there.

    Args:
        decision: what the access check says of this person now, asked for ``Role.SENDER``.
    """
    if isinstance(decision, Denied) or decision.role < Role.SENDER:
        return None
    if message.reply.user_id == person.user_id:
        return Sight.WHOLE
    return Sight.MASKED if decision.role is Role.ADMIN else None


def number(e164: str | None, sight: Sight) -> str:
    """A recipient's number for whoever has this sight; ``e164`` None: it is no longer kept."""
    if e164 is None:
        return "a number that is no longer kept"
    return e164 if sight is Sight.WHOLE else mask(e164)
