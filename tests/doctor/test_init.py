"""Setting the bot up: by a person at a terminal, from a file, and gone on with after a stop."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.settings import NAMES
from bot.setup import questions
from bot.setup.env_file import NotOneLineError, put
from bot.setup.init import Init, StoppedError, fault_of
from sandbox.sinch import FakeSinch
from sandbox.slack import FakeSlack
from sandbox.slack.people import ADA

WITHIN_S = 60.0
# A program on a terminal of its own, which is the one that passwords are read from; and Ctrl-C means something there,
# also where whoever runs the tests ignores it, as a shell makes its background jobs do.
_ON_TERMINAL = (
    "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Accounts:
    """The two vendors' consoles, as far as somebody copies from them, and an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slack, self.sinch = FakeSlack(), FakeSinch()

    @property
    def addresses(self) -> dict[str, str]:
        return {
            "SLACK_API_BASE_URL": self.slack.api_base_url,
            "SINCH_API_BASE_URL": self.sinch.settings()["SINCH_API_BASE_URL"],
        }

    @property
    def answers(self) -> dict[str, str]:
        """What a person has to type."""
        plan = self.sinch.settings()
        return {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_ADMIN_USERS": ADA,
            "SINCH_SERVICE_PLAN_ID": plan["SINCH_SERVICE_PLAN_ID"],
            "SINCH_API_TOKEN": plan["SINCH_API_TOKEN"],
            "SINCH_NUMBER": plan["SINCH_NUMBER"],
        }

    @property
    def kept(self) -> dict[str, str | None]:
        return dict(dotenv_values(self.folder / ".env"))


@pytest_asyncio.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[Accounts]:
    one = Accounts(tmp_path)
    await one.slack.start()
    await one.sinch.start()
    yield one
    await one.slack.stop()
    await one.sinch.stop()


class Script:
    """Types an answer to each prompt, by the setting's name; then goes away."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers = answers
        self.said: list[str] = []
        self.hidden: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def ask(self, prompt: str) -> str:
        name = prompt.split(" [")[0].split(":")[0]
        if not self.answers.get(name):
            raise StoppedError
        return self.answers[name].pop(0)

    def ask_secret(self, prompt: str) -> str:
        answer = self.ask(prompt)
        self.hidden.append(answer)
        return answer

    @property
    def everything(self) -> str:
        return "\n".join(self.said)


def script_of(accounts: Accounts, **instead: list[str]) -> Script:
    usual = {"1 or 2": [""], "DEFAULT_REGION": [""], "DATABASE_URL": [""]}
    return Script({**usual, **{name: [value] for name, value in accounts.answers.items()}, **instead})


async def go(accounts: Accounts, script: Script) -> None:
    await asyncio.to_thread(Init(accounts.folder, accounts.addresses, script).run)


async def test_somebody_who_answers_everything_has_a_file_with_all_of_it(accounts: Accounts) -> None:
    script = script_of(accounts)
    await go(accounts, script)

    assert accounts.kept == {
        **accounts.answers,
        "DEFAULT_REGION": "US",
        "DATABASE_URL": "sqlite:///mms-bot.db",
    }
    assert stat.S_IMODE((accounts.folder / ".env").stat().st_mode) == 0o600


async def test_what_only_this_shell_has_is_named_for_the_bot_will_miss_it(accounts: Accounts) -> None:
    script = script_of(accounts)
    await go(accounts, script)
    assert "not in .env: SINCH_API_BASE_URL, SLACK_API_BASE_URL." in script.everything

    for name, value in accounts.addresses.items():
        put(accounts.folder / ".env", name, value)
    again = script_of(accounts)
    await go(accounts, again)
    assert "not in .env" not in again.everything


async def test_secrets_are_typed_unseen_and_never_said(accounts: Accounts) -> None:
    script = script_of(accounts)
    await go(accounts, script)

    secrets = {accounts.answers[name] for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SINCH_API_TOKEN")}
    assert set(script.hidden) == secrets
    assert not any(secret in script.everything for secret in secrets)


async def test_each_value_is_explained_with_the_place_where_it_is_found(accounts: Accounts) -> None:
    script = script_of(accounts)
    await go(accounts, script)

    for one in (questions.BOT_TOKEN, questions.APP_TOKEN, questions.ADMIN, questions.PLAN, questions.NUMBER):
        assert one.explained in script.everything
    assert "api.slack.com/apps?new_app=1" in script.everything


async def test_a_value_in_the_wrong_form_is_asked_for_again(accounts: Accounts) -> None:
    wrong = accounts.slack.app_token
    await go(accounts, script := script_of(accounts, SLACK_BOT_TOKEN=[wrong, accounts.slack.bot_token]))

    assert "SLACK_BOT_TOKEN does not look like a bot token" in script.everything
    assert accounts.kept["SLACK_BOT_TOKEN"] == accounts.slack.bot_token


async def test_a_token_that_slack_refuses_is_told_at_once_and_asked_for_again(accounts: Accounts) -> None:
    right = accounts.answers
    script = script_of(
        accounts,
        SLACK_BOT_TOKEN=["xoxb-old", right["SLACK_BOT_TOKEN"]],
        SLACK_APP_TOKEN=[right["SLACK_APP_TOKEN"], ""],
    )
    await go(accounts, script)

    assert "Slack refuses SLACK_BOT_TOKEN (invalid_auth)" in script.everything
    assert accounts.kept["SLACK_BOT_TOKEN"] == right["SLACK_BOT_TOKEN"]
    assert accounts.kept["SLACK_APP_TOKEN"] == right["SLACK_APP_TOKEN"]


async def test_a_stop_keeps_what_was_answered_and_the_next_run_goes_on_there(accounts: Accounts) -> None:
    first = script_of(accounts, SLACK_ADMIN_USERS=[])
    with pytest.raises(StoppedError):
        await go(accounts, first)
    assert set(accounts.kept) == {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"}

    second = script_of(accounts, SLACK_BOT_TOKEN=[], SLACK_APP_TOKEN=[])
    await go(accounts, second)

    assert set(accounts.kept) == {*accounts.answers, "DEFAULT_REGION", "DATABASE_URL"}
    assert "SLACK_BOT_TOKEN: is there." in second.said


async def test_over_http_the_signing_secret_is_asked_for_and_no_app_token(accounts: Accounts) -> None:
    secret = accounts.slack.signing_secret
    await go(accounts, script_of(accounts, **{"1 or 2": ["2"], "SLACK_SIGNING_SECRET": [secret]}))

    assert accounts.kept["SLACK_SIGNING_SECRET"] == secret
    assert "SLACK_APP_TOKEN" not in accounts.kept


async def test_a_region_may_be_named_by_its_two_letters(accounts: Accounts) -> None:
    script = script_of(accounts, SINCH_API_BASE_URL=["eu", "eu", "eu"])
    script.answers |= {name: [accounts.answers[name]] * 3 for name in ("SINCH_SERVICE_PLAN_ID", "SINCH_API_TOKEN")}
    asked = Init(accounts.folder, {"SLACK_API_BASE_URL": accounts.slack.api_base_url}, script)

    assert asked._answer(questions.REGION) == "https://eu.sms.api.sinch.com"


# -- the file


def test_what_is_in_the_file_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nOTHER=1 # kept\nSINCH_NUMBER=old\n\nLAST=x")
    file.chmod(0o644)

    put(file, "SINCH_NUMBER", "+12015550100")
    put(file, "PORT", "3001")

    assert file.read_text() == "# mine\nOTHER=1 # kept\nSINCH_NUMBER=+12015550100\n\nLAST=x\nPORT=3001\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_whatever_is_put_in_is_read_back_the_same(tmp_path: Path, value: str) -> None:
    file = tmp_path / ".env"
    try:
        put(file, "NAME", value)
    except NotOneLineError:
        assert not value.isprintable()
    else:
        assert dotenv_values(file, interpolate=False)["NAME"] == value


@given(name=st.sampled_from(sorted(NAMES)), value=st.text(max_size=40))
def test_no_value_is_quoted_in_what_is_said_of_it(name: str, value: str) -> None:
    fault = fault_of(name, value)

    assert fault is None or len(value) < 4 or value.strip().casefold() not in fault.casefold() or value in name


# -- the command


def init(*words: str, accounts: Accounts, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "bot", "init", *words],
        cwd=accounts.folder,
        env={"PATH": os.defpath, **accounts.addresses, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


async def test_without_a_terminal_the_answers_come_from_a_file_and_the_doctor_looks_at_them(
    accounts: Accounts,
) -> None:
    answers = accounts.folder / "answers"
    answers.write_text("".join(f"{name}={value}\n" for name, value in accounts.answers.items()))

    done = await asyncio.to_thread(init, "--from", str(answers), accounts=accounts)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing is wrong." in done.stdout
    assert accounts.kept == accounts.answers
    assert not any(accounts.answers[name] in done.stdout for name in ("SLACK_BOT_TOKEN", "SINCH_API_TOKEN"))


async def test_from_a_file_nothing_that_is_there_is_changed(accounts: Accounts) -> None:
    (accounts.folder / ".env").write_text("SINCH_NUMBER=+12015550111\n")
    (accounts.folder / "answers").write_text("SINCH_NUMBER=+12015550122\nDEFAULT_REGION=CA\n")

    await asyncio.to_thread(init, "--from", "answers", accounts=accounts)

    assert accounts.kept == {"SINCH_NUMBER": "+12015550111", "DEFAULT_REGION": "CA"}


async def test_a_file_with_a_name_that_is_no_setting_changes_nothing(accounts: Accounts) -> None:
    (accounts.folder / "answers").write_text("SINCH_NUMBR=+12015550122\nDEFAULT_REGION=CA\n")

    done = await asyncio.to_thread(init, "--from", "answers", accounts=accounts)

    assert done.returncode == 2
    assert "SINCH_NUMBR is no setting" in done.stderr
    assert not (accounts.folder / ".env").exists()


async def test_without_a_terminal_and_a_file_it_says_what_to_do(accounts: Accounts) -> None:
    done = await asyncio.to_thread(init, accounts=accounts)

    assert done.returncode == 2
    assert "--from FILE" in done.stderr


async def test_at_a_real_terminal_a_person_gets_to_the_end(accounts: Accounts) -> None:
    order = ["", *accounts.answers.values(), "", ""]

    shown, status = await asyncio.to_thread(_type, order, accounts)

    assert status == 0, shown
    assert "Nothing is wrong." in shown
    assert accounts.slack.bot_token not in shown
    assert accounts.kept["SINCH_NUMBER"] == accounts.answers["SINCH_NUMBER"]


async def test_ctrl_c_at_a_terminal_ends_it_calmly(accounts: Accounts) -> None:
    shown, status = await asyncio.to_thread(_type, ["", accounts.slack.bot_token, "\x03"], accounts)

    assert status == 1
    assert "What you answered is kept" in shown
    assert "Traceback" not in shown
    assert accounts.kept == {"SLACK_BOT_TOKEN": accounts.slack.bot_token}


def _type(lines: list[str], accounts: Accounts) -> tuple[str, int]:
    """Answer prompt after prompt; what stood on the terminal, and the exit status."""
    ours, theirs = os.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, sys.executable, "-P", "-m", "bot", "init"],
        cwd=accounts.folder,
        env={"PATH": os.defpath, **accounts.addresses},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, answered, end = "", 0, time.monotonic() + WITHIN_S
    left = list(lines)
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 4096).decode()
                except OSError:  # Linux: the other side is closed
                    break
            elif left and shown[answered:].endswith(": "):
                answered = len(shown)
                line = left.pop(0)
                os.write(ours, (line if line == "\x03" else f"{line}\n").encode())
        return shown, program.wait(timeout=WITHIN_S)
    finally:
        program.kill()
        program.wait()
        os.close(ours)
