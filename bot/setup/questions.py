"""What init asks: each setting with where its value is found. Data."""

from __future__ import annotations

from dataclasses import dataclass

from bot.doctor.regions import REGIONS
from bot.manifest import link


@dataclass(frozen=True, slots=True)
class Question:
    """One setting.

    Attributes:
        explained: where its value is found: which console, which page, which words there.
        secret: it is typed without being shown.
        usual: what Enter takes; None if there has to be an answer.
    """

    name: str
    explained: str
    secret: bool = False
    usual: str | None = None


SOCKET_MODE, HTTP = "1", "2"
HOW = (
    "How does Slack reach the bot?\n"
    "  1  Socket Mode: the bot calls Slack. No public address, no certificate. If in doubt, this one.\n"
    "  2  HTTP: Slack calls the bot at an https address of yours."
)

APP = (
    "First the app in Slack, if you have none yet. This link fills everything in; then press Create, and\n"
    "Install to Workspace:\n  {link}"
)


def app(mode: str) -> str:
    """How the app is made."""
    if mode == SOCKET_MODE:
        return APP.format(link=link())
    return (
        "First the app in Slack, if you have none yet: run mms-bot manifest --link --url https://YOUR-HOST, open what\n"
        "it prints, press Create, and Install to Workspace."
    )


BOT_TOKEN = Question(
    "SLACK_BOT_TOKEN",
    'The Bot User OAuth Token. api.slack.com/apps, your app, "Install App". It starts with xoxb-.',
    secret=True,
)
APP_TOKEN = Question(
    "SLACK_APP_TOKEN",
    'An app-level token. api.slack.com/apps, your app, "Basic Information", "App-Level Tokens": generate one with the\n'
    "scope connections:write. It starts with xapp-.",
    secret=True,
)
SIGNING_SECRET = Question(
    "SLACK_SIGNING_SECRET",
    'The signing secret. api.slack.com/apps, your app, "Basic Information", "App Credentials".',
    secret=True,
)
ADMIN = Question(
    "SLACK_ADMIN_USERS",
    "Your user ID: the first admin, who adds everybody else in Slack. In Slack, open your profile, press the three\n"
    'dots, "Copy member ID". It starts with U or W.',
)
REGION = Question(
    "SINCH_API_BASE_URL",
    f"The region of your Sinch service plan: {', '.join(REGIONS)}. The dashboard shows it beside the plan.\n"
    "Pictures go out in the US region.",
    usual="us",
)
PLAN = Question("SINCH_SERVICE_PLAN_ID", "The service plan ID. dashboard.sinch.com, SMS, APIs.")
TOKEN = Question("SINCH_API_TOKEN", "The API token on the same line, behind the button that shows it.", secret=True)
NUMBER = Question(
    "SINCH_NUMBER",
    "The sender: a number of this plan, as in +12015550123. dashboard.sinch.com, Numbers, Your numbers.",
)
COUNTRY = Question(
    "DEFAULT_REGION", "The country of numbers that are typed without a country code, in two letters.", usual="US"
)
DATABASE = Question(
    "DATABASE_URL",
    "Where messages are kept: a SQLite file, or the address of a PostgreSQL (postgres://user:password@host:5432/name).",
    usual="sqlite:///mms-bot.db",
)
