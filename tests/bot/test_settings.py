"""The settings: every fault at once, each by name, and never the value of a secret."""

from __future__ import annotations

import contextlib
import os
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.secret import Secret
from bot.settings import Settings, SettingsError, environment, is_loopback

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-0000-0000-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
    "SINCH_SERVICE_PLAN_ID": "sandboxplan",
    "SINCH_API_TOKEN": "sandbox-api-token",
    "SINCH_NUMBER": "+12015550100",
}
POSTGRES = "postgres://ann:hush@db.example.com:5432/mms?sslmode=require"
SECRETS = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "SINCH_API_TOKEN", "SINCH_WEBHOOK_SECRET")


def faults_of(**changes: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(GOOD | changes)
    return caught.value.faults


def settings(**changes: str) -> Settings:
    return Settings.from_env(GOOD | changes)


def test_the_least_that_is_needed_is_enough() -> None:
    got = Settings.from_env(GOOD)
    assert not got.socket_mode
    assert (got.allowed, got.admins) == (frozenset(), frozenset())
    assert (got.command, got.slack_api_base_url) == ("/mms", "https://slack.com/api/")
    assert got.sinch_api_base_url == "https://us.sms.api.sinch.com"
    assert got.database_url == Secret("sqlite:///mms-bot.db")
    assert (got.public_url, got.sinch_webhook_secret) == (None, None)
    assert (got.default_region, got.mms_countries) == ("US", frozenset({"US", "CA", "PR", "AU"}))
    assert (got.give_up_after_s, got.retention_days) == (3600, 30)
    assert (got.host, got.port, got.log_level, got.log_format) == ("0.0.0.0", 3000, "INFO", "json")  # noqa: S104  the default


def test_nothing_given_names_everything_that_is_missing() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({})
    named = [fault.split()[0] for fault in caught.value.faults]
    assert sorted(named) == sorted(GOOD)
    assert all(len(fault.split()) > 5 for fault in caught.value.faults), "each says what to do"


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("blank", ["", " ", "\n", " \r\n\t"])
def test_blank_is_missing(name: str, blank: str) -> None:
    [fault] = faults_of(**{name: blank})
    assert fault.startswith(f"{name} is missing")


@pytest.mark.parametrize("name", sorted(GOOD))
def test_blanks_and_line_ends_around_a_value_are_dropped(name: str) -> None:
    assert settings(**{name: f"  {GOOD[name]}\r\n"}) == Settings.from_env(GOOD)


def test_a_blank_optional_value_is_its_default() -> None:
    names = ("SLACK_COMMAND", "PORT", "LOG_LEVEL", "DATABASE_URL", "PUBLIC_URL", "DEFAULT_REGION", "SLACK_APP_TOKEN")
    assert settings(**dict.fromkeys(names, " \n")) == Settings.from_env(GOOD)


def test_an_app_token_means_socket_mode_and_needs_no_signing_secret() -> None:
    env = {**GOOD, "SLACK_APP_TOKEN": "xapp-1-sandbox"}
    del env["SLACK_SIGNING_SECRET"]
    got = Settings.from_env(env)
    assert got.socket_mode
    assert got.slack_signing_secret is None


GOOD_VALUES = [
    ("SLACK_BOT_TOKEN", "xoxe.xoxb-1-sandbox", "slack_bot_token", Secret("xoxe.xoxb-1-sandbox")),
    ("SLACK_ALLOWED_USERS", "U1, W2;S3\nU4", "allowed", frozenset({"U1", "W2", "S3", "U4"})),
    ("SLACK_ALLOWED_USERS", ",, ,", "allowed", frozenset()),
    ("SLACK_ADMIN_USERS", "UADA", "admins", frozenset({"UADA"})),
    ("SLACK_COMMAND", "/mms-test", "command", "/mms-test"),
    ("SLACK_API_BASE_URL", "https://slack.example/api", "slack_api_base_url", "https://slack.example/api/"),
    ("SLACK_API_BASE_URL", "http://127.0.0.1:4000/api/", "slack_api_base_url", "http://127.0.0.1:4000/api/"),
    ("SINCH_NUMBER", "+1 (201) 555-0100", "sinch_number", "+12015550100"),
    ("SINCH_NUMBER", "12015550100", "sinch_number", "+12015550100"),
    ("SINCH_NUMBER", "72345", "sinch_number", "72345"),
    ("SINCH_NUMBER", "Parcels4U", "sinch_number", "Parcels4U"),
    ("SINCH_API_BASE_URL", "http://[::1]:5000/", "sinch_api_base_url", "http://[::1]:5000"),
    ("SINCH_API_BASE_URL", "http://localhost:5000", "sinch_api_base_url", "http://localhost:5000"),
    ("DATABASE_URL", "sqlite:////var/lib/mms-bot.db", "database_url", Secret("sqlite:////var/lib/mms-bot.db")),
    ("DATABASE_URL", POSTGRES, "database_url", Secret(POSTGRES)),
    ("DATABASE_URL", "postgresql:///mms?host=/run/pg", "database_url", Secret("postgresql:///mms?host=/run/pg")),
    ("PUBLIC_URL", "https://bot.example", "public_url", "https://bot.example"),
    ("DEFAULT_REGION", "de", "default_region", "DE"),
    ("MMS_COUNTRIES", "us, ca", "mms_countries", frozenset({"US", "CA"})),
    ("GIVE_UP_AFTER_S", "2.5", "give_up_after_s", 2.5),
    ("RETENTION_DAYS", "7", "retention_days", 7),
    ("PORT", "0", "port", 0),
    ("PORT", "65535", "port", 65535),
    ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ("LOG_FORMAT", "CONSOLE", "log_format", "console"),
]


@pytest.mark.parametrize(("name", "raw", "field", "value"), GOOD_VALUES)
def test_a_good_value_is_read(name: str, raw: str, field: str, value: object) -> None:
    assert getattr(settings(**{name: raw}), field) == value


BAD_VALUES = [
    ("SLACK_BOT_TOKEN", ["xoxp-user", "xapp-1-a", "tok-123", "xoxb-a b", "xoxb-ü", "xoxb-a\nxoxb-b"]),
    ("SLACK_SIGNING_SECRET", ["a b", "sécret", "a\tb"]),
    ("SLACK_APP_TOKEN", ["xoxb-1", "xap-123", "xapp-1 2"]),
    ("SLACK_ALLOWED_USERS", ["ann", "@ann", "U1,ben", "<@U1>", "u1", "C0GENERAL"]),
    ("SLACK_ADMIN_USERS", ["U1 and U2", "*"]),
    ("SLACK_COMMAND", ["mms", "/", "/MMS", "/a b", "/" + "a" * 32, "/a/b"]),
    (
        "SLACK_API_BASE_URL",
        ["http://slack.com/api", "ftp://x", "slack.com", "https://", "https://u:p@host", "https://h?q=1"],
    ),
    ("SINCH_SERVICE_PLAN_ID", ["a/b", "plan id", "a?b", "../x"]),
    ("SINCH_API_TOKEN", ["a b", "tökén"]),
    (
        "SINCH_NUMBER",
        ["+", "12", "+0123456789", "a name that is too long", "Par-cels", "+1201555012345678", "0123456789"],
    ),
    (
        "SINCH_API_BASE_URL",
        ["http://us.sms.api.sinch.com", "http://127.0.0.1.evil.example", "http://10.0.0.1", "https://h:99999"],
    ),
    ("SINCH_WEBHOOK_SECRET", ["a b"]),
    (
        "DATABASE_URL",
        ["postgresql+psycopg2://h/db", "mysql://h/db", "sqlite://", "sqlite:///", "mms-bot.db"],
    ),
    ("DATABASE_URL", ["sqlite:///:memory:", "sqlite:///mms-bot.db?nonsense=1"]),
    ("DATABASE_URL", ["postgres://u:p@h:port/db", "postgres://u:p@h/db?nonsense=1", "postgresql://h/d b"]),
    ("PUBLIC_URL", ["http://bot.example", "bot.example", "https://bot.example/?a=b"]),
    ("DEFAULT_REGION", ["USA", "1", "XX", "United States"]),
    ("MMS_COUNTRIES", ["US,XX", ",", "USA"]),
    ("GIVE_UP_AFTER_S", ["0", "-1", "soon", "nan", "inf", "1e99", "1209601"]),
    ("RETENTION_DAYS", ["0", "-1", "1.5", "many", "3651", "99999999999999999999", "0000000019999999"]),
    ("HOST", ["not a host", "http://127.0.0.1/", "höst"]),
    ("PORT", ["-1", "65536", "http", "3000.5", "３０００", "99999999999", "0000000000099999"]),
    ("LOG_LEVEL", ["LOUD", "TRACE"]),
    ("LOG_FORMAT", ["xml"]),
]


@pytest.mark.parametrize(("name", "raw"), [(name, raw) for name, raws in BAD_VALUES for raw in raws])
def test_a_bad_value_is_named_with_what_to_do(name: str, raw: str) -> None:
    [fault] = faults_of(**{name: raw})
    assert fault.startswith(f"{name} ")
    assert fault.endswith((".", ")."))
    if name in SECRETS:
        assert raw not in fault


def test_all_faults_are_told_at_once() -> None:
    bad = {name: raws[0] for name, raws in BAD_VALUES}
    named = {fault.split()[0] for fault in faults_of(**bad)}
    assert named == set(bad)


@pytest.mark.parametrize("given", [{}, {"DATABASE_URL": "sqlite:///a.db"}])
def test_a_host_that_forgets_its_disk_is_no_place_for_sqlite(given: dict[str, str]) -> None:
    [fault] = faults_of(DYNO="web.1", **given)
    assert fault.startswith("DATABASE_URL ")
    assert "DYNO" in fault


def test_a_host_that_forgets_its_disk_is_a_place_for_postgresql() -> None:
    assert settings(DYNO="web.1", DATABASE_URL=POSTGRES).database_url == Secret(POSTGRES)


@pytest.mark.parametrize("address", ["mysql://ann:hush@h/db", "postgres://ann:hu/sh@h/db", "postgres://ann:hu#sh@h/db"])
def test_the_password_of_a_database_stands_in_no_fault(address: str) -> None:
    [fault] = faults_of(DATABASE_URL=address)
    assert not re.search("ann|hush|hu|@h", fault.replace("user:password@host", ""))


def test_settings_that_are_printed_show_no_password_of_a_database() -> None:
    assert "hush" not in repr(settings(DATABASE_URL=POSTGRES))


tokens = st.text(string.ascii_letters + string.digits + "-_é ", min_size=16, max_size=40).filter(
    lambda token: len(token.strip()) >= 16
)


@given(
    st.fixed_dictionaries(
        {
            name: st.sampled_from(["", "xoxb-", "xapp-", "xoxp-"]).flatmap(lambda p: tokens.map(lambda t: p + t))
            for name in SECRETS
        }
    ),
    st.sampled_from(["PORT", "SINCH_NUMBER"]),
)
def test_no_value_of_a_secret_stands_in_a_fault(secrets: dict[str, str], broken: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**GOOD, **secrets, broken: "?"})
    told = f"{caught.value} {caught.value!r} {caught.value.faults}"
    assert broken in told
    for value in secrets.values():
        assert value.strip() not in told


@given(
    st.fixed_dictionaries(
        {name: tokens.map(lambda t: t.strip().replace(" ", "").replace("é", "e")) for name in SECRETS}
    )
)
def test_settings_that_are_printed_show_no_secret(secrets: dict[str, str]) -> None:
    values = secrets | {
        "SLACK_BOT_TOKEN": "xoxb-" + secrets["SLACK_BOT_TOKEN"],
        "SLACK_APP_TOKEN": "xapp-" + secrets["SLACK_APP_TOKEN"],
    }
    shown = repr(Settings.from_env(GOOD | values))
    for value in secrets.values():
        assert value not in shown


EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  a host that is to be refused
hosts = st.sampled_from(
    ["127.0.0.1", "localhost", "[::1]", "127.9.9.9", "10.0.0.1", "slack.com", EVERY_ADDRESS, "[::]", "2130706433"]
)


@given(st.sampled_from(["http", "https", "HTTP"]), hosts, st.sampled_from(["", ":80", ":x"]), st.text(max_size=10))
def test_an_address_that_is_not_encrypted_is_this_machines_own(scheme: str, host: str, port: str, path: str) -> None:
    try:
        got = settings(SINCH_API_BASE_URL=f"{scheme}://{host}{port}/{path}")
    except SettingsError:
        return
    if scheme != "https":
        assert is_loopback(host.strip("[]"))
    assert not got.sinch_api_base_url.endswith("/")


@given(st.text(max_size=30))
def test_any_port_that_is_taken_is_a_port(raw: str) -> None:
    try:
        got = settings(PORT=raw)
    except SettingsError:
        return
    assert 0 <= got.port <= 65535


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "PORT", "DATABASE_URL", "SLACK_COMMAND", "MMS_COUNTRIES"]), st.text(max_size=30)
    )
)
def test_no_value_brings_anything_but_a_fault(changes: dict[str, str]) -> None:
    with contextlib.suppress(SettingsError):
        settings(**changes)


# -- .env


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=4000\nHOST=127.0.0.1\n# a comment\nexport LOG_LEVEL='DEBUG'\n")
    env = environment({"PORT": "5000"}, tmp_path)
    assert (env["PORT"], env["HOST"], env["LOG_LEVEL"]) == ("5000", "127.0.0.1", "DEBUG")
    assert "LOG_LEVEL" not in os.environ or os.environ["LOG_LEVEL"] != "DEBUG"


def test_nothing_in_the_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('SINCH_API_TOKEN=a${HOME}b\nSLACK_SIGNING_SECRET="c$PATH"\n')
    env = environment({"HOME": "/home/ann"}, tmp_path)
    assert (env["SINCH_API_TOKEN"], env["SLACK_SIGNING_SECRET"]) == ("a${HOME}b", "c$PATH")


def test_a_file_with_line_ends_and_a_mark_of_another_system_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfSINCH_NUMBER=+12015550100\r\nPORT=4000\r\n")
    env = environment({}, tmp_path)
    assert env == {"SINCH_NUMBER": "+12015550100", "PORT": "4000"}


def test_without_a_file_the_environment_is_all(tmp_path: Path) -> None:
    assert environment({"PORT": "1"}, tmp_path) == {"PORT": "1"}
    (tmp_path / ".env").mkdir()
    assert environment({"PORT": "1"}, tmp_path) == {"PORT": "1"}


def test_a_file_that_cant_be_read_is_a_fault_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=3000\nSINCH_API_TOKEN=\xff\xfe\n")
    with pytest.raises(SettingsError) as caught:
        environment({}, tmp_path)
    [fault] = caught.value.faults
    assert ".env" in fault
