"""The checks in their order: each one once, and what depends on a failed one is not tried."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime

from bot.access import Policy, Role
from bot.doctor import findings, sinch_checks, slack_checks
from bot.doctor.address_checks import public_address
from bot.doctor.findings import Finding, Mark, not_tried, ok, wrong
from bot.settings import Settings
from bot.slack.gateway import SlackGateway

TEST_TEXT = "A test of the MMS bot. No answer is needed."
_CALLBACK = "/sinch/callbacks/dry-run"  # only for its form: Sinch does not call it in a dry run


@dataclass(frozen=True)
class Doctor:
    """What the checks ask with. Made by the command line from checked settings.

    Attributes:
        open_slack: opens Slack's Web API.
        open_sinch: makes a client for a base address of Sinch's.
        database: looks at the database.
        policy: the lists of the settings and of the database together.
        now: this machine's time.
        elsewhere: other regions in which the plan may live.
    """

    settings: Settings
    open_slack: Callable[[], AbstractAsyncContextManager[SlackGateway]]
    open_sinch: sinch_checks.Open
    database: Callable[[], Awaitable[Finding]]
    policy: Callable[[], Awaitable[Policy | None]]
    now: Callable[[], datetime]
    elsewhere: tuple[str, ...] = field(default=())


def faults_of_settings(faults: tuple[str, ...]) -> list[Finding]:
    """Wrong settings, one each; nothing else can be tried then."""
    why = "The settings come first."
    rest = (
        *(findings.DATABASE, findings.BOT_TOKEN, findings.SCOPES, findings.COMMAND, findings.CLOCK, findings.SOCKET),
        *(findings.PEOPLE, findings.PLAN, findings.SENDER, findings.MMS, findings.REPORTS, findings.PUBLIC),
    )
    return [*(wrong("settings", fault=fault) for fault in faults), *(not_tried(check, why) for check in rest)]


async def examine(doctor: Doctor) -> AsyncIterator[Finding]:
    """Every check, as soon as it is known."""
    mode = "Socket Mode" if doctor.settings.socket_mode else "signed HTTP"
    yield ok(findings.SETTINGS, f"All are there and readable; Slack speaks over {mode}.")
    database = await doctor.database()
    yield database
    async for found in _slack(doctor, database_usable=database.mark is Mark.OK):
        yield found
    async for found in _sinch(doctor):
        yield found
    settings = doctor.settings
    if settings.public_url is None:
        yield not_tried(findings.PUBLIC, "PUBLIC_URL is not set.")
    else:
        yield await public_address(settings.public_url, host=settings.host, port=settings.port)


async def _slack(doctor: Doctor, *, database_usable: bool) -> AsyncIterator[Finding]:
    settings = doctor.settings
    async with doctor.open_slack() as slack:
        standing = await slack_checks.standing_of(slack)
        if isinstance(standing, Finding):
            yield standing
            for check in (findings.SCOPES, findings.CLOCK):
                yield not_tried(check, "Slack has to take the bot token first.")
        else:
            yield ok(
                findings.BOT_TOKEN, f"It is alive, in the workspace {standing.team} ({standing.workspace.team_id})."
            )
            yield slack_checks.scopes(standing)
            yield slack_checks.clock(standing, doctor.now())
        yield not_tried(
            findings.COMMAND,
            f"SLACK_COMMAND is {settings.command}. Slack tells nobody which commands an app has: type "
            f"{settings.command} whoami in Slack.",
        )
        if settings.slack_app_token is None:
            yield not_tried(findings.SOCKET, "SLACK_APP_TOKEN is not set: the bot serves HTTP.")
        else:
            yield await slack_checks.socket_mode(slack, settings.slack_app_token)
        policy = await doctor.policy() if database_usable else None
        listed = policy or Policy(senders=settings.allowed, admins=settings.admins)
        if not listed.admins:
            yield wrong("no-admin")
        if isinstance(standing, Finding):
            yield not_tried(findings.PEOPLE, "Slack has to take the bot token first.")
            return
        roles = [*((one, Role.ADMIN) for one in sorted(listed.admins))]
        roles += [(one, Role.SENDER) for one in sorted(listed.senders - listed.admins)]
        async for found in slack_checks.people(slack, standing.workspace, roles):
            yield found


async def _sinch(doctor: Doctor) -> AsyncIterator[Finding]:
    settings = doctor.settings
    base = settings.sinch_api_base_url
    plan = await sinch_checks.plan(doctor.open_sinch, base, doctor.elsewhere)
    yield plan
    if plan.mark is not Mark.OK:
        for check in (findings.SENDER, findings.MMS, findings.REPORTS):
            yield not_tried(check, "Sinch has to take the plan and its token first.")
        return
    callback_url = None if settings.public_url is None else f"{settings.public_url}{_CALLBACK}"
    async with doctor.open_sinch(base) as xms:
        async for found in sinch_checks.messages(xms, number=settings.sinch_number, callback_url=callback_url):
            yield found


async def send_test(doctor: Doctor, to: str) -> Finding:
    """A real message to ``to`` (E.164), which costs what a message costs."""
    async with doctor.open_sinch(doctor.settings.sinch_api_base_url) as xms:
        return await sinch_checks.send(xms, number=doctor.settings.sinch_number, to=to, text=TEST_TEXT)
