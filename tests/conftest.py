"""How the properties are run, everywhere, and the one PostgreSQL server of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Started when the first test asks for it: half a second."""
    with running_postgres() as server:
        yield server
