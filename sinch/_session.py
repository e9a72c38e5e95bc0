"""One call of the API as the caller sees it: its turn, its tries, its time limit, and what its answer says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sinch import _calls
from sinch._answers import Answer, check_status, read_json
from sinch._calls import Call
from sinch._clock import Clock
from sinch._errors import SinchError
from sinch._pace import Pace
from sinch._retry import RetryPolicy
from sinch._transport import Transport

# Ours, for a whole call; Sinch names no figure, its own SDKs wait 10 to 30 s.
SEND_TIMEOUT_S = 20.0
READ_TIMEOUT_S = 10.0

_T = TypeVar("_T")


class Session:
    """What every resource works with.

    Args:
        plan_url: address of the service plan, without a slash at its end.
        pace: for calls that send; None: none.
    """

    def __init__(
        self, transport: Transport, *, plan_url: str, retry: RetryPolicy, pace: Pace | None, clock: Clock
    ) -> None:
        self._transport = transport
        self._plan_url = plan_url
        self._retry = retry
        self._pace = pace
        self._clock = clock

    def url(self, *parts: str) -> str:
        """An address in the service plan. Raises ValueError for an empty part or a dot segment."""
        return _calls.address(self._plan_url, *parts)

    def deadline(self, timeout_s: float) -> float:
        """``timeout_s`` from now, for several calls that share one limit."""
        return self._clock.monotonic() + timeout_s

    async def read(self, call: Call, read: Callable[[object], _T], *, deadline: float, messages: int = 0) -> _T:
        """Perform ``call``, and give what ``read`` makes of the JSON of its answer.

        Args:
            read: raises Malformed for a value that it can't use.
            deadline: for all of it, waits and tries included; see ``deadline``.
            messages: how many the call sends, for the pace.

        Raises:
            SinchError: any but CallbackRefused and Malformed.
        """

        def of(answer: Answer) -> _T:
            return read_json(answer, read, now=self._clock.now(), has_effect=not call.reads)

        return await self._perform(call, of, deadline=deadline, messages=messages)

    async def do(self, call: Call, *, deadline: float) -> None:
        """Perform ``call``; any 2xx is success, whatever its body."""

        def of(answer: Answer) -> None:
            check_status(answer, now=self._clock.now(), has_effect=not call.reads)

        await self._perform(call, of, deadline=deadline, messages=0)

    async def _perform(self, call: Call, of: Callable[[Answer], _T], *, deadline: float, messages: int) -> _T:
        if self._pace is not None and messages:
            await self._pace.turn(messages, within_s=deadline - self._clock.monotonic())
        maybe_sent = False
        tries = 0
        while True:
            tries += 1
            try:
                return of(await self._transport.exchange(call, timeout_s=deadline - self._clock.monotonic()))
            except SinchError as error:
                # An earlier try may have taken effect, even if the last one certainly did not.
                maybe_sent = error.maybe_sent = maybe_sent or error.maybe_sent
                pause_s = self._retry.pause_s(error, effect=call.effect, tries=tries)
                if pause_s is None or self._clock.monotonic() + pause_s >= deadline:
                    raise
            await self._clock.sleep(pause_s)
