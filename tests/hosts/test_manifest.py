"""The Slack app's manifest, as a file, as a command and as a link."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot import manifest
from bot.cli import main
from bot.settings import is_command
from bot.slack.scopes import BOT_SCOPES
from tests.hosts.manifest_schema import faults

ROOT = Path(__file__).parents[2]
URL = "https://mms.example.com"


def test_the_file_is_what_the_command_writes() -> None:
    assert (ROOT / "manifest.yaml").read_text() == manifest.as_yaml()


@pytest.mark.parametrize("url", [None, URL])
def test_slack_takes_both_manifests(url: str | None) -> None:
    assert faults(manifest.as_data(url=url)) == []


commands = st.text(min_size=1, max_size=31).map(lambda name: f"/{name.lower()}").filter(is_command)


@given(commands, st.sampled_from([None, URL]))
def test_a_person_and_slack_read_the_same(command: str, url: str | None) -> None:
    assert yaml.safe_load(manifest.as_yaml(command=command, url=url)) == manifest.as_data(command=command, url=url)


def test_each_scope_stands_beside_its_reason() -> None:
    lines = manifest.as_yaml().splitlines()

    assert all(f"      - {scope} # {reason}" in lines for scope, reason in BOT_SCOPES.items())


def test_over_http_slack_finds_the_bot_in_three_places_and_over_socket_mode_in_none() -> None:
    assert manifest.as_yaml(url=URL).count(f"{URL}/slack/events") == 3
    assert "slack/events" not in manifest.as_yaml()
    assert manifest.as_data(url=URL)["settings"]["socket_mode_enabled"] is False
    assert manifest.as_data()["settings"]["socket_mode_enabled"] is True


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}/slack/events"])
def test_however_the_address_ends_slack_gets_the_same(url: str) -> None:
    assert manifest.request_url(url) == f"{URL}/slack/events"


@pytest.mark.parametrize(
    "url", ["http://mms.example.com", "mms.example.com", "https://", f"{URL}/?a=b", "https://a:b@c.example"]
)
def test_an_address_that_slack_cannot_use_is_wrong_use_and_says_why(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["manifest", "--url", url])

    assert ended.value.code == 2
    assert "https://mms.example.com" in capsys.readouterr().err


def test_the_command_needs_no_settings(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "nonsense")

    assert main(["manifest", "--command", "/text"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == manifest.as_data(command="/text")


def test_the_link_opens_slacks_page_with_the_manifest_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest", "--link"]) == 0
    opened = urlsplit(capsys.readouterr().out.strip())

    assert (opened.scheme, opened.hostname, opened.path) == ("https", "api.slack.com", "/apps")
    query = parse_qs(opened.query, strict_parsing=True)
    assert query["new_app"] == ["1"]
    assert json.loads(query["manifest_json"][0]) == manifest.as_data()


def test_the_readme_has_that_link() -> None:
    assert f"]({manifest.link()})" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("settings", "function_runtime"), "local"),
        (("settings", "socket"), True),
        (("features", "slash_commands", 0, "command"), "mms"),
        (("features", "bot_user", "display_name"), "MMS Bot"),
        (("display_information", "name"), "x" * 36),
        (("display_information", "background_color"), "blue"),
        (("oauth_config", "scopes", "bot"), "commands"),
    ],
)
def test_what_slack_refuses_is_refused_here(path: tuple[Any, ...], value: object) -> None:
    wrong = manifest.as_data()
    place: Any = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    assert faults(wrong)
