"""The pictures in the how-to for admins are what the bot shows now.

``UPDATE_PICTURES=1`` in the environment draws them anew instead of comparing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox.sinch.faults import rate_limited
from sandbox.slack import Dialog, Message, Outcome
from sandbox.slack.people import DAN, GUS, SAM
from sandbox.story import slack_screen
from sandbox.story.lines import Line
from sandbox.world import World

PAGE = Path(__file__).parents[2] / "docs" / "admins.md"
WIDTH = 86
PICTURE = re.compile(r"<!-- picture: (\w+) -->\n```text\n(.*?)```", re.DOTALL)
WHEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
SOME_DAY = "2026-03-02 09:30 UTC"  # as long as the moment in whose place it stands


def text_of(lines: list[Line]) -> str:
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


class Painter:
    def __init__(self, world: World) -> None:
        self._people = world.slack.people

    def name_of(self, some_id: str) -> str:
        if person := self._people.find_person(some_id):
            return f"@{person.name}"
        group = self._people.find_group(some_id)
        return f"@{group.handle}" if group else some_id

    def dialog(self, dialog: Dialog) -> str:
        return self._settled(slack_screen.dialog(dialog.view, dialog.errors, WIDTH, name_of=self.name_of))

    def message(self, who: str, message: Message) -> str:
        drawn = slack_screen.message(
            f"MMS bot · only {who} sees this", message.text, message.blocks, WIDTH, name_of=self.name_of
        )
        return self._settled(drawn)

    def home(self, who: str, blocks: Sequence[Mapping[str, Any]]) -> str:
        drawn = slack_screen.message(f"MMS bot · Home · as {who} sees it", "", blocks, WIDTH, name_of=self.name_of)
        return self._settled(drawn)

    @staticmethod
    def _settled(lines: list[Line]) -> str:
        return WHEN.sub(SOME_DAY, text_of(lines))


async def pictures(world: World) -> Mapping[str, str]:
    """Act it all out once."""
    paint = Painter(world)
    ada, ben, sam = (world.slack.person(name) for name in ("ada", "ben", "sam"))
    drawn: dict[str, str] = {}

    async def answer(text: str) -> Message:
        told = await ada.command("/mms", text)
        assert told.message is not None
        return told.message

    drawn["whoami"] = paint.message("sam", (await sam.command("/mms", "whoami")).message or pytest.fail("no answer"))
    denied = (await sam.command("/mms", "")).message
    assert denied is not None
    drawn["denied"] = paint.message("sam", denied)
    await sam.click(denied, "mms_ask_access")
    request = await ada.wait_for_message(lambda m: "mms_allow_request" in m.buttons())
    drawn["request"] = paint.message("ada", request)
    await ada.click(request, "mms_allow_request")
    drawn["decided"] = paint.message("ada", await ada.wait_for_message(lambda m: m.ts == request.ts and m.edits > 0))

    await ada.command("/mms", "allow @ben as admin")
    await ada.wait_for_message(lambda m: "ben" in paint.message("ada", m) and "Saved" in m.shown)
    await ada.command("/mms", "admin")
    dialog = await ada.dialog(callback_id="mms_admin")
    dialog.type_in({"senders": [SAM, GUS], "sender_groups": ["S0NOBODY"]})
    drawn["dialog"] = paint.dialog(dialog)
    dialog.type_in({"senders": [SAM, GUS, DAN]})
    assert (await dialog.submit()).outcome is Outcome.ERRORS
    drawn["fault"] = paint.dialog(dialog)
    dialog.type_in({"senders": [SAM, GUS]})

    await ben.command("/mms", "remove @sam")
    await ben.wait_for_message(lambda m: "Saved" in m.shown)
    assert (await dialog.submit()).outcome is Outcome.PUSHED
    newest = await ada.dialog(callback_id="mms_admin")
    drawn["meanwhile"] = paint.dialog(newest)
    newest.type_in({"senders": [GUS], "admins": [], "sender_groups": ["S0NOBODY"]})
    assert (await newest.submit()).outcome is Outcome.CLEARED
    saved = await ada.wait_for_message(lambda m: "Saved" in m.shown and GUS in m.shown)
    drawn["saved"] = paint.message("ada", saved)
    access = await answer("access")
    for _ in range(200):  # until the bot has read who is in the new group
        if "not known" not in access.shown:
            break
        access = await answer("access")
    drawn["access"] = paint.message("ada", access)
    drawn["log"] = paint.message("ada", await answer("access log"))
    drawn["home"] = await home_of_an_admin(world, paint)
    return drawn


async def home_of_an_admin(world: World, paint: Painter) -> str:
    """Two messages of ann's went out, and one waits; ada looks."""
    ann, ada = world.slack.person("ann"), world.slack.person("ada")
    for last in (False, False, True):
        if last:
            world.sinch.faults.add("send", rate_limited(retry_after=600), times=None)
        before = {message.ts for message in ann.messages}
        await ann.command("/mms", "+12015550123 Your parcel is here")
        dialog = await ann.dialog(callback_id="mms_compose")
        assert (await dialog.submit()).outcome is Outcome.CLOSED
        await ann.wait_for_message(partial(_is_new, before=before, words="slow down" if last else "accepted"))
    await ada.open_home()
    await ada.wait_for_home(lambda words: "Answers" not in words, timeout_s=20.0)  # all are told, and noted as told
    return paint.home("ada", (ada.home or {})["blocks"])


def _is_new(message: Message, *, before: set[str], words: str) -> bool:
    return message.ts not in before and words in message.shown


async def test_the_pictures_for_admins_are_what_the_bot_shows(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        drawn = await pictures(world)
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_PICTURES"):
        page = PICTURE.sub(lambda found: f"<!-- picture: {found[1]} -->\n```text\n{drawn[found[1]]}```", page)
        PAGE.write_text(page, encoding="utf-8")
    assert dict(PICTURE.findall(page)) == drawn
