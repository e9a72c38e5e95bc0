"""The phones: what each one received, what is to happen on the way there, and what people write back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sandbox.sinch.batches import Batch
from sandbox.sinch.inbounds import Inbound, InboundMedia
from sandbox.sinch.lives import (
    AT_ONCE,
    NO_VALUE,
    REFUSED_BY_GATEWAY,
    TOO_MANY_PARTS,
    Message,
    Script,
    State,
    script_of,
    steps,
)
from sandbox.sinch.parts import number_of_parts
from sandbox.sinch.readings import Readings, StrictValidation
from sandbox.sinch.rules import BatchRequest
from sandbox.sinch.wire_values import bare_digits, write_time

_KINDS = {"mt_media": "mms", "mt_text": "sms", "mt_binary": "binary"}


@dataclass(frozen=True, slots=True)
class PhoneMessage:
    """One message on one phone. ``kind`` is ``mms``, ``sms`` or ``binary``; ``at`` is when it arrives.

    The ``text`` of a binary one is its body in base64.
    """

    kind: str
    from_: str
    text: str
    subject: str | None
    media_url: str | None
    batch_id: str
    at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "from": self.from_,
            "text": self.text,
            "subject": self.subject,
            "media_url": self.media_url,
            "batch_id": self.batch_id,
            "at": write_time(self.at),
        }


class Receive(Protocol):
    """Takes a message that somebody wrote on a phone; returns when its callback was tried once."""

    def __call__(
        self,
        *,
        from_: str,
        to: str | None,
        text: str | None,
        data: bytes | None,
        udh: bytes,
        media: Sequence[InboundMedia],
        subject: str | None,
    ) -> Awaitable[Inbound]: ...


class Phones:
    """Every phone that has ever been sent something."""

    def __init__(self, clock: Callable[[], datetime], receive: Receive) -> None:
        self._clock = clock
        self._receive = receive
        self._inboxes: dict[str, list[tuple[Batch, Message, PhoneMessage | None]]] = {}
        self._scripts: dict[str, Script] = {}
        self.usual = AT_ONCE

    def script(self, number: str, script: Script | None) -> None:
        """What happens from now on to messages to this number; None: what is ``usual``, or what its last digits say."""
        if script is None:
            self._scripts.pop(bare_digits(number), None)
        else:
            self._scripts[bare_digits(number)] = script

    def clear_scripts(self) -> None:
        self._scripts.clear()
        self.usual = AT_ONCE

    def deliver(self, batch: Batch, numbers: Sequence[str], readings: Readings) -> None:
        """Start one message for each number; one that stands there twice gets two."""
        request = batch.request
        for number in numbers:
            text, complete = _filled(request, number)
            script = self._scripts.get(number) or script_of(number, self.usual)
            if fault := _fault(request, text, readings, complete=complete):
                script = Script(fault)
            message = Message(number, text, steps(script, batch.asked_at, batch.starts_at, batch.expire_at, readings))
            batch.messages.append(message)
            at = message.arrives_at()
            shown = None if at is None else _shown(batch, text, at)
            self._inboxes.setdefault(number, []).append((batch, message, shown))

    def withdraw(self, batch: Batch) -> None:
        """Forget what still waits of a batch, as if it had never been asked for."""
        now = self._clock()
        waiting = [one for one in batch.messages if one.now(now).state is State.QUEUED]
        batch.messages = [one for one in batch.messages if one not in waiting]
        for number in {one.recipient for one in waiting}:
            self._inboxes[number] = [entry for entry in self._inboxes[number] if entry[1] not in waiting]

    def of(self, number: str) -> list[PhoneMessage]:
        """What this phone has by now, in order of arrival; the number may be written with or without ``+``."""
        now = self._clock()
        return sorted(
            (
                shown
                for _batch, message, shown in self._inboxes.get(bare_digits(number), [])
                if shown is not None and shown.at <= now and message.arrives_at() == shown.at
            ),
            key=lambda m: m.at,
        )

    def all(self) -> dict[str, list[PhoneMessage]]:
        """Number with ``+`` → messages."""
        return {f"+{number}": self.of(number) for number in self._inboxes}

    def answered_by(self, from_: str, to: str) -> Batch | None:
        """The newest batch that this phone has from that sender: what a reply is about."""
        now = self._clock()
        fitting = [
            batch
            for batch, _message, shown in self._inboxes.get(from_, [])
            if shown is not None and shown.at <= now and batch.sender == to
        ]
        return fitting[-1] if fitting else None

    async def reply(
        self,
        from_: str,
        to: str | None = None,
        *,
        text: str | None = None,
        data: bytes | None = None,
        udh: bytes = b"",
        media: Sequence[InboundMedia] = (),
        subject: str | None = None,
    ) -> Inbound:
        """Write a message on the phone ``from_``, to the sandbox's number or another; tried once as a callback.

        Raises:
            ValueError: bytes beside a text or media, or a subject without media.
        """
        return await self._receive(from_=from_, to=to, text=text, data=data, udh=udh, media=media, subject=subject)


def _filled(request: BatchRequest, number: str) -> tuple[str, bool]:
    """The text for one recipient, and whether every blank in it has a value."""
    text, complete = request.text, True
    for name in request.placeholders:
        values = request.fields.get("parameters", {}).get(name, {})
        by_digits = {bare_digits(key): value for key, value in values.items()}
        value = by_digits.get(number, by_digits.get("default"))
        if value is None:
            complete = False
        else:
            text = text.replace(f"${{{name}}}", value)
    return text, complete


def filled(request: BatchRequest, number: str) -> str:
    """What this recipient reads."""
    return _filled(request, number)[0]


def _fault(request: BatchRequest, text: str, readings: Readings, *, complete: bool) -> int | None:
    """The code with which Sinch stops a message for what it is, whatever the phone."""
    if not complete and ("parameters" in request.fields or readings.blanks_without_parameters_abort):
        return NO_VALUE
    most = request.fields.get("max_number_of_message_parts")
    if most is not None and number_of_parts(text) > most:
        return TOO_MANY_PARTS
    if request.fails_strict_validation and readings.strict_validation is StrictValidation.IN_REPORT:
        return REFUSED_BY_GATEWAY
    return None


def _shown(batch: Batch, text: str, at: datetime) -> PhoneMessage:
    request = batch.request
    return PhoneMessage(
        kind=_KINDS[request.type],
        from_=request.from_,
        text=text,
        subject=request.subject,
        media_url=request.media_url,
        batch_id=batch.id,
        at=at,
    )
