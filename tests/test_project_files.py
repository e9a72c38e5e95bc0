"""The files beside the code say what the code does: example settings, manifest, Procfile, lock files, links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.causes import Catalogue
from bot.cli import _parser
from bot.explain import explain
from bot.settings import NAMES, Settings, SettingsError
from bot.slack import ids

ROOT = Path(__file__).parent.parent
HOST_SIGNALS = {"DYNO", "K_SERVICE", "AWS_LAMBDA_FUNCTION_NAME"}  # set by the host, never by a person
PAGES = sorted(
    page.relative_to(ROOT) for pattern in ("*.md", "docs/**/*.md", "sinch/*.md") for page in ROOT.glob(pattern)
)


class _Recording(Mapping[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = [re.fullmatch(r"#?([A-Z_]+)=(.*)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def test_the_example_settings_name_every_setting_and_no_other() -> None:
    env = _Recording({})
    with pytest.raises(SettingsError):
        Settings.from_env(env)

    assert set(_example()) == env.asked - HOST_SIGNALS == NAMES


def test_the_example_settings_hold_the_defaults_and_no_value_of_a_secret() -> None:
    needed = {
        "SLACK_BOT_TOKEN": "xoxb-invented",
        "SLACK_SIGNING_SECRET": "invented",
        "SINCH_SERVICE_PLAN_ID": "plan",
        "SINCH_API_TOKEN": "invented",
        "SINCH_NUMBER": "+12015550100",
    }
    assert all(not _example()[name] for name in needed)

    assert Settings.from_env({**_example(), **needed}) == Settings.from_env(needed)


def _manifest() -> dict[str, Any]:
    manifest = yaml.safe_load((ROOT / "manifest.yaml").read_text())
    assert isinstance(manifest, dict)
    return manifest


def test_the_manifest_offers_the_command_that_the_bot_listens_to_with_escaping() -> None:
    command, *others = _manifest()["features"]["slash_commands"]

    assert not others
    assert command["command"] == _example()["SLACK_COMMAND"]
    assert command["should_escape"] is True


def test_the_manifest_keeps_to_slacks_limits() -> None:
    manifest = _manifest()
    command = manifest["features"]["slash_commands"][0]

    assert 1 <= len(manifest["display_information"]["name"]) <= 35
    assert 1 <= len(manifest["display_information"]["description"]) <= 140
    assert len(manifest["display_information"]["background_color"]) in (4, 7)
    assert re.fullmatch(r"[a-z0-9._-]{1,80}", manifest["features"]["bot_user"]["display_name"])
    assert len(command["description"]) <= 2000
    assert len(command["usage_hint"]) <= 1000


def test_the_manifest_asks_for_the_scopes_of_the_calls_that_the_bot_makes_and_no_more() -> None:
    calls = (ROOT / "bot/slack/gateway.py").read_text()
    needs = {
        "commands": "views_open",
        "chat:write": "chat_postEphemeral",
        "usergroups:read": "usergroups_users_list",
        "users:read": "users_info",
    }

    assert set(_manifest()["oauth_config"]["scopes"]["bot"]) == set(needs)
    assert all(call in calls for call in needs.values())


def test_the_manifest_lets_the_bot_write_direct_messages_and_receive_clicks() -> None:
    manifest = _manifest()

    assert manifest["features"]["app_home"]["messages_tab_enabled"] is True
    assert manifest["settings"]["interactivity"]["is_enabled"] is True
    assert manifest["settings"]["socket_mode_enabled"] is True


def test_the_manifest_has_the_home_tab_and_the_event_that_the_bot_draws_it_for_and_no_other() -> None:
    manifest = _manifest()

    assert manifest["features"]["app_home"]["home_tab_enabled"] is True
    assert manifest["settings"]["event_subscriptions"] == {"bot_events": [ids.HOME_OPENED]}


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_the_lock_files_pin_every_package_with_hashes_and_name_no_host(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())

    assert len(entries) > 20
    assert all(re.match(r"[a-z0-9._-]+==[^ ]+", entry) and "--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?://|--(index|find|extra|trusted)|\b[\w-]+\.(org|com|io)\b", text)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text()
    targets = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in target]

    assert [target for target in targets if not (ROOT / page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_code_that_a_page_names_is_one_that_explain_knows(page: Path) -> None:
    catalogue = Catalogue.load()
    codes = set(re.findall(r"\b((?:SINCH|DELIVERY|CARRIER|SLACK)-(?:\d|\w+_)[\w.]*)", (ROOT / page).read_text()))

    assert [code for code in codes if not explain(code, catalogue=catalogue).found] == []


COMMANDS = re.compile(r"(?<![\w./-])mms-bot ([a-z]+(?: [a-z]+)?)")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    text = re.sub(r"(?m)^(?!.*`).*$", "", (ROOT / page).read_text())  # lines with code in them
    commands = {word.split()[0] for quoted in re.findall(r"`([^`]+)`", text) for word in COMMANDS.findall(quoted)}

    for command in commands:
        with pytest.raises(SystemExit) as ended:
            _parser().parse_args([command, "--help"])
        assert ended.value.code == 0, command


def test_the_readme_starts_with_the_two_commands_and_they_are_targets_of_make() -> None:
    first_block = (ROOT / "README.md").read_text().split("```")[1]
    commands = re.findall(r"^make (\w+)", first_block, re.MULTILINE)

    assert commands == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{command}:", makefile, re.MULTILINE) for command in commands)


def test_ci_runs_what_make_check_runs_and_that_includes_make_test() -> None:
    assert "make check" in (ROOT / ".ci/run").read_text()
    check = (ROOT / "Makefile").read_text().split("\ncheck:")[1].split("\n\n")[0]
    assert all(step in check for step in ("ruff format --check", "ruff check", "mypy", "test"))
