"""The doctor, with what it asks with: made from checked settings, for the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from bot.access import Policy
from bot.clock import SystemClock
from bot.doctor import sinch_checks
from bot.doctor.database_checks import database
from bot.doctor.examine import Doctor
from bot.doctor.findings import Finding
from bot.doctor.regions import other_regions
from bot.settings import Settings
from bot.slack.gateway import SlackGateway, open_gateway
from bot.slack.pace import Pace
from bot.store import StoreUnavailableError
from bot.store.engine import open_engine
from bot.store.health import look, to_be_made
from bot.store.sql import SqlStore


def doctor_for(settings: Settings, *, elsewhere: tuple[str, ...] | None = None) -> Doctor:
    """A doctor for these settings.

    Args:
        elsewhere: other regions' addresses, if not Sinch's own.
    """
    url = settings.database_url.reveal()

    async def look_at_database() -> Finding:
        health = await asyncio.to_thread(look, url)
        return database(health, sqlite=url.startswith("sqlite"), forgetful=settings.platform.forgets)

    async def policy() -> Policy | None:
        if to_be_made(url) is not None:
            return None
        store = SqlStore(open_engine(url))
        try:
            listed = await store.access.current()
        except StoreUnavailableError:
            return None  # an empty database: nobody was added in Slack yet
        finally:
            await store.close()
        return Policy(senders=settings.allowed, admins=settings.admins) | listed.policy

    return Doctor(
        settings=settings,
        open_slack=lambda: _slack(settings),
        open_sinch=sinch_checks.opener(settings),
        database=look_at_database,
        policy=policy,
        now=SystemClock().now,
        elsewhere=other_regions(settings.sinch_api_base_url) if elsewhere is None else elsewhere,
    )


def _slack(settings: Settings) -> AbstractAsyncContextManager[SlackGateway]:
    return open_gateway(
        bot_token=settings.slack_bot_token, base_url=settings.slack_api_base_url, pace=Pace(SystemClock())
    )


async def collect(found: AsyncIterator[Finding], say: Callable[[Finding], None]) -> list[Finding]:
    """Everything that is found, each told as soon as it is known."""
    everything = []
    async for finding in found:
        say(finding)
        everything.append(finding)
    return everything
