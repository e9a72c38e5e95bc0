"""What hosts read: each file names settings, commands and files that exist, and holds no secret."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli import _parser
from bot.settings import Settings, SettingsError

ROOT = Path(__file__).parents[2]
HOST_FILES = ("app.json", "Containerfile", "compose.yaml", "fly.toml", "ops/systemd/mms-bot.service", "Procfile")
NAMES = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
MAX_STOPPING_S = 15  # SIGTERM with sends in flight
NOT_OURS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PYTHONUNBUFFERED", "PATH"}


def _compose() -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert isinstance(compose, dict)
    return compose


def _fly() -> dict[str, Any]:
    return tomllib.loads((ROOT / "fly.toml").read_text())


def _unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (ROOT / "ops/systemd/mms-bot.service").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def _steps() -> list[tuple[str, str]]:
    text = (ROOT / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, rest in lines]


def test_every_process_of_the_procfile_is_a_command_of_the_bots() -> None:
    for line in yaml.safe_load((ROOT / "Procfile").read_text()).values():
        python, dash, module, *arguments = shlex.split(line)
        assert (python, dash, module) == ("python", "-m", "bot")  # hosts install what it needs, not the project itself
        assert _parser().parse_args(arguments).command


def test_a_release_brings_the_database_up_to_date_first() -> None:
    assert yaml.safe_load((ROOT / "Procfile").read_text())["release"] == "python -m bot migrate"


def test_the_button_asks_for_every_setting_that_is_needed_and_for_none_that_does_not_exist() -> None:
    asked = json.loads((ROOT / "app.json").read_text())["env"]
    with pytest.raises(SettingsError) as missing:
        Settings.from_env({"SLACK_APP_TOKEN": "xapp-invented"})
    needed = {fault.split()[0] for fault in missing.value.faults}

    assert set(asked) <= NAMES
    assert needed <= {name for name, about in asked.items() if about.get("required", True)}
    assert all(about["description"] for about in asked.values())
    assert all("value" not in about for name, about in asked.items() if re.search("TOKEN|SECRET", name))


def test_the_button_starts_one_process_for_socket_mode_with_a_database() -> None:
    app = json.loads((ROOT / "app.json").read_text())

    assert {name: one["quantity"] for name, one in app["formation"].items()} == {"web": 0, "worker": 1}
    assert set(app["formation"]) < set(yaml.safe_load((ROOT / "Procfile").read_text()))
    assert any("postgresql" in addon["plan"] for addon in app["addons"])


def test_settings_in_host_files_exist() -> None:
    compose = {name for service in _compose()["services"].values() for name in service.get("environment", {})}
    image = {pair.split("=")[0] for word, rest in _steps() if word == "ENV" for pair in rest.split()}
    unit = {one.split("=")[0] for one in _unit()["Environment"]}

    assert (compose | image | unit | set(_fly()["env"])) - NOT_OURS <= NAMES


@pytest.mark.parametrize("name", HOST_FILES)
def test_no_host_file_holds_a_token(name: str) -> None:
    text = (ROOT / name).read_text()

    assert not re.search(r"xox[a-z]-[^.\s]|xapp-[^.\s]", text)
    assert not re.search(r"(TOKEN|SECRET|PASSWORD)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9]{6}", text)


def test_every_file_of_the_image_exists_and_reaches_the_builder() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for word, rest in _steps()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }

    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)


def test_the_image_runs_the_bot_as_nobody_special_and_says_whether_it_lives() -> None:
    steps = _steps()
    last_stage = steps[max(place for place, (word, _) in enumerate(steps) if word == "FROM") :]
    words = dict(last_stage)

    assert int(words["USER"]) >= 1000
    assert "/healthz" in words["HEALTHCHECK"]
    assert _parser().parse_args(json.loads(words["CMD"])).command
    assert not any(word == "RUN" and "pip" in rest for word, rest in last_stage)


def test_the_image_installs_what_the_lock_file_has_and_nothing_else() -> None:
    installs = [rest for word, rest in _steps() if word == "RUN" and "pip install" in rest]

    assert len(installs) == 2
    assert "--require-hashes -r requirements/run.txt" in installs[0]
    assert "--no-deps" in installs[1]


def test_the_health_check_of_the_image_is_python_that_asks_the_bots_port() -> None:
    check = dict(_steps())["HEALTHCHECK"]
    code = json.loads(check[check.index("[") :])[-1]

    compile(code, "HEALTHCHECK", "exec")
    assert "PORT" in code


def test_every_host_leaves_the_bot_the_time_that_it_needs_to_stop() -> None:
    compose = int(_compose()["services"]["bot"]["stop_grace_period"].removesuffix("s"))

    assert min(compose, _fly()["kill_timeout"], int(_unit()["TimeoutStopSec"][0])) > MAX_STOPPING_S


def test_the_third_host_never_puts_the_bot_to_sleep() -> None:
    service = _fly()["http_service"]

    assert service["auto_stop_machines"] == "off"
    assert service["min_machines_running"] >= 1
    assert service["checks"][0]["path"] == "/healthz"
    assert _fly()["env"]["DATABASE_URL"].startswith(f"sqlite:///{_fly()['mounts']['destination']}/")


def test_compose_waits_for_the_database_and_keeps_it() -> None:
    compose = _compose()

    assert compose["services"]["bot"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert [volume.split(":")[0] for volume in compose["services"]["database"]["volumes"]] == list(compose["volumes"])


def test_the_unit_does_not_start_again_with_settings_that_are_wrong() -> None:
    assert _unit()["RestartPreventExitStatus"] == ["2"]
    assert _unit()["Restart"] == ["always"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_systemd_takes_the_unit_and_finds_it_well_shut_in(tmp_path: Path) -> None:
    unit = tmp_path / "mms-bot.service"
    text = (ROOT / "ops/systemd/mms-bot.service").read_text()
    unit.write_text(re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", text, flags=re.MULTILINE))

    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    # The scale goes from 0 (shut in) to 100 (exposed), ten times what it prints.
    shut_in = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    assert subprocess.run(shut_in, capture_output=True, check=False).returncode == 0
