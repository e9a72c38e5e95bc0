"""The commands of the documentation, run as they stand there, between the pretended vendors."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.world import World

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
STANDS_FOR = {  # a reader puts their own in its place
    "CODE": "SINCH-401",
    "NUMBER": "+12015550123",
    "ID": "U0000000001",
    "FILE": "answers",
    "https://YOUR-HOST": "https://mms.example.com",
    "https://YOUR-NAME.fly.dev": "https://mms.example.com",
}
GO_ON = {"run", "sandbox", "init"}  # until they are stopped, or answered: tests of their own do that
WITHIN_S = 60
_COMMENT = re.compile(r"\s+#.*")
_FENCED = re.compile(r"```(?:sh|text)\n(.*?)```", re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(mms-bot|make|python ops/\w+\.py)(?: .*)?")


def commands(page: str) -> list[str]:
    """Every command of ours on a page, in a block or between backticks, without its comment."""
    blocks = "\n".join(_FENCED.findall(page)).splitlines()
    inline = _INLINE.findall(re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    found = (_COMMENT.sub("", line).strip() for line in (*blocks, *inline))
    return [one for one in found if _COMMAND.fullmatch(one)]


ALL = sorted({command for page in PAGES for command in commands(page.read_text())})
OURS = [one for one in ALL if "mms-bot" in one and "[" not in one]  # with brackets it is a synopsis
MAKE = [one for one in ALL if "make " in one]
OTHERS = [one for one in ALL if one.startswith("python ")]


def test_there_are_commands_of_every_kind() -> None:
    assert len(OURS) > 15
    assert len(MAKE) > 10
    assert len(OTHERS) == 2
    assert commands("```sh\nmms-bot doctor   # looks\n```\n`mms-bot x` and mms-bot y") == [
        "mms-bot doctor",
        "mms-bot x",
    ]


@pytest.mark.parametrize("command", MAKE)
def test_a_target_of_make_is_there(command: str) -> None:
    done = subprocess.run(
        ["env", *shlex.split(command.replace("make ", "make --dry-run ", 1))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "it does something"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vendors(new_world: Callable[..., World], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with new_world(tmp_path_factory.mktemp("docs")) as world:
        yield world


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("command", OURS)
async def test_a_command_does_what_it_is_there_for(vendors: World, command: str) -> None:
    words = [STANDS_FOR.get(word, word) for word in shlex.split(command.partition(" > ")[0])][1:]
    if words[0] in GO_ON or words == ["forget"] or words == ["explain"]:  # named, not run
        words = [words[0], "--help"]
    if "--send-test" in words:
        words.append("--yes")  # nobody is there to be asked
    folder = vendors.bot.folder
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-P", "-m", "bot", *words],
        cwd=folder,
        env={"DATABASE_URL": f"sqlite:///{folder / 'mms-bot.db'}", **vendors.bot.settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_backup_is_saved_and_brought_back_by_the_commands_of_its_page(vendors: World) -> None:
    folder = vendors.bot.folder
    await vendors.bot.stop()
    for command in sorted(OTHERS, reverse=True):  # save, then restore
        program, *words = shlex.split(command)[1:]
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-P", str(ROOT / program), *words],
            cwd=folder,
            env={"DATABASE_URL": f"sqlite:///{folder / 'mms-bot.db'}", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
