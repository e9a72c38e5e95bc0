"""The story of ``make demo``: it tells every chapter from what really happened, and does not end well by itself."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.sinch import FakeSinch, Script, Status
from sandbox.sinch.batches import Batch
from sandbox.sinch.plan import ServicePlan
from sandbox.sinch.rules import BatchRequest
from sandbox.slack import FakeSlack
from sandbox.story.chapters import CHAPTERS, Chapter
from sandbox.story.lines import columns
from sandbox.story.play import play
from sandbox.story.stage import Stage
from sandbox.story.teller import WIDTH, Teller

STORY = (sys.executable, "-P", "-m", "sandbox", "demo")
WITHIN_S = 60  # the design's own bound for a demo


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    """A shell without anything of ours in it, whose temporary files go to ``folder``."""
    return {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), **more}


def processes_in(folder: Path) -> list[str]:
    """The processes that work in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("story")


@pytest.fixture(scope="module")
def story(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        STORY,
        env=surroundings(folder, PYTHONIOENCODING="utf-8"),
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=WITHIN_S,
        check=False,
    )


@pytest.fixture(scope="module")
def chapters(story: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What stands below each heading, in one line."""
    parts = re.split(r"\n  (\S.*?) ─{3,}\n", story.stdout)
    return {title: " ".join(text.split()) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_the_story_ends_well_and_says_nothing_on_standard_error(story: subprocess.CompletedProcess[str]) -> None:
    assert (story.returncode, story.stderr) == (0, "")


def test_the_chapters_come_in_order(chapters: dict[str, str]) -> None:
    titles = [f"{number} · {chapter.title}" for number, chapter in enumerate(CHAPTERS, start=1)]
    assert list(chapters) == [*titles, "In the end", "With your own accounts"]


def test_a_picture_goes_from_the_command_to_the_phone(chapters: dict[str, str]) -> None:
    told = chapters["1 · A picture reaches a phone"]
    assert "ann: /mms +1 201 555 0123 Your parcel is here" in told
    assert "[ https://example.com/parcel.jpg" in told
    assert "only ann sees this" in told
    assert re.search(r"Batch ID: [0-9A-Z]{26} ", told)
    assert re.search(r"╭─ \+1 201 555 0123 .* parcel\.jpg .* Your parcel is here │ │ MMS │", told)


def test_one_text_reaches_three_phones(chapters: dict[str, str]) -> None:
    told = chapters["2 · One text for several people"]
    assert "SMS) to 3 recipients" in told
    assert "│ See you soon! │ │ See you soon! │ │ See you soon! │" in told


def test_a_wrong_number_is_named_below_its_field(chapters: dict[str, str]) -> None:
    told = chapters["3 · A wrong number"]
    assert re.search(r"\[ \+1 201 555 0127, 555-12 +\] │ │ ! The 2nd, '555-12', is too short", told)
    assert "SMS) to 2 recipients" in told


def test_a_stranger_reads_why_and_whom_to_ask(chapters: dict[str, str]) -> None:
    told = chapters["4 · Somebody who may not send"]
    assert "not on the list" in told
    assert "ask @ada" in told
    assert "╭─" not in told  # no dialog and no phone


def test_a_stranger_asks_and_sends_once_an_admin_lets_him(chapters: dict[str, str]) -> None:
    told = chapters["5 · He asks, and an admin lets him in"]
    assert re.search(r"@sam asks to be allowed .* \[ Allow \]  ?\[ Decline \]", told)
    assert "allowed by @ada" in told
    assert re.search(r"only sam sees this ┃ Sinch accepted your text message \(SMS\) to 1 recipient", told)
    assert re.search(r"╭─ Who may send ─.*Senders \(optional\) │ │ \[ @sam +\]", told)


def test_a_refused_token_has_a_code_and_a_way_to_try_again(chapters: dict[str, str]) -> None:
    told = chapters["6 · Sinch refuses the bot's token"]
    assert re.search(r"Nothing was sent\..*\(Code SINCH-401\) ┃ \[ Open it again \]", told)
    assert re.search(r"\[ \+1 201 555 0130 +\].*\[ Your car is repaired +\]", told)


def test_a_lost_answer_is_looked_up_and_told(chapters: dict[str, str]) -> None:
    told = chapters["7 · A lost answer is found again"]
    assert re.search(r"send (mms-\S+) nothing: the connection broke look up \1 an answer, status 200", told)
    assert re.search(r"Batch ID: [0-9A-Z]{26} ", told)


def test_what_became_of_each_recipient_is_told_with_its_reason(chapters: dict[str, str]) -> None:
    told = chapters["8 · Delivered to two, and one opted out"]
    assert re.search(r"to 3 recipients: 2 delivered and 1 failed\..*\[ Show the failed ones \]", told)
    assert re.search(r"opted out.*\(Code CARRIER-257\) ┃ \+12015550134 ┃ \[ Hide them \]", told)
    assert "(nothing)" in told


def test_the_end_counts_what_the_fakes_saw(chapters: dict[str, str]) -> None:
    counts = dict(
        re.findall(r"(submissions|accepted by Sinch|told why|phones reached|sent twice) (\d+)", chapters["In the end"])
    )
    assert counts == {
        "submissions": "8",
        "accepted by Sinch": "7",
        "told why": "1",
        "phones reached": "11",
        "sent twice": "0",
    }


def test_the_last_lines_say_how_to_go_on(chapters: dict[str, str]) -> None:
    told = chapters["With your own accounts"]
    for said in ("mms-bot init", ".env.example", "Real set-up", "mms-bot run", "mms-bot sandbox"):
        assert said in told


def test_in_a_pipe_the_story_is_plain_and_fits(story: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in story.stdout
    assert max(map(columns, story.stdout.splitlines())) <= WIDTH


def test_the_story_leaves_nothing_behind(story: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert story.returncode == 0
    assert list(folder.iterdir()) == []
    assert processes_in(folder) == []


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A story under way: its first chapter has begun."""
    with subprocess.Popen(
        STORY,
        env=surroundings(tmp_path, PYTHONIOENCODING="utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("  1 ·"):
                break
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_story_that_is_stopped_says_so_and_leaves_nothing(
    started: subprocess.Popen[str], number: signal.Signals, tmp_path: Path
) -> None:
    started.send_signal(number)
    _, errors = started.communicate(timeout=WITHIN_S)
    assert (started.returncode, errors) == (1, "\nThe story was stopped before its end.\n")
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_a_reader_who_has_had_enough_is_no_fault_to_talk_about(started: subprocess.Popen[str], tmp_path: Path) -> None:
    assert started.stdout is not None
    assert started.stderr is not None
    started.stdout.close()
    assert started.wait(timeout=WITHIN_S) == 1
    assert started.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


# -- a story that goes wrong


class SendsTwice(ServicePlan):
    """Every message goes out twice."""

    def accept(self, request: BatchRequest) -> Batch:
        super().accept(request)
        return super().accept(request)


async def told(
    folder: Path,
    *,
    chapters: tuple[Chapter, ...] = CHAPTERS,
    slack: FakeSlack | None = None,
    sinch: FakeSinch | None = None,
    answer_within_s: float = 10.0,
) -> tuple[bool, str]:
    out = io.StringIO()
    teller = Teller(out)
    well = await play(folder, teller, chapters=chapters, slack=slack, sinch=sinch, answer_within_s=answer_within_s)
    return well, " ".join(out.getvalue().split())


async def test_a_phone_that_got_it_twice_spoils_the_story(tmp_path: Path) -> None:
    well, text = await told(tmp_path, sinch=FakeSinch(plan_type=SendsTwice))
    assert not well
    message = "MMS | Your parcel is here | https://example.com/parcel.jpg"
    assert f"✗ on the phone +1 201 555 0123 expected: {message} seen: {message}; {message}" in text
    assert "✗ batches at Sinch for +1 201 555 0123 expected: 1 seen: 2" in text
    assert "2 · " not in text
    assert "All" not in text.split("The story did not go as it should")[1]


async def test_a_phone_that_got_nothing_spoils_the_story(tmp_path: Path) -> None:
    sinch = FakeSinch()
    sinch.phones.usual = Script(dispatched_after_s=None)
    well, text = await told(tmp_path, sinch=sinch)
    assert not well
    assert re.search(
        r"✗ on the phone \+1 201 555 0123 expected: MMS \| Your parcel is here \S+ \S+ seen: nothing", text
    )


async def test_a_refused_message_spoils_the_story(tmp_path: Path) -> None:
    sinch = FakeSinch()
    sinch.faults.add("send", Status(403))
    well, text = await told(tmp_path, sinch=sinch)
    assert not well
    assert "✗ batches at Sinch for +1 201 555 0123 expected: 1 seen: 0" in text


async def test_something_that_slack_does_not_take_spoils_the_story(tmp_path: Path) -> None:
    slack = FakeSlack()
    slack.state.refuse("views.open", "title too long")
    well, text = await told(tmp_path, slack=slack)
    assert not well
    assert "✗ what Slack did not take from the bot expected: nothing seen: views.open: title too long" in text


async def test_a_phone_that_got_what_it_had_opted_out_of_spoils_the_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sinch = FakeSinch()
    monkeypatch.setattr(sinch.phones, "script", lambda *_: None)
    well, text = await told(tmp_path, sinch=sinch, chapters=CHAPTERS[-1:])
    assert not well
    assert "✗ what became of the three" in text
    assert "delivered to all 3 recipients" in text


async def test_a_dialog_that_does_not_come_ends_the_story_in_time(tmp_path: Path) -> None:
    slack = FakeSlack()
    slack.faults.add("views.open", error="fatal_error", times=None)
    started = time.monotonic()
    well, text = await told(tmp_path, slack=slack, answer_within_s=0.5)
    assert not well
    assert "✗ a dialog for ann" in text
    assert "The bot's last log lines:" in text
    assert time.monotonic() - started < WITHIN_S / 2


async def test_a_bot_that_ends_at_once_spoils_the_story(tmp_path: Path) -> None:
    slack = FakeSlack()
    slack.revoke_bot_token()
    well, text = await told(tmp_path, slack=slack)
    assert not well
    assert "✗ the story expected: played to its end seen: the bot ended at once" in text
    assert "SLACK_BOT_TOKEN" in text


async def test_the_end_is_checked_too(tmp_path: Path) -> None:
    async def counts_wrongly(stage: Stage) -> None:
        stage.submissions += 1

    well, text = await told(tmp_path, chapters=(Chapter("One that nobody sent", counts_wrongly),))
    assert not well
    assert "✗ submissions at Sinch expected: 1 seen: 0" in text
