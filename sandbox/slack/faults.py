"""Faults of the fake Slack that can be switched on: a status, an error, a delay, a closed socket."""

from __future__ import annotations

from dataclasses import dataclass

RESPONSE_URL = "response_url"  # the target that stands for every response_url
EVERY_METHOD = "*"


@dataclass(slots=True)
class Fault:
    """One fault for one target: a Web API method, ``response_url``, or ``*`` for every method.

    With ``after`` the call has its effect first and only the answer is disturbed: a lost answer.
    """

    target: str
    status: int | None = None
    error: str | None = None
    retry_after: int | None = None
    delay_s: float = 0.0
    drop: bool = False
    after: bool = False
    times: int | None = 1

    @property
    def name(self) -> str:
        """How the record of calls names what happened."""
        if self.drop:
            return "fault:drop"
        return f"fault:{self.status or self.error or 'delay'}"

    @property
    def answers(self) -> bool:
        """It takes the place of the answer, other than by closing the socket."""
        return self.status is not None or self.error is not None


class Faults:
    """The faults that are on; the oldest one that fits is taken first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self,
        target: str,
        *,
        status: int | None = None,
        error: str | None = None,
        retry_after: int | None = None,
        delay_s: float = 0.0,
        drop: bool = False,
        after: bool = False,
        times: int | None = 1,
    ) -> None:
        """Switch a fault on for the next ``times`` calls; None means until ``clear``.

        Args:
            target: a method such as ``chat.postMessage``, ``response_url``, or ``*``.
            status: HTTP status instead of the answer. 429 says ``ratelimited``, with Retry-After when given.
            error: Slack's ``{"ok": false, "error": …}`` with status 200 (or with ``status``).
            retry_after: seconds for the Retry-After header.
            delay_s: real seconds before anything happens (with ``after``: before the answer leaves).
            drop: the socket is closed without an answer.
            after: the call has its effect first.
        """
        self._faults.append(Fault(target, status, error, retry_after, delay_s, drop, after, times))

    def clear(self) -> None:
        self._faults.clear()

    def __len__(self) -> int:
        """How many faults still wait to be taken."""
        return len(self._faults)

    def take(self, target: str) -> Fault | None:
        """The fault for this call, used up once; None when it may go well."""
        wanted = {target} if target == RESPONSE_URL else {target, EVERY_METHOD}
        for fault in self._faults:
            if fault.target in wanted:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None
