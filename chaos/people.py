"""People at their keyboards: they type the command, fill the dialog in, and press Send until it closes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

from chaos.ledger import Entry
from chaos.plan import Intent, Presses
from chaos.processes import Process
from sandbox.slack import Actor, Dialog, FakeSlack, Outcome
from sandbox.slack.delivery import Delivery
from sandbox.slack.people import GENERAL, Person
from sandbox.slack.workspace import Workspace

OPENINGS = 300  # tries to get the dialog open: two minutes and more
DIALOG_WITHIN_S = 3.5  # the trigger has 3 s
PAUSE_S = 0.3
LONGEST_PAUSE_S = 2.0
_LOOK_EVERY_S = 0.02
_TAKEN = (Outcome.CLOSED, Outcome.CLEARED)


class Desk:
    """The way from Slack to one process over HTTP; over sockets, to whichever Slack takes."""

    def __init__(self, slack: FakeSlack, process: Process | None) -> None:
        self._process = process
        self.delivery = Delivery(slack.sockets, signing_secret=slack.signing_secret, wall_clock=time.time)
        self._workspace = Workspace(slack.state, slack.people, slack.modals, slack.posting, self.delivery, slack.origin)

    @property
    def workspace(self) -> Workspace:
        if self._process is not None:
            self.delivery.events_url = self._process.bot.events_url
        return self._workspace


class Office:
    """Everybody who may send, and the desks they press at."""

    def __init__(self, slack: FakeSlack, desks: Sequence[Desk]) -> None:
        self._slack = slack
        self._desks = desks

    async def submit(self, intent: Intent, person: Person, chance: random.Random, entries: dict[str, Entry]) -> bool:
        """Send one message; what was pressed goes into ``entries``, by view ID. False if no dialog ever opened."""
        dialog_id = await self._open(person, chance)
        if dialog_id is None:
            return False
        try:
            await self._fill_and_press(intent, person, dialog_id, chance, entries)
        finally:
            self._tidy(person)
        return True

    async def _open(self, person: Person, chance: random.Random) -> str | None:
        for _ in range(OPENINGS):
            answer = await Actor(chance.choice(self._desks).workspace, person).command("/mms", channel="general")
            if answer.error is None and answer.status == 200 and answer.message is None:
                end = time.monotonic() + DIALOG_WITHIN_S
                while time.monotonic() < end:
                    if (view := self._slack.modals.top(person.id)) is not None:
                        return view.id
                    await asyncio.sleep(_LOOK_EVERY_S)
            await asyncio.sleep(PAUSE_S + chance.random() * PAUSE_S)
        return None

    async def _fill_and_press(
        self, intent: Intent, person: Person, view_id: str, chance: random.Random, entries: dict[str, Entry]
    ) -> None:
        view = self._slack.modals.find(view_id)
        if view is None:
            raise LookupError("a dialog that is on the screen was not found")
        first = Dialog(self._desks[0].workspace, person, view)
        fields = {"to": ", ".join(intent.to), "message": intent.text}
        first.type_in(fields | ({"media_url": intent.media_url} if intent.media_url else {}))
        entry = entries[view_id] = Entry(intent.number, view_id)
        for press in range(intent.patience):
            outcomes = await self._press(intent.presses, Dialog, person, view_id, chance)
            if any(outcome in _TAKEN for outcome in outcomes):
                entry.acked = True
                return
            if Outcome.UPDATED in outcomes or not first.is_open:
                return  # it says no, and there is no button any more
            await asyncio.sleep(min(LONGEST_PAUSE_S, PAUSE_S * 2.0 ** min(press, 4)))

    async def _press(
        self, presses: Presses, dialog_type: type[Dialog], person: Person, view_id: str, chance: random.Random
    ) -> list[Outcome]:
        view = self._slack.modals.find(view_id)
        if view is None:
            return []
        count = min(len(self._desks), 2 if presses is Presses.TWO_PROCESSES else 1)
        times = 2 if presses is Presses.DOUBLE_CLICK or (count < 2 and presses is Presses.TWO_PROCESSES) else 1
        dialogs = [dialog_type(desk.workspace, person, view) for desk in chance.sample(self._desks, count)]
        answers = await asyncio.gather(*(dialog.submit(times=times) for dialog in dialogs))
        return [one.outcome for answer in answers for one in (answer, *answer.others)]

    def _tidy(self, person: Person) -> None:
        while (view := self._slack.modals.top(person.id)) is not None:
            self._slack.modals.clear(view)


def hire(slack: FakeSlack, count: int) -> list[Person]:
    """People of the workspace who may send, members of #general; their IDs go into the bot's settings."""
    crowd = [Person(f"U0C{number:04d}", f"crowd{number}", f"Chris Crowd {number}") for number in range(count)]
    for person in crowd:
        slack.people.add_person(person)
    general = slack.people.channel(GENERAL)
    members = general.members | {person.id for person in crowd}
    slack.people.add_channel(type(general)(general.id, general.name, general.kind, members))
    return crowd
