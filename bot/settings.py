"""The settings: the only module that knows the names of environment variables.

Every fault is found in one go and named with what to do; no value of a secret ever stands in a fault.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import phonenumbers
from dotenv import dotenv_values

from bot.access import GROUP_ID, USER_ID
from bot.secret import Secret
from bot.store.address import SCHEMES, WrongAddressError, parameters

DEFAULT_SLACK_API = "https://slack.com/api/"
DEFAULT_SINCH_API = "https://us.sms.api.sinch.com"
DEFAULT_DATABASE = "sqlite:///mms-bot.db"
DEFAULT_MMS_COUNTRIES = "US,CA,PR,AU"  # Sinch SMS API, "MMS support": destinations
DEFAULT_GIVE_UP_AFTER_S = 3600
DEFAULT_RETENTION_DAYS = 30
DEFAULT_PORT = 3000  # as in Slack's own examples
_LONGEST_S = 14 * 86400.0  # Sinch finds batches of the last 14 days only
_LONGEST_DAYS = 3650
NAMES = frozenset(
    {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "SLACK_ALLOWED_USERS", "SLACK_ADMIN_USERS"}
    | {"SLACK_COMMAND", "SLACK_API_BASE_URL", "SINCH_SERVICE_PLAN_ID", "SINCH_API_TOKEN", "SINCH_NUMBER"}
    | {"SINCH_API_BASE_URL", "SINCH_WEBHOOK_SECRET", "DATABASE_URL", "PUBLIC_URL", "DEFAULT_REGION"}
    | {"GIVE_UP_AFTER_S", "RETENTION_DAYS", "MMS_COUNTRIES", "HOST", "PORT", "LOG_LEVEL", "LOG_FORMAT"}
)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS = ("json", "console")

_MEMBER = re.compile(f"{USER_ID}|{GROUP_ID}")
_COMMAND = re.compile(r"/[^\s/A-Z]{1,31}")  # Slack's manifest: 2 to 32 characters, starts with a slash
_PLAN = re.compile(r"[A-Za-z0-9_-]+")
_HOST = re.compile(r"[A-Za-z0-9.:_-]+")
_NOTHING = Secret("")

_T = TypeVar("_T")


class SettingsError(Exception):
    """Some settings are missing or wrong; ``faults`` has one sentence each, the variable's name first."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Platform:
    """What is known of the host by the variables that it sets itself.

    Attributes:
        forgets: the variable that says that the disk is forgotten at a restart (Heroku, Cloud Run, Lambda).
        may_sleep: the one that says that a process that gets no requests may be stopped: a web process of Heroku's,
            or Cloud Run.
    """

    forgets: str | None = None
    may_sleep: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Platform:
        forgets = next((name for name in ("DYNO", "K_SERVICE", "AWS_LAMBDA_FUNCTION_NAME") if env.get(name)), None)
        if env.get("DYNO", "").startswith("web."):
            return cls(forgets, "DYNO")
        return cls(forgets, "K_SERVICE" if env.get("K_SERVICE") else None)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. ``slack_app_token`` set means Socket Mode."""

    slack_bot_token: Secret
    slack_signing_secret: Secret | None
    slack_app_token: Secret | None
    allowed: frozenset[str]
    admins: frozenset[str]
    command: str
    slack_api_base_url: str
    sinch_service_plan_id: str
    sinch_api_token: Secret
    sinch_number: str
    sinch_api_base_url: str
    sinch_webhook_secret: Secret | None
    database_url: Secret  # it may hold a password
    public_url: str | None
    default_region: str
    give_up_after_s: float
    retention_days: int
    mms_countries: frozenset[str]
    host: str
    port: int
    log_level: str
    log_format: str
    platform: Platform

    @property
    def socket_mode(self) -> bool:
        return self.slack_app_token is not None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read and check everything.

        Raises:
            SettingsError: with every fault at once.
        """
        read = _Reader(env)
        bot_token = read.secret(
            "SLACK_BOT_TOKEN",
            _bot_token,
            missing="is missing. Copy the Bot User OAuth Token (xoxb-…) from your app's Install App page.",
        )
        signing_secret = read.secret(
            "SLACK_SIGNING_SECRET",
            _token,
            required=not read.is_given("SLACK_APP_TOKEN"),
            missing="is missing. Copy it from your app's Basic Information page at api.slack.com/apps, "
            "or set SLACK_APP_TOKEN to use Socket Mode.",
        )
        app_token = read.secret("SLACK_APP_TOKEN", _app_token, required=False)
        plan = read.text(
            "SINCH_SERVICE_PLAN_ID", _plan, missing="is missing. The Sinch dashboard shows it under SMS, APIs."
        )
        api_token = read.secret(
            "SINCH_API_TOKEN", _token, missing="is missing. The Sinch dashboard shows it beside the service plan ID."
        )
        number = read.text(
            "SINCH_NUMBER",
            _sender,
            missing="is missing. Give the number that messages come from, such as +12015550123.",
        )
        settings = cls(
            slack_bot_token=bot_token or _NOTHING,
            slack_signing_secret=signing_secret,
            slack_app_token=app_token,
            allowed=read.value("SLACK_ALLOWED_USERS", _members, ""),
            admins=read.value("SLACK_ADMIN_USERS", _members, ""),
            command=read.value("SLACK_COMMAND", _command, "/mms"),
            slack_api_base_url=read.value("SLACK_API_BASE_URL", _base_url, DEFAULT_SLACK_API) + "/",
            sinch_service_plan_id=plan or "",
            sinch_api_token=api_token or _NOTHING,
            sinch_number=number or "",
            sinch_api_base_url=read.value("SINCH_API_BASE_URL", _base_url, DEFAULT_SINCH_API),
            sinch_webhook_secret=read.secret("SINCH_WEBHOOK_SECRET", _token, required=False),
            database_url=Secret(read.value("DATABASE_URL", _database, DEFAULT_DATABASE)),
            public_url=read.text("PUBLIC_URL", _base_url, required=False),
            default_region=read.value("DEFAULT_REGION", _region, "US"),
            give_up_after_s=read.value("GIVE_UP_AFTER_S", _positive, str(DEFAULT_GIVE_UP_AFTER_S)),
            retention_days=read.value("RETENTION_DAYS", _days, str(DEFAULT_RETENTION_DAYS)),
            mms_countries=read.value("MMS_COUNTRIES", _regions, DEFAULT_MMS_COUNTRIES),
            host=read.value("HOST", _host, "0.0.0.0"),  # noqa: S104  a server in a container listens on every address
            port=read.value("PORT", _port, str(DEFAULT_PORT)),
            log_level=read.value("LOG_LEVEL", _one_of(LOG_LEVELS, str.upper), "INFO"),
            log_format=read.value("LOG_FORMAT", _one_of(LOG_FORMATS, str.lower), "json"),
            platform=Platform.from_env(env),
        )
        if read.is_given("DYNO") and settings.database_url.reveal().startswith("sqlite"):
            read.faults.append(
                "DATABASE_URL names a SQLite file (its default), but this host (DYNO is set) forgets its disk at every "
                "restart, and queued messages with it. Name a PostgreSQL server (postgres://…), or run the bot on a "
                "host that keeps its disk."
            )
        if read.faults:
            raise SettingsError(tuple(read.faults))
        return settings


def is_command(raw: str) -> bool:
    """Can a slash command be called that?"""
    return _COMMAND.fullmatch(raw) is not None and raw.isprintable()


def environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What ``.env`` in ``folder`` says, with the environment on top. Nothing is written back to ``os.environ``.

    Raises:
        SettingsError: ``.env`` is there and can't be read.
    """
    file = folder / ".env"
    try:
        from_file = dotenv_values(file, interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f".env can't be read ({type(error).__name__}): save it as UTF-8 text.",)) from None
    given = {name: value for name, value in environ.items() if value.strip()}
    return {name: value for name, value in from_file.items() if value is not None} | given


class _WrongError(Exception):
    """What is wrong with one value, and what to do: the words after the variable's name."""


class _Reader:
    """Reads one variable after the other and collects the faults."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.faults: list[str] = []

    def is_given(self, name: str) -> bool:
        return bool(self._env.get(name, "").strip())

    def text(
        self, name: str, parse: Callable[[str], str], *, required: bool = True, missing: str = "is missing."
    ) -> str | None:
        raw = self._env.get(name, "").strip()
        if not raw:
            if required:
                self.faults.append(f"{name} {missing}")
            return None
        return self._parsed(name, raw, parse)

    def secret(
        self, name: str, parse: Callable[[str], str], *, required: bool = True, missing: str = "is missing."
    ) -> Secret | None:
        value = self.text(name, parse, required=required, missing=missing)
        return None if value is None else Secret(value)

    def value(self, name: str, parse: Callable[[str], _T], default: str) -> _T:
        parsed = self._parsed(name, self._env.get(name, "").strip() or default, parse)
        return parse(default) if parsed is None else parsed  # with a fault on the list, the value is never used

    def _parsed(self, name: str, raw: str, parse: Callable[[str], _T]) -> _T | None:
        try:
            return parse(raw)
        except _WrongError as wrong:
            self.faults.append(f"{name} {wrong}")
            return None


def _token(raw: str) -> str:
    if not raw.isascii() or not raw.isprintable() or " " in raw:
        raise _WrongError("has characters that such a value never has: copy it again, on one line.")
    return raw


def _bot_token(raw: str) -> str:
    if not raw.startswith(("xoxb-", "xoxe.xoxb-")):
        raise _WrongError("does not look like a bot token: it starts with xoxb-. Copy it from the Install App page.")
    return _token(raw)


def _app_token(raw: str) -> str:
    if not raw.startswith("xapp-"):
        raise _WrongError(
            "does not look like an app-level token: it starts with xapp-. Make one on the Basic Information page, "
            "with the scope connections:write."
        )
    return _token(raw)


def _plan(raw: str) -> str:
    if not _PLAN.fullmatch(raw):
        raise _WrongError(
            "is not a service plan ID: letters and digits only. The Sinch dashboard shows it under SMS, APIs."
        )
    return raw


def _sender(raw: str) -> str:
    digits = re.sub(r"[\s().-]", "", raw)
    if re.fullmatch(r"\+[1-9]\d{6,14}", digits):
        return digits
    if re.fullmatch(r"\d{3,8}", digits):
        return digits
    if re.fullmatch(r"[1-9]\d{8,14}", digits):
        return f"+{digits}"
    if re.fullmatch(r"[A-Za-z0-9]{1,11}", raw) and re.search(r"[A-Za-z]", raw):
        return raw
    raise _WrongError(
        "is not a sender: give an international number such as +12015550123, a short code of 3 to 8 digits, "
        "or a name of up to 11 letters and digits."
    )


def _members(raw: str) -> frozenset[str]:
    entries = [entry for entry in re.split(r"[\s,;]+", raw) if entry]
    wrong = [entry for entry in entries if not _MEMBER.fullmatch(entry)]
    if wrong:
        raise _WrongError(
            f"has entries that are not IDs ({len(wrong)}; the first is number {entries.index(wrong[0]) + 1}). "
            "Use user IDs (U… or W…) or user group IDs (S…), with commas between. `/mms whoami` tells people theirs."
        )
    return frozenset(entries)


def _command(raw: str) -> str:
    if not is_command(raw):
        raise _WrongError(
            "is not a command name: it starts with a slash, in small letters, without spaces, 32 at most."
        )
    return raw


def _base_url(raw: str) -> str:
    """An https address, or http on loopback; without the slash at its end."""
    try:
        parts = urlsplit(raw)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _WrongError("is not an address: it should look like https://host.example.") from None
    if not host or parts.query or parts.fragment or parts.username or parts.password or re.search(r"\s", raw):
        raise _WrongError("is not a plain address: it should look like https://host.example.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise _WrongError("has to start with https:// (http:// is accepted for this machine itself only).")
    return raw.rstrip("/")


def is_loopback(host: str) -> bool:
    """True for ``localhost`` and for literal loopback addresses."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _database(raw: str) -> str:
    if raw.startswith(SCHEMES):
        try:
            parameters(raw)
        except WrongAddressError as wrong:
            raise _WrongError(*wrong.args) from None
        return raw
    if not raw.startswith("sqlite:///") or raw == "sqlite:///" or ":memory:" in raw or "?" in raw:
        raise _WrongError(
            "is not a database: it should look like sqlite:///mms-bot.db (a file) or "
            "postgres://user:password@host:5432/database."
        )
    return raw


def _region(raw: str) -> str:
    if raw.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise _WrongError("is not a country code of two letters, such as US.")
    return raw.upper()


def _regions(raw: str) -> frozenset[str]:
    codes = [code for code in re.split(r"[\s,;]+", raw.upper()) if code]
    if not codes or any(code not in phonenumbers.SUPPORTED_REGIONS for code in codes):
        raise _WrongError("has an entry that is not a country code of two letters: it should look like US,CA.")
    return frozenset(codes)


def _positive(raw: str) -> float:
    try:
        seconds = float(raw)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise _WrongError(f"is not a number of seconds above 0 and up to {_LONGEST_S:,.0f} (14 days).")
    return seconds


def _days(raw: str) -> int:
    if not 0 < _whole(raw) <= _LONGEST_DAYS:
        raise _WrongError(f"is not a whole number of days from 1 to {_LONGEST_DAYS}.")
    return int(raw)


def _whole(raw: str) -> int:
    """A whole number of up to nine digits; -1 for anything else."""
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 9 else -1


def _host(raw: str) -> str:
    if not _HOST.fullmatch(raw):
        raise _WrongError("is not an address to listen on: it should look like 0.0.0.0 or 127.0.0.1.")
    return raw


def _port(raw: str) -> int:
    if not 0 <= _whole(raw) <= 65535:
        raise _WrongError("is not a port: a whole number from 0 to 65535.")
    return int(raw)


def _one_of(words: tuple[str, ...], fold: Callable[[str], str]) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if fold(raw) not in words:
            raise _WrongError(f"is not one of {', '.join(words)}.")
        return fold(raw)

    return parse
