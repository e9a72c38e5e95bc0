"""What Slack says of the tokens, and of the people on the lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

from bot.access import Reason, Role, Workspace, is_group
from bot.doctor import findings
from bot.doctor.findings import Finding, not_tried, ok, wrong
from bot.secret import Secret
from bot.slack.gateway import TOKEN_REFUSED, SlackError, SlackGateway, Standing
from bot.slack.scopes import BOT_SCOPES

CLOCK_OFF = timedelta(minutes=1)  # Slack's requests count as stale after five: Slack, "Verifying requests"
_SOCKET_OFF = frozenset({"socket_mode_not_enabled", "not_allowed", "forbidden_team"})
_WHY = {
    Reason.BOT: "is a bot",
    Reason.DEACTIVATED: "is deactivated",
    Reason.FOREIGN: "belongs to another workspace",
}
_ROLES = {Role.ADMIN: "an admin", Role.SENDER: "may send"}


async def standing_of(slack: SlackGateway) -> Standing | Finding:
    """What ``auth.test`` says, or what is wrong with it."""
    try:
        return await slack.standing()
    except SlackError as error:
        return wrong("slack-token" if error.error in TOKEN_REFUSED else "slack-away", error=error.error)


def scopes(standing: Standing) -> Finding:
    """Each scope of the manifest, by what Slack says that the token has."""
    if standing.scopes is None:
        return wrong("slack-scopes-unknown")
    if missing := [scope for scope in BOT_SCOPES if scope not in standing.scopes]:
        return wrong("slack-scopes", scopes=", ".join(missing))
    more = sorted(standing.scopes - set(BOT_SCOPES))
    too_much = f", and more than it needs: {', '.join(more)}" if more else ""
    return ok(findings.SCOPES, f"The token has all {len(BOT_SCOPES)} that the bot needs{too_much}.")


def clock(standing: Standing, now: datetime) -> Finding:
    if standing.server_time is None:
        return not_tried(findings.CLOCK, "Slack did not say what time it is.")
    off = now.astimezone(UTC) - standing.server_time
    if abs(off) > CLOCK_OFF:
        seconds = round(abs(off).total_seconds())
        by = f"{seconds} s" if seconds < 600 else f"{seconds // 60} min"
        return wrong("clock", by=by, way="ahead of" if off > timedelta(0) else "behind")
    return ok(findings.CLOCK, "This machine's clock agrees with Slack's.")


async def socket_mode(slack: SlackGateway, app_token: Secret) -> Finding:
    """One connection is opened and closed again, as the bot does it."""
    try:
        connection = await slack.connect_socket(await slack.socket_url(app_token))
    except SlackError as error:
        if error.error in _SOCKET_OFF:
            return wrong("socket-off", error=error.error)
        return wrong("app-token" if error.error in TOKEN_REFUSED else "socket-away", error=error.error)
    await connection.close()
    return ok(findings.SOCKET, "The app token works, and a connection opens.")


async def people(
    slack: SlackGateway, workspace: Workspace, listed: Iterable[tuple[str, Role]]
) -> AsyncIterator[Finding]:
    """Who each listed ID is."""
    groups: dict[str, str] | None = None
    for member, role in listed:
        says = _ROLES[role]
        try:
            if is_group(member):
                if groups is None:
                    groups = {group.group_id: group.handle for group in await slack.user_groups()}
                if member not in groups:
                    yield wrong("group-unknown", member=member, role=says)
                else:
                    yield ok(findings.PEOPLE, f"@{groups[member]} ({member}): {says}.")
                continue
            profile = await slack.profile(member, workspace)
        except SlackError as error:
            if error.error in ("user_not_found", "user_not_visible"):
                yield wrong("person-unknown", member=member, role=says)
            else:
                yield not_tried(findings.PEOPLE, f"Slack did not say who {member} is ({error.error}).")
            continue
        if (fault := profile.fault) is not None:
            yield wrong("person-unfit", member=f"{profile.name} ({member})", role=says, why=_WHY[fault])
        else:
            guest = " A guest." if profile.guest else ""
            yield ok(findings.PEOPLE, f"{profile.name} ({member}): {says}.{guest}")
