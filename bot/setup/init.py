"""Asks for what is missing, checks it at once, keeps it. May be stopped at any question and gone on with later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.access import Role
from bot.doctor import sinch_checks, slack_checks
from bot.doctor.command import doctor_for
from bot.doctor.findings import Finding, Mark
from bot.doctor.regions import REGIONS, base_url
from bot.doctor.report import line
from bot.settings import NAMES, Settings, SettingsError, environment
from bot.setup import questions
from bot.setup.env_file import NotOneLineError, put
from bot.setup.questions import HTTP, SOCKET_MODE, Question

_HELLO = (
    "This writes the file .env in this folder. What is in it stays. Stop with Ctrl-C at any time,\nand go on later.\n"
)
TRIES = 3  # then the value is kept as it is: the doctor has said what is wrong with it


class StoppedError(Exception):
    """Whoever was asked went away. What was answered is kept."""


class Terminal(Protocol):
    """A person at a keyboard. ``ask`` and ``ask_secret`` raise ``StoppedError`` when there is nobody any more."""

    def say(self, text: str) -> None: ...

    def ask(self, prompt: str) -> str: ...

    def ask_secret(self, prompt: str) -> str: ...


@dataclass(frozen=True)
class Init:
    """One run of ``mms-bot init`` in ``folder``.

    Args:
        environ: what the shell has set; it wins over the file, and is not written into it.
    """

    folder: Path
    environ: Mapping[str, str]
    terminal: Terminal

    def run(self) -> None:
        """Ask for everything that is missing.

        Raises:
            StoppedError: see there.
            SettingsError: ``.env`` is there and can't be read.
            OSError: it can't be written.
        """
        say = self.terminal.say
        say(_HELLO)
        mode = self._mode()
        if not self._given("SLACK_BOT_TOKEN"):
            say(f"{questions.app(mode)}\n")
        slack = [questions.BOT_TOKEN, questions.APP_TOKEN if mode == SOCKET_MODE else questions.SIGNING_SECRET]
        self._part("Slack", slack, self._check_slack)
        self._part("Who may use it", [questions.ADMIN], self._check_people)
        plan = [questions.REGION, questions.PLAN, questions.TOKEN]
        self._part("Sinch", plan, self._check_sinch)
        self._part("Sending", [questions.NUMBER, questions.COUNTRY, questions.DATABASE], None)
        if lent := self._only_in_the_shell():
            say(
                f"\nSet in this shell and not in .env: {', '.join(lent)}. "
                "The other commands, and mms-bot run, need that as well: set it wherever they run."
            )

    def _only_in_the_shell(self) -> list[str]:
        kept = environment({}, self.folder)
        return sorted(name for name in NAMES if self.environ.get(name, "").strip() and not kept.get(name))

    def _values(self) -> dict[str, str]:
        return environment(self.environ, self.folder)

    def _given(self, name: str) -> bool:
        return bool(self._values().get(name, "").strip())

    def _mode(self) -> str:
        if self._given("SLACK_APP_TOKEN"):
            return SOCKET_MODE
        if self._given("SLACK_SIGNING_SECRET"):
            return HTTP
        self.terminal.say(questions.HOW)
        while (answer := self.terminal.ask("1 or 2 [1]: ").strip() or SOCKET_MODE) not in (SOCKET_MODE, HTTP):
            self.terminal.say("Type 1 or 2.")
        return answer

    def _part(self, title: str, asked: list[Question], check: Callable[[Settings], Finding | None] | None) -> None:
        """Settings that are checked together; asked again, a few times, while the check finds something wrong."""
        self.terminal.say(f"\n— {title}")
        missing = [one for one in asked if not self._given(one.name)]
        for one in asked:
            if one not in missing:
                self.terminal.say(f"{one.name}: is there.")
        for left in reversed(range(TRIES)):
            for one in missing:
                put(self.folder / ".env", one.name, self._answer(one))
            found = check(self._settings()) if check is not None else None
            if found is None:
                return
            self.terminal.say(line(found).rstrip())
            changeable = [one for one in asked if one.name not in self.environ]
            if found.mark is not Mark.WRONG or not changeable:
                return
            if left:
                self.terminal.say("Once more, then; what you leave blank stays as it is.")
            missing = changeable
        self.terminal.say("It is kept as it is for now. Mend it, and run mms-bot init or mms-bot doctor again.")

    def _answer(self, one: Question) -> str:
        """A value in a form that the settings take."""
        self.terminal.say(f"\n{one.explained}")
        before = self._values().get(one.name, "").strip()
        usual = before or one.usual
        shown = f" [{'as it is' if before else usual}]" if usual else ""
        while True:
            ask = self.terminal.ask_secret if one.secret else self.terminal.ask
            typed = ask(f"{one.name}{shown}: ").strip() or (usual or "")
            if one is questions.REGION and typed.lower() in REGIONS:
                typed = base_url(typed.lower())
            if (fault := fault_of(one.name, typed)) is None:
                return typed
            self.terminal.say(fault)

    def _settings(self) -> Settings:
        """The settings as far as they are there; what is missing is made up, and not asked about."""
        made_up = {
            "SLACK_BOT_TOKEN": "xoxb-0",
            "SLACK_APP_TOKEN": "" if self._given("SLACK_SIGNING_SECRET") else "xapp-0",
            "SINCH_SERVICE_PLAN_ID": "none",
            "SINCH_API_TOKEN": "none",
            "SINCH_NUMBER": "+12015550100",
        }
        given = {name: value for name, value in self._values().items() if value.strip()}
        return Settings.from_env({**made_up, **given})

    def _check_slack(self, settings: Settings) -> Finding | None:
        return asyncio.run(_slack_finding(settings))

    def _check_people(self, settings: Settings) -> Finding | None:
        return asyncio.run(_people_finding(settings))

    def _check_sinch(self, settings: Settings) -> Finding | None:
        return asyncio.run(_sinch_finding(settings))


def fault_of(name: str, value: str) -> str | None:
    """What is wrong with the form of one value, as the settings say it."""
    if not value.isprintable():
        return f"{name} has a character in it that can't be seen. Copy it again."
    try:
        Settings.from_env({name: value})
    except SettingsError as error:
        return next((fault for fault in error.faults if fault.split()[0] == name), None)
    return None


def take_from(file: Mapping[str, str | None], folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Put what ``file`` has and ``.env`` lacks into ``.env``; the names that were put there.

    Raises:
        SettingsError: a name is no setting, or a value is not in its form.
        OSError: the file can't be written.
    """
    faults = [f"{name} is no setting of the bot's." for name in file if name not in NAMES]
    given = environment(environ, folder)
    fresh = {name: value.strip() for name, value in file.items() if value and value.strip() and not given.get(name)}
    faults += [fault for name, value in fresh.items() if name in NAMES and (fault := fault_of(name, value))]
    if faults:
        raise SettingsError(tuple(faults))
    for name, value in fresh.items():
        try:
            put(folder / ".env", name, value)
        except NotOneLineError:
            raise SettingsError((f"{name} has more than one line.",)) from None
    return list(fresh)


async def _slack_finding(settings: Settings) -> Finding | None:
    doctor = doctor_for(settings)
    async with doctor.open_slack() as slack:
        standing = await slack_checks.standing_of(slack)
        if isinstance(standing, Finding):
            return standing
        if (found := slack_checks.scopes(standing)).mark is Mark.WRONG:
            return found
        if settings.slack_app_token is not None:
            found = await slack_checks.socket_mode(slack, settings.slack_app_token)
    return found


async def _people_finding(settings: Settings) -> Finding | None:
    doctor = doctor_for(settings)
    async with doctor.open_slack() as slack:
        standing = await slack_checks.standing_of(slack)
        if isinstance(standing, Finding):
            return None  # said before
        listed = [(one, Role.ADMIN) for one in sorted(settings.admins)]
        found = [one async for one in slack_checks.people(slack, standing.workspace, listed)]
    return next((one for one in found if one.mark is Mark.WRONG), found[0] if found else None)


async def _sinch_finding(settings: Settings) -> Finding | None:
    doctor = doctor_for(settings)
    return await sinch_checks.plan(doctor.open_sinch, settings.sinch_api_base_url, doctor.elsewhere)
