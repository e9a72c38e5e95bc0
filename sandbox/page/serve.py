"""The sandbox with its page: the real bot between the two fakes, until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from sandbox.page.server import Page
from sandbox.page.stage import Stage
from sandbox.serving import introduction
from sandbox.world import World

_HELLO = """\
Open this page and click:

  {url}

The real bot runs behind it, between a Slack and a Sinch of your own. Nothing leaves this machine. Ctrl-C ends it.

All the rest is for whoever would rather use the shell.
"""


async def serve_page(
    folder: Path, stop: asyncio.Event, *, say: Callable[[str], None], host: str = "127.0.0.1", port: int = 0
) -> None:
    """Serve until ``stop`` is set.

    Args:
        folder: an empty one; whoever gives it takes it away.
        say: gets what a person has to know, in paragraphs.
        host: a loopback address.
        port: 0 takes a free one.

    Raises:
        OSError: the address can't be had.
    """
    place = folder / "bot"
    place.mkdir()
    async with World(place) as world:
        stage = Stage(world, place)
        page = Page(stage, host=host, port=port)
        await page.start()
        try:
            say(_HELLO.format(url=page.url))
            say(introduction(world.slack, world.sinch, folder))
            await stop.wait()
        finally:
            await stage.end()
            await page.stop()
    say("The sandbox has ended, and nothing of it is kept.")
