"""Takes the README's picture of the real page: ``make screenshot`` (needs Debian's Chromium)."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from sandbox.page.server import Page
from sandbox.page.stage import Stage
from sandbox.world import World

_TEXT = "+1 201 555 0123, +1 201 555 0145 Your parcel is here https://pictures.example.com/parcel.jpg"
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")
_WITHIN_S = 60.0


async def take(file: Path) -> None:
    """Send a picture to two phones, and photograph what ann sees then."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with World(folder) as world:
            stage = Stage(world, folder)
            await stage.write("ann", f"/mms {_TEXT}", "general")
            dialog = await stage.actor("ann").dialog()
            await dialog.submit()
            await stage.actor("ann").wait_for_message(lambda one: "delivered" in one.shown, timeout_s=_WITHIN_S)
            page = Page(stage)
            await page.start()
            try:
                await _photograph(page.url, file)
            finally:
                await page.stop()


async def _photograph(url: str, file: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(_ARGUMENTS))
        page = await browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        await page.goto(url)
        await page.wait_for_selector("body[data-live]", state="attached")
        await page.wait_for_selector(".phone img")
        await page.screenshot(path=file)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]).absolute()))
