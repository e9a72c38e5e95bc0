"""How the properties are run, everywhere, and the one PostgreSQL server of a run."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.postgres import Postgres, running_postgres

# No time limit: machines are noisy, and time is measured elsewhere. In CI the same examples every time, so that a red
# run is about the change; everywhere else new ones, which is how faults are found.
settings.register_profile(
    "project",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")


BROWSER_TESTS = Path(__file__).parent / "browser"
NO_BROWSER = (
    "No Chromium was found (apt-get install chromium): the tests of the sandbox's page in a browser did not run."
)


def _browser_wanted() -> bool:
    """Where a Chromium is, and wherever its absence is a failure: `.ci/run` says so."""
    return shutil.which("chromium") is not None or bool(os.environ.get("TESTS_NEED_BROWSER"))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path == BROWSER_TESTS and not _browser_wanted() else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _browser_wanted():
        terminalreporter.write_line(NO_BROWSER, yellow=True)


_LOGGERS = ("bot", "sinch", "sandbox", "slack_bolt", "slack_sdk", "uvicorn.error")


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Whoever sets up the process's logging, as the commands do, does not set it up for the tests that come after."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, old in levels.items():
            logging.getLogger(name).setLevel(old)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Started when the first test asks for it: half a second."""
    with running_postgres() as server:
        yield server
