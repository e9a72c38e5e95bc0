"""What the doctor can find: every fault with what to do and on which page. Data, and no asking in here.

No value of a secret ever stands in a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SLACK_APP = "api.slack.com/apps, your app"
DASHBOARD = "dashboard.sinch.com, SMS, APIs"
HOST = "your host's settings, or the file .env"


class Mark(StrEnum):
    OK = "ok"
    WRONG = "wrong"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        check: what was looked at, such as ``Slack bot token``.
        key: the fault's name in ``FAULTS``; None if there is none.
        said: what was seen.
        todo, where: what to do, and on which page; only with a fault.
    """

    check: str
    mark: Mark
    said: str
    key: str | None = None
    todo: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What can be wrong with one check. ``said`` and ``todo`` may hold names in braces, filled in when it is found."""

    check: str
    said: str
    todo: str
    where: str


SETTINGS, DATABASE = "Settings", "Database"
BOT_TOKEN, SCOPES, COMMAND, CLOCK = "Slack bot token", "Slack scopes", "Slack command", "Clock"
SOCKET, PUBLIC = "Socket Mode", "Public address"
PEOPLE = "People"
PLAN, SENDER, MMS, REPORTS = "Sinch plan and token", "Sinch sender", "Sinch MMS", "Sinch reports"
TEST = "Test message"

FAULTS = {
    "settings": Fault(SETTINGS, "{fault}", "Put it right, and run the doctor again.", HOST),
    # -- database
    "database-away": Fault(
        DATABASE,
        "It can't be opened ({reason}).",
        "Check DATABASE_URL: host, port, name, user, and a password whose signs are percent-encoded. For a SQLite file "
        "the folder has to be there.",
        HOST,
    ),
    "database-read-only": Fault(
        DATABASE,
        "It can be read and not written ({reason}).",
        "Give the bot's user the right to write there; look whether the disk is full.",
        "the database's own console, or the host's disk",
    ),
    "database-newer": Fault(
        DATABASE,
        "A newer version of the bot made it (schema {found}; this one knows {known}).",
        "Install the newer version again, or restore a backup from before it.",
        "the host",
    ),
    "database-forgotten": Fault(
        DATABASE,
        "{variable} is set, so this host forgets its disk at a restart, and DATABASE_URL names a SQLite file.",
        "Name a PostgreSQL in DATABASE_URL, or put the file on a volume that is kept.",
        HOST,
    ),
    # -- Slack
    "slack-away": Fault(
        BOT_TOKEN,
        "Slack does not answer ({error}).",
        "Check that this machine may open https connections to slack.com, and SLACK_API_BASE_URL if it is set.",
        "your network or its proxy",
    ),
    "slack-token": Fault(
        BOT_TOKEN,
        "Slack refuses SLACK_BOT_TOKEN ({error}).",
        "Copy the Bot User OAuth Token (xoxb-…) again; if there is none, install the app.",
        f"{SLACK_APP}, Install App",
    ),
    "slack-scopes": Fault(
        SCOPES,
        "The token lacks {scopes}.",
        "Add the scopes, then install the app again: a token gets new scopes only by that.",
        f"{SLACK_APP}, OAuth & Permissions, Bot Token Scopes",
    ),
    "slack-scopes-unknown": Fault(
        SCOPES,
        "Slack did not say which scopes the token has.",
        "Compare them with manifest.yaml by eye.",
        f"{SLACK_APP}, OAuth & Permissions, Bot Token Scopes",
    ),
    "clock": Fault(
        CLOCK,
        "This machine's clock is {by} {way} Slack's.",
        "Switch time synchronisation on. Above five minutes every request of Slack's counts as stale and is refused.",
        "the host",
    ),
    "app-token": Fault(
        SOCKET,
        "Slack refuses SLACK_APP_TOKEN ({error}).",
        "Make an app-level token (xapp-…) with the scope connections:write.",
        f"{SLACK_APP}, Basic Information, App-Level Tokens",
    ),
    "socket-off": Fault(
        SOCKET,
        "Socket Mode is switched off in the app ({error}).",
        "Switch it on, or leave SLACK_APP_TOKEN out to serve HTTP.",
        f"{SLACK_APP}, Socket Mode",
    ),
    "socket-away": Fault(
        SOCKET,
        "Slack gave no address for a connection, or it did not open ({error}).",
        "Check that this machine may open web sockets (wss, port 443) to slack.com.",
        "your network or its proxy",
    ),
    # -- people
    "no-admin": Fault(
        PEOPLE,
        "No admin is named: nobody can add people in Slack.",
        "Put the first admin's user ID into SLACK_ADMIN_USERS, or run mms-bot access allow --admin ID. In Slack, a "
        'profile\'s menu has "Copy member ID".',
        HOST,
    ),
    "person-unknown": Fault(
        PEOPLE,
        "Slack knows no {member} ({role}).",
        "Copy the member ID again from the person's profile in this workspace, or take it off the list.",
        HOST,
    ),
    "person-unfit": Fault(
        PEOPLE,
        "{member} ({role}) {why}, so may not do anything.",
        "Name somebody else, or take the ID off the list.",
        HOST,
    ),
    "group-unknown": Fault(
        PEOPLE,
        "Slack knows no user group {member} ({role}), or it is switched off.",
        "Copy the group's ID again, or take it off the list.",
        HOST,
    ),
    # -- Sinch
    "sinch-away": Fault(
        PLAN,
        "Sinch does not answer at {host} ({error}).",
        "Check that this machine may open https connections to it, and SINCH_API_BASE_URL.",
        "your network or its proxy",
    ),
    "sinch-region": Fault(
        PLAN,
        "The plan and its token are right, and live in another region: {region}.",
        "Set SINCH_API_BASE_URL={region}.",
        HOST,
    ),
    "sinch-token": Fault(
        PLAN,
        "Sinch refuses the token for this plan (401) in every region that was asked.",
        "Copy SINCH_SERVICE_PLAN_ID and SINCH_API_TOKEN again, both from the same line. The key and secret of a "
        "project (as other products of Sinch's use them) do not work here.",
        DASHBOARD,
    ),
    "sinch-plan": Fault(
        PLAN,
        "Sinch knows no such service plan (404) in any region that was asked.",
        "Copy SINCH_SERVICE_PLAN_ID again; it is the plan's ID, not its name.",
        DASHBOARD,
    ),
    "sinch-odd": Fault(
        PLAN,
        "Sinch answered {error}.",
        "Run mms-bot explain {code}; try again in a few minutes; then ask Sinch's support.",
        DASHBOARD,
    ),
    "sender": Fault(
        SENDER,
        "Sinch does not take SINCH_NUMBER as the sender of a dry run ({error}).",
        "Use a number that belongs to this plan, in the form +12015550123.",
        f"{DASHBOARD}, your plan's numbers",
    ),
    "mms": Fault(
        MMS,
        "Sinch takes a text from this plan and no picture ({error}).",
        "Ask your account manager at Sinch to switch MMS on for the plan. Until then, texts alone work.",
        "your account manager at Sinch",
    ),
    "reports": Fault(
        REPORTS,
        "Sinch takes no message that asks for reports at PUBLIC_URL ({error}).",
        "Check PUBLIC_URL: an https address that the internet reaches. Or leave it out: Sinch is asked instead.",
        HOST,
    ),
    # -- own address
    "public-away": Fault(
        PUBLIC,
        "PUBLIC_URL does not lead here ({error}).",
        "Let your proxy hand every path on to the bot's port, with a certificate that is valid; then ask again. If "
        "another machine runs the bot, run the doctor there.",
        "your proxy, and the name's DNS entry",
    ),
    "test": Fault(
        TEST,
        "Sinch did not take the test message ({error}).",
        "Run mms-bot explain {code}.",
        DASHBOARD,
    ),
}


def ok(check: str, said: str) -> Finding:
    return Finding(check, Mark.OK, said)


def not_tried(check: str, why: str) -> Finding:
    return Finding(check, Mark.NOT_TRIED, why)


def wrong(key: str, **names: str) -> Finding:
    """The fault ``key``, its words filled in with ``names``."""
    fault = FAULTS[key]
    said, todo = fault.said.format(**names), fault.todo.format(**names)
    return Finding(fault.check, Mark.WRONG, said, key, todo, fault.where)
