"""Plays the whole story and says whether it went as it should."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sandbox.bot_process import BotDiedError, BotProcess
from sandbox.sinch import FakeSinch
from sandbox.slack import FakeSlack
from sandbox.slack.form import CannotTypeError
from sandbox.story.chapters import CHAPTERS, Chapter
from sandbox.story.checks import tally
from sandbox.story.lines import Span, Tone, table
from sandbox.story.stage import ANSWER_WITHIN_S, Stage, StoryStoppedError
from sandbox.story.teller import Teller
from sandbox.world import World

STORY_LIMIT_S = 180.0  # a few seconds on an idle machine; whatever happens, it ends
_LOG_LINES = 8
NEXT_STEPS = (
    "1. Make the app in Slack, as the README says under “Real set-up”.",
    "2. Answer what .venv/bin/mms-bot init asks. (By hand: copy .env.example to .env.)",
    "3. Start the bot: .venv/bin/mms-bot run",
    "4. Type /mms in Slack.",
)


async def play(
    folder: Path,
    teller: Teller,
    *,
    chapters: Sequence[Chapter] = CHAPTERS,
    slack: FakeSlack | None = None,
    sinch: FakeSinch | None = None,
    answer_within_s: float = ANSWER_WITHIN_S,
) -> bool:
    """Tell the story; True if everything in it was as it should be.

    Args:
        folder: an empty folder for the bot's database.
        chapters: these, up to the first in which something is wrong.
        slack: another fake Slack than the usual one.
        sinch: another fake Sinch.
        answer_within_s: how long anything of the bot's is waited for.
    """
    _introduce(teller)
    world = World(folder, slack=slack, sinch=sinch)
    stage = Stage(world, teller, answer_within_s=answer_within_s)
    log: list[str] = []
    try:
        async with asyncio.timeout(STORY_LIMIT_S), world:
            try:
                await _tell(stage, chapters)
                if not stage.checks.failed:
                    await _end(stage, world.bot)
            finally:
                log = [*world.bot.lines[-_LOG_LINES:], *world.bot.errors[-_LOG_LINES:]]
    except (BotDiedError, CannotTypeError, LookupError, OSError) as error:  # a time-out is an OSError
        stage.checks.equal("the story", expected="played to its end", seen=str(error) or "out of time")
    if stage.checks.failed:
        _explain(stage, log)
        return False
    _conclude(stage)
    return True


def _introduce(teller: Teller) -> None:
    teller.title("From Slack to a phone: what this bot does")
    teller.say(
        "A team talks in Slack. Somebody types /mms, fills in one dialog, and a picture or a text reaches people's "
        "phones. Sinch is the company that carries it there."
    )
    teller.say(
        "The bot that you are about to see is the real one. Slack, Sinch and the phones are played by this program, so "
        "nothing leaves this machine and no account is needed. Whatever stands in a frame is what Slack or a phone "
        "really got from the bot."
    )


async def _tell(stage: Stage, chapters: Sequence[Chapter]) -> None:
    for number, chapter in enumerate(chapters, start=1):
        stage.teller.heading(f"{number} · {chapter.title}")
        before = len(stage.checks.made)
        try:
            await chapter.tell(stage)
        except StoryStoppedError:
            return
        stage.check_mistakes()
        if stage.checks.failed:
            return
        made = len(stage.checks.made) - before
        stage.teller.mark(f"Checked at Slack, at Sinch and on the phones: {made} of {made} held", good=True)


async def _end(stage: Stage, bot: BotProcess) -> None:
    """What must hold over the whole story."""
    counted = tally(stage.sinch)
    stage.checks.equal("submissions at Sinch", expected=stage.submissions, seen=counted.submissions)
    stage.checks.equal("accepted and refused", expected=stage.submissions, seen=counted.accepted + counted.refused)
    stage.checks.equal("phones reached", expected=len(stage.reached), seen=counted.phones)
    stage.checks.equal("messages that a phone got twice", expected=0, seen=counted.twice)
    stage.checks.equal("the bot's exit status when it is told to stop", expected=0, seen=await bot.stop())


def _conclude(stage: Stage) -> None:
    teller, counted = stage.teller, tally(stage.sinch)
    teller.heading("In the end")
    rows = [
        ("submissions", counted.submissions),
        ("accepted by Sinch", counted.accepted),
        ("refused, and the sender was told why", counted.refused),
        ("phones reached", counted.phones),
        ("sent twice", counted.twice),
    ]
    widest = max(len(str(count)) for _, count in rows)
    cells = [(Span(what), Span(f"{count:>{widest}}", Tone.STRONG)) for what, count in rows]
    teller.show(table(cells, teller.width, gap=4))
    teller.mark(f"All {len(stage.checks.made)} checks of this story held.", good=True)
    teller.heading("With your own accounts")
    teller.say("The same bot does this with the real Slack and the real Sinch:")
    teller.items([[Span(step)] for step in NEXT_STEPS])
    teller.say("To play with it first, still without accounts: .venv/bin/mms-bot sandbox")


def _explain(stage: Stage, log: Sequence[str]) -> None:
    teller = stage.teller
    teller.heading("The story did not go as it should")
    for check in stage.checks.failed:
        teller.mark(check.what, good=False)
        teller.items([[Span(f"expected: {check.expected}")], [Span(f"seen:     {check.seen}")]])
    if log:
        teller.say("The bot's last log lines:")
        teller.items([[Span(entry, Tone.FAINT)] for entry in log])
