"""Debian's Chromium, and a page of the sandbox in it that must stay on this machine and complain about nothing."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from sandbox.page.server import Page as Served
from sandbox.page.stage import Stage
from sandbox.world import World

# Nothing of the browser's own may go out either.
QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
STILL = ("--disable-component-update", "--disable-sync", "--no-sandbox")
SOON_MS = 20_000
COMPLAINTS = ("error", "warning")
OpenTab = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=shutil.which("chromium") or "/usr/bin/chromium", args=[*QUIET, *STILL]
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("browser")
    async with World(folder) as world:
        made = Stage(world, folder)
        yield made
        await made.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(stage: Stage) -> AsyncIterator[str]:
    served = Served(stage)
    await served.start()
    yield served.url
    await served.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def open_tab(browser: Browser, url: str, stage: Stage) -> AsyncIterator[OpenTab]:
    """``open_tab("ann", width=…, dark=…)``: a tab as that person. What went wrong in any is told at the end."""
    faults: list[str] = []

    async with AsyncExitStack() as contexts:

        async def open_one(me: str = "ann", *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
            context = await browser.new_context(
                viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
            )
            contexts.push_async_callback(context.close)
            context.set_default_timeout(SOON_MS)
            page = await context.new_page()
            page.on("console", lambda said: faults.append(said.text) if said.type in COMPLAINTS else None)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("request", lambda asked: None if _here(asked.url) else faults.append(asked.url))
            await page.goto(f"{url}?as={me}")
            await page.wait_for_selector("body[data-live]", state="attached")
            return page

        yield open_one
        for name in sorted(stage.trouble.on):
            await stage.trouble.set(name, on=False)
    assert faults == []


def _here(url: str) -> bool:
    return urlsplit(url).hostname == "127.0.0.1"
