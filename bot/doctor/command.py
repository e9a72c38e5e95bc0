"""The doctor, with what it asks with: made from checked settings, for the command line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

import sinch
from bot.access import Policy
from bot.clock import SystemClock
from bot.doctor.database_checks import database, to_be_made
from bot.doctor.examine import Doctor
from bot.doctor.findings import Finding
from bot.doctor.sinch_checks import other_regions
from bot.settings import Settings, is_loopback
from bot.slack.gateway import SlackGateway, open_gateway
from bot.slack.pace import Pace
from bot.store import StoreUnavailableError
from bot.store.engine import open_engine
from bot.store.sql import SqlStore


def doctor_for(settings: Settings, *, elsewhere: tuple[str, ...] | None = None) -> Doctor:
    """A doctor for these settings.

    Args:
        elsewhere: other regions' addresses, if not Sinch's own.
    """
    url = settings.database_url.reveal()

    async def look_at_database() -> Finding:
        return await asyncio.to_thread(database, url, os.environ)

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
        open_sinch=_opener(settings),
        database=look_at_database,
        policy=policy,
        now=SystemClock().now,
        elsewhere=other_regions(settings.sinch_api_base_url) if elsewhere is None else elsewhere,
    )


def _slack(settings: Settings) -> AbstractAsyncContextManager[SlackGateway]:
    return open_gateway(
        bot_token=settings.slack_bot_token, base_url=settings.slack_api_base_url, pace=Pace(SystemClock())
    )


def _opener(settings: Settings) -> Callable[[str], sinch.Sinch]:
    def open_at(base_url: str) -> sinch.Sinch:
        return sinch.Sinch(
            service_plan_id=settings.sinch_service_plan_id,
            api_token=settings.sinch_api_token.reveal(),
            base_url=base_url,
            retry=sinch.NoRetry(),  # whoever waits for the doctor wants to know now
            trust_env=not is_loopback(urlsplit(base_url).hostname or ""),
        )

    return open_at


async def collect(found: AsyncIterator[Finding], say: Callable[[Finding], None]) -> list[Finding]:
    """Everything that is found, each told as soon as it is known."""
    everything = []
    async for finding in found:
        say(finding)
        everything.append(finding)
    return everything
