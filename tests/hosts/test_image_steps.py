"""The image's steps, one after the other, in a plain folder: what no builder is needed for."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED_WITHIN_S = 240
LISTENS_WITHIN_S = 30
STOPS_WITHIN_S = 20  # what the hosts are told to wait
NOT_HERE = ("useradd",)  # needs to be root, and would change this machine
SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-invented",
    "SLACK_SIGNING_SECRET": "invented",
    "SLACK_ADMIN_USERS": "U0000000001",
    "SLACK_API_BASE_URL": "http://127.0.0.1:9/api/",  # discard: nobody is there
    "SINCH_SERVICE_PLAN_ID": "invented",
    "SINCH_API_TOKEN": "invented",
    "SINCH_NUMBER": "+12015550100",
    "SINCH_API_BASE_URL": "http://127.0.0.1:9",
}


def steps() -> list[tuple[str, str]]:
    """(instruction, the rest of its line), in order."""
    text = (ROOT / "Containerfile").read_text().replace("\\\n", " ")
    return [(found[1], found[2]) for found in re.finditer(r"^([A-Z]+) +(.+)$", text, re.MULTILINE)]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.mark.timeout(INSTALLED_WITHIN_S + 60)
def test_the_steps_of_the_image_make_a_bot_that_runs_is_healthy_and_stops(tmp_path: Path) -> None:
    source, installed, data = tmp_path / "src", tmp_path / "opt", tmp_path / "data"
    for folder in (source, data):
        folder.mkdir()
    here = {"/opt/mms-bot": str(installed), "/data": str(data)}
    environment = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}", "HOME": str(data)}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}  # where packages are

    def moved(words: str) -> str:
        for there, instead in here.items():
            words = words.replace(there, instead)
        return words

    health: list[str] = []
    for instruction, rest in steps():
        if instruction == "COPY" and not rest.startswith("--from"):
            *names, target = shlex.split(rest)
            for name in names:
                place = source / target / name if target.endswith("/") else source / target
                place.parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
                copy(ROOT / name, place)
        elif instruction == "RUN" and not rest.startswith(NOT_HERE):
            subprocess.run(
                ["/bin/sh", "-c", moved(rest)], cwd=source, env=environment, check=True, timeout=INSTALLED_WITHIN_S
            )
        elif instruction == "ENV":
            for word in shlex.split(rest):
                name, _, value = word.partition("=")
                environment[name] = moved(value).replace("$PATH", environment["PATH"])
        elif instruction == "HEALTHCHECK":
            health = json.loads(rest[rest.index("CMD") + len("CMD") :])

    environment |= {**SETTINGS, "PORT": str(_free_port())}
    entry = [*json.loads(dict(steps())["ENTRYPOINT"]), *json.loads(dict(steps())["CMD"])]
    program = shutil.which(entry[0], path=environment["PATH"])
    assert program is not None
    assert Path(program).is_relative_to(installed)
    running = subprocess.Popen([program, *entry[1:]], cwd=data, env=environment)
    try:
        _until_it_listens(environment["PORT"], running)
        assert subprocess.run(health, env=environment, check=False).returncode == 0
        running.send_signal(signal.SIGTERM)
        assert running.wait(STOPS_WITHIN_S) == 0
    finally:
        running.kill()
        running.wait()
    assert (data / "mms-bot.db").exists(), "what it keeps is on the volume"
    assert subprocess.run(health, env=environment, check=False, stderr=subprocess.DEVNULL).returncode != 0


def _until_it_listens(port: str, running: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + LISTENS_WITHIN_S
    while True:
        assert running.poll() is None, "it ended at once"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < end
            time.sleep(0.1)
