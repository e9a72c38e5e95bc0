"""What works now and will bite later, told once at the start. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.access import Policy
from bot.doctor import slack_checks
from bot.doctor.findings import Mark
from bot.settings import Settings
from bot.slack.gateway import Standing
from bot.slack.scopes import BOT_SCOPES

NO_ADMIN = (
    "No admin is named. Put a user ID into SLACK_ADMIN_USERS and start anew, or run `mms-bot access allow --admin ID`; "
    "people read theirs with the command's word `whoami`."
)
NOBODY = (
    "Nobody may send. Put user IDs into SLACK_ALLOWED_USERS, or name an admin in SLACK_ADMIN_USERS, who adds people in "
    "Slack."
)
_SLEEPS = (
    "{variable} says that this host may stop a process that gets no requests, and over Socket Mode it gets none: so "
    "nobody would hear Slack. On Heroku run it as a worker; on Cloud Run, with one instance at least that never idles."
)

Told = tuple[str, str]  # the event's name in the log, and a sentence with what to do


def at_start(settings: Settings, policy: Policy) -> Iterator[Told]:
    """What the settings, the list and the host tell."""
    if not policy.admins:
        yield "no_admin", NO_ADMIN
        if not policy.senders:
            yield "nobody_may_send", NOBODY
    if settings.socket_mode and (variable := settings.platform.may_sleep):
        yield "may_be_put_to_sleep", _SLEEPS.format(variable=variable)


def by_slack(standing: Standing, now: datetime) -> Iterator[Told]:
    """What Slack's first answer tells."""
    for finding in (slack_checks.scopes(standing), slack_checks.clock(standing, now)):
        if finding.mark is Mark.WRONG and finding.key != "slack-scopes-unknown":
            yield str(finding.key).replace("-", "_"), f"{finding.said} {finding.todo}"
    if more := sorted((standing.scopes or frozenset()) - set(BOT_SCOPES)):
        yield (
            "more_scopes_than_needed",
            f"The bot token may do more than the bot needs: {', '.join(more)}. Take them away under OAuth & "
            "Permissions, and install the app again.",
        )
