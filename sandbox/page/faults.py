"""The switches: what can be made to go wrong, what a person will see of it, and how it is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox.sinch import Reset, Script, Shape, Slow, Status, out_of_service, rate_limited
from sandbox.sinch.faults import Fault
from sandbox.sinch.server import FakeSinch
from sandbox.slack import FakeSlack


@dataclass(frozen=True, slots=True)
class Switch:
    """``name`` is in addresses, ``label`` and ``expect`` are for people."""

    name: str
    label: str
    expect: str


SINCH = (
    Switch("token", "Sinch refuses the token", "Refused at once, with whom to ask. Nothing is sent."),
    Switch("limit", "Sinch says “too many” (429)", "You are told that it waits; it goes out 40 seconds later."),
    Switch("slow", "Sinch takes 6 seconds", "The dialog closes at once all the same; the answer follows."),
    Switch("lost", "The answer is lost after Sinch has taken it", "The bot looks it up and finds it."),
    Switch("down", "Sinch is out of service (503)", "One more try, then “may have been sent”, and it is looked up."),
    Switch("away", "Sinch can’t be reached", "“Waiting, nothing was sent yet”; sent when you switch it off."),
    Switch("unreachable", "Phones can’t be reached", "Accepted, but not delivered: you are told who and why."),
)
SLACK = (
    Switch("trigger", "Slack’s trigger has expired", "No dialog opens; the bot says to type the command again."),
    Switch("posts", "Slack refuses what the bot posts", "Answers wait, and come when you switch it off."),
)
SWITCHES = {one.name: one for one in (*SINCH, *SLACK)}

_AT_SEND: dict[str, Callable[[], Fault]] = {
    "token": lambda: Status(401, Shape.EMPTY),  # as Sinch answers it
    "limit": lambda: rate_limited(_LIMITED_FOR_S),
    "slow": lambda: Slow(6.0),
    "lost": lambda: Reset(accept=True),
    "down": out_of_service,
}
_LIMITED_FOR_S = 40  # a wait above 30 s is told
_POSTS = ("response_url", "chat.postEphemeral", "chat.postMessage")
_UNREACHABLE = 402  # Sinch SMS API, delivery codes: no route to this number


class Trouble:
    """What is switched on now."""

    def __init__(self, slack: FakeSlack, sinch: FakeSinch) -> None:
        self._slack = slack
        self._sinch = sinch
        self.on: set[str] = set()

    async def set(self, name: str, *, on: bool) -> None:
        """Switch one on or off.

        Raises:
            KeyError: there is no such switch.
        """
        switch = SWITCHES[name].name
        self.on = self.on | {switch} if on else self.on - {switch}
        self._slack.faults.clear()
        self._sinch.faults.clear()
        for one in sorted(self.on):
            if one in _AT_SEND:
                self._sinch.faults.add("send", _AT_SEND[one](), times=None)
        if "trigger" in self.on:
            self._slack.faults.add("views.open", error="expired_trigger_id", times=None)
        if "posts" in self.on:
            for target in _POSTS:
                self._slack.faults.add(target, status=500, times=None)
        self._sinch.phones.usual = Script(_UNREACHABLE) if "unreachable" in self.on else Script()
        move: Callable[[], Awaitable[None]] = self._sinch.go_away if "away" in self.on else self._sinch.come_back
        await move()
