"""How the properties are run, everywhere."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No time limit: machines are noisy, and time is measured elsewhere. In CI the same examples every time, so that a red
# run is about the change; everywhere else new ones, which is how faults are found.
settings.register_profile(
    "project",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")
