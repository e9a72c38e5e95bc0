"""``python -m sandbox``: it serves two fakes, says how to get there, and goes without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.bot_process import BotProcess

WITHIN_S = 20
ASK_EVERY_S = 0.02
_SETTING = re.compile(r"^([A-Z_]+)=(.*)$", re.MULTILINE)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by a proxy of the shell


@dataclass
class Serving:
    """The sandbox as a process, and what it printed by now."""

    process: subprocess.Popen[str]
    said: str

    @property
    def settings(self) -> dict[str, str]:
        return {name: "".join(shlex.split(value)) for name, value in _SETTING.findall(self.said)}

    def curl(self, path: str) -> Any:
        """Run the printed curl line for this path."""
        line = next(line for line in self.said.splitlines() if "curl" in line and f"/sandbox/{path}" in line)
        _, _, address, *more = shlex.split(line)
        body = more[more.index("-d") + 1].encode() if "-d" in more else None
        with _DIRECT.open(urllib.request.Request(address, data=body), timeout=WITHIN_S) as answer:  # noqa: S310  loopback
            return json.load(answer)

    def answers_for(self, name: str) -> list[dict[str, Any]]:
        """What this person was told, once there is something; the sandbox is another process and can only be asked."""
        end = time.monotonic() + WITHIN_S
        while not (messages := self.curl(f"people/{name}")["messages"]):
            assert time.monotonic() < end, f"nothing was told to {name}"
            time.sleep(ASK_EVERY_S)
        told: list[dict[str, Any]] = messages
        return told

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=WITHIN_S)
        return self.process.returncode, out, errors


@pytest.fixture(params=["python -m sandbox", "mms-bot sandbox"])
def serving(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serving]:
    command = ("-m", "sandbox") if request.param.startswith("python") else ("-m", "bot", "sandbox")
    with subprocess.Popen(
        (sys.executable, "-P", *command),
        cwd=tmp_path,
        env={"PATH": os.defpath, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                break
        yield Serving(process, said)
        process.terminate()  # not killed: the bot that it started would stay


async def test_a_bot_with_exactly_the_printed_settings_does_the_job(serving: Serving, tmp_path: Path) -> None:
    folder = tmp_path / "bot"
    folder.mkdir()
    bot = BotProcess(serving.settings, folder=folder)
    try:
        await bot.start(within_s=WITHIN_S)
        assert serving.curl("command")["error"] is None
        assert serving.curl("dialog")["outcome"] == "closed"
        answers = await asyncio.to_thread(serving.answers_for, "ann")
        ((message,),) = serving.curl("phones").values()
    finally:
        await bot.kill()
    assert message["text"] == "Your parcel is here"
    assert message["batch_id"] in answers[-1]["shown"]
    assert serving.end(signal.SIGINT)[0] == 0


def test_the_printed_settings_lead_nowhere_but_to_this_machine(serving: Serving, tmp_path: Path) -> None:
    addresses = {name: value for name, value in serving.settings.items() if name.endswith("_URL")}
    database = addresses.pop("DATABASE_URL")
    assert database.startswith(f"sqlite:///{tmp_path}/")
    assert sorted(addresses) == ["SINCH_API_BASE_URL", "SLACK_API_BASE_URL"]
    assert all(address.startswith("http://127.0.0.1:") for address in addresses.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_nothing_is_left(serving: Serving, number: signal.Signals, tmp_path: Path) -> None:
    status, out, errors = serving.end(number)
    assert (status, errors) == (0, "")
    assert "nothing of it is kept" in out
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_does_not_exist_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["perform"])
    assert ended.value.code == 2
    assert "demo" in capsys.readouterr().err
