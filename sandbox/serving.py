"""Serves the two fakes until told to stop, and says how the bot and a person get to them."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from sandbox.sinch import FakeSinch
from sandbox.slack import FakeSlack
from sandbox.world import ADMINS, SENDERS

BOT_EVENTS_URL = "http://127.0.0.1:3000/slack/events"  # where `mms-bot run` listens if not told otherwise


async def serve(folder: Path, stop: asyncio.Event, *, say: Callable[[str], None]) -> None:
    """Serve on free loopback ports until ``stop`` is set.

    Args:
        folder: for the bot's database; whoever gives it takes it away.
        say: gets what a person has to know, in paragraphs.
    """
    slack, sinch = FakeSlack(), FakeSinch()
    async with AsyncExitStack() as running:
        running.push_async_callback(slack.stop)
        await slack.start()
        await running.enter_async_context(sinch)
        # Until a bot asks for a socket: then everything goes there.
        slack.deliver_by_http(BOT_EVENTS_URL)
        say(introduction(slack, sinch, folder))
        await stop.wait()
    say("The sandbox has ended, and nothing of it is kept.")


def introduction(slack: FakeSlack, sinch: FakeSinch, folder: Path) -> str:
    """How a bot of one's own is started between the two, and how to act from a shell."""
    settings = bot_settings(slack, sinch, folder)
    return f"{_introduction(settings)}\n{_how_to_act(slack.origin, sinch.base_url)}"


def bot_settings(slack: FakeSlack, sinch: FakeSinch, folder: Path) -> Mapping[str, str]:
    """The environment of a bot that talks to these two, over Socket Mode, and to nobody else."""
    return {
        **slack.socket_settings(),
        "SLACK_ALLOWED_USERS": SENDERS,
        "SLACK_ADMIN_USERS": ADMINS,
        **sinch.settings(),
        "DATABASE_URL": f"sqlite:///{folder / 'mms-bot.db'}",
    }


def _introduction(settings: Mapping[str, str]) -> str:
    lines = "\n".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    return f"""\
The sandbox is running: a Slack and a Sinch of your own, on this machine only.

To start the bot between them, open another terminal, type

  set -a

paste these settings, and type  mms-bot run

{lines}
"""


def _how_to_act(slack: str, sinch: str) -> str:
    return f"""\
ann and ben may send, ada is the admin, sam is on no list. Act as one of them: type the command,
fill the dialog in and send it, open the Home tab, read what the bot says, look at the phones.

  curl -s {slack}/sandbox/command -d '{{"person": "ann", "text": "+1 201 555 0123 Your parcel is here"}}'
  curl -s {slack}/sandbox/dialog -d '{{"person": "ann", "values": {{"media_url": "https://example.com/parcel.jpg"}}}}'
  curl -s {slack}/sandbox/home -d '{{"person": "ann"}}'
  curl -s {slack}/sandbox/people/ann
  curl -s {sinch}/sandbox/phones

Everything that was asked, and what can be made to go wrong:

  curl -s {slack}/sandbox/calls
  curl -s {sinch}/sandbox/requests
  curl -s {sinch}/sandbox/faults -H 'Content-Type: application/json' \\
    -d '{{"operation": "send", "fault": "reset", "accept": true}}'
  curl -s {sinch}/sandbox/scripts -H 'Content-Type: application/json' \\
    -d '{{"number": "+12015550123", "code": 414}}'   (+1 201 555 0414 gets 414 by itself, and so on)
  curl -s {sinch}/sandbox/replies -H 'Content-Type: application/json' \\
    -d '{{"from": "+12015550123", "text": "Thanks"}}'

Without SLACK_APP_TOKEN the bot takes Slack's requests over HTTP, on port 3000; for another address:
  curl -s {slack}/sandbox/events_url -d '{{"url": "{BOT_EVENTS_URL}"}}'

Ctrl-C ends the sandbox. The settings hold for this run only.
"""
