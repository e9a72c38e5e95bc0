"""The wheel holds all that the bot needs beside its dependencies, data files included."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "sinch", "sandbox")
MADE = {".pyc", ".orig", ".rej"}
WITHIN_S = 100

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", *PACKAGES):
        os.symlink(ROOT / name, source / name)
    build = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", build, str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=WITHIN_S,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs Python with what the wheel holds, away from the tree; only the dependencies are those of the tests."""
    place = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    start = (
        "import runpy, sys; "
        f"sys.path = [{str(place)!r}] + [one for one in sys.path if one != {str(ROOT)!r}]; "
        "sys.meta_path = [one for one in sys.meta_path if '__editable__' not in repr(one)]; "
        "sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    )

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-c", start, *words],
            cwd=place,
            env={"PATH": os.defpath, **environment},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    return run


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    in_tree = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix not in MADE
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}

    assert in_tree - held - {"sinch/README.md"} == set()
    assert held - in_tree == set()


def test_the_wheel_names_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "mms-bot = bot.cli:main" in archive.read(entry).decode()


def test_what_was_installed_comes_from_the_wheel_and_explains_a_code(installed: Run) -> None:
    explained = installed("bot", "explain", "SINCH-401")

    assert explained.returncode == 0, explained.stderr
    assert "SINCH-401" in explained.stdout


def test_what_was_installed_makes_a_database(installed: Run, tmp_path: Path) -> None:
    done = installed(
        *("bot", "migrate"),
        DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}",
        SLACK_BOT_TOKEN="xoxb-invented",
        SLACK_APP_TOKEN="xapp-invented",
        SINCH_SERVICE_PLAN_ID="plan",
        SINCH_API_TOKEN="invented",
        SINCH_NUMBER="+12015550100",
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new.db").stat().st_size > 0


def test_what_was_installed_plays_the_story(installed: Run) -> None:
    told = installed("sandbox", "demo", HOME="/nonexistent")

    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
