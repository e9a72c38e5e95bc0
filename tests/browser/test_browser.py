"""The page in a real browser: by mouse, by keyboard, with everything that can go wrong, and for everybody."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from sandbox.page.faults import SWITCHES
from sandbox.page.stage import Stage
from tests.browser.conftest import SOON_MS, OpenTab

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

TOLD_MS = 60_000  # "may have been sent" is told within 45 s
LAST = "#general .from-bot >> nth=-1"
WIDTHS = (390, 820, 1280)
PICTURE = "https://pictures.example.com/parcel.jpg"


@pytest.fixture(scope="module")
def numbers() -> Iterator[str]:
    """Phones that nobody has written to yet; their last digits are no code of a failure."""
    return (f"+120155501{number:02d}" for number in range(10, 99))


async def say(page: Page, text: str) -> None:
    await page.fill("#composer", text)
    await page.press("#composer", "Enter")


async def send(page: Page, to: str, text: str, *, picture: str = "") -> None:
    """Command, dialog, Send."""
    await say(page, f"/mms {to} {text} {picture}".rstrip())
    await page.click("dialog[open] footer button.primary")
    await expect(page.locator("dialog")).to_have_count(0)


async def reads(page: Page, words: str | re.Pattern[str], *, place: str = "#general", within_ms: int = SOON_MS) -> None:
    await expect(page.locator(place)).to_contain_text(words, timeout=within_ms)


async def switch(page: Page, name: str, *, on: bool) -> None:
    await page.set_checked(f'[data-switch="{name}"]', on)


def batches(stage: Stage, text: str) -> int:
    return sum(text in batch.request.text for batch in stage.world.sinch.batches)


async def test_by_mouse_a_picture_reaches_a_phone_and_its_delivery_is_told(open_tab: OpenTab) -> None:
    page = await open_tab()
    await page.click("text=with a picture")
    await page.click(".composer button")
    await expect(page.locator("dialog[open] h2")).to_have_text("Send a message")
    await page.click("dialog footer button.primary")

    await reads(page, "Batch ID")
    await expect(page.locator(".phone .bubble img").first).to_be_visible()
    await reads(page, "Delivered", place="#phones")
    await reads(page, re.compile("1 recipient.*delivered"))


async def test_by_keyboard_alone(open_tab: OpenTab, numbers: Iterator[str], stage: Stage) -> None:
    page = await open_tab()
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer")).to_be_focused()
    await page.keyboard.type("/mms 12 By keys")
    await page.keyboard.press("Enter")
    to = page.locator('dialog [name="to"]')
    await expect(to).to_be_focused()
    await page.locator("dialog .primary").focus()
    await page.keyboard.press("Enter")

    # What is wrong is where the keyboard is, and said to whoever hears the page.
    await expect(to).to_have_attribute("aria-invalid", "true")
    await expect(to).to_be_focused()
    described = (await to.get_attribute("aria-describedby") or "").split()[0]
    await expect(page.locator(f'[id="{described}"]')).to_be_visible()
    await page.keyboard.press("Control+A")
    await page.keyboard.type(next(numbers))
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.locator("dialog .primary").evaluate("one => one === document.activeElement"):
            break
    await page.keyboard.press("Enter")

    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.locator("#composer")).to_be_focused()
    await reads(page, "Batch ID")
    assert batches(stage, "By keys") == 1


async def test_escape_closes_the_dialog_and_arrows_move_between_places(open_tab: OpenTab) -> None:
    page = await open_tab()
    await say(page, "/mms")
    await page.wait_for_selector("dialog[open]")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)

    await page.focus("#tab-general")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#pane-direct")).to_be_visible()
    await page.keyboard.press("ArrowRight")
    await reads(page, "Your messages", place="#home")


EXPECTED: dict[str, str | re.Pattern[str]] = {
    "token": "Nothing was sent",
    "limit": re.compile("[Nn]othing was sent yet"),
    "slow": "Batch ID",
    "lost": "Batch ID",
    "down": "may have been sent",
    "away": re.compile("[Nn]othing was sent yet"),
    "unreachable": "was not delivered",
    "posts": "Batch ID",
    "trigger": "did not open",
}


@pytest.mark.parametrize("name", SWITCHES)
async def test_each_fault_reads_as_it_should_and_nothing_goes_twice(
    open_tab: OpenTab, numbers: Iterator[str], stage: Stage, name: str
) -> None:
    page = await open_tab()
    entries = page.locator("#general .from-bot")
    text = f"With {name}"
    await switch(page, name, on=True)
    before = await entries.count()
    if name == "trigger":
        await say(page, "/mms")
    else:
        await send(page, next(numbers), text)
    if name == "posts":
        await expect(page.locator("#phones")).to_contain_text(text)
        assert await entries.count() == before
        await switch(page, name, on=False)

    await expect(entries.nth(before)).to_be_visible(timeout=TOLD_MS)
    await reads(page, EXPECTED[name], place=LAST, within_ms=TOLD_MS)
    assert batches(stage, text) <= 1
    await switch(page, name, on=False)


async def test_killed_in_the_middle_of_a_send_it_sends_once_and_says_so(
    open_tab: OpenTab, numbers: Iterator[str], stage: Stage
) -> None:
    page = await open_tab()
    await switch(page, "slow", on=True)
    await send(page, next(numbers), "Killed")
    await page.click("text=Kill the bot")
    await expect(page.locator("#bot")).to_contain_text("killed")
    await switch(page, "slow", on=False)
    await expect(page.locator("#bot")).to_contain_text("running", timeout=TOLD_MS)

    await reads(page, re.compile("Batch ID|may have been sent"), place=LAST, within_ms=TOLD_MS)
    assert batches(stage, "Killed") <= 1


async def test_two_people_at_once_one_asks_for_access_and_the_other_gives_it(
    open_tab: OpenTab, numbers: Iterator[str], stage: Stage
) -> None:
    sam, ada = await open_tab("sam"), await open_tab("ada")
    await say(sam, "/mms")
    await reads(sam, "not on the list")
    await sam.click("#general button:has-text('Ask for access')")
    await expect(ada.locator("#unread")).to_be_visible()
    await ada.click("#tab-direct")
    await ada.click("#direct button:has-text('Allow')")

    await reads(ada, "allowed by", place="#direct")
    await send(sam, next(numbers), "From sam")
    await reads(sam, "Batch ID")
    assert batches(stage, "From sam") == 1
    assert "From sam" not in await ada.locator("#general").inner_text()


async def test_a_reload_in_the_middle_loses_nothing(open_tab: OpenTab, numbers: Iterator[str], stage: Stage) -> None:
    page = await open_tab()
    await say(page, f"/mms {next(numbers)} Reloaded")
    await page.wait_for_selector("dialog[open]")
    await page.reload()
    await expect(page.locator('dialog[open] [name="message"]')).to_have_value("Reloaded")
    await page.click("dialog footer button.primary")
    await page.reload()

    await reads(page, "Reloaded", place="#phones")
    assert batches(stage, "Reloaded") == 1


async def test_under_the_hood_every_line_is_explained(open_tab: OpenTab) -> None:
    page = await open_tab()
    await page.click("#hood-box > summary")

    await reads(page, "The bot asks whose token it has", place="#hood")
    for line in await page.locator("#hood .wire > li").all():
        assert await line.locator("> span:not(.tag)").inner_text()


# -- for everybody

STATES = ("start", "dialog", "errors", "home", "hood")


async def _bring(page: Page, state: str) -> None:
    if state in ("dialog", "errors"):
        await say(page, "/mms 12 Hello")
        await page.wait_for_selector("dialog[open]")
    if state == "errors":
        await page.click("dialog footer button.primary")
        await page.wait_for_selector("dialog .error")
    if state == "home":
        await page.click("#tab-home")
        await reads(page, "Your messages", place="#home")
    if state == "hood":
        await page.click("#hood-box > summary")


async def _leave(page: Page, state: str) -> None:
    if state in ("dialog", "errors"):
        await page.click("dialog footer [data-close]")
        await expect(page.locator("dialog")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("state", STATES)
async def test_axe_finds_nothing(open_tab: OpenTab, state: str, dark: bool) -> None:
    page = await open_tab(dark=dark)
    await _bring(page, state)

    found = await Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    await _leave(page, state)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_at_every_width_nothing_sticks_out_and_a_picture_is_kept_for_a_person_to_look_at(
    open_tab: OpenTab, tmp_path: Path, width: int, dark: bool
) -> None:
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page = await open_tab(width=width, dark=dark)
    for state in STATES:
        await _bring(page, state)
        wide, seen = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide <= seen, state
        name = f"{state}-{width}-{'dark' if dark else 'light'}.png"
        await page.screenshot(path=folder / name, full_page=state not in ("dialog", "errors"))
        await _leave(page, state)


async def test_at_twice_the_size_everything_is_still_there(open_tab: OpenTab) -> None:
    page = await open_tab(width=640, height=450)  # what a window of 1280 by 900 has at 200 %
    await say(page, "/mms 12 Hello")
    button = page.locator("dialog[open] footer button.primary")

    await expect(button).to_be_in_viewport()
    await button.click()
    await expect(page.locator("dialog .error")).to_be_in_viewport()
    await _leave(page, "errors")


async def test_the_theme_can_be_chosen_and_stays(open_tab: OpenTab) -> None:
    page = await open_tab()
    await page.click("#theme")
    await page.reload()

    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
